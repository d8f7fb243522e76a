#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A hundred times over, something goes away without a word, and weftd is no bigger afterwards.
#
#   weft-pktgen, killed and started again ---- a.sock, b.sock [ weftd: bridge lan ]
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

CYCLES=100
WARM_UP=10        # cycles until caches and tables have their size
RSS_GROWTH_KB=512 # below 6 KiB a cycle: less than any session takes

# What may grow: descriptors, mappings, threads, files.
inventory() {
	echo "$(find "/proc/$WEFTD/fd" -type l | wc -l) descriptors," \
		"$(wc -l <"/proc/$WEFTD/maps") mappings," \
		"$(find "/proc/$WEFTD/task" -maxdepth 1 -mindepth 1 | wc -l) threads," \
		"$(find "$RUN" | wc -l) files"
}

rss_kb() { awk '/^VmRSS/ {print $2}' "/proc/$WEFTD/status"; }

# stays_flat COMMAND: weftd is as it was after many runs of the command.
stays_flat() {
	local before rss i
	for ((i = 0; i < CYCLES; i++)); do
		if [ "$i" = $WARM_UP ]; then
			before=$(inventory)
			rss=$(rss_kb)
		fi
		"$@"
	done

	expect "$before" "$(inventory)"
	rss=$(($(rss_kb) - rss))
	note "$before; memory grew by $rss KiB"
	[ "$rss" -le $RSS_GROWTH_KB ] || die "memory grew by $rss KiB"
}

frontends_die() {
	"$BIN/weft-pktgen" -p "both=$RUN/a.sock" -p "both=$RUN/b.sock" -t 60 -r 10k >/dev/null 2>&1 &
	wait_for 5 port_is b up
	kill -9 $!
	wait $! 2>/dev/null
	wait_for 5 port_is a down
	wait_for 5 port_is b down
}

a_hundred_killed_frontends_leave_nothing_in_weftd() {
	weftd_with_two_ports

	stays_flat frontends_die
}

a_port_comes_and_goes() {
	weft add-port lan c >/dev/null || die "add-port failed"
	weft del-port c >/dev/null || die "del-port failed"
}

a_hundred_ports_that_came_and_went_leave_nothing_in_weftd() {
	weftd_with_two_ports

	stays_flat a_port_comes_and_goes
}

# A moment later each time: while it connects, asks, or reads.
a_client_dies_in_its_call() {
	{
		timeout -s KILL "0.00$((RANDOM % 5 + 1))" "$BIN/weft" -s "$RUN/weftd.sock" port/show
	} >/dev/null 2>&1
	weft version >/dev/null || die "weftd does not answer"
}

a_hundred_killed_clients_leave_nothing_in_weftd() {
	weftd_with_two_ports

	stays_flat a_client_dies_in_its_call
}

run_tests \
	a_hundred_killed_frontends_leave_nothing_in_weftd \
	a_hundred_ports_that_came_and_went_leave_nothing_in_weftd \
	a_hundred_killed_clients_leave_nothing_in_weftd
