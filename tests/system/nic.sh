#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# NICs as ports of a bridge. Three network namespaces play three machines; weftd runs in the middle
# one, on two NICs, each one end of a veth pair.
#
#   near 192.0.2.1            host (192.0.2.9 on nic0, where it is shared)        far 192.0.2.2
#   wire0 ============== nic0 [ weftd: port left, bridge lan, port right ] nic1 ============= wire1
#
# May run beside others.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

NEAR=weft-near-$$ HOST=weft-host-$$ FAR=weft-far-$$

on() { ip netns exec "$@"; } # on MACHINE COMMAND...

# wire NUMBER NAMESPACE ADDRESS: a machine on nic NUMBER of the host.
wire() {
	ip -n "$HOST" link add "nic$1" type veth peer name "wire$1" netns "$2"
	ip -n "$HOST" link set "nic$1" up
	ip -n "$2" addr add "$3/24" dev "wire$1"
	ip -n "$2" link set "wire$1" address "02:00:00:00:00:0$1" up
}

three_machines() {
	local ns
	need jq busybox
	for ns in "$NEAR" "$HOST" "$FAR"; do
		ip netns add "$ns" 2>/dev/null || skip "no network namespaces here: run as root"
		undo ip netns del "$ns"
		ip netns exec "$ns" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
		ip -n "$ns" link set lo up
	done
	wire 0 "$NEAR" 192.0.2.1
	wire 1 "$FAR" 192.0.2.2
}

start_weftd_in_host() { # start_weftd_in_host CONFIG
	start weftd ip netns exec "$HOST" "$BIN/weftd" --run-dir "$RUN" -c "$1"
	WEFTD=$PID
	wait_for 10 weftd_answers_or_ended
	weft version >/dev/null 2>&1 || die "weftd did not start"
}

# bridged KEYS: weftd with a port on each NIC; KEYS of `nic` are of both.
bridged() {
	three_machines
	start_weftd_in_host "$(
		config <<-END
			version: 1
			bridges:
			  lan: {}
			ports:
			  left:  {bridge: lan, nic: {dev: nic0, $1}}
			  right: {bridge: lan, nic: {dev: nic1, $1}}
		END
	)"
}

reaches() { on "$1" busybox ping -c 1 -W 2 "$2" >/dev/null; } # reaches MACHINE ADDRESS

# stream CLIENT SERVER ADDRESS TEST: a test of weft-perf whose bytes are verified.
stream() {
	local record
	start server ip netns exec "$2" "$BIN/weft-perf" server
	wait_for 5 grep -q listening "$SCRATCH/server.log"
	record=$(on "$1" "$BIN/weft-perf" client "$3" "$4" -l 1s -w 100ms --verify --json 2>&1) ||
		die "$4 from $1 to $2: $record"
	kill "$PID"
	wait "$PID" 2>/dev/null
	rm "$SCRATCH/server.log"
	expect "[]" "$(jq -c .errors <<<"$record")"
	RATES+="$(jq '.throughput | round' <<<"$record") "
}

how() { json ".[0].nic.how" port/show "$1"; }

frames_pass() {
	RATES=
	wait_for 5 reaches "$NEAR" 192.0.2.2
	reaches "$FAR" 192.0.2.1 || die "no ping back"
	stream "$NEAR" "$FAR" 192.0.2.2 TCP_STREAM
	stream "$NEAR" "$FAR" 192.0.2.2 TCP_MAERTS
	stream "$FAR" "$NEAR" 192.0.2.1 TCP_RR
	[ "$(json '.[0].stats.rx_packets // .[0].rx_packets // 0' stats/show left)" != null ]
	note "stream, maerts Mb/s, rr/s: $RATES"
}

# Without the right driver nobody cuts large packets on the way: the sender is told to.
no_large_packets() {
	ip -n "$NEAR" link set wire0 gso_max_segs 1
	ip -n "$FAR" link set wire1 gso_max_segs 1
}

native_xdp_joins_two_machines() {
	bridged "mode: native"
	expect "native, copy" "$(how left)"
	frames_pass
}

generic_xdp_joins_two_machines() {
	bridged "mode: generic"
	no_large_packets
	expect "generic, copy" "$(how left)"
	frames_pass
}

af_packet_joins_two_machines() {
	bridged "driver: af_packet"
	no_large_packets
	expect "polled" "$(how left)"
	frames_pass
}

# The host has an address on nic0 and works with it, while near reaches "$FAR" over the same NIC.
host_goes_on_to_use_a_shared_nic() {
	bridged "share: on"
	ip -n "$HOST" addr add 192.0.2.9/24 dev nic0

	RATES=
	wait_for 5 reaches "$NEAR" 192.0.2.2
	reaches "$NEAR" 192.0.2.9 || die "near does not reach the host"
	reaches "$HOST" 192.0.2.1 || die "the host does not reach near"
	stream "$NEAR" "$FAR" 192.0.2.2 TCP_STREAM
	stream "$NEAR" "$HOST" 192.0.2.9 TCP_STREAM
	stream "$HOST" "$NEAR" 192.0.2.1 TCP_STREAM
	note "through weft, to the host, from the host, Mb/s: $RATES"
}

# near is on VLAN 10, with the tags left to the wire as a VLAN interface does; far is on an access port.
tagged() { # tagged KEYS
	need clang tc
	three_machines
	clang -O2 -target bpf "-I/usr/include/$(gcc -print-multiarch)" -c tests/lib/tag.bpf.c \
		-o "$SCRATCH/tag.o" || skip "no BPF headers"
	tc -n "$NEAR" qdisc add dev wire0 clsact
	tc -n "$NEAR" filter add dev wire0 egress bpf da obj "$SCRATCH/tag.o" sec out ||
		skip "the kernel has no BPF at tc"
	tc -n "$NEAR" filter add dev wire0 ingress bpf da obj "$SCRATCH/tag.o" sec in
	start_weftd_in_host "$(
		config <<-END
			version: 1
			bridges:
			  lan: {vlan-filtering: on}
			ports:
			  left:  {bridge: lan, trunk: [10], nic: {dev: nic0, $1}}
			  right: {bridge: lan, vlan: 10, nic: {dev: nic1, $1}}
		END
	)"
	no_large_packets
	wait_for 5 reaches "$NEAR" 192.0.2.2
	RATES=
	stream "$FAR" "$NEAR" 192.0.2.1 TCP_STREAM
	stream "$FAR" "$NEAR" 192.0.2.1 TCP_MAERTS
	tc -n "$NEAR" filter del dev wire0 egress
	! reaches "$FAR" 192.0.2.1 || die "frames without a tag came through the trunk"
	note "to the trunk, from it, Mb/s: $RATES"
}

kernel_tells_tags() { [ "$(printf '%s\n' 6.8 "$(uname -r)" | sort -V | head -n 1)" = 6.8 ]; }

tags_that_lie_beside_frames_are_not_lost() {
	kernel_tells_tags || skip "the kernel does not tell XDP of tags beside frames before 6.8"
	tagged "mode: native"
}

af_packet_has_the_tags_too() {
	tagged "driver: af_packet"
}

# routed KEYS: nic0 is the way out of a bridge on which far is a guest.
routed() {
	three_machines
	ip -n "$FAR" addr replace 10.10.0.2/24 dev wire1
	ip -n "$FAR" addr del 192.0.2.2/24 dev wire1
	ip -n "$FAR" route add default via 10.10.0.1
	start_weftd_in_host "$(
		config <<-END
			version: 1
			uplinks:
			  wan: {address: 192.0.2.20/24, nic: {dev: nic0, $1}}
			bridges:
			  lan: {address: 10.10.0.1/24, nat: {uplink: wan, forwards: [{tcp: 12867, to: "10.10.0.2:12867"}]}}
			ports:
			  guest: {bridge: lan, nic: {dev: nic1}}
		END
	)"
}

goes_out() { # the guest reaches near, with bytes verified; near reaches the guest by a forward
	wait_for 5 reaches "$FAR" 192.0.2.1
	stream "$FAR" "$NEAR" 192.0.2.1 TCP_STREAM
	stream "$FAR" "$NEAR" 192.0.2.1 TCP_MAERTS
}

way_out_over_a_nic_of_its_own() {
	RATES=
	routed "share: off"
	goes_out
	note "out, in, Mb/s: $RATES"
}

# The router has the host's MAC address and another IP address; each gets its own.
way_out_over_the_only_nic_of_the_host() {
	RATES=
	routed "share: on"
	ip -n "$HOST" addr add 192.0.2.9/24 dev nic0
	goes_out
	reaches "$NEAR" 192.0.2.9 || die "near does not reach the host"
	reaches "$NEAR" 192.0.2.20 || die "near does not reach the router"
	stream "$NEAR" "$HOST" 192.0.2.9 TCP_STREAM
	stream "$HOST" "$NEAR" 192.0.2.1 TCP_STREAM

	# The device comes back with another MAC address: the router follows.
	ip -n "$HOST" link del nic0
	wait_for 5 port_is wan down
	wire 0 "$NEAR" 192.0.2.1
	wait_for 10 reaches "$FAR" 192.0.2.1
	note "out, in, to the host, from the host, Mb/s: $RATES"
}

way_out_over_af_packet() {
	RATES=
	routed "driver: af_packet"
	no_large_packets
	goes_out
	note "out, in, Mb/s: $RATES"
}

has_xdp() { ip -n "$HOST" -d link show "$1" | grep -q 'prog/xdp'; }
promiscuity() { ip -n "$HOST" -d link show "$1" | grep -o 'promiscuity [0-9]*'; }

program_goes_with_weftd_however_it_ends() {
	bridged "share: on"
	ip -n "$HOST" addr add 192.0.2.9/24 dev nic0
	has_xdp nic0 || die "there is no program"
	expect "promiscuity 1" "$(promiscuity nic0)"

	kill_weftd
	! has_xdp nic0 || die "the program outlived weftd"
	expect "promiscuity 0" "$(promiscuity nic0)"
	wait_for 2 reaches "$NEAR" 192.0.2.9

	start_weftd_in_host "$SCRATCH/config.yaml"
	wait_for 5 reaches "$NEAR" 192.0.2.2
	has_xdp nic0 || die "there is no program"
	stop_weftd || die "weftd ended badly"
	! has_xdp nic0 || die "the program outlived weftd"
	expect "promiscuity 0" "$(promiscuity nic0)"
}

is_down() { [ "$(json '.[0].state' port/show "$1")" = down ]; }

nic_that_goes_takes_its_port_down_until_it_is_back() {
	bridged ""
	wait_for 5 reaches "$NEAR" 192.0.2.2
	start traffic ip netns exec "$NEAR" busybox ping -q -i 0.01 192.0.2.2

	ip -n "$HOST" link del nic0
	wait_for 5 port_is left down
	prints "there is no network device 'nic0'" weft port/show left
	port_is right up || die "the other port is down too"

	wire 0 "$NEAR" 192.0.2.1
	wait_for 5 port_is left up
	wait_for 5 reaches "$NEAR" 192.0.2.2
	ip -n "$HOST" link set nic0 down
	wait_for 5 port_is left down
	prints "nic0 is down; .ip link set nic0 up" weft port/show left
	ip -n "$HOST" link set nic0 up
	wait_for 5 reaches "$NEAR" 192.0.2.2
}

# What is asked of a device that it cannot do: the message, and that no port is made.
refused() { # refused KEYS PATTERN
	sed "\$a\  odd: {bridge: lan, nic: {$1}}" "$SCRATCH/config.yaml" >"$SCRATCH/odd.yaml"
	result_is 65 "$2" weft apply "$SCRATCH/odd.yaml"
	refuses "no port" weft port/show odd
	weft apply "$SCRATCH/config.yaml" >/dev/null || die "the good file does not apply"
}

what_cannot_be_is_refused_and_leaves_nothing() {
	bridged ""
	ip -n "$HOST" link add plain0 type bridge

	refused "dev: nix0" "port odd: there is no network device 'nix0'"
	refused "dev: plain0" 'port odd: plain0 is down; .ip link set plain0 up'
	ip -n "$HOST" link set plain0 up
	refused "dev: plain0, mode: native" "port odd: its driver has no XDP; use mode: generic"
	refused "dev: plain0, queues: 3" "plain0 has 1 receive queues, not 3"
	ip -n "$HOST" link set plain0 mtu 9000
	refused "dev: plain0" "the MTU of plain0 is 9000, AF_XDP takes 3818 at most"
	refused 'driver: dpdk, pci: \"0000:ff:1f.0\"' "port odd: .*0000:ff:1f.0"
	! ip -n "$HOST" -d link show plain0 | grep -q xdp || die "a program stayed on plain0"
	reaches "$NEAR" 192.0.2.2 || die "the other ports were disturbed"
}

run_tests native_xdp_joins_two_machines generic_xdp_joins_two_machines \
	af_packet_joins_two_machines host_goes_on_to_use_a_shared_nic \
	tags_that_lie_beside_frames_are_not_lost af_packet_has_the_tags_too \
	way_out_over_a_nic_of_its_own way_out_over_the_only_nic_of_the_host \
	way_out_over_af_packet program_goes_with_weftd_however_it_ends \
	nic_that_goes_takes_its_port_down_until_it_is_back \
	what_cannot_be_is_refused_and_leaves_nothing
