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

# Milliseconds from a backend's connection to the next answer to a ping, from a line of the log on.
time_to_traffic() {
	local line back=
	while read -r line; do
		case $line in
		*"backend connected"*) back=${EPOCHREALTIME/./} ;;
		*seq=*)
			[ -n "$back" ] || continue
			echo "$(((${EPOCHREALTIME/./} - back) / 1000))"
			return
			;;
		esac
	done < <(timeout 60 tail -n "+$1" -F "$SCRATCH/one.log" 2>/dev/null)
	die "no traffic within 60 s: $(tail -n 5 "$SCRATCH/one.log")"
}

# quantile PERCENT: of the numbers in a file.
quantile() { sort -n "$2" | sed -n "$((($(wc -l <"$2") * $1 + 99) / 100))p"; }

traffic_comes_back_with_the_switch() {
	local i line
	initrd_with one <<-'END'
		#!/bin/sh
		echo "UP"
		exec ping -i 0.02 -W 1 10.10.0.254
	END
	start_switch
	boot one 128M --net "$(nic a 1)" \
		--append "$APPEND weft.name=one weft.nic=02:00:00:00:00:01,10.10.0.2/24,1500"
	wait_said 120 one seq=3
	for ((i = 0; i < ROUNDS; i++)); do
		line=$(($(log_lines one) + 1))
		kill_weftd
		start weftd "$BIN/weftd" --run-dir "$RUN" -c "$SCRATCH/config.yaml"
		WEFTD=$PID
		time_to_traffic "$line" >>"$SCRATCH/delays" || die "round $i"
	done
	expect 1 "$(said_times one ^UP)"
	expect "$ROUNDS" "$(wc -l <"$SCRATCH/delays")"
	note "weftd killed $ROUNDS times; ms from its connection to the next answer, emulated:" \
		"median $(quantile 50 "$SCRATCH/delays"), 99 % $(quantile 99 "$SCRATCH/delays")," \
		"max $(quantile 100 "$SCRATCH/delays")"
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
	for ((i = 0; i < ROUNDS; i++)); do
		line=$(($(log_lines plug) + 1))
		call plug nic-add "net=$(nic a 1),id=new$i" >/dev/null || die "nic-add failed in round $i"
		nics_are 1 "$line"
		call plug nic-del "id=new$i" >/dev/null || die "nic-del failed in round $i"
		nics_are 0 "$line"
	done
	expect 1 "$(said_times plug ^UP)"
	note "$ROUNDS NICs added and removed"
}

run_tests traffic_comes_back_with_the_switch a_nic_comes_and_goes
