#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two machines (network namespaces) joined over two NICs (veth pairs) by weft, in each way to drive a
# NIC, and by a Linux bridge, in turns:
#
#   near, wire0 === nic0 [ weft: native | generic | af_packet, or a Linux bridge ] nic1 === wire1, far
#
#   tcp, maerts  one TCP stream, Mb/s     rr  transactions/s     udp  datagrams of 18 bytes, Mb/s
#
# The machines send no packets larger than the MTU, as on a wire. All run on all processors: what the
# kernel does for a veth pair cannot be kept on one.
# shellcheck source=perf/bench/lib.sh
. "$(dirname "$0")/lib.sh"

near=weft-near-$$ host=weft-host-$$ far=weft-far-$$
subjects="native generic af_packet bridge"
more_options=s:
more_option() { [ "$1" = s ] && subjects=$2; }
usage() {
	echo "usage: $0 [options]"
	common_usage
	echo "  -s \"SUBJECT...\"  ($subjects)"
}

# wire NUMBER NAMESPACE ADDRESS
wire() {
	ip -n "$host" link add "nic$1" type veth peer name "wire$1" netns "$2"
	ip -n "$2" link set "wire$1" gso_max_segs 1
	ip -n "$2" addr add "$3/24" dev "wire$1"
	ip -n "$2" link set "wire$1" up
	ip -n "$host" link set "nic$1" up
}

machines() {
	local ns

	for ns in "$near" "$host" "$far"; do
		ip netns add "$ns" || die "no network namespaces: run as root"
		ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1
	done
	wire 0 "$near" 192.0.2.1
	wire 1 "$far" 192.0.2.2
}

no_machines() {
	local ns

	for ns in "$near" "$host" "$far"; do
		ip netns del "$ns" 2>/dev/null
	done
}

join_by_bridge() {
	ip -n "$host" link add br0 type bridge
	ip -n "$host" link set nic0 master br0
	ip -n "$host" link set nic1 master br0
	ip -n "$host" link set br0 up
}

join_by_weft() { # join_by_weft KEYS
	rm -rf "$work/run" && mkdir "$work/run"
	cat >"$work/run/weft.yaml" <<-END
		version: 1
		switch: {workers: 1, run-dir: $work/run}
		bridges: {lan: {}}
		ports:
		  left:  {bridge: lan, nic: {dev: nic0, $1}}
		  right: {bridge: lan, nic: {dev: nic1, $1}}
	END
	spawn "0-$(($(nproc) - 1))" "$work/weft.log" ip netns exec "$host" "$bin/weftd" \
		-c "$work/run/weft.yaml" --run-dir "$work/run"
}

join_machines() {
	case $1 in
	native | generic) join_by_weft "mode: $1" ;;
	af_packet) join_by_weft "driver: af_packet" ;;
	bridge) join_by_bridge ;;
	esac
}

far_answers() { ip netns exec "$near" "$bin/weft-perf" client 192.0.2.2 TCP_RR -l 50ms -w 0; }

# measure ROW SUBJECT METRIC TEST OPTIONS...
measure() {
	local row=$1 subject=$2 metric=$3
	shift 3
	sample "$row" "$subject" "$metric" "$(ip netns exec "$near" "$bin/weft-perf" client \
		192.0.2.2 "$@" -l "${seconds}s" -w 300ms --json 2>>"$work/perf.log" | jq .throughput)"
}

cell() { # cell SUBJECT
	machines
	join_machines "$1"
	spawn "0-$(($(nproc) - 1))" "$work/perf.log" ip netns exec "$far" "$bin/weft-perf" server
	wait_for 10 far_answers || die "$1 does not join the machines: $(tail -n 3 "$work/weft.log")"
	measure tcp "$1" Mbps TCP_STREAM
	measure maerts "$1" Mbps TCP_MAERTS
	measure rr "$1" per_s TCP_RR
	measure udp "$1" Mbps UDP_STREAM -m 18
	stop_all
	no_machines
}

# Medians, a line a row and a column a subject.
table() {
	local row subject

	printf '%-8s' median
	# shellcheck disable=SC2086 # a list of words
	printf ' %10s' $subjects
	printf '\n'
	for row in "tcp Mbps" "maerts Mbps" "rr per_s" "udp Mbps"; do
		printf '%-8s' "${row% *}"
		for subject in $subjects; do
			printf ' %10.0f' "$(median "${row% *}" "$subject" "${row#* }")"
		done
		printf '  %s\n' "${row#* }"
	done
}

bench_options "$@"
huge_pages=0
bench_begin
trap 'cleanup; no_machines' EXIT
for round in $(seq "$rounds"); do
	say "round $round of $rounds"
	for subject in $subjects; do
		cell "$subject"
	done
done
table
bench_end | tail -n 2
