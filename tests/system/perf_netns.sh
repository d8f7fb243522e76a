#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# weft-perf between two network namespaces, as between two machines.
#
#   netns $A  10.99.7.1, fd99:7::1  ---- veth ----  10.99.7.2, fd99:7::2  netns $B
#   client                                          server
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

PERF=$BIN/weft-perf
A=weft-perf-a-$$ B=weft-perf-b-$$

two_machines() {
	[ -x "$PERF" ] || skip "$PERF is not built: run make"
	ip netns add "$A" 2>/dev/null || skip "no network namespaces here: run as root"
	undo ip netns del "$A"
	ip netns add "$B"
	undo ip netns del "$B"
	ip -n "$A" link add veth0 type veth peer name veth0 netns "$B"
	for side in "$A 1" "$B 2"; do
		# shellcheck disable=SC2086 # two words
		set -- $side
		ip -n "$1" link set lo up
		ip -n "$1" addr add "10.99.7.$2/24" dev veth0
		ip -n "$1" addr add "fd99:7::$2/64" dev veth0 nodad
		ip -n "$1" link set veth0 up
	done
}

serve() { # serve OPTIONS...
	rm -f "$SCRATCH/server.log"
	start server nsenter --net=/run/netns/"$B" "$PERF" server "$@"
	SERVER=$PID
	wait_for 5 grep -q listening "$SCRATCH/server.log"
}

client() { nsenter --net=/run/netns/"$A" "$PERF" client "$@"; }

# Starts a long test in the background and waits until it has measured something.
start_client() {
	rm -f "$SCRATCH/client.log"
	start client nsenter --net=/run/netns/"$A" "$PERF" client 10.99.7.2 "$@" -w 0 -i 100ms \
		--interval-lines
	CLIENT=$PID
	wait_for 5 grep -q " s " "$SCRATCH/client.log"
}

serves_nobody() { [ -z "$(pgrep -P "$SERVER")" ]; }

# The first number that a record has under a key.
value() { grep -oE "\"$1\":-?[0-9.e+]+" <<<"$2" | head -n 1 | cut -d: -f2; }

# at_least MINIMUM KEY RECORD
at_least() {
	awk -v min="$1" -v v="$(value "$2" "$3")" 'BEGIN { exit !(v != "" && v + 0 >= min) }' ||
		die "$2 is $(value "$2" "$3"), which is below $1"
}

every_test_gives_a_plausible_record() {
	local test record
	need jq
	two_machines
	serve

	for test in TCP_STREAM TCP_MAERTS TCP_RR TCP_CRR UDP_STREAM UDP_RR; do
		record=$(client 10.99.7.2 "$test" -l 1s -w 200ms --json) || die "$test failed"
		at_least 100 throughput "$record"
		at_least 1 cores "$record"
		at_least 0.9 local_s "$record"
		at_least 0.9 remote_s "$record"
		expect_match "\"test\":\"$test\"" "$record"
		expect_match '"errors":\[\]' "$record"
		jq -e '.schema_version == 1 and (.intervals | length) == 2' >/dev/null <<<"$record" ||
			die "$test: no valid record"
	done
}

the_bytes_on_the_wire_agree_with_the_throughput() {
	local before after record wire
	two_machines
	serve
	before=$(ip -n "$B" -j -s link show veth0 | jq ".[0].stats64.rx.bytes")

	record=$(client 10.99.7.2 TCP_STREAM -l 1s -w 0 --json) || die "the test failed"

	after=$(ip -n "$B" -j -s link show veth0 | jq ".[0].stats64.rx.bytes")
	wire=$(awk -v b=$((after - before)) 'BEGIN { print b * 8 / 1e6 }')
	awk -v wire="$wire" -v t="$(value throughput "$record")" \
		'BEGIN { exit !(t < wire && t > wire * 0.75) }' ||
		die "measured $(value throughput "$record") Mb in 1 s, $wire Mb on the wire"
}

ipv6_and_fixed_data_ports_work() {
	two_machines
	serve -L fd99:7::2 -p 7000

	for _ in 1 2 3; do
		client fd99:7::2 TCP_STREAM -p 7000 -P 7001,7002 -l 200ms -w 0 --verify >"$SCRATCH/out" ||
			die "TCP with fixed ports failed"
		client fd99:7::2 UDP_RR -p 7000 -P 7001,7002 -l 200ms -w 0 >"$SCRATCH/out" ||
			die "UDP with fixed ports failed"
	done
}

a_server_killed_during_the_test_is_reported_within_3_seconds() {
	local test start status
	two_machines

	for test in TCP_STREAM TCP_MAERTS TCP_RR TCP_CRR UDP_STREAM UDP_RR; do
		serve
		start_client "$test" -l 30s

		start=$(date +%s%N)
		kill -9 "$SERVER"
		wait "$CLIENT"
		status=$?

		expect 1 "$status"
		[ $(($(date +%s%N) - start)) -lt 3000000000 ] || die "$test: took over 3 s to notice"
		expect_match "the server closed" "$(tail -n 1 "$SCRATCH/client.log")"
	done
}

a_client_killed_during_the_test_leaves_a_server_that_serves() {
	two_machines
	serve
	start_client TCP_MAERTS -l 30s

	kill -9 "$CLIENT"

	client 10.99.7.2 TCP_RR -l 200ms -w 0 >"$SCRATCH/out" || die "the next test failed"
	wait_for 3 serves_nobody
}

a_path_that_dies_ends_the_test_with_an_error() {
	local status
	two_machines
	serve
	start_client TCP_RR -l 1s

	ip -n "$B" link set veth0 down
	wait "$CLIENT"
	status=$?

	expect 1 "$status"
	expect_match "did not send RESULT in time|broke" "$(tail -n 1 "$SCRATCH/client.log")"
}

tests_at_once_do_not_disturb_each_other() {
	local pids=() pid
	two_machines
	serve

	for test in TCP_RR UDP_RR TCP_STREAM; do
		start "$test" nsenter --net=/run/netns/"$A" "$PERF" client 10.99.7.2 "$test" -l 1s -w 0 --no-header
		pids+=("$PID")
	done

	for pid in "${pids[@]}"; do
		wait "$pid" || die "a test failed beside others"
	done
	expect 3 "$(cat "$SCRATCH"/{TCP_RR,UDP_RR,TCP_STREAM}.log | wc -l)"
}

a_daemon_is_ready_when_its_command_returns() {
	two_machines

	nsenter --net=/run/netns/"$B" "$PERF" server -d >"$SCRATCH/server" || die "no daemon"
	sed 's/.*pid //' "$SCRATCH/server" >>"$SCRATCH/pids"

	client 10.99.7.2 TCP_RR -l 200ms -w 0 >"$SCRATCH/out" || die "the daemon does not serve"
}

mistakes_are_explained_with_exit_code_2_and_failures_with_1() {
	two_machines

	result_is 2 "did you mean TCP_STREAM" client 10.99.7.2 TCP_STREEM
	result_is 1 "is 'weft-perf server' running" client 10.99.7.2 TCP_RR
}

run_tests \
	every_test_gives_a_plausible_record \
	the_bytes_on_the_wire_agree_with_the_throughput \
	ipv6_and_fixed_data_ports_work \
	a_server_killed_during_the_test_is_reported_within_3_seconds \
	a_client_killed_during_the_test_leaves_a_server_that_serves \
	a_path_that_dies_ends_the_test_with_an_error \
	tests_at_once_do_not_disturb_each_other \
	a_daemon_is_ready_when_its_command_returns \
	mistakes_are_explained_with_exit_code_2_and_failures_with_1
