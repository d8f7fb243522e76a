#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# weft-pktgen's options, against weftd. What arrives is judged, not how fast.
#
#   weft-pktgen ---- a.sock [ weftd: bridge lan ] b.sock ---- weft-pktgen (the same process)
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

pktgen() { "$BIN/weft-pktgen" --json "$@" || die "weft-pktgen $* failed"; }

# From a to b for a moment; FLAGS of the receiver begin with a comma.
a_to_b() { # a_to_b FLAGS OPTIONS...
	local flags=$1
	shift
	pktgen -p "tx=$RUN/a.sock" -p "rx=$RUN/b.sock$flags" -t 0.3 -w 0.1 "$@"
}

# field FILTER JSON
field() { jq -r "$1" <<<"$2"; }

intact() { # intact JSON: all that arrived was right
	expect "0 0 0" "$(field '"\(.corrupt) \(.seq_late) \(.unstamped)"' "$1")"
	[ "$(field .received "$1")" -gt 0 ] || die "nothing arrived"
}

distributions_and_flows_reach_every_station() {
	local d
	weftd_with_two_ports

	for d in random round-robin zipf zipf:1.5; do
		intact "$(a_to_b "" -d "$d" -m 30x20 -f 10 -r 100kpps --verify)"
	done
	expect 50 "$(json length fdb/show lan)"
}

large_frames_are_verified_for_every_kind_of_receiver() {
	local whole cut
	weftd_with_two_ports

	whole=$(a_to_b "" -s tso -r 2k --verify)
	intact "$whole"
	expect false "$(field .segmented "$whole")"
	for flags in ,no-tso ,no-csum; do
		cut=$(a_to_b "$flags" -s tso:20000 -r 2k --verify)
		intact "$cut"
		expect true "$(field .segmented "$cut")"
		expect true "$(field '.received > 12 * .sent and .received <= 14 * .sent' "$cut")"
	done
}

latency_is_sampled_with_and_without_verification() {
	local json
	weftd_with_two_ports

	for options in "--latency=2000 -r 100k" "--latency=100 -r 20k --verify -s imix" \
		"--latency=10 -s tso -r 1k"; do
		# shellcheck disable=SC2086
		json=$(a_to_b "" $options)
		[ "$(field .latency_ns.samples "$json")" -gt 5 ] || die "$options: $json"
		expect true "$(field '.latency_ns | .min <= .p50 and .p50 <= .["p99.99"]
			and .["p99.99"] <= .max and ([.histogram[][1]] | add) == .samples' "$json")"
	done
}

both_directions_and_idle_ports_go_together() {
	local json
	weftd_with_two_ports
	prints . weft add-port lan c

	json=$(pktgen -p "both=$RUN/a.sock" -p "both=$RUN/b.sock" -p "idle=$RUN/c.sock" -t 0.3 \
		-w 0.1 -r 20k --verify)

	intact "$json"
	expect 3 "$(field .ports "$json")"
	expect 0 "$(json '.[0].rx_packets' stats/show c)"
}

full_rings_are_handed_over_in_rounds() {
	local json
	weftd_with_two_ports

	json=$(a_to_b "" --rounds --ring 4096)

	expect "true true" "$(field '"\(.rounds) \(.sent > 4000 and .received >= .sent)"' "$json")"
	expect 0 "$(json '[.[].drops.ring_full // 0] | add' stats/show)"
}

a_result_has_its_ceiling_and_version() {
	local json
	weftd_with_two_ports
	[ "$(nproc)" -gt 1 ] || skip "one processor"

	json=$(a_to_b "")
	[ "$(field .ceiling_pps "$json")" -gt 0 ] || die "no ceiling: $json"
	expect 1 "$(field .schema_version "$json")"
	expect null "$(field .ceiling_pps "$(a_to_b "" --no-ceiling)")"
	[ "$(field .rx_pps "$(pktgen --self-test -t 0.1 -w 0.1 -m 100)")" -gt 0 ] ||
		die "the self-test moved nothing"
}

mistakes_are_told() {
	result_is 2 'role is tx, rx, both or idle' "$BIN/weft-pktgen" -p "in=$RUN/a.sock"
	result_is 2 'server, no-tso, no-csum' "$BIN/weft-pktgen" -p "rx=$RUN/a.sock,tso"
	result_is 2 'random, round-robin, zipf' "$BIN/weft-pktgen" -d pareto
	result_is 2 'such as 250k or 1.5Mpps' "$BIN/weft-pktgen" -r fast
	result_is 2 'give gateway=MAC,inside=ADDRESS' "$BIN/weft-pktgen" --route inside=10.0.0.1
	result_is 2 'from 1 to 60000, or a --route' "$BIN/weft-pktgen" -f 70000 \
		-p "rx=$RUN/a.sock" -p "tx=$RUN/b.sock"
	result_is 2 'a port that sends and another that receives' "$BIN/weft-pktgen" \
		-p "idle=$RUN/a.sock" -p "tx=$RUN/b.sock"
}

run_tests \
	distributions_and_flows_reach_every_station \
	large_frames_are_verified_for_every_kind_of_receiver \
	latency_is_sampled_with_and_without_verification \
	both_directions_and_idle_ports_go_together \
	full_rings_are_handed_over_in_rounds \
	a_result_has_its_ceiling_and_version \
	mistakes_are_told
