#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make demo` as a user runs it, where there is KVM: its two guests are weft-vmm's; runs in the bed.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/vmm.sh
. tests/lib/vmm.sh

TESTS=(TCP_STREAM TCP_MAERTS TCP_RR TCP_CRR UDP_STREAM UDP_RR)

the_demo_measures_between_two_guests_of_weft_vmm() {
	local name engines results=build/demo/results.json
	need jq make
	# As in a release's tree: git would read all files, by 9p, to tell which version this is.
	cp "${BIN%/bin}/obj/version" version
	make demo >"$SCRATCH/table" 2>"$SCRATCH/log" || die "make demo failed: $(tail -n 5 "$SCRATCH/log")"
	cat "$SCRATCH/table"
	engines=$(jq -r '[.setups[].guests[].engine] | unique | join(" ")' "$results")
	expect weft "$engines"
	expect "kvm" "$(jq -r '[.setups[].engine] | unique | join(" ")' "$results")"
	expect "0 true" "$(jq -r '"\([.cells[].failed] | add) \([.cells[].median > 0] | all)"' "$results")"
	for name in "${TESTS[@]}"; do
		grep -q "^$name, " "$SCRATCH/table" || die "$name is not in the table"
	done
}

run_tests the_demo_measures_between_two_guests_of_weft_vmm
