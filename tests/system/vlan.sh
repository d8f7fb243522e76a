#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# VLANs between real Linux guests: two on access ports, one on a trunk with a tagged interface.
#
#   alpha ---- vlan 10 ---+
#   beta  ---- vlan 20 ---+--- [ weftd: bridge lab, vlan-filtering ]
#   gamma ---- trunk 10 --+
#
# May run beside others.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

reaches() { in_guest "$1" ping -c 1 -W 2 "$2" >/dev/null; }
dropped() { json ".[0].drops.$1 // 0" stats/show "$2"; } # dropped REASON PORT

three_guests() {
	start_guests alpha beta gamma <<-END
		version: 1
		bridges:
		  lab: {address: 10.10.0.1/24, vlan-filtering: on}
		guests:
		  alpha: {nics: [{bridge: lab, vlan: 10, address: 10.10.0.11/24}]}
		  beta:  {nics: [{bridge: lab, vlan: 20, address: 10.10.0.12/24}]}
		  gamma: {nics: [{bridge: lab, trunk: [10, 30-40], address: 10.10.0.13/24}]}
	END
}

# gamma's address moves to an interface with tag 10.
tag_gamma() {
	local module
	for module in $(in_guest gamma cat /lib/modules/vlan.list); do
		in_guest gamma insmod "/lib/modules/$module.ko" || die "no module $module in gamma"
	done
	in_guest gamma test -d /sys/module/8021q ||
		skip "the guest image has no 8021q: run make guest-image"
	in_guest gamma sh -c 'ip addr flush dev eth0; ip link add link eth0 name eth0.10 type vlan \
		id 10; ip addr add 10.10.0.13/24 dev eth0.10; ip link set eth0.10 up' ||
		die "no tagged interface in gamma"
}

# A verified stream: TSO frames and partial checksums get and lose their tags on the way. A test that
# the guests were too slow to end in time is made again; one whose bytes changed is not.
stream() { # stream CLIENT SERVER ADDRESS
	local record
	in_guest "$2" weft-perf server -d >/dev/null || die "no weft-perf server in $2"
	for _ in 1 2 3; do
		record=$(in_guest "$1" weft-perf client "$3" TCP_STREAM -l 2s -w 500ms --verify \
			--json 2>/dev/null) && break
		! grep -q 'bytes changed' <<<"$record" || die "the stream is damaged: $record"
	done
	expect "[]" "$(jq -c .errors <<<"$record")"
	note "$(jq '.throughput | round' <<<"$record") Mb/s"
}

guests_reach_their_vlan_and_no_other_tagged_or_not() {
	three_guests
	tag_gamma

	wait_for 10 reaches alpha 10.10.0.13
	stream alpha gamma 10.10.0.13
	stream gamma alpha 10.10.0.11
	! reaches alpha 10.10.0.12 || die "alpha reaches another VLAN"
	prints '^ +10  alpha.0   gamma.0' weft vlan/show lab
	prints 'vlan: 10' weft port/show alpha.0
	expect "10 10" "$(json '[.[] | select(.port == "alpha.0" or .port == "gamma.0") | .vlan] |
		join(" ")' fdb/show lab)"

	# A guest moves to another VLAN while it runs.
	prints '~ guest beta: nics.0..vlan 20 -> 10$' weft --dry-run set guest beta 'nics[0].vlan=10'
	weft set guest beta 'nics[0].vlan=10' >/dev/null || die "set failed"
	wait_for 10 reaches alpha 10.10.0.12
	expect 0 "$(json '[.[].restarts] | add' guest/list)"

	# Isolated ports reach the trunk, not each other.
	weft set guest alpha 'nics[0].isolated=on' >/dev/null || die "set failed"
	weft set guest beta 'nics[0].isolated=on' >/dev/null || die "set failed"
	! reaches alpha 10.10.0.12 || die "isolated guests reach each other"
	reaches alpha 10.10.0.13 || die "an isolated guest does not reach the trunk"
	[ "$(dropped isolated alpha.0)" -gt 0 ] || die "no frame was counted as isolated"
}

what_cannot_be_is_refused() {
	need jq
	start_weftd -c "$(
		config <<-END
			version: 1
			bridges:
			  lan: {}
			  lab: {vlan-filtering: on, mirrors: {watch: {from: [a], to: probe}}}
			ports:
			  p: {bridge: lan}
			  a: {bridge: lab, vlan: 10, storm: {broadcast: 10kpps}, mac-limit: 4}
			  t: {bridge: lab, trunk: [10, 20-22], native-vlan: 20}
			  probe: {bridge: lab}
		END
	)"

	refuses "bridge 'lan' does not filter VLANs" weft set port p vlan=10
	refuses 'does not filter VLANs' weft vlan/show lan
	refuses 'filters VLANs; name the VLAN' weft fdb/del lab 02:00:00:00:00:01
	weft fdb/add lab a 10 02:00:00:00:00:01 || die "fdb/add failed"
	prints 'a +10 +02:00:00:00:00:01 +static' weft fdb/show lab
	prints '^ +20  t +-$' weft vlan/show lab
	prints 'mac-limit: 4' weft port/show a
	prints 'storm-broadcast: 10000pps' weft port/show a
	prints 'mirror-output: yes' weft port/show probe
	prints 'trunk: \[10, 20-22\]' weft show --running
	weft set port a vlan=20 >/dev/null || die "set failed"
	expect 0 "$(json length fdb/show lab)"
	expect "nothing to do" "$(weft apply <(weft show --running))"
}

run_tests guests_reach_their_vlan_and_no_other_tagged_or_not what_cannot_be_is_refused
