#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What weftd lets people see, with the generator as the guests of two ports:
#
#   weft-pktgen --- a ---+
#   weft-pktgen --- b ---+--- lan        weft capture, trace, top, ring/show, support-bundle
#                   c ---+               curl-like clients of /metrics
#
# Run from the top of the tree: tests/system/observe.sh
# shellcheck source=tests/lib/system.sh
#
# May run beside others.
. "$(dirname "$0")/../lib/system.sh"

# Traffic from a to b and back that goes on beside the test.
traffic() {
	start traffic "$BIN/weft-pktgen" -p "both=$RUN/a.sock" -p "both=$RUN/b.sock" -t 60 "$@"
	TRAFFIC=$PID
	wait_for 5 port_is b up
}

# Fields of the packets in a capture file: fields FILE NAME...
fields() {
	local file=$1 args=() name
	shift
	for name in "$@"; do args+=(-e "$name"); done
	tshark -r "$file" -T fields "${args[@]}" 2>/dev/null
}

captures_are_read_by_tshark_with_directions_and_reasons() {
	need tshark
	weftd_with_two_ports
	traffic -r 5k -s 200

	result_is 0 "^200 frames captured, 0 missed$" weft capture a b -c 200 -w "$SCRATCH/c.pcapng"

	fields "$SCRATCH/c.pcapng" frame.len udp.dstport frame.packet_flags_direction \
		frame.interface_name >"$SCRATCH/fields"
	expect 200 "$(wc -l <"$SCRATCH/fields")"
	expect "200 9" "$(cut -f 1,2 "$SCRATCH/fields" | sort -u | tr '\t' ' ')"
	expect "1 2" "$(cut -f 3 "$SCRATCH/fields" | sed 's/0x0*//' | sort -u | xargs)"
	expect "a b" "$(cut -f 4 "$SCRATCH/fields" | sort -u | xargs)"

	weft capture a -c 5 -Q in --snaplen 60 -f 'udp and ether src 02:67:00:00:00:00' -w - \
		>"$SCRATCH/c.pcapng" 2>/dev/null || die "capture failed"

	expect "60 200 02:67:00:00:00:00" "$(fields "$SCRATCH/c.pcapng" frame.cap_len frame.len \
		eth.src | tr '\t' ' ' | sort -u)"
	result_is 1 "syntax error.*pcap-filter" weft capture a -f 'udp and and'
	result_is 2 "no port 'zz'" weft capture zz
	result_is 0 "^0 frames captured" weft capture a -f 'arp' -t 0.3

	weft fdb/add lan a 02:67:01:00:00:00 || die "fdb/add failed"
	prints "dropped: hairpin" weft capture a b --drops -c 3
	weft capture a b --drops -c 3 -w "$SCRATCH/c.pcapng" 2>/dev/null || die "capture failed"

	expect "dropped: hairpin: the station is behind the port the frame came from" \
		"$(fields "$SCRATCH/c.pcapng" frame.comment | sort -u)"
}

a_signal_ends_a_capture_whole_and_a_killed_one_is_removed() {
	need tshark
	weftd_with_two_ports
	traffic -r 5k

	start capture "$BIN/weft" -s "$RUN/weftd.sock" capture a b -w "$SCRATCH/c.pcapng"
	wait_for 5 test -s "$SCRATCH/c.pcapng"
	kill -INT "$PID"
	wait "$PID" || die "the capture failed: $(cat "$SCRATCH/capture.log")"
	expect_match "frames captured, 0 missed" "$(cat "$SCRATCH/capture.log")"
	tshark -r "$SCRATCH/c.pcapng" >/dev/null 2>"$SCRATCH/err" || die "$(cat "$SCRATCH/err")"

	for _ in 1 2 3 4 5 6 7 8; do # more than can run at a time
		rm -f "$SCRATCH/k.pcapng"
		start killed "$BIN/weft" -s "$RUN/weftd.sock" capture a -w "$SCRATCH/k.pcapng"
		wait_for 5 test -s "$SCRATCH/k.pcapng"
		kill -KILL "$PID"
		wait "$PID" 2>/dev/null
	done
	wait_for 2 weft capture a -c 1
	port_is a up || die "the port went down"
}

a_reader_may_stop_and_a_port_may_come_back() {
	weftd_with_two_ports
	traffic -r 200k -s 1500

	start capture "$BIN/weft" -s "$RUN/weftd.sock" capture a b -w "$SCRATCH/c.pcapng"
	wait_for 5 test -s "$SCRATCH/c.pcapng"
	kill -STOP "$PID"
	sleep 0.7 # 4 MiB at over 200 MB/s
	[ "$(json '.ports | map(.rx_pps) | max' top --once | cut -d. -f1)" -gt 1000 ] ||
		die "the traffic stopped"
	kill -CONT "$PID"
	kill -INT "$PID"
	wait "$PID" || die "$(cat "$SCRATCH/capture.log")"

	expect_match "[1-9][0-9]* missed" "$(cat "$SCRATCH/capture.log")"

	start capture "$BIN/weft" -s "$RUN/weftd.sock" capture a -t 30 -Q in
	wait_for 5 test -s "$SCRATCH/capture.log"

	prints . weft del-port a
	prints . weft add-port lan a
	wait "$TRAFFIC" 2>/dev/null
	: >"$SCRATCH/capture.log"
	traffic -r 1k

	wait_for 5 grep -q " a in " "$SCRATCH/capture.log"
}

trace_top_and_rings_show_what_happens_and_change_nothing() {
	weftd_with_two_ports
	traffic -r 1k
	local before
	before=$(json 'map(.mac) | sort' fdb/show)

	prints "emit +to b +as it is" weft trace a eth dst=02:67:01:00:00:00 ip udp dport=9
	prints "is known on port b" weft trace a eth dst=02:67:01:00:00:00
	prints "unknown: it would be learned" weft trace a eth src=02:00:00:00:00:77
	prints "dropped as src_multicast" weft trace a eth src=ff:ff:ff:ff:ff:ff
	prints "dropped as hairpin" weft trace b eth dst=02:67:01:00:00:00
	prints "dropped as runt" weft trace a 0102
	prints "not_negotiated" weft trace a tcp payload=4000 gso=1448
	refuses "packet: eth has no field foo" weft trace a eth foo=1
	expect dropped "$(json .verdict trace a 0102)"

	expect "$before" "$(json 'map(.mac) | sort' fdb/show)"

	prints . weft add-port lan c
	prints "^a|^b" weft top --once
	expect c "$(json '.ports[-1].port' top --once)"
	prints "to_guest: [0-9]+ of [0-9]+ posted" weft ring/show a
	[ "$(json '.[0].rings[0].bursts' ring/show a)" -gt 0 ] || die "no bursts"
}

# get PATH: what the metrics' socket answers.
get() {
	exec 3<>"/dev/tcp/127.0.0.1/$METRICS_PORT" || return 1
	printf 'GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n' "$1" >&3
	timeout 3 cat <&3
	exec 3>&-
}

metrics_follow_the_format_and_the_counters() {
	weftd_with_two_ports
	METRICS_PORT=$((20000 + $$ % 10000))
	prints . weft set switch "metrics.listen=127.0.0.1:$METRICS_PORT"
	"$BIN/weft-pktgen" -p "both=$RUN/a.sock" -p "both=$RUN/b.sock" -r 5k -t 0.5 >/dev/null ||
		die "the generator failed"

	get /metrics | tr -d '\r' >"$SCRATCH/page"

	expect_match "^HTTP/1.1 200 OK" "$(head -n 1 "$SCRATCH/page")"
	sed '1,/^$/d' "$SCRATCH/page" >"$SCRATCH/metrics"
	grep -vE '^# (HELP|TYPE) weft_[a-z_]+ |^weft_[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? [0-9.]+$' \
		"$SCRATCH/metrics" && die "lines that are no metrics"
	expect "" "$(grep '^# TYPE' "$SCRATCH/metrics" | sort | uniq -d)"
	expect "$(json '.[0].rx_packets' stats/show a)" "$(sed -n \
		's/^weft_port_receive_packets_total{port="a"} //p' "$SCRATCH/metrics")"
	while read -r name; do
		grep -q "$name" docs/metrics.md || die "$name is not in docs/metrics.md"
	done < <(grep -o '^weft_[a-z_]*' "$SCRATCH/metrics" | sort -u)
	expect_match "404" "$(get / | head -n 1)"

	prints . weft set switch metrics.listen=
	get /metrics 2>/dev/null && die "it is still served"
	prints . weft version
}

a_support_bundle_is_whole_and_works_in_part_without_weftd() {
	need tar
	weftd_with_two_ports

	prints "b.tar" weft support-bundle -o "$SCRATCH/b.tar"
	expect 600 "$(stat -c %a "$SCRATCH/b.tar")"
	mkdir "$SCRATCH/x"
	tar xf "$SCRATCH/b.tar" -C "$SCRATCH/x" --strip-components 1 || die "tar refuses it"
	for file in README.txt config.yaml running.yaml ports.txt stats.json fdb.txt workers.txt \
		log.txt doctor.txt machine/meminfo; do
		[ -s "$SCRATCH/x/$file" ] || die "$file is not there"
	done
	grep -q MISSING "$SCRATCH/x/README.txt" && die "$(cat "$SCRATCH/x/README.txt")"
	grep -q "port added" "$SCRATCH/x/log.txt" || die "the log is empty"

	stop_weftd
	weft support-bundle -o - >"$SCRATCH/b.tar" || die "it needs a weftd"
	expect_match "all of weftd +MISSING" "$(tar xOf "$SCRATCH/b.tar" --wildcards '*/README.txt')"
	expect_match "machine/meminfo" "$(tar tf "$SCRATCH/b.tar")"
}

run_tests \
	captures_are_read_by_tshark_with_directions_and_reasons \
	a_signal_ends_a_capture_whole_and_a_killed_one_is_removed \
	a_reader_may_stop_and_a_port_may_come_back \
	trace_top_and_rings_show_what_happens_and_change_nothing \
	metrics_follow_the_format_and_the_counters \
	a_support_bundle_is_whole_and_works_in_part_without_weftd
