#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What adaptive polling costs and saves, with `idle: 50us` and with `idle: never`, in turns:
#
#   peak    64 bytes as fast as they go; adaptive within 3 % of busy polling
#   wake    the latency of frames that come alone, 100 a second, each after a sleep
#   cpu     the worker's share of its processor while two attached ports are silent, in percent
# shellcheck source=perf/bench/lib.sh
. "$(dirname "$0")/lib.sh"

adaptive=50us
more_options=i:
more_option() { [ "$1" = i ] && adaptive=$2; }
usage() {
	echo "usage: $0 [options]"
	common_usage
	echo "  -i TIME     switch.idle of the adaptive worker ($adaptive)"
}

frames() {
	pktgen --port "tx=$work/run/a.sock" --port "rx=$work/run/b.sock" --warmup 0.3 \
		--time "$seconds" "$@"
}

cpu_ticks() {
	awk '{print $14 + $15}' "/proc/${pids[0]}/stat"
}

# The generator is stopped, so its ports stay up.
idle_percent() {
	local before

	spawn "$gen_cpu" "$work/pktgen.log" "$bin/weft-pktgen" --port "both=$work/run/a.sock" \
		--port "both=$work/run/b.sock" --rate 1k --time 600
	wait_for 10 port_is_up b
	sleep 0.5
	kill -STOP "${pids[-1]}"
	sleep 0.5
	before=$(cpu_ticks)
	sleep "$seconds"
	awk -v t=$(($(cpu_ticks) - before)) -v hz="$(getconf CLK_TCK)" -v s="$seconds" \
		'BEGIN {print t / hz / s * 100}'
	kill -CONT "${pids[-1]}"
}

port_is_up() {
	weft --json port/show "$1" | jq -e '.[0].state == "up"'
}

# cell NAME IDLE
cell() {
	local name=$1 json

	weft_switch=", idle: $2"
	start_weftd "$switch_cpu" 1 a b
	json=$(frames) || die "$(tail -n 1 "$work/pktgen.log")"
	sample "peak-$name" weft Mpps "$(mpps "$json")"
	sample "peak-$name" weft busy "$(jq -r .generator_busy <<<"$json")"
	json=$(frames --rate 100 --latency=1) || die "$(tail -n 1 "$work/pktgen.log")"
	sample "wake-$name" weft us "$(jq -r '.latency_ns.p50 / 1000' <<<"$json")"
	sample "wake-$name" weft p99 "$(jq -r '.latency_ns.p99 / 1000' <<<"$json")"
	sample "cpu-$name" weft percent "$(idle_percent)"
	stop_all
}

bench_options "$@"
bench_begin
for round in $(seq "$rounds"); do
	say "round $round of $rounds"
	cell adaptive "$adaptive"
	cell never never
done
bench_end
peak=$(median peak-adaptive weft Mpps)
never=$(median peak-never weft Mpps)
goal "peak, adaptive / never" "$(awk "BEGIN {print $peak / $never}")" ge 0.97
asleep=$(median wake-adaptive weft us)
polling=$(median wake-never weft us)
goal "wake: median latency beyond polling's, us" "$(awk "BEGIN {print $asleep - $polling}")" le 200
goal "idle: percent of a processor" "$(median cpu-adaptive weft percent)" le 2
