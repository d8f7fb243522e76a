#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every verb of the command line, asked of a weftd without guests.
#
#   weft ---- control socket ---- weftd: bridge lan, ports a and b with nobody behind them
#
# May run beside others.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

bridges_come_and_go() {
	weftd_with_two_ports

	prints '^lan$' weft list-br
	prints '^\+ bridge wan: ' weft add-br wan address=10.20.0.1/24
	prints '^1 change applied$' weft add-br other
	expect "lan wan other" "$(weft list-br | paste -sd' ')"
	refuses "there is a bridge 'wan' already; use another name, or --may-exist" weft add-br wan
	prints '^nothing to do$' weft add-br --may-exist wan
	refuses "overlaps with 10.10.0.1/24 of bridge lan" weft add-br bad address=10.10.0.9/24
	prints '^1 change applied' weft del-br wan
	refuses "there is no bridge 'wan'" weft del-br wan
	prints '^nothing to do$' weft del-br --if-exists wan
	refuses "ports.a|port a" weft del-br lan
	expect "lan other" "$(weft list-br | paste -sd' ')"
}

br_exists_answers_by_its_exit_status() {
	weftd_with_two_ports

	result_is 0 '^$' weft br-exists lan
	result_is 2 '^$' weft br-exists nope
}

ports_come_and_go() {
	weftd_with_two_ports

	prints '^\+ port c: on lan' weft add-port lan c
	[ -S "$RUN/c.sock" ] || die "no socket of port c"
	expect "a b c" "$(weft list-ports lan | paste -sd' ')"
	prints '^lan$' weft port-to-br c
	refuses "there is a port 'c' already" weft add-port lan c
	prints '^nothing to do$' weft add-port --may-exist lan c
	refuses "there is no bridge 'nope'" weft add-port nope d
	refuses "no such key|unknown key" weft add-port lan d vhost-user.paht=/tmp/d.sock
	prints '^- port c .*disconnects port c$' weft del-port c
	[ ! -e "$RUN/c.sock" ] || die "the socket of port c is still there"
	refuses "there is no port 'c'" weft del-port c
	prints '^nothing to do$' weft del-port --if-exists c
	refuses "there is no port 'c'" weft port-to-br c
	prints '^- port b' weft del-port lan b
	expect a "$(weft list-ports lan)"
}

what_is_set_can_be_got() {
	weftd_with_two_ports

	prints '^5m$' weft get bridge lan ageing
	prints '^~ bridge lan: ageing 5m -> 1m$' weft set bridge lan ageing=60s
	prints '^1m$' weft get bridge lan ageing
	prints '^nothing to do$' weft set bridge lan ageing=1m
	prints '^server$' weft get port a vhost-user.mode
	prints . weft set switch idle=50us
	prints '^50us$' weft get switch idle
	refuses "did you mean 'ageing'" weft set bridge lan ageng=60s
	refuses "expected a duration" weft set bridge lan ageing=soon
	refuses "there is no bridge 'nope'" weft get bridge nope ageing
}

static_addresses_are_added_and_deleted() {
	weftd_with_two_ports

	prints '^$' weft fdb/add lan a 52:54:00:00:00:07
	prints '^a +0 +52:54:00:00:00:07 +static$' weft fdb/show lan
	expect 1 "$(json '.[0].entries' fdb/stats-show)"
	prints '^$' weft fdb/flush
	expect 1 "$(json length fdb/show)"
	prints '^$' weft fdb/del lan 52:54:00:00:00:07
	refuses "does not know that address" weft fdb/del lan 52:54:00:00:00:07
	prints '^$' weft fdb/del --if-exists lan 52:54:00:00:00:07
	refuses "is not a station's MAC" weft fdb/add lan a 01:00:5e:00:00:01
	expect 0 "$(json length fdb/show)"
}

every_verb_that_prints_also_speaks_json() {
	local verb
	weftd_with_two_ports

	while IFS= read -r verb; do
		# shellcheck disable=SC2086 # the verb is words
		weft --json $verb >"$SCRATCH/out" || die "$verb failed"
		jq -e . "$SCRATCH/out" >/dev/null || die "$verb: $(cat "$SCRATCH/out")"
	done <<-END
		show
		list-br
		br-exists lan
		list-ports lan
		port-to-br a
		get bridge lan ageing
		plan $SCRATCH/config.yaml
		apply $SCRATCH/config.yaml
		doctor
		fdb/show
		fdb/stats-show
		port/show
		port/show a
		stats/show
		pmd-perf-show
		guest/list
		log/list
		version
		list-commands
	END
	expect "a down vhost-user $RUN/a.sock" \
		"$(json '.[0] | "\(.name) \(.state) \(.kind) \(.socket)"' port/show a)"
}

tables_and_logs_read_well() {
	weftd_with_two_ports

	prints "^        Port a$" weft show
	prints "waiting for: a frontend to connect to $RUN/a.sock" weft port/show a
	prints '^a +0 +0 +0 +0' weft stats/show a
	refuses "there is no port 'nope'" weft stats/show nope
	prints '^worker 0, ' weft pmd-perf-show
	prints '^weftd ' weft version
	prints '^$' weft log/set vhost debug
	expect debug "$(json '.[] | select(.module == "vhost").level' log/list)"
	refuses "loud" weft log/set vhost loud
	result_is 1 "unknown verb 'list-bridge'" weft list-bridge
	result_is 1 "did you mean 'list-br'" weft lst-br
}

run_tests \
	bridges_come_and_go \
	br_exists_answers_by_its_exit_status \
	ports_come_and_go \
	what_is_set_can_be_got \
	static_addresses_are_added_and_deleted \
	every_verb_that_prints_also_speaks_json \
	tables_and_logs_read_well
