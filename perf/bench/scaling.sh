#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How the switch scales with workers when guests cost no processor: rings of frames that are handed
# over full, while the generator sleeps (weft-pktgen --rounds).
#
#   worker 0: a -> c      worker 1: b -> d      a processor each; the generator borrows either
#                                               while both workers sleep
#
# A worker's rate is its frames by its busy time (weft pmd-perf-show), because the time between two
# rounds is the generator's. One worker with one pair is the base; N workers with N pairs, all busy
# at the same time, give N rates, whose sum is compared. What they share is memory, caches, the FDB
# and nothing else. The goal for two is 1.9.
# shellcheck source=perf/bench/lib.sh
. "$(dirname "$0")/lib.sh"

workers=2
size=64
ring=8192
more_options=w:s:
more_option() {
	case $1 in
	w) workers=$2 ;;
	s) size=$2 ;;
	*) return 1 ;;
	esac
}
usage() {
	echo "usage: $0 [options]"
	common_usage
	echo "  -w WORKERS  ($workers)"
	echo "  -s SIZE     of the frames ($size)"
}

# The frames of each worker by its busy time since the counters in $1, as Mpps, one a line. A few
# frames, such as announcements of stations, make no worker a busy one.
worker_rates() {
	weft --json pmd-perf-show | jq -r --argjson before "$1" '.[] | . as $w |
		($before[] | select(.worker == $w.worker)) as $b |
		select(.rx_packets > $b.rx_packets + 1000) |
		(.rx_packets - $b.rx_packets) / (.busy_cycles - $b.busy_cycles) * .tsc_hz / 1e6'
}

# Ports are spread over the workers in the order in which they come: first all that send.
cell() { # cell ROW PAIRS
	local row=$1 pairs=$2 i sending=() receiving=() ports=() before rates

	for i in $(seq "$workers"); do
		sending+=("s$i")
		receiving+=("r$i")
	done
	for i in $(seq "$pairs"); do
		ports+=(--port "tx=$work/run/s$i.sock")
	done
	for i in $(seq "$pairs"); do
		ports+=(--port "rx=$work/run/r$i.sock")
	done
	start_weftd "0-$((workers - 1))" "$workers" "${sending[@]}" "${receiving[@]}"
	before=$(weft --json pmd-perf-show)
	gen_cpu=0-$((workers - 1)) pktgen "${ports[@]}" --rounds --size "$size" --warmup 0.2 \
		--time "$seconds" >"$work/pktgen.json" || die "$(tail -n 1 "$work/pktgen.log")"
	rates=$(worker_rates "$before")
	stop_all
	[ "$(wc -l <<<"$rates")" = "$pairs" ] ||
		die "$pairs pairs kept $(wc -l <<<"$rates") workers busy"
	sample "$row" weft Mpps "$(awk '{sum += $1} END {print sum}' <<<"$rates")"
}

bench_options "$@"
bench_begin
[ "$(nproc)" -ge "$workers" ] || die "$workers workers need $workers processors"
for round in $(seq "$rounds"); do
	say "round $round of $rounds"
	cell 1-worker 1
	cell "$workers-workers" "$workers"
done
bench_end
one=$(median 1-worker weft Mpps)
all=$(median "$workers-workers" weft Mpps)
goal "$workers workers / one" "$(awk "BEGIN {print $all / $one}")" ge \
	"$(awk "BEGIN {print 0.95 * $workers}")"
