#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What ports that are attached and silent cost the others: 64 bytes between two ports, of two and of
# 64. The goal: the busy pair keeps 90 % of its rate.
#
#   weft-pktgen --tx--> a [ weftd ] b --rx--> weft-pktgen, which holds i1 ... i62, too
# shellcheck source=perf/bench/lib.sh
. "$(dirname "$0")/lib.sh"

n_ports=64
more_options=p:
more_option() { [ "$1" = p ] && n_ports=$2; }
usage() {
	echo "usage: $0 [options]"
	common_usage
	echo "  -p PORTS    ($n_ports)"
}

# cell ROW IDLE-PORT...
cell() {
	local row=$1 ports=() port json before

	shift
	for port in "$@"; do
		ports+=(--port "idle=$work/run/$port.sock")
	done
	start_weftd "$switch_cpu" 1 a b "$@"
	before=$(weft_cycles)
	json=$(pktgen --port "tx=$work/run/a.sock" --port "rx=$work/run/b.sock" "${ports[@]}" \
		--warmup 0.5 --time "$seconds")
	[ -n "$json" ] || die "$(tail -n 1 "$work/pktgen.log")"
	sample "$row" weft Mpps "$(mpps "$json")"
	sample "$row" weft cycles "$(cycles_since "$before")"
	sample "$row" weft busy "$(jq -r .generator_busy <<<"$json")"
	stop_all
}

bench_options "$@"
bench_begin
idle=()
for i in $(seq $((n_ports - 2))); do
	idle+=("i$i")
done
for round in $(seq "$rounds"); do
	say "round $round of $rounds"
	cell 2-ports
	cell "$n_ports-ports" "${idle[@]}"
done
bench_end
two=$(median 2-ports weft Mpps)
all=$(median "$n_ports-ports" weft Mpps)
goal "two of $n_ports ports / two ports" "$(awk "BEGIN {print $all / $two}")" ge 0.9
