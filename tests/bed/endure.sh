#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a guest of weft-vmm lives through, ROUNDS (10) times each, under real KVM; runs in the bed.
#
#   one (weft-vmm) ---- a [ weftd: bridge lan, killed and started again ] host0 ---- the bed
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/vmm.sh
. tests/lib/vmm.sh
ROUNDS=${ROUNDS:-10}

# quantile PERCENT FILE: of the numbers in a file.
quantile() { sort -n "$2" | sed -n "$((($(wc -l <"$2") * $1 + 99) / 100))p"; }
spread() { echo "median $(quantile 50 "$1"), 99 % $(quantile 99 "$1"), longest $(quantile 100 "$1")"; }

progress() { echo "    $(cut -d' ' -f1 /proc/uptime) s: $*"; }

# A guest that pings the bed all the time: often, and seldom with what it sees on its console, each
# character of which takes an emulated machine a tenth of a millisecond.
boot_pinging_guest() {
	initrd_with one <<-'END'
		#!/bin/sh
		echo "UP"
		ping -q -i 0.02 10.10.0.254 >/dev/null &
		exec ping -i 0.2 -W 1 10.10.0.254
	END
	boot one 128M --net "$(nic a 1)" \
		--append "$APPEND weft.name=one weft.nic=02:00:00:00:00:01,10.10.0.2/24,1500"
	wait_said 120 one seq=3
}

# log_times TEXT: when weft-vmm said so, in seconds; what the guest says may stand in the same line.
log_times() {
	grep -ao "[0-9]\{4\}-[0-9][0-9]-[0-9][0-9]T[0-9:.]*Z info  vhost: $1" "$SCRATCH/one.log" |
		cut -d' ' -f1 | date -f - +%s.%N
}

# Milliseconds from each return of the switch to the next answer that the bed gives to the guest. Before
# it can, it asks for the guest's address, for its tap is new: frames have gone both ways.
delays() {
	{
		log_times "backend connected" | sed '1d;s/$/ back/'
		sed -n 's/^\([.0-9]*\) .* ICMP echo reply,.*/\1 answer/p' "$SCRATCH/tcpdump.log"
	} | sort -n | awk '$2 == "back" {back = $1; waits = 1}
		$2 == "answer" && waits {printf "%.0f\n", ($1 - back) * 1000; waits = 0}'
}

outages() {
	paste -d' ' <(log_times "backend is gone") <(log_times "backend connected" | sed 1d) |
		awk '{printf "%.0f\n", ($2 - $1) * 1000}'
}

round_trips() { grep -ao 'time=[.0-9]*' "$SCRATCH/one.log" | cut -d= -f2; }

figures() {
	local of
	for of in delays outages round_trips; do
		"$of" >"$SCRATCH/$of"
	done
	echo "ms, emulated: from its connection to the next answer $(spread "$SCRATCH/delays");" \
		"without it $(spread "$SCRATCH/outages"); round trip $(spread "$SCRATCH/round_trips")"
}

traffic_comes_back_with_the_switch() {
	local i line
	need tcpdump
	start_switch
	boot_pinging_guest
	start tcpdump tcpdump -l -n -tt -i any -Q out icmp
	for ((i = 1; i <= ROUNDS; i++)); do
		line=$(($(log_lines one) + 1))
		kill_weftd
		start weftd "$BIN/weftd" --run-dir "$RUN" -c "$SCRATCH/config.yaml"
		WEFTD=$PID
		wait_said 60 one "backend connected" "$line"
		wait_said 10 one seq= $(($(log_lines one) + 1))
		((i % 10)) || progress "$i times: $(figures)"
	done
	expect 1 "$(said_times one ^UP)"
	note "weftd killed $ROUNDS times; $(figures)"
	expect "$ROUNDS" "$(wc -l <"$SCRATCH/delays")"
}

nics_are() { wait_said 60 plug "NICS $1" "$2"; }

a_nic_comes_and_goes() {
	local i line
	initrd_with plug <<-'END'
		#!/bin/sh
		echo "UP"
		while read -r module; do
			insmod "/lib/modules/$module.ko" 2>/dev/null
		done </lib/modules/virtio-net.list
		last=
		while :; do
			n=0
			for nic in /sys/class/net/eth*; do
				[ ! -d "$nic" ] || n=$((n + 1))
			done
			[ "$n" = "$last" ] || echo "NICS $n"
			last=$n
			usleep 50000
		done
	END
	start_switch
	boot plug 128M --append "$APPEND"
	wait_said 120 plug "NICS 0"
	for ((i = 1; i <= ROUNDS; i++)); do
		line=$(($(log_lines plug) + 1))
		call plug nic-add "net=$(nic a 1),id=new$i" >/dev/null || die "nic-add failed in round $i"
		nics_are 1 "$line"
		call plug nic-del "id=new$i" >/dev/null || die "nic-del failed in round $i"
		nics_are 0 "$line"
		((i % 10)) || progress "$i NICs"
	done
	expect 1 "$(said_times plug ^UP)"
	note "$ROUNDS NICs added and removed"
}

run_tests traffic_comes_back_with_the_switch a_nic_comes_and_goes
