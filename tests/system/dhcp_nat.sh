#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# All of NAT mode for a guest that knows nothing: address, router, names and the way out. weftd runs
# in a namespace that plays the host.
#
#   guest -- tap wg [ weftd: bridge lan, NAT ] tap -- host 203.0.113.1 -- 203.0.113.9 world: DNS
#                       | lan.dhcp: dnsmasq                2001:db8::1    2001:db8::9
#
# May run beside others.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh
# shellcheck source=tests/lib/netns.sh
. tests/lib/netns.sh

HOST=203.0.113.1 WORLD=203.0.113.9 WORLD6=2001:db8::9

# three_machines [BRIDGE-KEYS]
three_machines() {
	need jq busybox ip nft dnsmasq
	machine host guest world
	cable host eth0 world eth0
	ip_on host addr add $HOST/24 dev eth0
	ip_on world addr add $WORLD/24 dev eth0
	ip_on host addr add 2001:db8::1/64 dev eth0 nodad
	ip_on world addr add $WORLD6/64 dev eth0 nodad
	start_on world dns dnsmasq --keep-in-foreground --conf-file=/dev/null --no-hosts --no-resolv \
		--pid-file= --user=root --address=/www.example.org/$WORLD
	config <<-END >/dev/null
		version: 1
		bridges:
		  lan: {address: 10.10.0.1/24, ${1:-dhcp: {$DHCP\}, nat: {uplink: host\}}}
		ports:
		  g: {bridge: lan, tap: {name: wg}}
	END
	start_weftd_on host -c "$SCRATCH/config.yaml"
	ip_on host link set wg netns "$(netns guest)"
	ip_on guest link set wg up
	[[ "${1:-dhcp}" != *dhcp* ]] || wait_for 5 server_runs
}

DHCP="range: 10.10.0.100-10.10.0.199, upstream: $WORLD"
ROUTED="address6: \"fd00:10::1/64\", forward: route, uplink: host"
TRANSLATED="address6: \"fd00:10::1/64\", nat: {uplink: host, prefix6: \"fd00:99::/64\"}"

server_runs() { [ "$(json '.[0].state' dhcp/show)" = running ]; }

# Takes the lease as a script of a distribution would.
take_lease() {
	cat >"$SCRATCH/take" <<-'END'
		#!/bin/sh
		[ "$1" = bound ] || exit 0
		ip address add "$ip/$mask" dev "$interface"
		ip route add default via "$router"
		echo "$dns" >"$TOLD"
	END
	chmod +x "$SCRATCH/take"
	TOLD=$SCRATCH/dns on guest timeout 20 busybox udhcpc -i wg -n -q -f -t 5 -T 1 \
		-s "$SCRATCH/take" >"$SCRATCH/udhcpc.log" 2>&1 || die "no lease: $(cat "$SCRATCH/udhcpc.log")"
}

# resolve NAME: its address, asked of the server that the guest was told of.
resolve() {
	on guest timeout 10 busybox nslookup -type=a "$1" "$(cat "$SCRATCH/dns")" 2>&1 |
		sed -n '/^Name:/,$ s/^Address: *//p'
}

resolves() { [ "$(resolve "$1")" = "$2" ]; }

a_guest_gets_all_that_it_needs_to_reach_the_world_by_name() {
	three_machines

	take_lease

	wait_for 10 pings guest 10.10.0.1
	wait_for 10 resolves www.example.org $WORLD
	wait_for 10 pings guest $WORLD
	expect "" "$(resolve nobody.example.org)"
	# The bridge's own domain is never asked of others.
	expect "" "$(resolve nobody.lan)"
}

# The guest has an address that fits and, by the gateway's word, a router: it is used.
reaches_the_world_by_ipv6() { # reaches_the_world_by_ipv6 ADDRESS-PATTERN
	wait_for 10 has_address6 "$1"
	wait_for 10 has_router6
	wait_for 10 pings guest $WORLD6
	start_on world answer busybox nc -l -p 80 -e echo welcome
	wait_for 5 listens world 80
	expect welcome "$(on guest timeout 5 busybox nc $WORLD6 80 </dev/null)"
}

has_address6() { ip_on guest -6 address show dev wg scope global -tentative | grep -qE "inet6 $1"; }
has_router6() { ip_on guest -6 route show default | grep -q "via fe80::.* dev wg proto ra"; }

a_routed_bridge_gives_its_guests_an_ipv6_router() {
	three_machines "$ROUTED, dhcp: {$DHCP}"
	reaches_the_world_by_ipv6 "fd00:10::[0-9a-f:]*ff:fe"
}

a_translated_bridge_gives_its_guests_an_ipv6_router() {
	three_machines "$TRANSLATED, dhcp: {$DHCP}"
	reaches_the_world_by_ipv6 "fd00:10::[0-9a-f:]*ff:fe"
}

without_a_dhcp_server_the_gateway_gives_the_prefix_too() {
	three_machines "$ROUTED"
	reaches_the_world_by_ipv6 "fd00:10::[0-9a-f:]*ff:fe"
}

# As a distribution's script for dhclient does.
take_lease6() {
	cat >"$SCRATCH/take6" <<-'END'
		#!/bin/sh
		[ "$reason" = BOUND6 ] || exit 0
		ip address add "$new_ip6_address/128" dev "$interface" nodad
	END
	chmod +x "$SCRATCH/take6"
	wait_for 10 link_local_is_ready
	start_on guest dhclient dhclient -6 -1 -d -D LL -sf "$SCRATCH/take6" \
		-lf "$SCRATCH/dhclient6.leases" -pf "$SCRATCH/dhclient6.pid" wg
}

link_local_is_ready() { ip_on guest -6 address show dev wg scope link -tentative | grep -q fe80; }

a_guest_with_a_leased_ipv6_address_has_a_router_too() {
	need dhclient
	three_machines "$TRANSLATED, dhcp: {$DHCP, range6: \"fd00:10::100-fd00:10::1ff\"}"
	take_lease6
	reaches_the_world_by_ipv6 "fd00:10::1[0-9a-f]{2}/128"
	! has_address6 "fd00:10::[0-9a-f:]*ff:fe" || die "an address was made of the prefix, too"
}

an_isolated_bridge_has_no_ipv6_router() {
	three_machines "address6: \"fd00:10::1/64\", forward: none, dhcp: {$DHCP}"
	wait_for 10 has_address6 "fd00:10::[0-9a-f:]*ff:fe"
	expect "" "$(ip_on guest -6 route show default)"

	# It becomes a router while the guest runs, and stops being one.
	prints . weft set bridge lan forward=route uplink=host
	wait_for 5 has_router6
	wait_for 5 pings guest $WORLD6
	prints . weft set bridge lan forward=none
	wait_for 5 has_no_router6
}

# Its guests have to look for another one at once, not when half an hour is over.
a_router_that_goes_takes_its_leave() {
	need tcpdump
	three_machines "$ROUTED"
	wait_for 10 has_router6
	prints . weft set bridge lan ra=off
	wait_for 5 has_no_router6
	prints . weft set bridge lan ra=on
	wait_for 10 has_router6
	prints . weft set bridge lan forward=auto
	wait_for 5 has_no_router6
	prints . weft set bridge lan forward=route
	wait_for 10 has_router6
	# A listener of its own: the tap and its routes go with weftd. On all interfaces, for one that
	# goes takes what was not read of it along.
	start_on guest sniffer tcpdump -i any -n -l -vv 'icmp6 and ip6[40] == 134'
	wait_for 5 grep -q "listening on" "$SCRATCH/sniffer.log"
	stop_weftd
	wait_for 5 grep -q "router lifetime 0s" "$SCRATCH/sniffer.log"
}

has_no_router6() { ! has_router6; }

run_tests \
	a_routed_bridge_gives_its_guests_an_ipv6_router \
	a_translated_bridge_gives_its_guests_an_ipv6_router \
	without_a_dhcp_server_the_gateway_gives_the_prefix_too \
	a_guest_with_a_leased_ipv6_address_has_a_router_too \
	an_isolated_bridge_has_no_ipv6_router \
	a_router_that_goes_takes_its_leave \
	a_guest_gets_all_that_it_needs_to_reach_the_world_by_name
