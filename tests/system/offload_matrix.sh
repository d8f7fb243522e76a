#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Linux guests with different offloads and MTUs stream to each other, every byte verified: all
# pairs, both ways. Four emulated guests, booted once.
#
#   all (1500) ------+                       +------ nocsum (1500)
#                    +--- [ weftd: lan ] ----+
#   notso (1500) ----+                       +------ jumbo (all, 9000)
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

BOOT_S=120 # four emulated guests on a busy machine
GUESTS=(all notso nocsum jumbo)

takes() { json '.[0].frontend.offloads.to_guest | "\(.csum) \(.tso4) \(.tso6)"' port/show "$1.0"; }

boot() {
	local name
	start_guests "${GUESTS[@]}" <<-END
		version: 1
		bridges:
		  lan: {address: 10.10.0.1/24}
		guests:
		  all:    {nics: [{bridge: lan}]}
		  notso:  {nics: [{bridge: lan, offloads: {tso: off}}]}
		  nocsum: {nics: [{bridge: lan, offloads: {tso: off, csum: off}}]}
		  jumbo:  {nics: [{bridge: lan, mtu: 9000}]}
	END
	for name in "${GUESTS[@]}"; do
		in_guest "$name" weft-perf server -d >/dev/null || die "no weft-perf server in $name"
	done
}

# stream FROM TO TEST [OPTIONS]: adds its rate to the note; TCP hides lost frames, but then it crawls.
stream() {
	local record mbps
	record=$(in_guest "$1" weft-perf client "$(address "$2")" "$3" -l 1s -w 500ms --verify \
		--json "${@:4}") || die "$3 from $1 to $2 failed: $record"
	expect "[]" "$(jq -c .errors <<<"$record")"
	mbps=$(jq '.throughput | round' <<<"$record")
	[ "$mbps" -ge 5 ] || die "only $mbps Mb/s in $3 between $1 and $2"
	rates+=("$mbps")
}

# Frames lost for another reason than a full ring or an address.
named_drops() {
	json '[.[].drops // {} | to_entries[] | select(.key | test("csum|gso|mtu|fit|negot")) |
		"\(.key)=\(.value)"] | unique | join(" ")' stats/show
}

every_pair_of_guests_streams_verified_bytes_both_ways() {
	local from to rates=()
	boot
	expect "true true true" "$(takes all)"
	expect "true false false" "$(takes notso)"
	expect "false false false" "$(takes nocsum)"
	expect "true true true" "$(takes jumbo)"
	# Bit 2: what a guest may not turn off where the switch does not hear of it.
	expect 0 "$(in_guest all cut -c3 /sys/class/net/eth0/device/features)"

	for from in "${GUESTS[@]}"; do
		for to in "${GUESTS[@]}"; do
			[[ $from < $to ]] || continue
			stream "$from" "$to" TCP_STREAM
			stream "$from" "$to" TCP_MAERTS
			stream "$from" "$to" UDP_STREAM -m 1400
		done
	done

	expect "" "$(named_drops)"
	note "$(printf '%s\n' "${rates[@]}" | sort -n | sed -n '1p;$p' | paste -sd ' ' |
		sed 's/ / to /') Mb/s"
}

run_tests every_pair_of_guests_streams_verified_bytes_both_ways
