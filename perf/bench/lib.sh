# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034 # variables of the scripts that source this
#
# What the benchmarks share: options, 2 MiB pages, what is started and stopped, samples and reports.
#
#   bench_options "$@"   options common to all; sets the variables below
#   bench_begin          a scratch folder $work, 2 MiB pages; all is given back at exit
#   ... spawn, pktgen, sample ...
#   bench_end            prints the table; keeps results.json, samples.tsv and logs with -o
#
# The switch has one processor, the generator the other; a benchmark that needs something else says
# so. Everything a benchmark starts is stopped by pid.
set -u

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=$root/build/release/bin
out=
rounds=5
seconds=2
huge_pages=768
switch_cpu=0
gen_cpu=1
ring=1024

work=
pids=()
huge_added=0
use_huge=
load_before=

say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "$(basename "$0"): $*"
	exit 1
}

# --- options ----------------------------------------------------------------------------------

common_usage() {
	cat <<USAGE
  -b DIR      folder of weftd and weft-pktgen ($bin)
  -o DIR      keep results.json, samples.tsv and logs there
  -n ROUNDS   ($rounds)
  -t SECONDS  measured in each cell ($seconds)
  -g RING     entries of each virtqueue ($ring)
  -H          leave 2 MiB pages alone: everything runs on plain memory
USAGE
}

# A script that has more options defines more_options (for getopts) and more_option OPTION VALUE.
more_options=
more_option() { return 1; }
usage() {
	echo "usage: $0 [options]"
	common_usage
}

bench_options() {
	local opt

	while getopts "b:o:n:t:g:Hh$more_options" opt; do
		case $opt in
		b) bin=$(cd "$OPTARG" && pwd) ;;
		o) out=$OPTARG ;;
		n) rounds=$OPTARG ;;
		t) seconds=$OPTARG ;;
		g) ring=$OPTARG ;;
		H) huge_pages=0 ;;
		h) usage; exit 0 ;;
		*)
			if [ "$opt" = '?' ] || ! more_option "$opt" "${OPTARG-}"; then
				usage >&2
				exit 1
			fi
			;;
		esac
	done
}

# --- begin and end ----------------------------------------------------------------------------

bench_begin() {
	local program

	for program in weftd weft weft-pktgen weft-bench; do
		[ -x "$bin/$program" ] || die "no $bin/$program: run make, or give its folder with -b"
	done
	command -v jq >/dev/null || die "jq is missing: run make setup"
	[ "$(nproc)" -ge 2 ] || die "two processors are needed: for the switch and the generator"
	[ -z "$out" ] || mkdir -p "$out" || die "cannot make $out"
	work=$(mktemp -d) || die "cannot make a temporary folder"
	trap cleanup EXIT
	trap 'exit 130' INT TERM
	touch "$work/samples.tsv" "$work/samples.jsonl" "$work/pktgen.log"
	load_before=$(cut -d' ' -f1 /proc/loadavg)
	reserve_huge_pages
}

cleanup() {
	stop_all
	give_back_huge_pages
	[ -z "${dpdk_prefix-}" ] || rm -rf "/run/dpdk/$dpdk_prefix"
	[ -z "$work" ] || rm -rf "$work"
}

environment() {
	jq -n --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		--arg kernel "$(uname -r)" --arg date "$(date -u +%FT%TZ)" \
		--arg weft "$("$bin/weftd" --version 2>/dev/null | head -n 1)" \
		--arg command "$(basename "$0")" --argjson load_before "$load_before" \
		--argjson processors "$(nproc)" --argjson rounds "$rounds" \
		--argjson seconds "$seconds" --argjson ring "$ring" \
		--argjson huge_pages "$([ "$use_huge" ] && echo true || echo false)" '$ARGS.named'
}

bench_end() {
	environment >"$work/environment.json"
	"$bin/weft-bench" report "$work" || die "no report"
	printf '%s rounds of %s s; ring of %s; 2 MiB pages: %s; *: generator busy\n' "$rounds" \
		"$seconds" "$ring" "$([ "$use_huge" ] && echo yes || echo no)"
	printf 'load average before: %s (above about 0.5 somebody else is measured, too)\n' \
		"$load_before"
	[ -z "$out" ] || cp "$work"/results.json "$work"/samples.* "$work"/*.log "$out/"
}

# sample ROW SUBJECT METRIC VALUE: one value of one round.
sample() {
	[ -z "$4" ] || printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" >>"$work/samples.tsv"
}

# median ROW SUBJECT METRIC, of what was sampled.
median() {
	awk -F'\t' -v row="$1" -v subject="$2" -v metric="$3" \
		'$1 == row && $2 == subject && $3 == metric {print $4}' "$work/samples.tsv" |
		sort -g | awk '{v[NR] = $1}
			END {if (NR) print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2}'
}

# goal WHAT GOT OPERATOR WANTED: a line that says whether a goal was reached. OPERATOR: ge or le.
goal() {
	awk -v what="$1" -v got="$2" -v op="$3" -v wanted="$4" 'BEGIN {
		met = op == "ge" ? got >= wanted : got <= wanted
		printf "%-58s %8.3g  (%s %g: %s)\n", what, got,
		       op == "ge" ? "at least" : "at most", wanted, met ? "met" : "MISSED"
	}'
}

# --- what is started and must be stopped ------------------------------------------------------

# spawn CPUS LOG COMMAND...
spawn() {
	local cpus=$1 log=$2

	shift 2
	taskset -c "$cpus" "$@" >>"$log" 2>&1 </dev/null &
	pids+=($!)
}

stop_all() {
	local pid

	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null
	done
	for pid in "${pids[@]}"; do
		for _ in $(seq 50); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	pids=()
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	local n=$(($1 * 20))

	shift
	while ! "$@" >/dev/null 2>&1; do
		n=$((n - 1))
		[ "$n" -gt 0 ] || return 1
		sleep 0.05
	done
}

# All or nothing: with fewer pages than asked for, some switch would get none.
reserve_huge_pages() {
	local file=/proc/sys/vm/nr_hugepages before free

	[ "$huge_pages" -gt 0 ] || return 0
	before=$(cat "$file") || return 0
	{ echo $((before + huge_pages)) >"$file"; } 2>/dev/null || return 0
	huge_added=$(($(cat "$file") - before))
	free=$(awk '/^HugePages_Free/ {print $2}' /proc/meminfo)
	if [ "$free" -ge "$huge_pages" ]; then
		use_huge=1
	else
		give_back_huge_pages
	fi
}

# Somebody else may have changed the number meanwhile, so ours are taken off what there is now.
give_back_huge_pages() {
	local file=/proc/sys/vm/nr_hugepages

	[ "$huge_added" -le 0 ] || echo $(($(cat "$file") - huge_added)) >"$file"
	huge_added=0
}

# --- weft -------------------------------------------------------------------------------------

weft() {
	"$bin/weft" -s "$work/run/weftd.sock" "$@"
}

sockets_are_there() {
	local port

	for port in "$@"; do
		[ -S "$work/run/$port.sock" ] || return 1
	done
}

# start_weftd CPUS WORKERS PORT...: a bridge of these ports, each listening at run/PORT.sock.
# $weft_switch: further keys of `switch`.
weft_switch=
start_weftd() {
	local cpus=$1 workers=$2 port

	shift 2
	rm -rf "$work/run" && mkdir "$work/run"
	{
		echo "version: 1"
		echo "switch: {workers: $workers, hugepages: $([ "$use_huge" ] && echo on || echo off)," \
			"run-dir: $work/run$weft_switch}"
		echo "bridges: {lan: {fdb-entries: 65536}}"
		echo "ports:"
		for port in "$@"; do
			echo "  $port: {bridge: lan, vhost-user: {path: $work/run/$port.sock, mode: server}}"
		done
	} >"$work/run/weft.yaml"
	spawn "$cpus" "$work/weft.log" "$bin/weftd" -c "$work/run/weft.yaml" --run-dir "$work/run"
	wait_for 10 sockets_are_there "$@" || die "weftd did not start: $(tail -n 3 "$work/weft.log")"
}

# Busy cycles and frames of all workers since the start, for cycles_since.
weft_cycles() {
	weft --json pmd-perf-show | jq -r '"\(map(.busy_cycles) | add) \(map(.rx_packets) | add)"'
}

# cycles_since "CYCLES FRAMES": busy cycles a frame.
cycles_since() {
	echo "$1 $(weft_cycles)" | awk '$4 > $2 {printf "%.2f", ($3 - $1) / ($4 - $2)}'
}

# --- the generator ----------------------------------------------------------------------------

# Prints its JSON, or nothing when it failed.
pktgen() {
	taskset -c "$gen_cpu" timeout 60 "$bin/weft-pktgen" --json --ring "$ring" --no-ceiling \
		${use_huge:+--huge} "$@" 2>>"$work/pktgen.log"
}

mpps() {
	jq -r '.rx_pps / 1e6' <<<"$1"
}
