#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs test programs and scripts one after the other and counts what they say.
#
#   tests/run.sh [-t SECONDS] [NAME=COMMAND | -j N]...
#
# After `-j N`, up to N run at once: for what only burns time, or only waits. `-j 1` ends that.
# A cmocka program is counted by its own summary; a script by its lines `ok - sentence`,
# `not ok - sentence` and `skip - sentence: reason`; a fuzzer, or anything else, is one test that
# passes when it exits with 0. Exit status 77 of a script without such lines is one test skipped.
# The last line is `N passed, N failed, N skipped`; the exit status is 1 when anything failed.
set -u

limit=600
if [ "${1:-}" = -t ]; then
	limit=$2
	shift 2
fi
logs=build/log
mkdir -p "$logs"
passed=0 failed=0 skipped=0

# Sums the numbers of cmocka's closing lines of one kind.
cmocka_count() {
	sed -n "s/^\[  $1 *\] \([0-9]*\) test(s).*/\1/p" "$2" | awk '{n += $1} END {print n + 0}'
}

count_cmocka() {
	ok=$(cmocka_count PASSED "$1")
	bad=$(cmocka_count FAILED "$1")
	skip=$(cmocka_count SKIPPED "$1")
}

count_lines() {
	ok=$(grep -c '^ok - ' "$1")
	bad=$(grep -c '^not ok - ' "$1")
	skip=$(grep -c '^skip - ' "$1")
	sed -n 's/^skip - //p' "$1" >"${1%.log}.skips"
}

# Runs one test. Its numbers go to NAME.count and what people shall see to stdout.
run_one() {
	local name=$1 log=$logs/$1.log start status seconds ok bad skip
	shift
	start=$(date +%s.%N)
	timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null
	status=$?
	seconds=$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN {printf "%.1f", b - a}')

	ok=0 bad=0 skip=0
	if grep -q '^\[==========\]' "$log"; then
		count_cmocka "$log"
	elif grep -qE '^(ok|not ok|skip) - ' "$log"; then
		count_lines "$log"
	elif [ "$status" -eq 0 ]; then
		ok=1
	elif [ "$status" -eq 77 ]; then
		skip=1
		echo "$name: $(tail -n 1 "$log")" >"$logs/$name.skips"
	fi
	# A crash, a leak or a time-out fails even when every test before it passed.
	[ "$status" -ne 0 ] && [ "$status" -ne 77 ] && [ "$bad" -eq 0 ] && bad=1

	echo "$ok $bad $skip" >"$logs/$name.count"
	if [ "$bad" -gt 0 ]; then
		printf 'FAIL  %-28s %3d passed, %d failed (exit %d, %s s), log %s\n' \
			"$name" "$ok" "$bad" "$status" "$seconds" "$log"
		grep -aE '^not ok|ERROR|LINE|FAILED  \]|runtime error|SUMMARY' "$log" | head -n 20
		tail -n 25 "$log" | sed 's/^/    /'
	else
		printf 'ok    %-28s %3d passed%s (%s s)\n' "$name" "$ok" \
			"$([ "$skip" -gt 0 ] && echo ", $skip skipped")" "$seconds"
	fi
}

# Waits until fewer than `$1` tests run.
wait_below() {
	while [ "$(jobs -rp | wc -l)" -ge "$1" ]; do
		wait -n
	done
}

at_once=1 names=()
while [ $# -gt 0 ]; do
	if [ "$1" = -j ]; then
		wait_below 1
		at_once=$2
		shift 2
		continue
	fi
	name=${1%%=*}
	names+=("$name")
	rm -f "$logs/$name.count" "$logs/$name.skips"
	# Not in the background if it is alone: that would make it deaf to an interrupt.
	# shellcheck disable=SC2086 # the command is words
	if [ "$at_once" -eq 1 ]; then
		run_one "$name" ${1#*=}
	else
		run_one "$name" ${1#*=} &
		wait_below "$at_once"
	fi
	shift
done
wait_below 1

for name in "${names[@]}"; do
	read -r ok bad skip <"$logs/$name.count"
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
	[ ! -s "$logs/$name.skips" ] || sed 's/^/skipped: /' "$logs/$name.skips"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
