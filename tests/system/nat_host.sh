#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The uplink `host`: out of a bridge through the network of the host, and in through forwards.
# weftd runs in a namespace that plays the host, so that this machine's own rules are not touched.
#
#   guest 10.10.0.2 -- tap wg [ weftd: bridge lan, NAT ] tap -- host 203.0.113.1 -- 203.0.113.9 world
#         fd00:10::2                                            2001:db8::1        2001:db8::9
#
# May run beside others.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh
# shellcheck source=tests/lib/netns.sh
. tests/lib/netns.sh

GUEST=10.10.0.2 HOST=203.0.113.1 WORLD=203.0.113.9
PERF=$BIN/weft-perf

three_machines() {
	need jq busybox ip nft tcpdump
	[ -e /dev/net/tun ] || skip "there is no /dev/net/tun"
	machine host guest world
	cable host eth0 world eth0
	ip_on host addr add $HOST/24 dev eth0
	ip_on host addr add 2001:db8::1/64 dev eth0 nodad
	ip_on world addr add $WORLD/24 dev eth0
	ip_on world addr add 2001:db8::9/64 dev eth0 nodad
	on host nft list ruleset >/dev/null 2>&1 || skip "no nftables here"
}

# write_config NAT [MORE-OF-THE-BRIDGE] [MORE]
write_config() {
	config <<-END >/dev/null
		version: 1
		bridges:
		  lan: {address: 10.10.0.1/24, $1${2:-}}
		ports:
		  g: {bridge: lan, tap: {name: wg}}
		${3:-}
	END
}

FORWARDS="{tcp: 2222, to: \"$GUEST:22\"}, {udp: 5000-5010, to: \"$GUEST:6000\"}"

start_host() { # start_host [NAT]
	write_config "${1:-nat: {uplink: host, forwards: [$FORWARDS]\}}"
	start_weftd_on host -c "$SCRATCH/config.yaml"
	connect_guest
}

connect_guest() {
	give_tap wg host guest $GUEST/24 fd00:10::2/64
	ip_on guest route add default via 10.10.0.1
	wait_for 10 pings guest $WORLD
}

weft_table() { on host nft list tables inet | sed -n 's/table inet //p' | grep "^weft_"; }
tap() { ip_on host -j link | jq -r '.[].ifname | select(startswith("weft-"))'; }
forwarding() { on host cat /proc/sys/net/ipv4/ip_forward; }

# answer MACHINE TCP-PORT TEXT: one client gets the text.
answer() {
	# shellcheck disable=SC2016 # expanded by the shell that is started
	start_on "$1" "answer$2" busybox nc -l -p "$2" -e sh -c 'echo "$0"' "$3"
	wait_for 5 listens "$1" "$2"
}

ask() { on "$1" timeout 5 busybox nc "$2" "$3" </dev/null; } # ask MACHINE ADDRESS TCP-PORT

# watch MACHINE INTERFACE FILTER: begins to look for packets; `seen` waits for the first.
watch() {
	rm -f "$SCRATCH/watch.log"
	start_on "$1" watch tcpdump -lnn -i "$2" -c 1 "$3"
	wait_for 5 grep -q "listening on" "$SCRATCH/watch.log"
}

seen() { # seen PATTERN
	wait_for 5 grep -q " > " "$SCRATCH/watch.log"
	expect_match "$1" "$(grep " > " "$SCRATCH/watch.log")"
}

datagram() { # datagram MACHINE ADDRESS PORT TEXT
	# shellcheck disable=SC2016 # expanded by the shell that is started
	on "$1" bash -c 'echo "$2" >"/dev/udp/$0/$1"' "$2" "$3" "$4"
}

a_guest_reaches_the_world_as_the_host() {
	three_machines
	start_host

	answer world 80 welcome
	watch world eth0 "tcp port 80"
	expect welcome "$(ask guest $WORLD 80)"
	seen "IP $HOST\.[0-9]+ > $WORLD\.80"

	watch world eth0 "udp port 53"
	datagram guest $WORLD 53 question
	seen "IP $HOST\.[0-9]+ > $WORLD\.53"

	start_on world perf "$PERF" server
	wait_for 5 listens world 12867
	on guest "$PERF" client $WORLD UDP_RR -l 300ms -w 0 >/dev/null || die "no UDP both ways"
}

large_transfers_pass_both_ways_unchanged() {
	three_machines
	start_host
	head -c 30000000 /dev/urandom >"$SCRATCH/payload"

	receive world 7000 "$SCRATCH/out"
	send_to guest $WORLD 7000 "$SCRATCH/payload"
	wait "$PID"
	cmp "$SCRATCH/payload" "$SCRATCH/out" || die "what went out arrived changed"

	receive guest 22 "$SCRATCH/in"
	send_to world $HOST 2222 "$SCRATCH/payload"
	wait "$PID"
	cmp "$SCRATCH/payload" "$SCRATCH/in" || die "what came in arrived changed"
	note "$(json '.[0] | .rx_bytes / .rx_packets | floor' stats/show g) bytes a frame of the guest"
}

a_forward_keeps_the_clients_address() {
	three_machines
	start_host

	answer guest 22 "hello from the guest"
	watch guest wg "tcp dst port 22"
	expect "hello from the guest" "$(ask world $HOST 2222)"
	seen "IP $WORLD\.[0-9]+ > $GUEST\.22"

	watch guest wg "udp"
	datagram world $HOST 5003 one
	seen "IP $WORLD\.[0-9]+ > $GUEST\.600[0-9]"
}

the_host_itself_uses_a_forward() {
	three_machines
	start_host

	answer guest 22 "by loopback"
	expect "by loopback" "$(ask host 127.0.0.1 2222)"
	answer guest 22 "by its address"
	expect "by its address" "$(ask host $HOST 2222)"
}

a_guest_uses_a_forward_by_the_hosts_address() {
	three_machines
	start_host

	answer guest 22 hairpin
	expect hairpin "$(ask guest $HOST 2222)"
}

forwards_change_while_connections_go_on() {
	three_machines
	start_host
	# shellcheck disable=SC2016 # expanded by the shell that is started
	start_on guest echo busybox nc -l -p 22 -e cat
	wait_for 5 listens guest 22
	mkfifo "$SCRATCH/to"
	start_on world client sh -c "exec busybox nc $HOST 2222 <$SCRATCH/to"
	exec 5>"$SCRATCH/to"
	echo before >&5
	wait_for 5 grep -q before "$SCRATCH/client.log"

	weft set bridge lan "nat.forwards=[{tcp: 2222, to: \"$GUEST:22\"}, {tcp: 8080, to: \"$GUEST:80\"}]" \
		>/dev/null || die "the forwards cannot be changed"
	echo after >&5
	wait_for 5 grep -q after "$SCRATCH/client.log"
	exec 5>&-
	answer guest 80 "a new forward"
	expect "a new forward" "$(ask world $HOST 8080)"
	expect_match "elements = { 2222, 8080 }" "$(on host nft list ruleset)"
	[[ $(on host nft list ruleset) != *5000* ]] || die "a forward that went is still there"
}

routed_prefixes_reach_the_world() {
	three_machines
	ip_on world route add 10.10.0.0/24 via $HOST
	start_host "address6: fd00:10::1/64, forward: route, uplink: host"
	ip_on guest -6 route add default via fd00:10::1

	wait_for 10 pings guest 2001:db8::9
	watch world eth0 "icmp6 and ip6[40] == 128"
	pings guest 2001:db8::9
	seen "IP6 2001:db8::1 > 2001:db8::9"
	watch world eth0 "icmp[0] == 8"
	pings guest $WORLD
	seen "IP $GUEST > $WORLD"
	pings world $GUEST || die "a routed guest is not reached from outside"
	stop_weftd
	expect 0 "$(on host cat /proc/sys/net/ipv6/conf/all/forwarding)"
}

a_translated_ipv6_prefix_reaches_the_world() {
	three_machines
	start_host "address6: fd00:10::1/64, nat: {uplink: host, prefix6: \"fd00:99::/64\"}"
	ip_on guest -6 route add default via fd00:10::1

	wait_for 10 pings guest 2001:db8::9
	watch world eth0 "icmp6 and ip6[40] == 128"
	pings guest 2001:db8::9
	seen "IP6 2001:db8::1 > 2001:db8::9"
}

refused6() { json '.bridges[0].refused6.nat_denied // 0' nat/show; }

the_filter_knows_who_began_in_ipv6_too() {
	three_machines
	ip_on world route add 10.10.0.0/24 via $HOST
	# Of a prefix that the host routes, and does not masquerade.
	ip_on world -6 route add 2001:db8:10::/64 via 2001:db8::1
	start_host "address6: \"2001:db8:10::1/64\", forward: route, uplink: host, nat: {filter: [
		{allow: out, proto: tcp, to: \"2001:db8::/32\", port: 80}, {allow: out, proto: icmp},
		{deny: out, to: \"::/0\"}, {deny: in, to: \"2001:db8:10::/64\"}]}"
	ip_on guest addr add 2001:db8:10::2/64 dev wg nodad
	wait_for 10 pings guest 2001:db8::9

	answer world 80 welcome
	expect welcome "$(ask guest 2001:db8::9 80)"
	prints "lan +tcp +\[2001:db8:10::[0-9a-f:]*\]:[0-9]+ +- +\[2001:db8::9\]:80" weft nat/sessions lan
	answer world 81 forbidden
	expect "" "$(ask guest 2001:db8::9 81)"
	[ "$(refused6)" -gt 0 ] || die "nothing was refused"
	# From outside nobody begins anything.
	! pings world 2001:db8:10::2 || die "the guest is reached from outside"
	answer guest 22 secret
	expect "" "$(ask world 2001:db8:10::2 22)"

	# The rules go while it runs: then it is reached.
	prints . weft set bridge lan 'nat.filter=[]'
	wait_for 5 pings world 2001:db8:10::2
}

# Two bridges, and nothing else: guest -- lan [ weftd ] far -- world
routed_bridges_have_the_filter_without_an_uplink() {
	need jq busybox ip
	[ -e /dev/net/tun ] || skip "there is no /dev/net/tun"
	machine host guest world
	config <<-END >/dev/null
		version: 1
		bridges:
		  lan: {address: 10.10.0.1/24, address6: "fd00:10::1/64", forward: route, nat: {filter: [{deny: in}]}}
		  far: {address: 10.20.0.1/24, address6: "fd00:20::1/64", forward: route}
		ports:
		  g: {bridge: lan, tap: {name: wg}}
		  w: {bridge: far, tap: {name: ww}}
	END
	start_weftd_on host -c "$SCRATCH/config.yaml"
	give_tap wg host guest $GUEST/24
	give_tap ww host world 10.20.0.2/24
	ip_on guest addr add fd00:10::2/64 dev wg nodad
	ip_on world addr add fd00:20::2/64 dev ww nodad
	ip_on guest route add default via 10.10.0.1
	ip_on world route add default via 10.20.0.1
	wait_for 10 pings guest 10.20.0.2
	wait_for 10 pings guest fd00:20::2

	! pings world $GUEST || die "the guest is reached from the other bridge"
	! pings world fd00:10::2 || die "the guest is reached from the other bridge by IPv6"
	answer world 80 welcome
	expect welcome "$(ask guest 10.20.0.2 80)"
	expect 1 "$(json .bridges[0].refused.nat_denied nat/show)"
	expect 1 "$(json .bridges[0].refused6.nat_denied nat/show)"

	prints . weft set bridge lan 'nat.filter=[]'
	wait_for 5 pings world $GUEST
	wait_for 5 pings world fd00:10::2
}

nobody_gets_past_the_rules() {
	three_machines
	start_host
	# What listens on loopback only is not to be had by the route_localnet of forwards.
	start_on host loopback busybox httpd -f -p 127.0.0.1:9998 -h "$SCRATCH"
	wait_for 5 ask host 127.0.0.1 9998
	ip_on guest route flush table local dev lo
	ip_on guest route add 127.0.0.0/8 via 10.10.0.1
	on guest sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet'
	watch guest wg "dst 127.0.0.1"
	! on guest timeout 2 busybox wget -O - http://127.0.0.1:9998/config.yaml 2>/dev/null ||
		die "a guest reaches the host's loopback"
	seen "127.0.0.1\.9998"
	# weft's own address is not to be had from outside.
	ip_on world route add 100.64.0.0/10 via $HOST
	! pings world "$(json '.[0].address | sub("/.*"; "")' port/show host)" ||
		die "weft's address is reached from outside"
}

foreign_rules_are_never_touched() {
	local before
	three_machines
	on host nft -f - <<-END
		table inet mine { chain in { type filter hook input priority 0; policy accept; counter; }; }
		table ip nat { chain post { type nat hook postrouting priority 100; policy accept; }; }
	END
	before=$(on host nft -s list ruleset)
	start_host
	[ -n "$(weft_table)" ] || die "weft has no table"
	stop_weftd
	expect "$before" "$(on host nft -s list ruleset)"
}

nothing_is_left_at_exit() {
	three_machines
	expect 0 "$(forwarding)"
	start_host
	expect 1 "$(forwarding)"
	stop_weftd || die "weftd failed at exit"
	expect "" "$(on host nft list ruleset)"
	expect "" "$(tap)"
	expect 0 "$(forwarding)"
}

what_a_killed_weftd_left_goes_with_the_next() {
	local tap
	three_machines
	start_host
	tap=$(tap)
	kill_weftd
	expect 1 "$(weft_table | wc -l)"

	start_weftd_on host -c "$SCRATCH/config.yaml"
	expect "$tap" "$(tap)"
	connect_guest
	expect 1 "$(weft_table | wc -l)"
	stop_weftd
	expect "" "$(on host nft list ruleset)"
	expect 0 "$(forwarding)"
}

what_a_killed_weftd_left_can_be_removed_without_one() {
	three_machines
	start_host
	expect_match "PASS +leftovers" "$(on host "$BIN/weft" doctor)"
	result_is 1 "another weftd .* runs" on host "$BIN/weftd" --cleanup --run-dir "$RUN"
	kill_weftd
	expect_match "WARN +leftovers +1 nftables tables of weftds that were killed" \
		"$(on host "$BIN/weft" doctor)"
	prints "^2 tables and files of settings removed" on host "$BIN/weftd" --cleanup \
		--run-dir "$RUN"
	expect "" "$(on host nft list ruleset)"
	expect 0 "$(forwarding)"
	expect_match "PASS +leftovers" "$(on host "$BIN/weft" doctor)"
	rm -rf "$RUN"
}

rules_that_somebody_flushed_come_back() {
	three_machines
	start_host
	on host nft flush ruleset
	wait_for 5 grep -q "somebody removed table weft_" "$SCRATCH/weftd.log"
	[ -n "$(weft_table)" ] || die "weft has no table"
	answer guest 22 "still there"
	expect "still there" "$(ask world $HOST 2222)"
}

forwarding_stays_when_others_need_it() {
	three_machines
	start_host
	on host nft add table ip other
	on host nft add chain ip other post "{ type nat hook postrouting priority 100; }"
	stop_weftd
	expect 1 "$(forwarding)"
}

a_port_that_the_host_uses_is_refused() {
	local listener
	three_machines
	answer host 2222 "a program of the host"
	listener=$PID
	write_config "nat: {uplink: host, forwards: [$FORWARDS]}"
	start_weftd_on host -c "$SCRATCH/config.yaml"
	wait_for 5 grep -q "TCP port 2222 of the host is in use by busybox (pid $listener)" \
		"$SCRATCH/weftd.log"
	connect_guest

	# The other forwards are there, and the host's program is not disturbed.
	watch guest wg "udp"
	datagram world $HOST 5000 one
	seen "$GUEST\.600"
	expect "a program of the host" "$(ask world $HOST 2222)"
	# It has ended: the port is free at the next change, and weft's from then on.
	weft set bridge lan nat.sessions=1000 >/dev/null
	answer guest 22 "the guest"
	expect "the guest" "$(ask world $HOST 2222)"
	! on host timeout 2 busybox nc -l -p 2222 2>/dev/null || die "a forwarded port is to be had"
}

a_firewall_that_drops_is_explained() {
	three_machines
	on host nft add table inet fw
	on host nft add chain inet fw pass "{ type filter hook forward priority 0; policy drop; }"
	write_config "nat: {uplink: host}"
	start_weftd_on host -c "$SCRATCH/config.yaml"
	give_tap wg host guest $GUEST/24
	ip_on guest route add default via 10.10.0.1
	wait_for 5 grep -q "chain inet fw pass drops what the host forwards" "$SCRATCH/weftd.log"
	! pings guest $WORLD || die "the firewall let it pass"
	expect_match "WARN +forwarding +chain inet fw pass drops" "$(on host "$BIN/weft" doctor)"

	# The remedy, as it is told.
	eval "$(on host "$BIN/weft" doctor | sed -n 's/.*fix: \(nft insert.*\)/\1/p' |
		sed 's/nft insert/on host nft insert/g; s/"weft/\\"weft/g; s/\*"/*\\"/g')"
	wait_for 5 pings guest $WORLD
	expect_match "PASS +forwarding" "$(on host "$BIN/weft" doctor)"
}

a_range_that_the_host_uses_is_refused() {
	three_machines
	ip_on host route add 100.64.0.0/10 via $WORLD
	write_config "nat: {uplink: host}"
	start_weftd_on host -c "$SCRATCH/config.yaml"
	wait_for 5 grep -q "100.64.0.0/10 overlaps with a route of the host, 100.64.0.0/10 by eth0; set host.range" \
		"$SCRATCH/weftd.log"
	expect "" "$(weft_table)$(tap)"
	expect 0 "$(forwarding)"
	stop_weftd

	write_config "nat: {uplink: host}" "" "uplinks: {host: {host: {range: 172.30.0.0/16}}}"
	start_weftd_on host -c "$SCRATCH/config.yaml"
	connect_guest
	expect_match "inet 172\.30\." "$(ip_on host addr show dev "$(tap)")"
}

run_tests a_guest_reaches_the_world_as_the_host \
	large_transfers_pass_both_ways_unchanged \
	a_forward_keeps_the_clients_address \
	the_host_itself_uses_a_forward \
	a_guest_uses_a_forward_by_the_hosts_address \
	forwards_change_while_connections_go_on \
	routed_prefixes_reach_the_world \
	a_translated_ipv6_prefix_reaches_the_world \
	the_filter_knows_who_began_in_ipv6_too \
	routed_bridges_have_the_filter_without_an_uplink \
	nobody_gets_past_the_rules \
	foreign_rules_are_never_touched \
	nothing_is_left_at_exit \
	what_a_killed_weftd_left_goes_with_the_next \
	what_a_killed_weftd_left_can_be_removed_without_one \
	rules_that_somebody_flushed_come_back \
	forwarding_stays_when_others_need_it \
	a_port_that_the_host_uses_is_refused \
	a_firewall_that_drops_is_explained \
	a_range_that_the_host_uses_is_refused
