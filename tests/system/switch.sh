#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Frames through the switch, with weft-pktgen as the guests on both ends; rates are limited, since
# this is about what arrives and not about how fast.
#
#   weft-pktgen ---- a.sock [ weftd: bridge lan ] b.sock ---- weft-pktgen (the same process)
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

# Frames between a and b for a second; prints the generator's record.
pktgen() {
	"$BIN/weft-pktgen" -p "both=$RUN/a.sock" -p "both=$RUN/b.sock" -t 1 -w 0.1 --verify --json \
		"$@" || die "weft-pktgen $* failed"
}

ring_full() { json '[.[].drops.ring_full // 0] | add' stats/show; }

# What was sent arrived in order and unchanged. False when frames were lost that weftd counted as
# sent to a full ring: a busy host had taken the generator off its processor for over 10 ms.
all_arrived() { # all_arrived RECORD RING-FULL-BEFORE
	local lost=$(($(ring_full) - $2))
	expect "0 0 0 $lost $lost" \
		"$(jq -r '"\(.corrupt) \(.seq_late) \(.unstamped) \(.sent - .received) \(.seq_lost)"' \
			<<<"$1")"
	[ "$(jq .received <<<"$1")" -gt 0 ] || die "nothing was sent"
	[ "$lost" = 0 ]
}

# One run of three has to be without such an accident.
frames_arrive() { # frames_arrive PKTGEN-OPTIONS...
	local before
	for _ in 1 2 3; do
		before=$(ring_full)
		all_arrived "$(pktgen "$@")" "$before" && return
	done
	die "frames were lost in three runs with $*"
}

# Starts traffic that goes on beside the test.
start_traffic() {
	rm -f "$SCRATCH/traffic.log"
	start traffic "$BIN/weft-pktgen" -p "both=$RUN/a.sock" -p "both=$RUN/b.sock" --verify \
		--json "$@"
	TRAFFIC=$PID
	wait_for 5 port_is b up
}

frames_of_every_size_arrive_whole() {
	local size
	weftd_with_two_ports

	for size in 64 65 1500 1514 imix; do
		frames_arrive -s "$size" -r 50k
	done
	frames_arrive -s tso -r 5k
	frames_arrive -s 1500 -r 20k --ring 16
}

stations_are_learned_on_their_ports() {
	weftd_with_two_ports
	frames_arrive -m 40x20 -r 50k

	expect "40 20" "$(json '[.[].port] | "\(map(select(. == "a")) | length) " +
		"\(map(select(. == "b")) | length)"' fdb/show lan)"
	weft fdb/flush
	expect 0 "$(json length fdb/show)"
}

# What weftd took in is what it gave out, gave away, or dropped, but for the copies it made. More
# stations than the bridge may know: frames to the others are flooded.
counters_balance() {
	weftd_with_two_ports
	prints . weft add-port lan c
	prints . weft set bridge lan fdb-entries=64
	pktgen -p "rx=$RUN/c.sock" -m 50x50 -r 20k >"$SCRATCH/out"

	expect 0 "$(json '[.[] | .rx_packets + .copies - .tx_packets - .punted - (.drops | add // 0)]
		| add' stats/show)"
	[ "$(json '[.[].copies] | add' stats/show)" -gt 0 ] || die "nothing was flooded"
	[ "$(json '[.[].rx_packets] | add' stats/show)" -ge "$(jq .sent "$SCRATCH/out")" ] ||
		die "weftd counted less than was sent"
}

ports_that_come_and_go_cost_the_others_no_frame() {
	weftd_with_two_ports
	start_traffic -r 50k -t 3

	for _ in 1 2 3 4 5 6 7 8 9 10; do
		weft add-port lan c >/dev/null || die "add-port failed"
		weft set bridge lan ageing=1m >/dev/null || die "set failed"
		weft del-port c >/dev/null || die "del-port failed"
		weft set bridge lan ageing=2m >/dev/null || die "set failed"
	done

	kill -0 "$TRAFFIC" || die "the traffic ended too soon: $(cat "$SCRATCH/traffic.log")"
	wait "$TRAFFIC" || die "the traffic failed: $(cat "$SCRATCH/traffic.log")"
	all_arrived "$(cat "$SCRATCH/traffic.log")" 0 || note "$(ring_full) lost to a stalled generator"
}

an_idle_weftd_with_two_ports_up_uses_less_than_2_percent_of_a_core() {
	local percent
	weftd_with_two_ports
	start_traffic -r 1k -t 60
	kill -STOP "$TRAFFIC"
	sleep 0.5 # lets what is under way end

	percent=$(weftd_cpu_percent)

	port_is a up || die "port a went down"
	note "$percent %"
	less "$percent" 2 || die "$percent % of a core"
}

# latency_us WHICH: of frames from a to b that come one at a time.
latency_us() {
	local ns
	ns=$("$BIN/weft-pktgen" -p "tx=$RUN/a.sock" -p "rx=$RUN/b.sock" -r 100 -t 3 --latency=1 \
		--json | jq ".latency_ns.$1")
	[ "$ns" -ge 0 ] || die "no latency was measured"
	echo $((ns / 1000))
}

# The least is what polling takes on a host that is not busy: no other number of it is that stable.
a_frame_after_idle_is_at_most_200_us_later_than_with_polling() {
	local asleep polling
	weftd_with_two_ports

	asleep=$(latency_us p50) || exit
	[ "$(json '.[0].wakeups' pmd-perf-show)" -gt 100 ] || die "the worker did not sleep"
	prints . weft set switch idle=never
	polling=$(latency_us min) || exit

	note "median $asleep us, polling at least $polling us"
	[ $((asleep - polling)) -le 200 ] || die "$asleep us, polling $polling us"
}

a_weftd_killed_under_traffic_starts_again() {
	weftd_with_two_ports
	start_traffic -r 50k -t 60

	kill_weftd
	wait "$TRAFFIC" && die "the generator did not notice"
	start_weftd -c "$SCRATCH/config.yaml"

	frames_arrive -r 50k
}

a_generator_killed_under_traffic_leaves_usable_ports() {
	weftd_with_two_ports
	start_traffic -r 50k -t 60

	kill -9 "$TRAFFIC"
	wait_for 3 port_is a down

	frames_arrive -r 50k
}

worker_of() { json '.[0].queues[0].worker' port/show "$1"; }
are_apart() { [ "$(worker_of a)" != "$(worker_of c)" ]; }

# Ports join the worker with the fewest, so a and c share one, which has all the work.
busy_queues_are_spread_over_the_workers_by_themselves() {
	need jq
	start_weftd -c "$(
		config <<-END
			version: 1
			switch: {workers: 2, rebalance: 1s}
			bridges: {lan: {}}
			ports: {a: {bridge: lan}, b: {bridge: lan}, c: {bridge: lan}, d: {bridge: lan}}
		END
	)"
	start traffic "$BIN/weft-pktgen" -p "tx=$RUN/a.sock" -p "rx=$RUN/b.sock" \
		-p "tx=$RUN/c.sock" -p "rx=$RUN/d.sock" -r 20k -t 20 --no-ceiling

	wait_for 5 port_is d up
	wait_for 10 grep -q 'spread over the workers anew moved=' "$SCRATCH/weftd.log"
	wait_for 5 are_apart
	weft set switch rebalance=off
}

run_tests \
	frames_of_every_size_arrive_whole \
	stations_are_learned_on_their_ports \
	counters_balance \
	ports_that_come_and_go_cost_the_others_no_frame \
	an_idle_weftd_with_two_ports_up_uses_less_than_2_percent_of_a_core \
	a_frame_after_idle_is_at_most_200_us_later_than_with_polling \
	a_weftd_killed_under_traffic_starts_again \
	a_generator_killed_under_traffic_leaves_usable_ports \
	busy_queues_are_spread_over_the_workers_by_themselves
