#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What two well-behaved guests keep of their rate while a third attacks: ADR 0016.
#
#   weft-fairness, one processor ---- a.sock, b.sock, c.sock [ weftd, one worker, another processor ]
set -u

here=$(cd "$(dirname "$0")/../.." && pwd)
bin=$here/build/release/bin
rate=100000
seconds=1
rounds=3

usage() {
	cat <<USAGE
usage: $0 [-b BINDIR] [-r PPS] [-t SECONDS] [-n ROUNDS]
  -b  folder of weftd and weft-fairness ($bin)
  -r  frames a second that each of the two sends, 0: all they can ($rate)
  -t  seconds an attack ($seconds), -n rounds of all attacks ($rounds); medians are printed
USAGE
}

while getopts b:r:t:n:h option; do
	case $option in
	b) bin=$OPTARG ;;
	r) rate=$OPTARG ;;
	t) seconds=$OPTARG ;;
	n) rounds=$OPTARG ;;
	*)
		usage
		exit 2
		;;
	esac
done

work=$(mktemp -d /tmp/weft-fairness.XXXXXX)
cat >"$work/weft.yaml" <<CONFIG
version: 1
switch: {workers: 1, hugepages: off}
bridges:
  lan: {}
ports:
  a: {bridge: lan}
  b: {bridge: lan}
  c: {bridge: lan}
CONFIG
taskset -c 0 "$bin/weftd" --run-dir "$work/run" -c "$work/weft.yaml" >"$work/log" 2>&1 </dev/null &
weftd=$!
trap 'kill "$weftd" 2>/dev/null; wait "$weftd" 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 200); do
	[ -S "$work/run/c.sock" ] && break
	sleep 0.05
done
taskset -c 1 "$bin/weft-fairness" "$work/run/a.sock" "$work/run/b.sock" "$work/run/c.sock" \
	"$rate" "$seconds" "$rounds"
