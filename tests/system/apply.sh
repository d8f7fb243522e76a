#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The running configuration is changed to that of a file, or a field at a time.
#
#   file ---- weft plan, weft apply ---- weftd: bridge lan, ports a and b with nobody behind them
#
# May run beside others.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

running() { weft show --running; }

a_dry_run_changes_nothing() {
	local before
	weftd_with_two_ports
	before=$(running)

	prints '^1 change planned$' weft add-br --dry-run wan
	prints '^1 change planned' weft add-port --dry-run lan c
	prints '^1 change planned, 1 disruptive$' weft del-port --dry-run a
	prints '^1 change planned$' weft set --dry-run bridge lan ageing=9m
	prints planned weft fdb/add --dry-run lan a 52:54:00:00:00:07
	prints planned weft exit --dry-run

	expect "$before" "$(running)"
	expect 0 "$(json length fdb/show)"
}

an_unchanged_file_does_nothing() {
	local inode
	weftd_with_two_ports
	inode=$(stat -c %i "$RUN/a.sock")

	prints '^nothing to do$' weft plan "$SCRATCH/config.yaml"
	prints '^nothing to do$' weft apply "$SCRATCH/config.yaml"

	expect "$inode" "$(stat -c %i "$RUN/a.sock")"
}

a_changed_file_changes_only_what_differs() {
	local inode
	weftd_with_two_ports
	inode=$(stat -c %i "$RUN/a.sock")
	sed -i 's/^  b: .*/  c: {bridge: lan}/' "$SCRATCH/config.yaml"

	prints '^2 changes planned, 1 disruptive$' weft plan "$SCRATCH/config.yaml"
	expect "a b" "$(weft list-ports lan | paste -sd' ')"
	prints '^2 changes applied, 1 disruptive$' weft apply "$SCRATCH/config.yaml"

	expect "a c" "$(weft list-ports lan | paste -sd' ')"
	expect "$inode" "$(stat -c %i "$RUN/a.sock")"
	prints '^nothing to do$' weft apply - <"$SCRATCH/config.yaml"
}

a_wrong_file_is_refused_whole() {
	weftd_with_two_ports
	echo "  c: {bridge: lam}" >>"$SCRATCH/config.yaml"

	refuses "config.yaml:7:15: error: ports.c.bridge: there is no bridge 'lam'" \
		weft apply "$SCRATCH/config.yaml"
	expect "a b" "$(weft list-ports lan | paste -sd' ')"
}

what_cannot_be_made_is_told_and_the_rest_is_done() {
	weftd_with_two_ports
	echo "  x: {bridge: lan, vhost-user: {path: $SCRATCH/nowhere/x.sock}}" >>"$SCRATCH/config.yaml"
	echo "  y: {bridge: lan}" >>"$SCRATCH/config.yaml"

	result_is 65 "port x: cannot create a socket in $SCRATCH/nowhere: No such file" \
		weft apply "$SCRATCH/config.yaml"
	[ -S "$RUN/y.sock" ] || die "port y was not made"
	result_is 65 "cannot create a socket" \
		weft add-port lan z --json "vhost-user.path=$SCRATCH/nowhere/z.sock"
}

polls_on() {
	weft pmd-stats-clear
	sleep 0.1
	[ "$(json '.[0].iterations' pmd-perf-show)" -gt 1000 ]
}

a_new_idle_time_takes_effect_at_once() {
	weftd_with_two_ports
	polls_on && die "an idle worker polls"

	prints '^~ switch: idle auto -> never$' weft set switch idle=never

	wait_for 3 polls_on
	prints . weft set switch idle=auto
	polls_on && die "the worker still polls"
	return 0
}

the_control_socket_changes_hands_at_once() {
	weftd_with_two_ports

	prints . weft set switch socket.group=daemon socket.mode=0660

	expect "root daemon 660" "$(stat -c '%U %G %a' "$RUN/weftd.sock")"
	result_is 65 "switch: the control socket.s group .no-such-group. is no group of this host" \
		weft set switch socket.group=no-such-group
	prints . weft version
}

run_tests \
	a_dry_run_changes_nothing \
	an_unchanged_file_does_nothing \
	a_changed_file_changes_only_what_differs \
	a_wrong_file_is_refused_whole \
	what_cannot_be_made_is_told_and_the_rest_is_done \
	a_new_idle_time_takes_effect_at_once \
	the_control_socket_changes_hands_at_once
