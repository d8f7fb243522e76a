#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Source NAT between a guest's port and an uplink: weft beside OVS-DPDK's conntrack, in one run.
#
#   weft-pktgen --tx--> [ port a | NAT to 198.18.0.2-198.18.0.9 | port b ] --rx--> weft-pktgen
#
# 64-byte UDP datagrams from as many inside endpoints as the row says; in the row `new` every
# datagram is the first of a flow. In the rows `routed` nothing is translated, in the rows `filter`
# the stateful filter lets the packets pass. Rows whose names end in 6 send IPv6, 84 bytes; `npt6`
# has the prefix translated, for which OVS has no equivalent. The next hop is known beforehand, so
# none is lost while it is asked for: losses in the table are the switch's. Rounds, samples and goals
# are as in switch.sh.
# shellcheck source=perf/bench/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=perf/bench/ovs.sh
. "$(dirname "$0")/ovs.sh"

switches="weft ovs"
only_rows=
suffix=
next_hop=02:67:01:00:00:00 # the generator's second port
externals=198.18.0.2-198.18.0.9

# name, seconds of warm-up, flows, what follows in --route
rows() {
	cat <<ROWS
1 0.5 1 endpoints=1
1000 0.5 1000 addresses=100,endpoints=1000
60000 1 60000 addresses=1000,endpoints=60000
1M 4 1000000 addresses=1000,endpoints=62500
new 0.5 1 addresses=1000,endpoints=62500,new
routed 0.5 1000 addresses=100,endpoints=1000
routed6 0.5 1000 addresses=100,endpoints=1000
filter 0.5 1000 addresses=100,endpoints=1000
filter6 0.5 1000 addresses=100,endpoints=1000
filter-60000 1 60000 addresses=1000,endpoints=60000
filter-60000-6 1 60000 addresses=1000,endpoints=60000
npt6 0.5 1000 addresses=100,endpoints=1000
npt6-filter6 0.5 1000 addresses=100,endpoints=1000
ROWS
}

# What the bridge does in the row that is measured, and with what kind of addresses.
is_ipv6() { [[ $row == *6 ]]; }

row_names() {
	rows | cut -d' ' -f1 | tr '\n' ' '
}

usage() {
	echo "usage: $0 [options]"
	common_usage
	cat <<USAGE
  -s NAMES    switches ("$switches")
  -r ROWS     rows, of $(row_names)
USAGE
}

more_options=s:r:
more_option() {
	case $1 in
	s) switches=$2 ;;
	r) only_rows=$2 ;;
	*) return 1 ;;
	esac
}

# --- weft -----------------------------------------------------------------------------------

weft_have() {
	[ -x "$bin/weftd" ] || { echo "build it: make"; return 1; }
}

bridge_mode() {
	local filter="filter: [{allow: out}]" prefix="prefix6: '2001:db8:a::/48'"

	case $row in
	routed*) echo "forward: route, uplink: wan" ;;
	filter*) echo "forward: route, uplink: wan, nat: {$filter}" ;;
	npt6-filter6) echo "nat: {uplink: wan, $prefix, $filter}" ;;
	npt6) echo "nat: {uplink: wan, $prefix}" ;;
	*) echo "nat: {uplink: wan}" ;;
	esac
}

# Prints nothing; sets `gateway` to the MAC address that guests send to.
weft_up() {
	rm -rf "$work/run" && mkdir "$work/run"
	cat >"$work/run/weft.yaml" <<YAML
version: 1
switch:
  workers: 1
  hugepages: $([ "$use_huge" ] && echo on || echo off)
  run-dir: $work/run
  nat-sessions: 8388608
uplinks:
  wan:
    address: 198.18.0.2/24
    addresses: 198.18.0.3-198.18.0.9
    gateway: 198.18.0.1
    address6: 2001:db8:1::2/64
    gateway6: 2001:db8:1::1
    neighbours:
      - {address: 198.18.0.1, mac: "$next_hop"}
      - {address: "2001:db8:1::1", mac: "$next_hop"}
    vhost-user: {path: $work/run/b.sock}
bridges:
  lan: {address: 10.10.0.1/16, address6: fd00:a::1/48, $(bridge_mode)}
ports:
  a: {bridge: lan, vhost-user: {path: $work/run/a.sock}}
YAML
	spawn "$switch_cpu" "$work/weft.log" "$bin/weftd" -c "$work/run/weft.yaml" --run-dir "$work/run"
	wait_for 10 sockets_are_there a b || return 1
	gateway=$(weft --json show |
		jq -r '.bridges[0].ports[] | select(.kind == "gateway").mac')
}

# --- OVS-DPDK -------------------------------------------------------------------------------

# The least that is a source NAT: one pass of conntrack, then the MAC addresses and the TTL.
ovs_flows() {
	local ip=ip nat=",nat(src=$externals:1024-65535)" back=,nat
	local out=dec_ttl,mod_dl_src:02:00:00:00:aa:01,mod_dl_dst:$next_hop,output:b

	! is_ipv6 || ip=ipv6
	case $row in
	routed*)
		echo "$ip,in_port=a,actions=$out"
		return
		;;
	filter*) nat='' back='' ;;
	esac
	cat <<FLOWS
table=0,priority=10,$ip,in_port=a,actions=ct(commit,zone=1$nat,table=1)
table=0,priority=10,$ip,in_port=b,actions=ct(zone=1$back,table=2)
table=0,priority=0,actions=drop
table=1,priority=10,$ip,actions=$out
table=2,priority=10,$ip,ct_state=+est,actions=dec_ttl,output:a
FLOWS
}

ovs_up() {
	local run=$work/run

	suffix=,server
	gateway=02:00:00:00:aa:02
	ovs_start false || return 1
	ovs_vsctl add-br br0 -- set Bridge br0 datapath_type=netdev -- \
		add-port br0 a -- set Interface a type=dpdkvhostuserclient \
		options:vhost-server-path="$run/a.sock" -- \
		add-port br0 b -- set Interface b type=dpdkvhostuserclient \
		options:vhost-server-path="$run/b.sock" || return 1
	ovs-appctl -t "$run/vswitchd.ctl" dpctl/ct-set-maxconns 8000000 >>"$work/ovs.log" 2>&1
	ovs_flows | ovs-ofctl add-flows "unix:$run/br0.mgmt" - >>"$work/ovs.log" 2>&1
}

# --- measuring ------------------------------------------------------------------------------

# Size and addresses of the row's datagrams, as the generator's options have them.
datagrams() { # datagrams GATEWAY ROUTE
	if is_ipv6; then
		echo "--size 84 --route gateway=$1,inside=fd00:a::a:100,outside=2001:db8:b::1,$2"
	else
		echo "--size 64 --route gateway=$1,inside=10.10.1.0,outside=203.0.113.0,$2"
	fi
}

measured() { # measured SWITCH ROUND ROW JSON
	sample "$3" "$1" Mpps "$(mpps "$4")"
	sample "$3" "$1" loss "$(jq -r .loss <<<"$4")"
	sample "$3" "$1" busy "$(jq -r .generator_busy <<<"$4")"
	jq -c --arg row "$3" --arg switch "$1" --argjson round "$2" \
		'{row: $row, switch: $switch, round: $round, result: .}' <<<"$4" \
		>>"$work/samples.jsonl"
}

# cell SWITCH ROUND ROW WARMUP FLOWS ROUTE
cell() {
	local switch=$1 round=$2 row=$3 json before

	for _ in 1 2; do
		[ "$switch" != weft ] || before=$(weft_cycles)
		# shellcheck disable=SC2046 # several words
		json=$(pktgen --port "tx=$work/run/a.sock$suffix" \
			--port "rx=$work/run/b.sock$suffix" --wait 20 --warmup "$4" \
			--time "$seconds" --flows "$5" $(datagrams "$gateway" "$6"))
		[ -z "$json" ] || break
		say "  $switch $row: $(tail -n 1 "$work/pktgen.log")"
	done
	[ -n "$json" ] || return
	measured "$switch" "$round" "$row" "$json"
	[ "$switch" != weft ] || sample "$row" weft cycles "$(cycles_since "$before")"
}

wanted_row() {
	[ -z "$only_rows" ] && return 0
	[[ " $only_rows " == *" $1 "* ]]
}

has_equivalent() { [ "$1" = weft ] || [[ $row != npt6* ]]; }

# Each row begins with a fresh switch, whose tables are empty.
turn() { # turn SWITCH ROUND
	local switch=$1 round=$2 row warmup flows route

	while read -r row warmup flows route; do
		wanted_row "$row" || continue
		has_equivalent "$switch" || continue
		suffix=
		rm -rf "$work/run" && mkdir "$work/run"
		if "${switch}_up"; then
			cell "$switch" "$round" "$row" "$warmup" "$flows" "$route"
		else
			say "  $switch did not start, see $switch.log (keep it with -o)"
		fi
		stop_all
	done < <(rows)
}

measure_limits() {
	local row flows route json

	while read -r row _ flows route; do
		wanted_row "$row" || continue
		# shellcheck disable=SC2046 # several words
		json=$(pktgen --self-test --warmup 0.2 --time 0.5 --flows "$flows" \
			$(datagrams "$next_hop" "$route"))
		sample "$row" ceiling Mpps "$(mpps "$json")"
	done < <(rows)
}

# either WHAT ROW MPPS TIMES: so many Mpps, or so many times what OVS does
either() {
	local weft ovs wanted

	weft=$(median "$2" weft Mpps)
	ovs=$(median "$2" ovs Mpps)
	[ -n "$weft" ] || return
	wanted=$(awk -v mpps="$3" -v times="$4" -v ovs="${ovs:-0}" \
		'BEGIN {t = times * ovs; print ovs && t < mpps ? t : mpps}')
	goal "$1" "$weft" ge "$wanted"
}

judge() {
	local new

	either "1 flow, Mpps" 1 10 4
	either "1000 flows, Mpps" 1000 10 4
	either "60000 flows, Mpps" 60000 8 10
	either "1 million sessions, Mpps" 1M 5 1000
	new=$(median new weft Mpps)
	[ -z "$new" ] || goal "new flows, millions a second" "$new" ge 1
	[ -z "$(median 60000 weft cycles)" ] ||
		goal "60000 flows: busy cycles a packet" "$(median 60000 weft cycles)" le 180
}

bench_options "$@"
bench_begin

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

for round in $(seq "$rounds"); do
	measure_limits
	for switch in $present; do
		say "round $round of $rounds: $switch"
		turn "$switch" "$round"
	done
done
bench_end
judge
[ -z "$missing" ] || printf 'left out:%s\n' "$missing"
