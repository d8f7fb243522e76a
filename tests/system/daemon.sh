#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How weftd ends, reloads, dies and comes back; no guests.
#
#   signals, config file, run-dir ---- weftd: bridge lan, ports a and b
#
# May run beside others.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

ports() { weft list-ports lan | paste -sd' '; }
ports_are() { [ "$(ports)" = "$1" ]; }
logs() { grep -qE -- "$1" "$SCRATCH/weftd.log"; }

sigterm_leaves_nothing() {
	weftd_with_two_ports
	prints . weft add-port lan c

	stop_weftd || die "weftd ended with status $?"

	[ ! -e "$RUN" ] || die "left: $(find "$RUN")"
}

a_run_dir_that_was_there_stays() {
	mkdir "$RUN"
	weftd_with_two_ports

	stop_weftd

	expect "" "$(ls -A "$RUN")"
}

the_verb_exit_does_the_same() {
	weftd_with_two_ports

	prints '^$' weft exit

	wait "$WEFTD" || die "weftd ended with status $?"
	[ ! -e "$RUN" ] || die "left: $(find "$RUN")"
	result_is 1 "no weftd at $RUN/weftd.sock: start it" weft version
}

the_control_socket_has_its_owner_and_mode() {
	[ "$(id -u)" = 0 ] || skip "only root can give a socket away: run as root"
	start_weftd -c "$(
		config <<-END
			version: 1
			switch: {socket: {owner: nobody, group: daemon, mode: 0660}}
		END
	)"

	expect "nobody daemon 660" "$(stat -c '%U %G %a' "$RUN/weftd.sock")"
}

sighup_applies_a_changed_file() {
	weftd_with_two_ports
	echo "  c: {bridge: lan}" >>"$SCRATCH/config.yaml"

	kill -HUP "$WEFTD"

	wait_for 5 ports_are "a b c"
}

sighup_with_a_broken_file_changes_nothing() {
	weftd_with_two_ports
	echo "  c: {bridge: lam}" >>"$SCRATCH/config.yaml"

	kill -HUP "$WEFTD"

	wait_for 5 logs "config.yaml:7:15: error: ports.c.bridge: there is no bridge 'lam'"
	wait_for 5 logs "the file is not valid; what runs stays"
	expect "a b" "$(ports)"
}

edits_survive_a_killed_weftd() {
	weftd_with_two_ports
	prints . weft add-port lan c
	kill_weftd

	start_weftd -c "$SCRATCH/config.yaml"

	expect "a b c" "$(ports)"
	[ -S "$RUN/c.sock" ] || die "no socket of port c"
	stop_weftd
	start_weftd -c "$SCRATCH/config.yaml"
	expect "a b" "$(ports)"
}

edits_survive_in_a_run_dir_that_the_file_names() {
	weftd_with_two_ports
	stop_weftd
	sed -i "1a switch: {run-dir: $RUN}" "$SCRATCH/config.yaml"
	for edit in "add-port lan c" "list-br"; do
		start weftd "$BIN/weftd" -c "$SCRATCH/config.yaml"
		WEFTD=$PID
		wait_for 10 weft version
		# shellcheck disable=SC2086 # the verb is words
		prints . weft $edit
		[ "$edit" = list-br ] || kill_weftd
	done

	expect "a b c" "$(ports)"
}

a_file_that_changed_meanwhile_counts_more_than_edits() {
	weftd_with_two_ports
	prints . weft add-port lan c
	kill_weftd
	echo "  d: {bridge: lan}" >>"$SCRATCH/config.yaml"

	start_weftd -c "$SCRATCH/config.yaml"

	expect "a b d" "$(ports)"
}

a_change_that_was_not_applied_counts_more_than_edits_after_it() {
	weftd_with_two_ports
	echo "  d: {bridge: lan}" >>"$SCRATCH/config.yaml"
	prints . weft add-port lan c
	kill_weftd

	start_weftd -c "$SCRATCH/config.yaml"

	expect "a b d" "$(ports)"
}

edits_after_the_file_was_applied_survive() {
	weftd_with_two_ports
	echo "  d: {bridge: lan}" >>"$SCRATCH/config.yaml"
	prints . weft apply "$SCRATCH/config.yaml"
	prints . weft add-port lan c
	kill_weftd

	start_weftd -c "$SCRATCH/config.yaml"

	expect "a b c d" "$(weft list-ports lan | sort | paste -sd' ')"
}

a_change_at_the_end_of_a_long_file_counts_too() {
	weftd_with_two_ports
	stop_weftd
	sed -i "1a $(printf '#%.0s' {1..100000})" "$SCRATCH/config.yaml"
	start_weftd -c "$SCRATCH/config.yaml"
	kill_weftd
	echo "  d: {bridge: lan}" >>"$SCRATCH/config.yaml"

	start_weftd -c "$SCRATCH/config.yaml"

	expect "a b d" "$(ports)"
}

run_tests \
	sigterm_leaves_nothing \
	a_run_dir_that_was_there_stays \
	the_verb_exit_does_the_same \
	the_control_socket_has_its_owner_and_mode \
	sighup_applies_a_changed_file \
	sighup_with_a_broken_file_changes_nothing \
	edits_survive_a_killed_weftd \
	edits_survive_in_a_run_dir_that_the_file_names \
	a_file_that_changed_meanwhile_counts_more_than_edits \
	a_change_that_was_not_applied_counts_more_than_edits_after_it \
	edits_after_the_file_was_applied_survive \
	a_change_at_the_end_of_a_long_file_counts_too
