#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What `make demo` does, with tests of one second.
#
#   weft-lab ---- weftd --example ---- alpha, beta ----> results.json, report.md
#
# weftd's host is a network namespace, since the example goes out through its host.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

NS=weft-demo-$$
TESTS=(TCP_STREAM TCP_MAERTS TCP_RR TCP_CRR UDP_STREAM UDP_RR)

# What a lab may add to a host: namespaces, interfaces, files.
host() {
	{
		ip netns list
		ip -o link show | cut -d: -f2
		find /tmp -maxdepth 1 -name 'weft-lab.*'
		find /dev/hugepages /run/weft -mindepth 1
	} 2>/dev/null | sort
}

# A lab file with tests of the given length.
lab_file() {
	need jq qemu-system-x86_64
	printf 'guests:\n  alpha: {}\n' >"$SCRATCH/guest.yaml"
	sed -i '1i version: 1' "$SCRATCH/guest.yaml"
	"$BIN/weft" check "$SCRATCH/guest.yaml" >/dev/null 2>&1 ||
		skip "no guest image: run make guest-image"
	cat >"$SCRATCH/lab.yaml" <<-END
		version: 1
		setups:
		  - {name: weft, config: builtin, client: alpha, server: beta,
		     host: ip netns exec $NS, up: ip netns add $NS, down: ip netns delete $NS}
		tests: [${TESTS[*]/%/,}]
		repeats: 1
		duration: $1
		warmup: 200ms
	END
}

huge_pages() {
	cat /sys/kernel/mm/hugepages/hugepages-*/nr_hugepages | awk '{n += $1} END {print n + 0}'
}

# Fails when one of the lab's processes is left, or something is on the host that was not before.
nothing_new() { # nothing_new HOST-BEFORE HUGE-PAGES-BEFORE
	expect "" "$(ours)"
	expect "" "$(comm -13 <(echo "$1") <(host))"
	[ "$(huge_pages)" -le "$2" ] || die "huge pages were reserved and not given back"
}

a_lab_measures_all_six_tests_and_leaves_only_its_report() {
	local before huge name
	lab_file 1s
	before=$(host) huge=$(huge_pages)

	"$BIN/weft-lab" run "$SCRATCH/lab.yaml" -o "$SCRATCH/out" >"$SCRATCH/table" 2>"$SCRATCH/log" ||
		die "weft-lab failed: $(tail -n 5 "$SCRATCH/log")"

	expect "${TESTS[*]}" "$(jq -r '[.cells[].test] | join(" ")' "$SCRATCH/out/results.json")"
	expect "0 6 true" "$(jq -r '"\([.cells[].failed] | add) \(.runs | length) " +
		"\([.cells[].median > 0] | all)"' "$SCRATCH/out/results.json")"
	for name in "${TESTS[@]}"; do
		grep -q "^$name, " "$SCRATCH/table" || die "$name is not in the table"
		grep -q "^| $name, " "$SCRATCH/out/report.md" || die "$name is not in the report"
	done
	expect_match '\[6/6\] weft UDP_RR run 1/1 .* ETA' "$(cat "$SCRATCH/log")"
	nothing_new "$before" "$huge"
}

an_interrupted_lab_says_so_and_leaves_only_its_report() {
	local before huge status=0
	lab_file 60s
	before=$(host) huge=$(huge_pages)
	start lab "$BIN/weft-lab" run "$SCRATCH/lab.yaml" -o "$SCRATCH/out"
	wait_for 60 grep -q 'first transaction' "$SCRATCH/lab.log"

	kill -TERM "$PID"
	wait "$PID" || status=$?

	expect 1 "$status"
	expect true "$(jq .partial "$SCRATCH/out/results.json")"
	[ -s "$SCRATCH/out/report.md" ] || die "no report"
	nothing_new "$before" "$huge"
}

run_tests \
	a_lab_measures_all_six_tests_and_leaves_only_its_report \
	an_interrupted_lab_says_so_and_leaves_only_its_report
