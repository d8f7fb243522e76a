#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The DHCP and DNS server of a bridge, asked by real clients.
#
#   a --- tap [                    ] lan.dhcp tap --- dnsmasq, in a network namespace and a jail
#   b --- tap [ weftd: bridge lan  ]
#   c --- tap [                    ]         clients: udhcpc, dhclient, each in a namespace
#
# May run beside others.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

ID=${SCRATCH##*.}
SERVER=10.10.0.254
MAC_A=02:00:00:00:0a:01 MAC_B=02:00:00:00:0a:02
# shellcheck disable=SC2034 # named by lan
MAC_C=02:00:00:00:0a:03

ns() { echo "weft-$ID-$1"; }        # the namespace of a client
dev() { echo "w$ID$1"; }            # its interface
at() { ip netns exec "$(ns "$1")" "${@:2}"; } # at CLIENT COMMAND...
dhcp() { json ".[0].$1" dhcp/show; }

# lan DHCP-KEYS [PORT-KEYS] [BRIDGE-KEYS]: a config with bridge lan and clients a, b and c on it;
# %MAC% is that of the client.
lan() {
	local client mac more=${2:-}
	echo "version: 1"
	echo "bridges: {lan: {address: 10.10.0.1/24${3:-}${1:+, dhcp: {$1\}}}}"
	echo "ports:"
	for client in a b c; do
		mac=MAC_${client^}
		echo "  $client: {bridge: lan, tap: {name: $(dev $client), mac: ${!mac}}${more//%MAC%/${!mac}}}"
	done
}

# Puts a client's end of its tap into a namespace of its own.
attach() {
	local client
	for client; do
		ip netns add "$(ns "$client")"
		undo ip netns del "$(ns "$client")"
		ip link set "$(dev "$client")" netns "$(ns "$client")" || die "no tap for $client"
		at "$client" ip link set "$(dev "$client")" up
	done
}

# clients DHCP-KEYS [PORT-KEYS] [BRIDGE-KEYS]: weftd with three clients.
clients() {
	need jq busybox ip dnsmasq
	start_weftd -c "$(lan "$@" | config)"
	attach a b c
	wait_for 5 server_runs
}

# What udhcpc tells goes to a file, a line an event.
udhcpc_script() {
	cat >"$SCRATCH/told" <<-'END'
		#!/bin/sh
		[ "$1" = bound ] || [ "$1" = renew ] || exit 0
		ip address flush dev "$interface"
		ip address add "$ip/24" dev "$interface"
		echo "$1 ip=$ip router=$router dns=$dns domain=$domain lease=$lease mtu=$mtu" \
			"boot_file=$boot_file siaddr=$siaddr bootfile=$bootfile tftp=$tftp wpad=$opt252" \
			"search=$search hostname=$hostname" >>"$TOLD"
	END
	chmod +x "$SCRATCH/told"
}

# udhcpc CLIENT [OPTION...]: asks once; prints what it was told.
udhcpc() {
	local client=$1
	shift
	udhcpc_script
	rm -f "$SCRATCH/told.$client"
	TOLD=$SCRATCH/told.$client at "$client" timeout 20 busybox udhcpc -i "$(dev "$client")" -n -q \
		-f -t 4 -T 1 -s "$SCRATCH/told" "$@" >>"$SCRATCH/udhcpc.log" 2>&1 || return 1
	cat "$SCRATCH/told.$client"
}

# start_udhcpc CLIENT [OPTION...]: the same, but it stays: its pid is in PID.
start_udhcpc() {
	local client=$1
	shift
	udhcpc_script
	TOLD=$SCRATCH/told.$client start "udhcpc.$client" ip netns exec "$(ns "$client")" busybox udhcpc \
		-i "$(dev "$client")" -f -t 5 -T 1 -s "$SCRATCH/told" "$@"
	wait_for 10 grep -q . "$SCRATCH/told.$client"
}

leases() { json '.[] | "\(.mac) \(.address)"' dhcp/leases | sort; }
has_lease() { leases | grep -qx "$1"; }
leases_match() { leases | grep -qE "$1"; }
has_no_lease() { ! leases | grep -qF "$1"; }
address_of() { json ".[] | select(.mac == \"$1\").address" dhcp/leases; }
server_runs() { [ "$(dhcp state)" = running ] && [ "$(dhcp pid)" != "${1:-}" ]; }

# resolve CLIENT NAME: its address, asked of the server.
resolve() {
	at "$1" timeout 5 busybox nslookup -type=a "$2" "$SERVER" 2>&1 |
		sed -n '/^Name:/,$ s/^Address: *//p'
}

a_client_gets_address_router_and_dns() {
	clients 'range: 10.10.0.100-10.10.0.199, options: {mtu: 1400, search: [lan, example.org],
		raw: [{code: 252, value: "http://x/y"}]}'

	expect_match "^bound ip=10.10.0.1[0-9]{2} router=10.10.0.1 dns=$SERVER domain=lan lease=3600 \
mtu=1400 .*search=lan example.org" "$(udhcpc a -O mtu -O search -O wpad -O domain)"
	wait_for 3 has_lease "$MAC_A $(at a ip -j -4 address show "$(dev a)" |
		jq -r '.[0].addr_info[0].local')"
	expect 1 "$(dhcp range_used)"
	prints "lan: running.*1 of 100" weft dhcp/show
	prints "ADDRESS +MAC +NAME +EXPIRES" weft dhcp/leases lan
}

dhclient_gets_an_address_too() {
	need dhclient
	clients 'range: 10.10.0.100-10.10.0.199'

	start dhclient ip netns exec "$(ns a)" dhclient -1 -d -sf /bin/true \
		-lf "$SCRATCH/dhclient.leases" -pf "$SCRATCH/dhclient.pid" "$(dev a)"
	wait_for 15 grep -q '^bound to 10.10.0.1' "$SCRATCH/dhclient.log"
	wait_for 3 has_lease "$MAC_A $(sed -n 's/^bound to \([0-9.]*\).*/\1/p' \
		"$SCRATCH/dhclient.log")"
}

systemds_client_gets_an_address_too() {
	local networkd=/lib/systemd/systemd-networkd
	need $networkd
	clients 'range: 10.10.0.100-10.10.0.199'
	cat >"$SCRATCH/a.network" <<-END
		[Match]
		Name=$(dev a)
		[Network]
		DHCP=ipv4
	END
	# With a /sys that it cannot write it takes itself for one in a container, without udev.
	cat >"$SCRATCH/networkd.sh" <<-END
		mount -t tmpfs run /run && mount -o remount,bind,ro /sys || exit 1
		mkdir -p /run/systemd/network /run/systemd/netif/leases /run/systemd/netif/links
		chown -R systemd-network /run/systemd/netif
		cp "$SCRATCH/a.network" /run/systemd/network/
		exec $networkd
	END

	start networkd ip netns exec "$(ns a)" unshare -m bash "$SCRATCH/networkd.sh"

	wait_for 15 leases_match "^$MAC_A 10.10.0.1[0-9]{2}\$"
	wait_for 5 has_address4 a "$(address_of $MAC_A)"
}

has_address4() { at "$1" ip -4 address show "$(dev "$1")" | grep -q "inet $2/24"; }

replies_have_a_whole_udp_checksum() {
	need tcpdump
	clients 'range: 10.10.0.100-10.10.0.199'
	start tcpdump ip netns exec "$(ns a)" tcpdump -l -nvv -i "$(dev a)" udp src port 67
	wait_for 5 grep -q "listening on" "$SCRATCH/tcpdump.log"

	udhcpc a >/dev/null || die "no lease"

	wait_for 5 grep -q 'udp sum ok.*BOOTP/DHCP, Reply' "$SCRATCH/tcpdump.log"
	! grep -q 'bad udp cksum' "$SCRATCH/tcpdump.log" || die "$(cat "$SCRATCH/tcpdump.log")"
}

expiry_is_later_than() { [ "$(json '.[0].expires_s' dhcp/leases)" -gt "$1" ]; }

a_client_renews_its_lease() {
	local before
	clients 'range: 10.10.0.100-10.10.0.199, lease: 2m'
	start_udhcpc a
	wait_for 3 has_lease "$MAC_A $(sed -n 's/^bound ip=\([^ ]*\).*/\1/p' "$SCRATCH/told.a")"
	sleep 2.1 # so that the renewed lease ends later by whole seconds
	before=$(json '.[0].expires_s' dhcp/leases)

	signal_ours -USR1 < <(pgrep -f "udhcpc -i $(dev a) " | tail -n 1)

	wait_for 5 grep -q '^renew ' "$SCRATCH/told.a"
	wait_for 5 expiry_is_later_than "$before"
	expect 1 "$(json length dhcp/leases)"
}

a_released_lease_is_forgotten() {
	clients 'range: 10.10.0.100-10.10.0.199'
	start_udhcpc a -R
	udhcpc b >/dev/null || die "no lease for b"
	wait_for 3 has_lease "$MAC_B $(address_of $MAC_B)"
	local pid

	# By its client, when it ends.
	signal_ours -TERM < <(pgrep -f "udhcpc -i $(dev a) " | tail -n 1)
	wait_for 5 has_no_lease $MAC_A

	# By the administrator; then by what is wrong.
	pid=$(dhcp pid)
	prints 'released: 1' weft dhcp/release $MAC_B
	has_no_lease $MAC_B || die "b still has a lease"
	refuses "has no lease; .weft dhcp/leases. lists them" weft dhcp/release $MAC_B
	result_is 2 "neither an address nor a MAC address" weft dhcp/release nobody
	wait_for 5 server_runs "$pid"
	expect 0 "$(dhcp restarts)"
	udhcpc b >/dev/null || die "no new lease for b"
}

a_reservation_is_kept_and_changed_in_place() {
	local pid
	clients "range: 10.10.0.100-10.10.0.199, reservations: {printer: {mac: $MAC_A,
		address: 10.10.0.7}}"
	pid=$(dhcp pid)
	expect_match 'ip=10.10.0.7 ' "$(udhcpc a)"
	expect_match 'ip=10.10.0.1' "$(udhcpc b)"
	expect 10.10.0.7 "$(resolve b printer)"
	expect 10.10.0.7 "$(resolve b printer.lan)"

	lan "range: 10.10.0.100-10.10.0.199, reservations: {printer: {mac: $MAC_A,
		address: 10.10.0.8}, plotter: {mac: $MAC_B, address: 10.10.0.9}}" |
		config >/dev/null
	prints 'update bridge lan|~ bridge lan' weft apply "$SCRATCH/config.yaml"

	expect_match 'ip=10.10.0.8 ' "$(udhcpc a -r 10.10.0.7)"
	expect_match 'ip=10.10.0.9 ' "$(udhcpc b)"
	expect 10.10.0.8 "$(resolve b printer)"
	expect 10.10.0.9 "$(resolve b plotter.lan)"
	expect "$pid" "$(dhcp pid)"

	# What dnsmasq cannot read again takes a new one; leases stay.
	prints '' weft set bridge lan dhcp.lease=2h
	wait_for 5 server_runs "$pid"
	expect_match 'ip=10.10.0.8 .*lease=7200' "$(udhcpc a)"
	expect 0 "$(dhcp restarts)"
}

refusals_are_counted() { [ "$(dhcp refused)" -gt 0 ]; }

a_range_that_is_used_up_harms_nobody_else() {
	clients 'range: 10.10.0.100-10.10.0.101'
	udhcpc a >/dev/null || die "no lease for a"
	udhcpc b >/dev/null || die "no lease for b"

	! udhcpc c >/dev/null || die "c got a lease"

	wait_for 3 refusals_are_counted
	prints "2 of 2 used.*[0-9]+ requests? refused" weft dhcp/show lan
	udhcpc a >/dev/null || die "a cannot renew"
	weft dhcp/release $MAC_B >/dev/null || die "cannot release"
	wait_for 10 udhcpc c
}

leases_are_metrics() {
	need curl
	clients 'range: 10.10.0.100-10.10.0.101'
	udhcpc a >/dev/null || die "no lease"
	prints . weft set switch "metrics.listen=$RUN/metrics.sock"

	wait_for 3 has_lease "$MAC_A $(address_of $MAC_A)"
	curl -s --unix-socket "$RUN/metrics.sock" http://weft/metrics >"$SCRATCH/metrics"

	expect "1 1 2 1 0 0" "$(sed -n 's/^weft_dhcp_.*{bridge="lan"} //p' "$SCRATCH/metrics" | xargs)"
	prints . weft set switch metrics.listen=
}

a_client_from_another_network_is_told_so_at_once() {
	clients 'range: 10.10.0.100-10.10.0.199'
	need dhclient
	cat >"$SCRATCH/dhclient.leases" <<-END
		lease {
		  interface "$(dev a)";
		  fixed-address 192.168.77.5;
		  option subnet-mask 255.255.255.0;
		  option dhcp-server-identifier 192.168.77.1;
		  renew never; rebind never; expire never;
		}
	END

	start dhclient ip netns exec "$(ns a)" dhclient -d -sf /bin/true \
		-lf "$SCRATCH/dhclient.leases" -pf "$SCRATCH/dhclient.pid" "$(dev a)"

	wait_for 15 grep -q '^DHCPNAK' "$SCRATCH/dhclient.log"
	wait_for 15 grep -q '^bound to 10.10.0.1' "$SCRATCH/dhclient.log"
}

names_are_resolved() {
	clients 'range: 10.10.0.100-10.10.0.199, domain: example.org, upstream: none'
	udhcpc a -x hostname:alpha >/dev/null || die "no lease for a"
	udhcpc b >/dev/null || die "no lease for b"

	expect "$(address_of $MAC_A)" "$(resolve b alpha)"
	expect "$(address_of $MAC_A)" "$(resolve b alpha.example.org)"
	expect "" "$(resolve b nobody)"
	expect "" "$(resolve b www.example.com)"
}

a_killed_dnsmasq_comes_back_with_its_leases() {
	local pid before
	clients 'range: 10.10.0.100-10.10.0.199'
	udhcpc a >/dev/null || die "no lease"
	wait_for 3 has_lease "$MAC_A $(address_of $MAC_A)"
	before=$(leases)
	pid=$(dhcp pid)

	kill -9 "$pid"

	wait_for 5 server_runs "$pid"
	expect 1 "$(dhcp restarts)"
	expect "$before" "$(leases)"
	# dnsmasq itself knows the address as taken, and as that client's.
	expect_match "ip=$(address_of $MAC_A) " "$(udhcpc a)"
	expect_match "ip=10.10.0.1" "$(udhcpc b)"
	[ "$(address_of $MAC_A)" != "$(address_of $MAC_B)" ] || die "one address for two"
}

is_gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }

a_killed_weftd_leaves_leases_to_the_next_one_and_nothing_else() {
	local pid before
	clients 'range: 10.10.0.100-10.10.0.199'
	udhcpc a >/dev/null || die "no lease"
	wait_for 3 has_lease "$MAC_A $(address_of $MAC_A)"
	before=$(leases)
	pid=$(dhcp pid)

	kill_weftd
	wait_for 3 is_gone "$pid"
	start_weftd -c "$SCRATCH/config.yaml"

	wait_for 5 server_runs
	expect "$before" "$(leases)"

	# After a second one no bridge has a server: the folder of the first goes.
	kill_weftd
	lan '' | config >/dev/null
	start_weftd -c "$SCRATCH/config.yaml"
	[ ! -e "$RUN/dhcp" ] || die "left: $(find "$RUN/dhcp")"
	stop_weftd || die "weftd ended with status $?"
	expect "" "$(find "$RUN" -mindepth 1)"
}

a_lease_file_outlives_weftd() {
	local before
	clients "range: 10.10.0.100-10.10.0.199, lease-file: $SCRATCH/lan.leases"
	udhcpc a >/dev/null || die "no lease"
	wait_for 3 has_lease "$MAC_A $(address_of $MAC_A)"
	before=$(leases)

	stop_weftd || die "weftd ended with status $?"
	[ ! -e "$RUN" ] || die "left: $(find "$RUN")"
	start_weftd -c "$SCRATCH/config.yaml"

	expect "$before" "$(leases)"
}

a_server_can_be_taken_away_and_given_again() {
	local pid
	clients 'range: 10.10.0.100-10.10.0.199'
	pid=$(dhcp pid)

	lan '' | config >/dev/null
	prints '' weft apply "$SCRATCH/config.yaml"
	is_gone "$pid" || die "dnsmasq still runs"
	[ ! -e "$RUN/dhcp" ] || die "left: $(find "$RUN/dhcp")"
	refuses "bridge lan has no dhcp" weft dhcp/show lan
	! udhcpc a >/dev/null || die "somebody gave a lease"

	prints '' weft set bridge lan dhcp.range=10.10.0.50-10.10.0.60
	wait_for 5 server_runs
	expect_match 'ip=10.10.0.[56]' "$(udhcpc a)"
}

reaches() { at "$1" busybox ping -c 1 -W 1 "$2" >/dev/null; }

a_port_may_use_what_it_leased_and_nothing_else() {
	local mine
	clients 'range: 10.10.0.100-10.10.0.199' \
		', anti-spoof: {enable: on, leases: on, mac: "%MAC%"}'
	at a ip address add 10.10.0.50/24 dev "$(dev a)"
	! reaches a $SERVER || die "a used an address that it made up"

	udhcpc a >/dev/null || die "no lease for a"
	mine=$(address_of $MAC_A)
	wait_for 3 reaches a $SERVER
	expect "$mine" "$(json '.[0].policy.anti_spoof.bindings[].address' port/show a)"

	# The lease goes, and the right with it.
	weft dhcp/release "$mine" >/dev/null || die "cannot release"
	! reaches a $SERVER || die "a used an address that it has no more"
	udhcpc a >/dev/null || die "no new lease for a"
	wait_for 3 reaches a $SERVER

	# A new configuration and a new weftd know the lease.
	prints '' weft set port a rate.in=100Mbps
	reaches a $SERVER || die "the binding went with the change"
}

clients_that_boot_from_the_network_are_told_file_and_server() {
	mkdir "$SCRATCH/tftp" && echo "the loader" >"$SCRATCH/tftp/pxelinux.0"
	chmod 755 "$SCRATCH/tftp" # of the folders above it nobody may enter
	clients "range: 10.10.0.100-10.10.0.199, boot: {file: pxelinux.0, tftp-root: $SCRATCH/tftp}"

	expect_match "boot_file=pxelinux.0 siaddr=$SERVER" "$(udhcpc a -O bootfile -O tftp)"
	at a timeout 10 busybox tftp -g -r pxelinux.0 -l "$SCRATCH/fetched" $SERVER ||
		die "cannot fetch the file"
	expect "the loader" "$(cat "$SCRATCH/fetched")"

	prints '' weft set bridge lan dhcp.boot.server=10.10.0.9
	wait_for 5 udhcpc_tells a 'siaddr=10.10.0.9'
}

udhcpc_tells() { udhcpc "$1" | grep -q "$2"; }

only_the_services_of_the_server_are_reached() {
	local pid
	clients 'range: 10.10.0.100-10.10.0.199, upstream: none'
	pid=$(dhcp pid)
	udhcpc a >/dev/null || die "no lease"
	start tcp nsenter -t "$pid" -n busybox nc -l -p 9999
	start udp nsenter -t "$pid" -n busybox nc -u -l -p 9998

	reaches a $SERVER || die "no answer to a ping"
	expect "" "$(resolve a nobody)"
	at a busybox nc -w 2 $SERVER 53 </dev/null || die "no DNS by TCP"
	! at a busybox nc -w 2 $SERVER 9999 </dev/null || die "a reached port 9999"
	echo secret | at a timeout 1 busybox nc -u -w 1 $SERVER 9998
	! grep -q secret "$SCRATCH/udp.log" || die "a reached UDP port 9998"
	# Nor does it pass packets on.
	at a ip route add 10.99.0.0/16 via $SERVER
	! reaches a 10.99.0.1 || die "who answered?"
}

the_server_runs_with_few_rights() {
	local pid
	clients 'range: 10.10.0.100-10.10.0.199'
	pid=$(dhcp pid)

	prints '^Uid:.[1-9]' grep ^Uid "/proc/$pid/status"
	# CAP_NET_BIND_SERVICE and CAP_NET_ADMIN
	expect 0000000000001400 "$(sed -n 's/^CapBnd:\t//p' "/proc/$pid/status")"
	expect 0000000000001400 "$(sed -n 's/^CapEff:\t//p' "/proc/$pid/status")"
	expect 1 "$(sed -n 's/^NoNewPrivs:\t//p' "/proc/$pid/status")"
	expect 2 "$(sed -n 's/^Seccomp:\t//p' "/proc/$pid/status")"
	[ ! -e "/proc/$pid/root/home" ] || die "it sees /home"
	[ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ] || die "our netns"
}

has_global6() { at "$1" ip -6 address show "$(dev "$1")" scope global | grep -q "$2"; }
has_link_local() { at "$1" ip -6 address show "$(dev "$1")" scope link -tentative | grep -q fe80; }

a_bridge_with_a_prefix_gives_ipv6_too() {
	need dhclient
	clients 'range: 10.10.0.100-10.10.0.199' '' ', address6: "fd00:10::1/64"'

	# Stateless: the client makes its address of the advertised prefix.
	wait_for 10 has_global6 a 'inet6 fd00:10::ff:fe00:a01/64'
	at a ip -6 route | grep -q default && die "the server says that it is a router"

	# Managed: by DHCPv6. dhclient gives up at once where its own address is still tentative.
	prints . weft set bridge lan dhcp.range6=fd00:10::100-fd00:10::1ff
	wait_for 5 server_runs
	wait_for 10 has_link_local b
	start dhclient ip netns exec "$(ns b)" dhclient -6 -1 -d -D LL -sf /bin/true \
		-lf "$SCRATCH/dhclient6.leases" -pf "$SCRATCH/dhclient6.pid" "$(dev b)"
	wait_for 15 leases_match "^$MAC_B fd00:10::1[0-9a-f]{2}\$"
}

guard_dropped() { [ "$(json '.[0].drops.dhcp_guard // 0' stats/show "$1")" -gt 0 ]; }

a_guest_that_plays_server_is_not_heard() {
	clients 'range: 10.10.0.100-10.10.0.199'
	at b ip address add 10.66.0.1/24 dev "$(dev b)"
	cat >"$SCRATCH/udhcpd.conf" <<-END
		start 10.66.0.10
		end 10.66.0.20
		interface $(dev b)
		lease_file $SCRATCH/udhcpd.leases
		pidfile $SCRATCH/udhcpd.pid
	END
	: >"$SCRATCH/udhcpd.leases"
	start udhcpd ip netns exec "$(ns b)" busybox udhcpd -f "$SCRATCH/udhcpd.conf"

	for _ in 1 2 3; do
		expect_match 'ip=10.10.0.1' "$(udhcpc a)"
	done
	wait_for 5 guard_dropped b
}

without_dnsmasq_the_rest_runs_and_says_so() {
	need jq
	WEFT_DNSMASQ=/no/such/dnsmasq start_weftd -c "$(lan 'range: 10.10.0.100-10.10.0.199' | config)"

	attach a b
	at a ip address add 10.10.0.5/24 dev "$(dev a)"
	at b ip address add 10.10.0.6/24 dev "$(dev b)"
	reaches a 10.10.0.6 || die "the bridge does not work"
	prints "apt-get install dnsmasq-base" weft dhcp/show
	grep -q "error.*bridge lan: dhcp: there is no program" "$SCRATCH/weftd.log" ||
		die "nothing in the log"
	result_is 65 "apt-get install dnsmasq-base" weft set bridge lan ageing=1m
}

run_tests \
	a_client_gets_address_router_and_dns \
	dhclient_gets_an_address_too \
	systemds_client_gets_an_address_too \
	replies_have_a_whole_udp_checksum \
	a_client_renews_its_lease \
	a_released_lease_is_forgotten \
	a_reservation_is_kept_and_changed_in_place \
	a_range_that_is_used_up_harms_nobody_else \
	leases_are_metrics \
	a_client_from_another_network_is_told_so_at_once \
	names_are_resolved \
	a_killed_dnsmasq_comes_back_with_its_leases \
	a_killed_weftd_leaves_leases_to_the_next_one_and_nothing_else \
	a_lease_file_outlives_weftd \
	a_server_can_be_taken_away_and_given_again \
	a_port_may_use_what_it_leased_and_nothing_else \
	clients_that_boot_from_the_network_are_told_file_and_server \
	only_the_services_of_the_server_are_reached \
	the_server_runs_with_few_rights \
	a_bridge_with_a_prefix_gives_ipv6_too \
	a_guest_that_plays_server_is_not_heard \
	without_dnsmasq_the_rest_runs_and_says_so
