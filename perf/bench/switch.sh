#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Frames between two vhost-user ports of one switch: weft beside its peers, in one run.
#
#   weft-pktgen, one processor  --tx-->  [ switch, one processor ]  --rx-->  the same weft-pktgen
#
# Each round starts every switch once, in turn, and sends every row of traffic through it, so that
# a slow spell of the machine hits all of them. What counts is the median of the rounds, with its
# range, and the ratio of two medians. The generator's own ceiling stands in the first column;
# where it was busy for more than nine tenths of the time the cell carries a star, and the switch
# may be faster than what it says. The last column is what memcpy alone reaches on the switch's
# processor with the blocks of the row's rings (weft-bench memcpy, cold).
#
# A switch is two functions: NAME_have (may it run here; if not, say what to install) and NAME_up
# MODE (start it with ports at run/a.sock and run/b.sock; MODE is plain or tso; set `suffix` to
# ,server when it connects instead of listening). What it spawned is stopped after its turn. One that
# is missing is left out and named at the end. All of them get 2 MiB pages, or none does.
# shellcheck source=perf/bench/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=perf/bench/ovs.sh
. "$(dirname "$0")/ovs.sh"

switches="weft ovs testpmd"
only_rows=
suffix=

# name, mode, what the receiving port does not take, options of weft-pktgen
rows() {
	cat <<ROWS
64 plain - --size 64
64-packed plain - --size 64 --packed
64-touched plain - --size 64 --touch
64-1000x1000 plain - --size 64 --macs 1000x1000
64-8000x8000 plain - --size 64 --macs 8000x8000
512 plain - --size 512
1500 plain - --size 1500
imix plain - --size imix
tso tso - --size tso
tso-cut tso no-csum --size tso
ROWS
}

row_names() {
	rows | cut -d' ' -f1 | tr '\n' ' '
}

usage() {
	echo "usage: $0 [options]"
	common_usage
	cat <<USAGE
  -s NAMES    switches ("$switches")
  -r ROWS     rows, of $(row_names)
USAGE
}

more_options=s:r:
more_option() {
	case $1 in
	s) switches=$2 ;;
	r) only_rows=$2 ;;
	*) return 1 ;;
	esac
}

# --- weft -----------------------------------------------------------------------------------

weft_have() {
	[ -x "$bin/weftd" ] || { echo "build it: make"; return 1; }
}

weft_up() {
	start_weftd "$switch_cpu" 1 a b
}

# --- OVS-DPDK -------------------------------------------------------------------------------

ovs_up() {
	local run=$work/run tso=false

	suffix=,server
	[ "$1" = tso ] && tso=true
	ovs_start "$tso" || return 1
	ovs_vsctl add-br br0 -- set Bridge br0 datapath_type=netdev \
		other_config:mac-table-size=65536 -- \
		add-port br0 a -- set Interface a type=dpdkvhostuserclient \
		options:vhost-server-path="$run/a.sock" -- \
		add-port br0 b -- set Interface b type=dpdkvhostuserclient \
		options:vhost-server-path="$run/b.sock"
}

# --- testpmd, io forwarding: no switch, the least that DPDK's vhost can do -------------------

testpmd_have() {
	command -v dpdk-testpmd >/dev/null || { echo "apt-get install dpdk-dev"; return 1; }
}

testpmd_up() {
	local tso=0

	[ "$1" = tso ] && tso=1
	# shellcheck disable=SC2046
	spawn "$switch_cpu" "$work/testpmd.log" dpdk-testpmd --lcores "(0-1)@$switch_cpu" \
		$(dpdk_memory) --no-pci --no-telemetry \
		--vdev "net_vhost0,iface=$work/run/a.sock,client=0,tso=$tso" \
		--vdev "net_vhost1,iface=$work/run/b.sock,client=0,tso=$tso" \
		-- --forward-mode=io --auto-start --nb-cores=1 --burst=64 --stats-period=3600 \
		--total-num-mbufs=65536
	wait_for 15 sockets_are_there a b
}

# --- measuring ------------------------------------------------------------------------------

# Large frames count in Gb/s, the others in Mpps.
sample_rate() { # sample_rate ROW SUBJECT JSON
	case $1 in
	tso*) sample "$1" "$2" Gb/s "$(jq -r .gbps <<<"$3")" ;;
	*) sample "$1" "$2" Mpps "$(mpps "$3")" ;;
	esac
}

measured() { # measured SWITCH ROUND ROW JSON
	sample_rate "$3" "$1" "$4"
	sample "$3" "$1" loss "$(jq -r .loss <<<"$4")"
	sample "$3" "$1" busy "$(jq -r .generator_busy <<<"$4")"
	jq -c --arg row "$3" --arg switch "$1" --argjson round "$2" \
		'{row: $row, switch: $switch, round: $round, result: .}' <<<"$4" \
		>>"$work/samples.jsonl"
}

# cell SWITCH ROUND ROW RECEIVER OPTIONS...
cell() {
	local switch=$1 round=$2 row=$3 receiver=$4 json before

	shift 4
	[ "$receiver" = - ] && receiver= || receiver=,$receiver
	for _ in 1 2; do
		[ "$switch" != weft ] || before=$(weft_cycles)
		json=$(pktgen --port "tx=$work/run/a.sock$suffix" \
			--port "rx=$work/run/b.sock$suffix$receiver" \
			--wait 20 --warmup 0.5 --time "$seconds" "$@")
		[ -z "$json" ] || break
		say "  $switch $row: $(tail -n 1 "$work/pktgen.log")"
	done
	[ -n "$json" ] || return
	measured "$switch" "$round" "$row" "$json"
	[ "$switch" != weft ] || sample "$row" weft cycles "$(cycles_since "$before")"
}

wanted_row() {
	[ -z "$only_rows" ] && return 0
	[[ " $only_rows " == *" $1 "* ]]
}

# testpmd's io loop cuts no frames: what it gives to such a receiver breaks the receiver's rules.
has_row() { # has_row SWITCH RECEIVER
	[ "$1" != testpmd ] || [ "$2" = - ]
}

# turn SWITCH ROUND MODE: all rows of that mode
turn() {
	local switch=$1 round=$2 mode=$3 row row_mode receiver options started=

	while read -r row row_mode receiver options; do
		if [ "$row_mode" != "$mode" ] || ! wanted_row "$row" ||
			! has_row "$switch" "$receiver"; then
			continue
		fi
		if [ -z "$started" ]; then
			started=1
			suffix=
			rm -rf "$work/run" && mkdir "$work/run"
			if ! "${switch}_up" "$mode"; then
				say "  $switch did not start, see $switch.log (keep it with -o)"
				break
			fi
		fi
		# shellcheck disable=SC2086
		cell "$switch" "$round" "$row" "$receiver" $options
	done < <(rows)
	stop_all
}

# The generator by itself, and memcpy with the blocks of its rings, on the switch's processor.
measure_limits() {
	local row receiver options json

	while read -r row _ receiver options; do
		wanted_row "$row" || continue
		# shellcheck disable=SC2086
		json=$(pktgen --self-test --warmup 0.2 --time 0.5 $options)
		[ "$receiver" != - ] || sample_rate "$row" ceiling "$json"
		case $row in
		tso) sample "$row" memcpy Gb/s "$(taskset -c "$switch_cpu" "$bin/weft-bench" \
			memcpy 65214 4096 "$ring" "$ring" 0.5 ${use_huge:+huge})" ;;
		esac
	done < <(rows)
}

judge() {
	local weft64 best

	weft64=$(median 64 weft Mpps)
	if [ -n "$weft64" ]; then
		goal "64 B: busy cycles a packet" "$(median 64 weft cycles)" le 120
		ratio "64 B: weft / testpmd io" "$weft64" "$(median 64 testpmd Mpps)" 1.25
		ratio "1000x1000 / one pair" "$(median 64-1000x1000 weft Mpps)" "$weft64" 0.8
		ratio "8000x8000 / one pair" "$(median 64-8000x8000 weft Mpps)" "$weft64" 0.7
	fi
	best=$(median 1500 weft Mpps)
	ratio "1500 B: weft / testpmd io" "$best" "$(median 1500 testpmd Mpps)" 1.5
	ratio "1500 B: weft / OVS-DPDK" "$best" "$(median 1500 ovs Mpps)" 2
	best=$(median tso weft Gb/s)
	ratio "TSO: weft / OVS-DPDK" "$best" "$(median tso ovs Gb/s)" 2
	ratio "TSO: weft / memcpy" "$best" "$(median tso memcpy Gb/s)" 0.75
}

ratio() { # ratio WHAT VALUE BASE WANTED
	[ -z "$2" ] || [ -z "$3" ] || goal "$1" "$(awk "BEGIN {print $2 / $3}")" ge "$4"
}

bench_options "$@"
bench_begin

missing=
present=
for switch in $switches; do
	if reason=$("${switch}_have"); then
		present="$present $switch"
	else
		missing="$missing $switch ($reason)"
	fi
done
[ -n "$present" ] || die "no switch to measure:$missing"

for round in $(seq "$rounds"); do
	measure_limits
	for switch in $present; do
		say "round $round of $rounds: $switch"
		turn "$switch" "$round" plain
		turn "$switch" "$round" tso
	done
done
bench_end
judge
[ -z "$missing" ] || printf 'left out:%s\n' "$missing"
