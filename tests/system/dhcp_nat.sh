#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# All of NAT mode for a guest that knows nothing: address, router, names and the way out. weftd runs
# in a namespace that plays the host.
#
#   guest -- tap wg [ weftd: bridge lan, NAT ] tap -- host 203.0.113.1 -- 203.0.113.9 world: DNS
#                       | lan.dhcp: dnsmasq
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh
# shellcheck source=tests/lib/netns.sh
. tests/lib/netns.sh

HOST=203.0.113.1 WORLD=203.0.113.9

three_machines() {
	need jq busybox ip nft dnsmasq
	machine host guest world
	cable host eth0 world eth0
	ip_on host addr add $HOST/24 dev eth0
	ip_on world addr add $WORLD/24 dev eth0
	start_on world dns dnsmasq --keep-in-foreground --conf-file=/dev/null --no-hosts --no-resolv \
		--pid-file= --user=root --address=/www.example.org/$WORLD
	config <<-END >/dev/null
		version: 1
		bridges:
		  lan:
		    address: 10.10.0.1/24
		    dhcp: {range: 10.10.0.100-10.10.0.199, upstream: $WORLD}
		    nat: {uplink: host}
		ports:
		  g: {bridge: lan, tap: {name: wg}}
	END
	start_weftd_on host -c "$SCRATCH/config.yaml"
	ip_on host link set wg netns "$(netns guest)"
	ip_on guest link set wg up
	wait_for 5 server_runs
}

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

run_tests \
	a_guest_gets_all_that_it_needs_to_reach_the_world_by_name
