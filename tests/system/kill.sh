#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# QEMU is killed under traffic, and ports with frontends go while others are busy.
#
#   alpha (QEMU) ---- alpha.0 [ weftd: bridge lan ] beta.0 ---- beta (QEMU)
#
#   KILLS=N  how often QEMU is killed, 4 unless given
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

KILLS=${KILLS:-4}

inventory() {
	echo "$(find "/proc/$WEFTD/fd" -type l | wc -l) descriptors," \
		"$(find "/proc/$WEFTD/task" -maxdepth 1 -mindepth 1 | wc -l) threads," \
		"$(find "$RUN" | wc -l) files"
}

inventory_is() { [ "$(inventory)" = "$1" ]; }
beta_gets_frames() { [ "$(json '.[0].tx_packets' stats/show beta.0)" -gt "$1" ]; }

# beta dies while alpha sends to it, and is back.
beta_dies_under_traffic() {
	wait_for 5 beta_gets_frames "$(json '.[0].tx_packets' stats/show beta.0)"
	kill -9 "$(guest beta .pid)"
	wait_for 5 port_is beta.0 down
	wait_for 5 guest_is beta "backoff none"
	weft guest/start beta >/dev/null || die "guest/start failed"
	wait_for $BOOT_S guest_is beta "running ready"
}

killed_guests_leave_nothing_behind() {
	local before i
	start_guests alpha beta <<-END
		version: 1
		bridges:
		  lan: {address: 10.10.0.1/24}
		guests:
		  alpha: {nics: [{bridge: lan}]}
		  beta:  {nics: [{bridge: lan}]}
	END
	weft guest/exec alpha -- sh -c 'ping -i 0.01 -W 1 beta >/dev/null 2>&1 &' || die "no ping"

	beta_dies_under_traffic
	before=$(inventory)
	for ((i = 1; i < KILLS; i++)); do
		beta_dies_under_traffic
	done

	wait_for 5 inventory_is "$before"
	wait_for 20 weft -t 10 guest/exec alpha -- ping -c 1 -W 2 beta
	note "$KILLS times; $before"
}

# Two more guests on a bridge of their own, polled by the same worker: they come, send all they can,
# and die, and their ports go too.
two_others_come_and_go() {
	local pid
	weft add-port other c >/dev/null || die "add-port failed"
	weft add-port other d >/dev/null || die "add-port failed"
	"$BIN/weft-pktgen" -p "tx=$RUN/c.sock" -p "rx=$RUN/d.sock" -t 60 -r 20k >/dev/null 2>&1 &
	pid=$!
	wait_for 5 port_is d up
	[ $((RANDOM % 2)) = 0 ] || { kill -9 $pid && wait $pid; } 2>/dev/null
	weft del-port c >/dev/null || die "del-port failed"
	weft del-port d >/dev/null || die "del-port failed"
	{ kill -9 $pid && wait $pid; } 2>/dev/null
	return 0
}

# A lost frame counts unless weftd says that the generator was off its processor for over 10 ms.
ports_with_guests_come_and_go_without_a_lost_frame_on_others() {
	local record lost i=0
	weftd_with_two_ports
	prints . weft add-br other
	start traffic "$BIN/weft-pktgen" -p "both=$RUN/a.sock" -p "both=$RUN/b.sock" --verify --json \
		-r 20k -t 4
	wait_for 5 port_is b up

	while [ $i -lt 15 ] && kill -0 "$PID" 2>/dev/null; do
		two_others_come_and_go
		i=$((i + 1))
	done

	wait "$PID" || die "the traffic failed: $(cat "$SCRATCH/traffic.log")"
	record=$(tail -n 1 "$SCRATCH/traffic.log")
	lost=$(json '[.[] | select(.port == "a" or .port == "b") | .drops.ring_full // 0] | add' \
		stats/show)
	expect "0 0 0 $lost" "$(jq -r '"\(.corrupt) \(.seq_late) \(.unstamped) \(.seq_lost)"' \
		<<<"$record")"
	[ "$(jq .received <<<"$record")" -gt 100000 ] || die "hardly anything was sent: $record"
	note "$i times, $(jq .received <<<"$record") frames, $lost lost to a stalled generator"
}

run_tests \
	killed_guests_leave_nothing_behind \
	ports_with_guests_come_and_go_without_a_lost_frame_on_others
