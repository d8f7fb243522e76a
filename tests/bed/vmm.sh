#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# weft-vmm under real KVM; runs in the bed (tests/bed/run.sh), where tests/system/bed.sh starts it.
#
#   one (weft-vmm, bzImage) ---- a [ weftd: bridge lan ] b ---- two (weft-vmm, 2 CPUs)
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/vmm.sh
. tests/lib/vmm.sh

# --- what is wrong is said -------------------------------------------------------------------------

mistakes_have_a_message_and_an_exit_code_of_their_own() {
	local vmm=$BIN/weft-vmm
	echo "no kernel" >"$SCRATCH/text"
	truncate -s 1M "$SCRATCH/disk"
	printf 'QFI\xfb' >"$SCRATCH/qcow2"
	result_is 2 "nonsense: is no option" "$vmm" --nonsense
	result_is 2 "a size such as 512M" "$vmm" --kernel x --memory much
	result_is 4 "No such file" "$vmm" --kernel "$SCRATCH/none" --console none
	result_is 4 "neither a bzImage nor" "$vmm" --kernel "$SCRATCH/text" --console none
	result_is 5 "too little memory" "$vmm" --kernel "$IMAGE/vmlinux" --memory 16M --console none
	result_is 6 "engine: qemu" "$vmm" --kernel "$IMAGE/vmlinux" --console none \
		--disk "$SCRATCH/qcow2"
	flock_ofd
	result_is 6 "in use by another process" "$vmm" --kernel "$IMAGE/vmlinux" --console none \
		--disk "$SCRATCH/disk"
}

# Another weft-vmm that waits for a backend holds the image.
flock_ofd() {
	start holder "$BIN/weft-vmm" --kernel "$IMAGE/vmlinux" --console none \
		--disk "$SCRATCH/disk" --net "vhost-user:$SCRATCH/nobody.sock,server"
	wait_said 10 holder "waits for its backend"
}

# --- guests ------------------------------------------------------------------------------------------

two_guests_with_disk_and_network() {
	initrd_with one <<-'END'
		#!/bin/sh
		echo "UP $(nproc)"
		weft-perf server
	END
	initrd_with two <<-'END'
		#!/bin/sh
		echo "UP $(nproc)"
		dd if=/dev/urandom of=/tmp/x bs=64k count=16 2>/dev/null
		dd if=/tmp/x of=/dev/vda bs=64k conv=fsync 2>/dev/null
		echo 3 >/proc/sys/vm/drop_caches
		dd if=/dev/vda bs=64k count=16 2>/dev/null | cmp - /tmp/x && echo "DISK same"
		until ping -c 1 -W 1 10.10.0.2 >/dev/null; do :; done
		echo "PING answered"
		until weft-perf client 10.10.0.2 TCP_RR -l 100ms -w 10ms >/dev/null 2>&1; do
			usleep 100000
		done
		for test in TCP_STREAM TCP_MAERTS TCP_RR TCP_CRR UDP_STREAM UDP_RR; do
			weft-perf client 10.10.0.2 $test -l 1s -w 200ms --no-header && echo "PERF $test"
		done
		echo "PERF done"
		n=0
		while :; do
			ping -c 1 -W 1 10.10.0.2 >/dev/null && n=$((n + 1)) && echo "ALIVE $n"
			usleep 100000
		done
	END
	truncate -s 8M "$SCRATCH/disk"
	start_switch
	KERNEL=vmlinuz boot one 192M --net "$(nic a 1)" \
		--append "$APPEND weft.name=one weft.nic=02:00:00:00:00:01,10.10.0.2/24,1500"
	ONE=$PID
	boot two 192M --cpus 2 --net "$(nic b 2)" --disk "$SCRATCH/disk" \
		--append "$APPEND weft.name=two weft.nic=02:00:00:00:00:02,10.10.0.3/24,1500"
	TWO=$PID
	wait_said 150 two "UP 2"
	wait_said 30 two "DISK same"
	wait_said 60 two "PING answered"
	wait_said 60 two "PERF done"
	[ "$(grep -ac '^PERF [TU]' "$SCRATCH/two.log")" = 6 ] ||
		die "not all six tests: $(grep -aiE 'weft-perf|^PERF' "$SCRATCH/two.log" | tail -n 8)"
}

two_guests_measure_each_other_and_survive_their_switch() {
	local i
	two_guests_with_disk_and_network
	wait_said 10 two "ALIVE 3"
	for i in 1 2; do
		kill_weftd
		sleep 0.5
		start_switch
		wait_said 20 two ALIVE $(($(log_lines two) + 2))
	done
	expect 1 "$(said_times two ^UP)"
	kill "$ONE" "$TWO"
	exit_of 40 "$ONE" || die "one: exit $?"
	exit_of 40 "$TWO" || die "two: exit $?"
	[ ! -e "$RUN/a.sock" ] || die "a.sock was left behind"
	note "$(grep -a -A1 '^TCP_STREAM' "$SCRATCH/two.log" | head -n 1 | tr -s ' ')," \
		"weftd killed $i times"
}

# --- commands ----------------------------------------------------------------------------------------

state() { call plug status | jq -r .state; }
state_is() { [ "$(state)" = "$1" ]; }
devices() { call plug status | jq -r '.devices[].id' | sort | paste -sd, ; }
devices_are() { [ "$(devices)" = "$1" ]; }
nics_seen() { wait_said 60 plug "NICS $1" "$(log_lines plug)"; } # from now on

a_guest_obeys_commands_and_sees_nics_come_and_go() {
	local i lines
	need jq
	initrd_with plug <<-'END'
		#!/bin/sh
		echo "UP"
		while read -r module; do
			insmod "/lib/modules/$module.ko" 2>/dev/null
		done </lib/modules/virtio-net.list
		while :; do
			n=0
			for nic in /sys/class/net/eth*; do
				[ ! -d "$nic" ] || n=$((n + 1))
			done
			echo "NICS $n"
			usleep 100000
		done
	END
	start_switch
	boot plug 192M --append "$APPEND"
	wait_said 150 plug "NICS 0"
	for i in 1 2; do
		call plug nic-add "net=$(nic a 1),id=new$i" >/dev/null || die "nic-add failed"
		nics_seen 1
		call plug nic-del "id=new$i" >/dev/null || die "nic-del failed"
		nics_seen 0
		wait_for 60 devices_are rng
	done

	call plug pause >/dev/null
	expect paused "$(state)"
	lines=$(log_lines plug)
	sleep 0.5
	expect "$lines" "$(log_lines plug)"
	call plug resume >/dev/null
	wait_said 10 plug NICS $((lines + 1))

	call plug reset >/dev/null
	wait_said 150 plug ^UP "$lines"
	call plug power-button >/dev/null
	exit_of 40 "$PID" || die "exit $?"
	note "$i NICs added and removed"
}

# --- guests of weftd ----------------------------------------------------------------------------------

same_as_before() { [ "$(guest "$1" .pid)" = "$2" ] && guest_is "$1" "running ready"; }

weftd_runs_its_guests_with_engine_weft() {
	local pid
	# shellcheck disable=SC2034 # for system.sh
	BOOT_S=200
	start_guests alpha beta <<-END
		version: 1
		switch: {workers: 1, hugepages: off}
		bridges:
		  lan: {address: 10.10.0.1/24}
		guests:
		  alpha: {engine: weft, memory: 192M, nics: [{bridge: lan}]}
		  beta: {engine: weft, memory: 192M, nics: [{bridge: lan}]}
	END
	expect weft "$(guest alpha .engine)"
	in_guest alpha ping -c 3 -W 5 "$(address beta)" >/dev/null || die "no answer from beta"
	pid=$(guest alpha .pid)
	kill_weftd
	start_weftd -c "$SCRATCH/config.yaml"
	wait_for 60 same_as_before alpha "$pid"
	in_guest alpha ping -c 3 -W 5 "$(address beta)" >/dev/null || die "no answer after restart"
	weft guest/stop alpha >/dev/null || die "guest/stop failed"
	expect stopped "$(guest alpha .state)"
}

run_tests mistakes_have_a_message_and_an_exit_code_of_their_own \
	two_guests_measure_each_other_and_survive_their_switch \
	weftd_runs_its_guests_with_engine_weft \
	a_guest_obeys_commands_and_sees_nics_come_and_go
