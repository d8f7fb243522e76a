#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Frames between two vhost-user ports of one switch: weft beside its peers, in one run.
#
#   weft-pktgen, one processor  --tx-->  [ switch, one processor ]  --rx-->  the same weft-pktgen
#
# Each round starts every switch once, in turn, and sends every row of traffic through it, so that
# a slow spell of the machine hits all of them. What counts is the median of the rounds, with its
# range, and the ratio of two medians. The generator's own ceiling stands in the first column;
# where it was busy for more than nine tenths of the time the cell carries a star, and the switch
# may be faster than what it says.
#
# A switch is two functions: NAME_have (may it run here; if not, say what to install) and NAME_up
# MODE (start it with ports at run/a.sock and run/b.sock; MODE is plain or tso; set `suffix` to
# ,server when it connects instead of listening). What it spawned is stopped after its turn. One that
# is missing is left out and named at the end. All of them get 2 MiB pages, or none does.
set -u

here=$(cd "$(dirname "$0")/../.." && pwd)
bin=$here/build/release/bin
out=
rounds=5
seconds=2
switches="weft ovs testpmd"
only_rows=
huge_pages=768
switch_cpu=0
gen_cpu=1
ring=1024

usage() {
	cat <<USAGE
usage: $0 [-b BINDIR] [-o DIR] [-n ROUNDS] [-t SECONDS] [-s "weft ovs testpmd"] [-r "ROW ..."]
          [-g RING] [-H]
  -b  folder of weftd and weft-pktgen ($bin)
  -o  keep results.json, samples.tsv and the switches' logs there
  -n  rounds ($rounds), -t seconds measured in each cell ($seconds)
  -s  switches, -r rows: $(row_names)
  -g  entries of each virtqueue ($ring)
  -H  leave 2 MiB pages alone: everything runs on plain memory
USAGE
}

# name, mode, options of weft-pktgen
rows() {
	cat <<ROWS
64 plain --size 64
64-touched plain --size 64 --touch
512 plain --size 512
1500 plain --size 1500
64-1000x1000 plain --size 64 --macs 1000x1000
tso tso --size tso
ROWS
}

row_names() {
	rows | cut -d' ' -f1 | tr '\n' ' '
}

say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "switch.sh: $*"
	exit 1
}

# --- what is started and must be stopped ----------------------------------------------------

work=
suffix=
pids=()
huge_added=0
use_huge=
dpdk_prefix=weft-bench-$$

# Starts "$@" on the switch's processor, its output in the log "$1".
spawn() {
	local log=$1

	shift
	taskset -c "$switch_cpu" "$@" >>"$log" 2>&1 </dev/null &
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

cleanup() {
	stop_all
	give_back_huge_pages
	rm -rf "/run/dpdk/$dpdk_prefix"
	[ -n "$work" ] && rm -rf "$work"
}

# All or nothing: with fewer pages than asked for, some switch would get none.
reserve_huge_pages() {
	local file=/proc/sys/vm/nr_hugepages before free

	before=$(cat "$file") || return 0
	{ echo $((before + huge_pages)) >"$file"; } 2>/dev/null || return 0
	huge_added=$(($(cat "$file") - before))
	free=$(awk '/^HugePages_Free/ {print $2}' /proc/meminfo)
	if [ "$huge_pages" -gt 0 ] && [ "$free" -ge "$huge_pages" ]; then
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

sockets_are_there() {
	[ -S "$work/run/a.sock" ] && [ -S "$work/run/b.sock" ]
}

# OVS asks for a pool of 790 MB first. Where that fails, the backend's own allocations fail with it
# for a moment.
dpdk_memory() {
	if [ "$use_huge" ]; then
		echo "--in-memory --socket-limit 1024 --file-prefix=$dpdk_prefix"
	else
		echo "--no-huge -m 512 --file-prefix=$dpdk_prefix"
	fi
}

# --- weft -----------------------------------------------------------------------------------

weft_have() {
	[ -x "$bin/weftd" ] || { echo "build it: make"; return 1; }
}

weft_up() {
	cat >"$work/run/weft.yaml" <<CONFIG
version: 1
switch: {workers: 1, hugepages: $([ "$use_huge" ] && echo on || echo off), run-dir: $work/run}
bridges:
  lan: {}
ports:
  a: {bridge: lan, vhost-user: {path: $work/run/a.sock, mode: server}}
  b: {bridge: lan, vhost-user: {path: $work/run/b.sock, mode: server}}
CONFIG
	spawn "$work/weft.log" "$bin/weftd" -c "$work/run/weft.yaml" --run-dir "$work/run"
	wait_for 10 sockets_are_there
}


# --- OVS-DPDK -------------------------------------------------------------------------------

ovs_vswitchd=/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk

ovs_have() {
	[ -x "$ovs_vswitchd" ] || { echo "apt-get install openvswitch-switch-dpdk"; return 1; }
	[ "$use_huge" ] || { echo "forwards nothing without 2 MiB pages"; return 1; }
}

ovs_vsctl() {
	ovs-vsctl --no-syslog --timeout=15 --db="unix:$work/run/db.sock" "$@"
}

# The bridge's own tap needs a network namespace, or it would appear in ours.
ovs_up() {
	local run=$work/run mask tso=false

	suffix=,server
	mask=$(printf '0x%x' $((1 << switch_cpu)))
	[ "$1" = tso ] && tso=true
	export OVS_RUNDIR=$run OVS_LOGDIR=$run OVS_DBDIR=$run
	ovsdb-tool create "$run/conf.db" /usr/share/openvswitch/vswitch.ovsschema || return 1
	spawn "$work/ovs.log" ovsdb-server "$run/conf.db" --remote="punix:$run/db.sock" \
		--unixctl="$run/ovsdb.ctl"
	wait_for 5 test -S "$run/db.sock" || return 1
	ovs_vsctl --no-wait set Open_vSwitch . other_config:dpdk-init=true \
		other_config:dpdk-lcore-mask="$mask" other_config:pmd-cpu-mask="$mask" \
		other_config:userspace-tso-enable="$tso" \
		other_config:dpdk-extra="$(dpdk_memory) --no-pci --no-telemetry" || return 1
	spawn "$work/ovs.log" unshare --net "$ovs_vswitchd" "unix:$run/db.sock" \
		--unixctl="$run/vswitchd.ctl"
	ovs_vsctl add-br br0 -- set Bridge br0 datapath_type=netdev \
		other_config:mac-table-size=65536 -- \
		add-port br0 a -- set Interface a type=dpdkvhostuserclient \
		options:vhost-server-path="$run/a.sock" -- \
		add-port br0 b -- set Interface b type=dpdkvhostuserclient \
		options:vhost-server-path="$run/b.sock"
}


# --- testpmd, io forwarding: no switch, the least that DPDK's vhost can do -------------------

testpmd_have() {
	command -v dpdk-testpmd >/dev/null || { echo "apt-get install dpdk-dev"; return 1; }
}

testpmd_up() {
	local tso=0

	[ "$1" = tso ] && tso=1
	# shellcheck disable=SC2046
	spawn "$work/testpmd.log" dpdk-testpmd --lcores "(0-1)@$switch_cpu" $(dpdk_memory) --no-pci \
		--no-telemetry \
		--vdev "net_vhost0,iface=$work/run/a.sock,client=0,tso=$tso" \
		--vdev "net_vhost1,iface=$work/run/b.sock,client=0,tso=$tso" \
		-- --forward-mode=io --auto-start --nb-cores=1 --burst=64 --stats-period=3600 \
		--total-num-mbufs=65536
	wait_for 15 sockets_are_there
}


# --- measuring ------------------------------------------------------------------------------

field() {
	sed -n "s/.*\"$1\": \([-0-9.e+]*\).*/\1/p"
}

pktgen() {
	taskset -c "$gen_cpu" timeout 60 "$bin/weft-pktgen" --json --ring "$ring" \
		${use_huge:+--huge} "$@" 2>>"$work/pktgen.log"
}

# cell SWITCH ROUND ROW OPTIONS...
cell() {
	local switch=$1 round=$2 row=$3 json

	shift 3
	for _ in 1 2; do
		json=$(pktgen --port "tx=$work/run/a.sock$suffix" --port "rx=$work/run/b.sock$suffix" \
			--wait 20 --warmup 0.5 --time "$seconds" "$@")
		[ -z "$json" ] || break
		say "  $switch $row: $(tail -n 1 "$work/pktgen.log")"
	done
	[ -n "$json" ] || return
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$row" "$switch" "$round" "$(field rx_pps <<<"$json")" \
		"$(field gbps <<<"$json")" "$(field loss <<<"$json")" \
		"$(field generator_busy <<<"$json")" >>"$work/samples.tsv"
	printf '{"row": "%s", "switch": "%s", "round": %s, "result": %s}\n' "$row" "$switch" \
		"$round" "$json" >>"$work/samples.jsonl"
}

wanted_row() {
	[ -z "$only_rows" ] && return 0
	[[ " $only_rows " == *" $1 "* ]]
}

# turn SWITCH ROUND MODE: all rows of that mode
turn() {
	local switch=$1 round=$2 mode=$3 row row_mode options started=

	while read -r row row_mode options; do
		if [ "$row_mode" != "$mode" ] || ! wanted_row "$row"; then
			continue
		fi
		if [ -z "$started" ]; then
			started=1
			suffix=
			rm -rf "$work/run" && mkdir "$work/run"
			if ! "${switch}_up" "$mode"; then
				say "  $switch did not start, see $switch.log (keep it with -o)"
				break
			fi
		fi
		# shellcheck disable=SC2086
		cell "$switch" "$round" "$row" $options
	done < <(rows)
	stop_all
}

# The best of three, since whatever else runs here can only lower it.
measure_ceilings() {
	local row options json

	while read -r row _ options; do
		wanted_row "$row" || continue
		for _ in 1 2 3; do
			# shellcheck disable=SC2086
			json=$(pktgen --self-test --warmup 0.2 --time 0.5 $options)
			printf '%s\tceiling\t0\t%s\t%s\t0\t0\n' "$row" \
				"$(field rx_pps <<<"$json")" "$(field gbps <<<"$json")"
		done >>"$work/samples.tsv"
	done < <(rows)
}

# --- reporting ------------------------------------------------------------------------------

# Reads samples.tsv; $1 is table or json. Large frames count in Gb/s, the others in Mpps.
summarize() {
	awk -F'\t' -v format="$1" -v switches="$switches" '
	function median(key,    n, i, j, t, v) {
		n = count[key]
		for (i = 1; i <= n; i++)
			v[i] = value[key, i]
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && v[j - 1] > v[j]; j--) {
				t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
			}
		low[key] = v[1]; high[key] = v[n]
		return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
	}
	function ceiling(row,    key) {
		key = row SUBSEP "ceiling"
		median(key)
		return high[key]
	}
	function unit(row) {
		return row == "tso" ? "Gb/s" : "Mpps"
	}
	function cell(key,    m) {
		if (!count[key])
			return "-"
		m = median(key)
		return sprintf("%.2f%s (%.2f-%.2f)", m, busy[key] / count[key] > 0.9 ? "*" : " ",
			       low[key], high[key])
	}
	function table_row(row,    i, key, best) {
		printf "%-14s %s %8.1f", row, unit(row), ceiling(row)
		for (i = 1; i <= n_switches; i++) {
			key = row SUBSEP names[i]
			printf " %23s", cell(key)
			if (names[i] != "weft" && count[key] && median(key) > best)
				best = median(key)
		}
		key = row SUBSEP "weft"
		printf " %9s\n", best && count[key] ? sprintf("%.2f", median(key) / best) : "-"
	}
	function json_row(row,    i, key) {
		printf "%s\n  {\"row\": \"%s\", \"unit\": \"%s\", \"ceiling\": %.3f", comma, row, unit(row),
		       ceiling(row)
		comma = ","
		for (i = 1; i <= n_switches; i++) {
			key = row SUBSEP names[i]
			if (!count[key])
				continue
			printf ", \"%s\": {\"median\": %.3f", names[i], median(key)
			printf ", \"min\": %.3f, \"max\": %.3f, \"rounds\": %d", low[key],
			       high[key], count[key]
			printf ", \"loss\": %.6f, \"generator_busy\": %.3f}", loss[key] / count[key],
			       busy[key] / count[key]
		}
		printf "}"
	}
	{
		key = $1 SUBSEP $2
		if (!($1 in seen)) {
			seen[$1] = 1
			order[++n_rows] = $1
		}
		value[key, ++count[key]] = unit($1) == "Gb/s" ? $5 : $4 / 1e6
		loss[key] += $6; busy[key] += $7
	}
	END {
		n_switches = split(switches, names, " ")
		if (format == "table") {
			printf "%-19s %8s", "", "ceiling"
			for (i = 1; i <= n_switches; i++)
				printf " %23s", names[i]
			printf " %9s\n", "weft/best"
		}
		for (i = 1; i <= n_rows; i++)
			if (format == "table")
				table_row(order[i])
			else
				json_row(order[i])
	}' "$work/samples.tsv"
}

report() {
	local model huge

	model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	huge=$([ "$use_huge" ] && echo true || echo false)
	summarize table
	printf 'median (range) of %s rounds of %s s; ring of %s; 2 MiB pages: %s; *: generator busy\n' \
		"$rounds" "$seconds" "$ring" "$huge"
	printf 'load average before: %s (more than about 0.5: somebody else is measured, too)\n' \
		"$load_before"
	[ -n "$missing" ] && printf 'left out:%s\n' "$missing"
	[ -n "$out" ] || return 0
	{
		printf '{"cpu": "%s", "kernel": "%s", "date": "%s", ' "$model" "$(uname -r)" \
			"$(date -u +%FT%TZ)"
		printf '"load_before": %s, "rounds": %s, "seconds": %s, ' "$load_before" "$rounds" \
			"$seconds"
		printf '"ring": %s, "huge_pages": %s, "rows": [' "$ring" "$huge"
		summarize json
		printf '\n], "samples": [\n'
		sed '$!s/$/,/' "$work/samples.jsonl"
		printf ']}\n'
	} >"$out/results.json"
	cp "$work/samples.tsv" "$work"/*.log "$out/"
}

while getopts b:o:n:t:s:r:g:Hh opt; do
	case $opt in
	b) bin=$(cd "$OPTARG" && pwd) ;;
	o) out=$OPTARG ;;
	n) rounds=$OPTARG ;;
	t) seconds=$OPTARG ;;
	s) switches=$OPTARG ;;
	r) only_rows=$OPTARG ;;
	g) ring=$OPTARG ;;
	H) huge_pages=0 ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 1 ;;
	esac
done

[ -x "$bin/weft-pktgen" ] || die "no $bin/weft-pktgen: run make, or give its folder with -b"
[ "$(nproc)" -ge 2 ] || die "two processors are needed: for the switch and the generator"
[ -z "$out" ] || mkdir -p "$out" || die "cannot make $out"
work=$(mktemp -d) || die "cannot make a temporary folder"
trap cleanup EXIT
trap 'exit 130' INT TERM
touch "$work/samples.tsv" "$work/samples.jsonl" "$work/pktgen.log"

load_before=$(cut -d' ' -f1 /proc/loadavg)
reserve_huge_pages

missing=
present=
for switch in $switches; do
	if reason=$("${switch}_have"); then
		present="$present $switch"
	else
		missing="$missing $switch ($reason)"
	fi
done
[ -n "$present" ] || die "no switch to measure:$missing"
switches=${present# }

measure_ceilings
for round in $(seq "$rounds"); do
	for switch in $switches; do
		say "round $round of $rounds: $switch"
		turn "$switch" "$round" plain
		turn "$switch" "$round" tso
	done
done
report
