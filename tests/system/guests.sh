#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two real Linux guests on a bridge, from a config of seven lines.
#
#   alpha (QEMU) ---- alpha.0 [ weftd: bridge lan ] beta.0 ---- beta (QEMU)
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

# two_guests [BETAS-NIC]: starts weftd with them, and waits until they have booted.
two_guests() {
	start_guests alpha beta <<-END
		version: 1
		bridges:
		  lan: {address: 10.10.0.1/24}
		guests:
		  alpha: {nics: [{bridge: lan}]}
		  beta:  {nics: [{bridge: lan${1:-}}]}
	END
}

# A verified stream from alpha to beta. TCP hides lost frames, but then it crawls.
stream() {
	local record mbps
	in_guest beta weft-perf server -d >/dev/null || die "no weft-perf server in beta"
	record=$(in_guest alpha weft-perf client "$(address beta)" TCP_STREAM -l 2s -w 500ms \
		--verify --json) || die "the stream failed: $record"
	expect "[]" "$(jq -c .errors <<<"$record")"
	mbps=$(jq '.throughput | round' <<<"$record")
	note "$mbps Mb/s"
	[ "$mbps" -ge 20 ] || die "only $mbps Mb/s"
}

guests_boot_and_can_be_used() {
	two_guests

	expect "qemu qemu" "$(json '[.[].engine] | join(" ")' guest/list)"
	prints "inet $(guest alpha '.nics[0].address')" in_guest alpha ip -4 addr show eth0
	prints '^Linux alpha ' in_guest alpha uname -a
	prints '0% packet loss' in_guest alpha ping -c 3 -W 5 beta
	result_is 7 'over there' in_guest beta sh -c 'echo over there >&2; exit 7'
	expect "in and out" "$(in_guest beta cat <<<"in and out")"
	result_is 2 'cannot run it: No such file' in_guest beta /no/such/program
	result_is 143 '^$' in_guest beta sh -c 'kill -TERM $$'
	[ -s "$RUN/guests/alpha/console.log" ] || die "the console was not logged"
	prints 'hello from beta' weft -t 5 guest/console beta <<<"echo hello from \$(hostname)"

	# What the switch says about them.
	for name in alpha beta; do
		expect "$name.0" "$(json ".[] | select(.mac == \"$(guest $name '.nics[0].mac')\").port" \
			fdb/show)"
		expect "up true true true true" \
			"$(json '.[0] | "\(.state) " + (.frontend.offloads | [.to_guest, .from_guest |
				.csum, .tso4] | map(tostring) | join(" "))' port/show $name.0)"
	done
	stream
}

beta_gets_frames() { [ "$(json '.[0].tx_packets' stats/show beta.0)" -gt 0 ]; }

traffic_flows_within_a_second_after_a_killed_weftd_is_back() {
	local before ready_ms
	two_guests
	prints '0% packet loss' in_guest alpha ping -c 1 -W 5 beta
	before=$(json '[.[].pid] | join(" ")' guest/list)
	weft guest/exec alpha -- sh -c 'ping -i 0.05 -W 1 beta >/dev/null 2>&1 &' || die "no ping"

	kill_weftd
	start_weftd -c "$SCRATCH/config.yaml"
	ready_ms=$(now_ms)
	wait_for 5 beta_gets_frames

	note "after $(($(now_ms) - ready_ms)) ms"
	[ $(($(now_ms) - ready_ms)) -lt 1000 ] || die "only after $(($(now_ms) - ready_ms)) ms"
	expect "$before" "$(json '[.[].pid] | join(" ")' guest/list)"
	wait_for 10 guest_is alpha "running ready"
	prints '0% packet loss' in_guest alpha ping -c 1 -W 5 beta
}

a_killed_guest_is_told_and_restarted() {
	two_guests
	kill -9 "$(guest beta .pid)"

	wait_for 3 port_is beta.0 down
	wait_for 3 guest_is beta "backoff none"
	expect "QEMU was killed by SIGKILL" "$(guest beta .exit_reason)"
	wait_for $BOOT_S guest_is beta "running ready"
	expect 1 "$(guest beta .restarts)"
	port_is beta.0 up || die "the port of beta is still down"
	prints '0% packet loss' in_guest alpha ping -c 1 -W 5 beta

	# Stopped and started by hand.
	prints stopped weft guest/stop beta
	expect "stopped 0" "$(guest beta '"\(.state) \(.pid)"')"
	port_is beta.0 down || die "the port of a stopped guest is up"
	refuses "guest beta is stopped; start it with weft guest/start beta" in_guest beta true
	prints "starting|running" weft guest/start beta
	wait_for $BOOT_S guest_is beta "running ready"
	prints '0% packet loss' in_guest alpha ping -c 1 -W 5 beta
}

a_guest_without_offloads_gets_whole_frames() {
	two_guests ", offloads: {tso: off, csum: off}"

	expect "false false" "$(json '.[0].frontend.offloads.to_guest | "\(.csum) \(.tso4)"' \
		port/show beta.0)"
	stream
}

an_idle_weftd_with_two_guests_uses_less_than_2_percent_of_a_core() {
	local percent
	two_guests

	percent=$(weftd_cpu_percent)

	note "$percent %"
	less "$percent" 2 || die "$percent % of a core"
}

guests_that_were_kept_are_taken_back() {
	local pids
	two_guests
	pids=$(json '.[].pid' guest/list)

	prints '^$' weft exit --keep-guests
	wait "$WEFTD" || die "weftd ended with status $?"
	start_weftd -c "$SCRATCH/config.yaml"

	expect "$pids" "$(json '.[].pid' guest/list)"
	wait_for 10 guest_is alpha "running ready"
	prints '0% packet loss' in_guest alpha ping -c 1 -W 5 beta
}

sigterm_stops_all_and_leaves_nothing() {
	local pids pid
	two_guests
	pids=$(json '.[].pid' guest/list)

	stop_weftd || die "weftd ended with status $?"

	for pid in $pids; do
		[ ! -e "/proc/$pid" ] || die "QEMU $pid still runs"
	done
	[ ! -e "$RUN" ] || die "left: $(find "$RUN")"
}

run_tests \
	guests_boot_and_can_be_used \
	traffic_flows_within_a_second_after_a_killed_weftd_is_back \
	a_killed_guest_is_told_and_restarted \
	a_guest_without_offloads_gets_whole_frames \
	an_idle_weftd_with_two_guests_uses_less_than_2_percent_of_a_core \
	guests_that_were_kept_are_taken_back \
	sigterm_stops_all_and_leaves_nothing
