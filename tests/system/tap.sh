#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tap ports: hosts as members of a bridge, with the kernel's own TCP at both ends.
#
#   machine a                                            machine b
#   10.10.0.2, fd00:10::2                                10.10.0.3, fd00:10::3
#   ta -------- port a [ weftd: bridge lan ] port b -------- tb
#
# May run beside others.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh
# shellcheck source=tests/lib/netns.sh
. tests/lib/netns.sh

two_taps() { # two_taps [MORE-OF-EACH-PORT]
	need jq busybox ip
	[ -e /dev/net/tun ] || skip "there is no /dev/net/tun"
	machine host a b
	start_weftd_on host -c "$(
		config <<-END
			version: 1
			bridges: {lan: {address: 10.10.0.1/24}}
			ports:
			  a: {bridge: lan, tap: {name: ta}${1:-}}
			  b: {bridge: lan, tap: {name: tb}${1:-}}
		END
	)"
	give_tap ta host a 10.10.0.2/24 fd00:10::2/64
	give_tap tb host b 10.10.0.3/24 fd00:10::3/64
	wait_for 10 pings a fd00:10::3
}

# Bytes of a frame that came from the port, on average.
frame_size() { json '.[0] | .rx_bytes / .rx_packets | floor' stats/show "$1"; }

# Sends a file from one machine to the other, which has to get the same.
send_file() { # send_file FROM TO ADDRESS
	local file=$SCRATCH/payload
	[ -e "$file" ] || head -c 50000000 /dev/urandom >"$file"
	receive "$2" 7000 "$SCRATCH/received"
	send_to "$1" "$3" 7000 "$file"
	wait "$PID"
	cmp "$file" "$SCRATCH/received" || die "the file arrived changed"
}

no_checksum_was_wrong() {
	for machine in a b; do
		expect 0 "$(on $machine nstat -asz | awk '/InCsumErrors/ {n += $2} END {print n}')"
	done
}

hosts_reach_each_other_over_a_bridge() {
	two_taps
	wait_for 5 pings a 10.10.0.3
	wait_for 5 pings b 10.10.0.2
	wait_for 5 pings b fd00:10::2
	expect 0 "$(json '[.[].drops.host // 0] | add' stats/show)"
}

large_segments_pass_whole_and_unchanged() {
	two_taps
	send_file a b 10.10.0.3
	[ "$(frame_size a)" -gt 5000 ] || die "frames of $(frame_size a) bytes: TSO is not used"
	send_file b a fd00:10::2
	[ "$(frame_size b)" -gt 5000 ] || die "frames of $(frame_size b) bytes: TSO is not used"
	no_checksum_was_wrong
	note "$(frame_size a) and $(frame_size b) bytes a frame"
}

segments_are_finished_for_ports_without_offloads() {
	two_taps ", offloads: {tso: off, uso: off, csum: off}"
	send_file a b 10.10.0.3
	[ "$(frame_size a)" -le 1514 ] || die "frames of $(frame_size a) bytes in spite of tso: off"
	no_checksum_was_wrong
}

# Large frames of one port, finished segments for the other.
segments_are_cut_between_unequal_ports() {
	two_taps
	weft set port b offloads.tso=off offloads.csum=off >/dev/null
	give_tap tb host b 10.10.0.3/24
	wait_for 5 pings a 10.10.0.3
	send_file a b 10.10.0.3
	[ "$(frame_size a)" -gt 5000 ] || die "frames of $(frame_size a) bytes: TSO is not used"
	no_checksum_was_wrong
}

many_queues_carry_many_streams() {
	need jq busybox
	[ -e /dev/net/tun ] || skip "there is no /dev/net/tun"
	machine host a b
	start_weftd_on host -c "$(
		config <<-END
			version: 1
			switch: {workers: 2}
			bridges: {lan: {address: 10.10.0.1/24}}
			ports:
			  a: {bridge: lan, tap: {name: ta, queues: 4}}
			  b: {bridge: lan, tap: {name: tb, queues: 4}}
		END
	)"
	give_tap ta host a 10.10.0.2/24
	give_tap tb host b 10.10.0.3/24
	wait_for 5 pings a 10.10.0.3

	for i in $(seq 20); do
		send_small "$((7000 + i))"
	done
	[ "$(json '[.[0].queues[] | select(.rx_packets > 0)] | length' port/show a)" -gt 1 ] ||
		die "all flows are on one queue: $(json '.[0].queues' port/show a)"
	no_checksum_was_wrong
}

send_small() { # send_small TCP-PORT
	seq 2000 >"$SCRATCH/small"
	receive b "$1" "$SCRATCH/received"
	send_to a 10.10.0.3 "$1" "$SCRATCH/small"
	wait "$PID"
	cmp "$SCRATCH/small" "$SCRATCH/received" || die "what was sent arrived changed"
}

the_host_itself_is_reached_by_its_address() {
	need jq busybox ip
	[ -e /dev/net/tun ] || skip "there is no /dev/net/tun"
	machine host a
	start_weftd_on host -c "$(
		config <<-END
			version: 1
			bridges: {lan: {address: 10.10.0.1/24}}
			ports:
			  host0: {bridge: lan, tap: {name: weft0, address: 10.10.0.254/24,
			                             address6: "fd00:10::254/64", mtu: 9000}}
			  a: {bridge: lan, tap: {name: ta}}
		END
	)"
	give_tap ta host a 10.10.0.2/24 fd00:10::2/64
	wait_for 5 pings a 10.10.0.254
	wait_for 5 pings a fd00:10::254
	expect "weft0 up" "$(json '.[0] | "\(.interface) \(.state)"' port/show host0)"
	expect_match "mtu 9000" "$(ip_on host link show weft0)"
}

no_interface_outlives_weftd() {
	two_taps
	kill_weftd
	wait_for 2 no_link a ta
	start_weftd_on host -c "$SCRATCH/config.yaml"
	prints "ta" ip_on host link show ta
	stop_weftd
	wait_for 2 no_link host ta
}

no_link() { ! ip_on "$1" link show "$2"; } # no_link MACHINE INTERFACE

mistakes_are_explained() {
	need jq ip
	machine host
	ip_on host link add taken type dummy 2>/dev/null || ip_on host tuntap add taken mode tap
	start_weftd_on host -c "$(
		config <<-END
			version: 1
			bridges: {lan: {address: 10.10.0.1/24}}
		END
	)"
	result_is 65 "there is an interface of that name; remove it with .ip link del taken." \
		weft add-port lan x tap.name=taken
	expect "" "$(json '.[].name' port/show)"
	weft del-port x
	refuses "ports.x.tap.name: expected a name of up to 15 letters" weft add-port lan x tap.name=sixteen-bytes-xx
	refuses "10.20.0.2/24 is outside 10.10.0.1/24 of bridge lan" \
		weft add-port lan x tap.name=t0 tap.address=10.20.0.2/24
	refuses "10.10.0.1/24 is the address of bridge lan itself" \
		weft add-port lan x tap.name=t0 tap.address=10.10.0.1/24
	weft add-port lan y tap.name=t0 >/dev/null
	refuses "ports.x.tap.name: t0 is used already by ports.y.tap.name" \
		weft add-port lan x tap.name=t0
	ip_on host link del t0
	wait_for 5 eval "json '.[0].error' port/show y | grep 'somebody removed interface t0'"
}

# A process without the capability, as in a container.
weftd_without_permission_says_so() {
	need setpriv
	config <<-END >/dev/null
		version: 1
		bridges: {lan: {address: 10.10.0.1/24}}
		ports: {a: {bridge: lan, tap: {name: ta}}}
	END
	start weftd setpriv --bounding-set=-net_admin --inh-caps=-all "$BIN/weftd" --run-dir "$RUN" \
		-c "$SCRATCH/config.yaml"
	wait_for 10 grep -q "tap ta: not permitted; run weftd as root" "$SCRATCH/weftd.log"
}

run_tests hosts_reach_each_other_over_a_bridge \
	large_segments_pass_whole_and_unchanged \
	segments_are_finished_for_ports_without_offloads \
	segments_are_cut_between_unequal_ports \
	many_queues_carry_many_streams \
	the_host_itself_is_reached_by_its_address \
	no_interface_outlives_weftd \
	mistakes_are_explained \
	weftd_without_permission_says_so
