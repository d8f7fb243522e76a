#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A bridge with NAT and a routed one, an uplink to a router that is a packet generator.
#
#   weft-pktgen ---- port gen [ bridge lan 10.10.0.1/16  nat   ]
#   (guests)                                                    [ uplink lab ] ---- weft-pktgen
#                    port far [ bridge red 10.20.0.1/24  route ]                    (198.18.0.1)
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

# The station at the other end of the uplink is port 1 of the generator.
two_bridges_and_an_uplink() {
	need jq
	start_weftd -c "$(
		config <<-END
			version: 1
			uplinks:
			  lab:
			    address: 198.18.0.2/24
			    gateway: 198.18.0.1
			    neighbours: [{address: 198.18.0.1, mac: "02:67:01:00:00:00"}]
			    vhost-user: {}
			bridges:
			  lan:
			    address: 10.10.0.1/16
			    nat: {uplink: lab, forwards: [{tcp: 2222, to: "10.10.0.7:22"}]}
			  red: {address: 10.20.0.1/24, forward: route, uplink: lab}
			ports:
			  gen: {bridge: lan}
			  far: {bridge: red}
		END
	)"
}

gateway_mac() { json ".bridges[] | select(.name == \"$1\").ports[] | select(.kind == \"gateway\").mac" show; }

# generate BRIDGE PORT INSIDE OPTION...: frames from the bridge's port to the uplink
generate() {
	"$BIN/weft-pktgen" --port "tx=$RUN/$2.sock" --port "rx=$RUN/lab.sock" --no-ceiling -w 0 \
		--route "gateway=$(gateway_mac "$1"),inside=$3,outside=203.0.113.1,addresses=10,endpoints=100" \
		--json "${@:4}" || die "weft-pktgen failed"
}

sessions() { json .sessions nat/show; }
lab_drops() { json '.[] | select(.port == "lab").drops' stats/show; }

packets_of_guests_leave_translated_and_whole() {
	local result
	two_bridges_and_an_uplink

	result=$(generate lan gen 10.10.0.10 -t 0.4 -r 20k --flows 500 --verify)

	expect 0 "$(jq .corrupt <<<"$result")"
	less 0 "$(jq .rx_pps <<<"$result")" || die "nothing arrived: $result"
	expect 500 "$(sessions)"
	expect 10 "$(json '.bridges[0].guests | length' nat/show)"
	expect "198.18.0.2" "$(json '.[0].external | sub(":.*"; "")' nat/sessions lan)"
	less "$(json .bridges[0].packets.slow nat/show)" 2000 || die "the slow way was taken too often"
	expect 0 "$(json '[.[] | select(.port == "gen").drops[]] | add // 0' stats/show)"
}

packets_of_a_routed_bridge_leave_as_they_came() {
	local result
	two_bridges_and_an_uplink

	result=$(generate red far 10.20.0.10 -t 0.4 -r 20k --verify)

	expect 0 "$(jq .corrupt <<<"$result")"
	expect 0 "$(sessions)"
	less 0 "$(json '.bridges[1].packets.routed' nat/show)" || die "nothing was routed"
}

forwards_come_and_go_while_sessions_stay() {
	two_bridges_and_an_uplink
	generate lan gen 10.10.0.10 -t 0.4 -r 5k --flows 100 -d round-robin >/dev/null

	weft nat/add-forward lan udp 5000-5010 10.10.0.9:6000 >/dev/null || die "not added"
	expect "10.10.0.9:6000" "$(json '.[1].target' nat/list-forwards)"
	weft nat/del-forward lan tcp 2222 >/dev/null || die "not deleted"
	expect 1 "$(json length nat/list-forwards)"
	expect 11 "$(json '.uplinks[0].ports.udp.used - 100' nat/show)"
	expect 100 "$(sessions)"

	prints "would|planned" weft --dry-run nat/add-forward lan tcp 80 10.10.0.9:80
	expect 1 "$(json length nat/list-forwards)"
	refuses "forward of the same port" weft nat/add-forward lan udp 5005 10.10.0.8:1
	refuses "outside 10.10.0.1/16" weft nat/add-forward lan tcp 81 10.99.0.1:80
	refuses "no guest 'nobody'" weft nat/add-forward lan tcp 81 nobody:80
	refuses "has no forward of tcp 2222" weft nat/del-forward lan tcp 2222
	expect 1 "$(json length nat/list-forwards)"
}

settings_change_in_place_and_keep_sessions() {
	two_bridges_and_an_uplink
	generate lan gen 10.10.0.10 -t 0.4 -r 5k --flows 100 -d round-robin >/dev/null

	prints "timeouts.udp 5m -> 10m" weft set bridge lan nat.timeouts.udp=10m
	weft set bridge lan nat.filtering=address-dependent nat.sessions=1000 >/dev/null || die "no"
	weft set bridge lan 'nat.filter=[{deny: out, proto: tcp, port: 25}]' >/dev/null || die "no"
	weft set uplink lab mtu=1400 addresses=198.18.0.5-198.18.0.7 >/dev/null || die "no"
	expect 4 "$(json '.uplinks[0].externals | length' nat/show)"
	expect 1000 "$(json '.bridges[0].sessions_max' nat/show)"
	expect 100 "$(sessions)"
	prints "nothing to do" weft apply <(weft show --running)

	weft nat/flush lan >/dev/null || die "not flushed"
	expect 0 "$(sessions)"
}

a_full_quota_is_counted_and_told() {
	two_bridges_and_an_uplink
	weft set bridge lan nat.sessions=50 >/dev/null || die "no"

	generate lan gen 10.10.0.10 -t 0.4 -r 5k --flows 100 -d round-robin >/dev/null

	expect 50 "$(sessions)"
	less 0 "$(json '.bridges[0].refused.nat_bridge_sessions // 0' nat/show)" ||
		die "not counted: $(weft nat/show)"
	prints "refused:.*nat_bridge_sessions" weft nat/show
}

metric() { sed -n "s/^$1 //p" "$SCRATCH/metrics"; } # metric NAME{LABELS}: its value

counters_are_metrics() {
	need curl
	two_bridges_and_an_uplink
	prints . weft set switch "metrics.listen=$RUN/metrics.sock"
	prints . weft set bridge lan nat.sessions-per-guest=20
	generate lan gen 10.10.0.10 -t 0.4 -r 20k --flows 500 >/dev/null

	curl -s --unix-socket "$RUN/metrics.sock" http://weft/metrics >"$SCRATCH/metrics"

	expect 200 "$(metric 'weft_nat_sessions{family="ipv4"}')"
	expect 0 "$(metric 'weft_nat_sessions{family="ipv6"}')"
	expect "$(json .sessions_max nat/show)" "$(metric 'weft_nat_sessions_limit{family="ipv4"}')"
	expect "$(json .mappings nat/show)" "$(metric weft_nat_mappings)"
	expect 200 "$(metric 'weft_nat_bridge_sessions{bridge="lan",family="ipv4"}')"
	expect "$(json '.bridges[0].refused.nat_guest_sessions' nat/show)" "$(metric \
		'weft_nat_bridge_refused_total{bridge="lan",family="ipv4",reason="nat_guest_sessions"}')"
	expect "$(json .refused.nat_guest_sessions nat/show)" \
		"$(metric 'weft_nat_refused_total{family="ipv4",reason="nat_guest_sessions"}')"
	expect "$(json '.uplinks[0].ports.udp.used' nat/show)" \
		"$(metric 'weft_nat_ports_used{uplink="lab",protocol="udp"}')"
	expect "$(json '.bridges[0].packets.routed' nat/show)" \
		"$(metric 'weft_router_packets_total{interface="lan.gateway"}')"
	grep -vE '^# (HELP|TYPE) weft_[a-z_]+ |^weft_[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? [0-9.]+$' \
		"$SCRATCH/metrics" && die "lines that are no metrics"
	expect "" "$(grep '^# TYPE' "$SCRATCH/metrics" | sort | uniq -d)"
	while read -r name; do
		grep -q "| ${name}[ {]" docs/metrics.md || die "$name is not in docs/metrics.md"
	done < <(grep -oE '^weft_(nat|router)_[a-z_]*' "$SCRATCH/metrics" | sort -u)
	prints . weft set switch metrics.listen=
}

trace_explains_what_the_router_decides() {
	local to
	two_bridges_and_an_uplink
	to=$(gateway_mac lan)

	prints "goes by uplink lab to 198.18.0.1" \
		weft trace gen eth "dst=$to" ip src=10.10.0.7 dst=203.0.113.5 udp dport=53
	prints "would begin a session" \
		weft trace gen eth "dst=$to" ip src=10.10.0.7 dst=203.0.113.5 udp dport=53
	prints "may not reach bridge red" \
		weft trace gen eth "dst=$to" ip src=10.10.0.7 dst=10.20.0.5 udp dport=53
	prints "time exceeded" \
		weft trace gen eth "dst=$to" ip src=10.10.0.7 dst=203.0.113.5 ttl=1 udp dport=53
	prints "answered by the router" \
		weft trace gen eth "dst=$to" ip src=10.10.0.7 dst=10.10.0.1 icmp
	prints "dropped as martian" \
		weft trace gen eth "dst=$to" ip src=172.16.0.7 dst=203.0.113.5 udp dport=53
	expect 0 "$(sessions)"
}

# sees PORT FILTER: five frames that match, while the generator sends
sees() {
	local port=$1 filter=$2
	start "capture-$port" "$BIN/weft" -s "$RUN/weftd.sock" -t 5 capture "$port" -f "$filter" -c 5
	generate lan gen 10.10.0.10 -t 0.4 -r 1k --flows 10 >/dev/null
	wait "$PID"
	expect 5 "$(grep -c " $port " "$SCRATCH/capture-$port.log")"
}

captures_show_both_sides_of_the_translation() {
	two_bridges_and_an_uplink

	sees gen "src net 10.10.0.0/24 and dst host 203.0.113.1"
	sees lab "src host 198.18.0.2 and dst host 203.0.113.1"
}

uplinks_and_gateways_go_without_trace() {
	two_bridges_and_an_uplink
	start gen "$BIN/weft-pktgen" --port "tx=$RUN/gen.sock" --port "rx=$RUN/lab.sock" --no-ceiling \
		-t 20 -r 50k --flows 100 \
		--route "gateway=$(gateway_mac lan),inside=10.10.0.10,outside=203.0.113.1,endpoints=10"
	wait_for 10 test_sessions

	weft set bridge lan forward=none >/dev/null || die "no"
	expect 0 "$(sessions)"
	weft set bridge lan forward=nat >/dev/null || die "no"
	wait_for 10 test_sessions
	weft apply "$(config <<<'{version: 1, bridges: {lan: {address: 10.10.0.1/16}, red: {address: 10.20.0.1/24, forward: route}}, ports: {gen: {bridge: lan}, far: {bridge: red}}}')" >/dev/null ||
		die "not applied"

	expect 0 "$(json '.uplinks | length' show)"
	expect "far gen red.gateway" "$(json '[.bridges[].ports[].name] | sort | join(" ")' show)"
	expect 1 "$(json length route/show)"
}

test_sessions() { [ "$(sessions)" -gt 0 ]; }

# is_wrong MESSAGE: a config from standard input is refused with it, and nothing is applied.
is_wrong() {
	result_is 1 "$1" "$BIN/weft" check "$(config)"
	refuses "$1" weft apply "$SCRATCH/config.yaml"
	expect "far gen lan.gateway red.gateway" \
		"$(json '[.bridges[].ports[].name] | sort | join(" ")' show)"
}

a_wrong_configuration_is_told_and_changes_nothing() {
	two_bridges_and_an_uplink

	is_wrong "overlaps with 10.10.0.1/16 of bridge a" <<<'{version: 1, bridges: {a: {address: 10.10.0.1/16}, b: {address: 10.10.3.1/24}}}'
	is_wrong "there is no uplink 'lob'; *$|there is no uplink 'lob'" <<<'{version: 1, bridges: {a: {address: 10.10.0.1/16, nat: {uplink: lob}}}}'
	is_wrong "overlaps with 10.10.0.1/16 of bridge a" <<<'{version: 1, bridges: {a: {address: 10.10.0.1/16}}, uplinks: {u: {address: 10.10.7.1/24, vhost-user: {}}}}'
	is_wrong "198.19.0.1 is outside 198.18.0.2/24" <<<'{version: 1, uplinks: {u: {address: 198.18.0.2/24, gateway: 198.19.0.1, vhost-user: {}}}}'
	is_wrong "the bridge has no address" <<<'{version: 1, bridges: {a: {forward: route}}}'
	is_wrong "nat needs to know the uplink" <<<'{version: 1, bridges: {a: {address: 10.10.0.1/16, forward: nat}}}'
	is_wrong "needs one of host, nic, vhost-user" <<<'{version: 1, uplinks: {u: {address: 198.18.0.2/24}}}'
	is_wrong "the uplink has no address" <<<'{version: 1, uplinks: {u: {vhost-user: {}}}}'
	is_wrong "only TCP and UDP have ports" <<<'{version: 1, bridges: {a: {address: 10.10.0.1/16, nat: {uplink: host, filter: [{deny: out, port: 25}]}}}}'
	is_wrong "expected a duration from 2m" <<<'{version: 1, bridges: {a: {address: 10.10.0.1/16, nat: {uplink: host, timeouts: {udp: 30s}}}}}'
}

run_tests \
	packets_of_guests_leave_translated_and_whole \
	packets_of_a_routed_bridge_leave_as_they_came \
	forwards_come_and_go_while_sessions_stay \
	settings_change_in_place_and_keep_sessions \
	a_full_quota_is_counted_and_told \
	counters_are_metrics \
	trace_explains_what_the_router_decides \
	captures_show_both_sides_of_the_translation \
	uplinks_and_gateways_go_without_trace \
	a_wrong_configuration_is_told_and_changes_nothing
