#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# weft-vmm under real KVM; runs in the bed (tests/bed/run.sh), where tests/system/bed.sh starts it.
#
#   one (weft-vmm, bzImage) ---- a [ weftd: bridge lan ] b ---- two (weft-vmm, 2 CPUs)
#
# Guests are stock Debian kernels with weft's initrd and a job of their own, in a second archive
# behind it, whose output is their console: $SCRATCH/NAME.log.
#
#   COMMANDS=1  also the API, NICs plugged in and out, reset: passed once and hung once, unexplained
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

# shellcheck disable=SC2034 # for system.sh
START_S=60
IMAGE=${IMAGE_DIR:-build/image}
APPEND="console=ttyS0 panic=-1 tsc=reliable quiet"

# initrd_with JOB: an initrd whose guest runs the job, a busybox script, and shows its output.
initrd_with() {
	local root=$SCRATCH/job.$1
	mkdir -p "$root/etc"
	cat >"$root/job"
	chmod 755 "$root/job"
	printf '::once:/bin/power-button\n::once:/job >/dev/ttyS0 2>&1\n' >"$root/etc/inittab"
	{
		cat "$IMAGE/initrd.img"
		(cd "$root" && find . | cpio --quiet -R 0:0 -o -H newc)
	} >"$SCRATCH/$1.img"
}

# boot NAME MEMORY OPTION...: a guest with the initrd of its name; sets PID. KERNEL is vmlinux, which
# saves an emulated machine the seconds of unpacking, or vmlinuz, Debian's file.
KERNEL=vmlinux
boot() {
	local name=$1 memory=$2
	shift 2
	start "$name" "$BIN/weft-vmm" --kernel "$IMAGE/$KERNEL" --initrd "$SCRATCH/$name.img" \
		--memory "$memory" --api "$SCRATCH/$name.api" "$@"
}

says() { grep -qa -- "$2" "$SCRATCH/$1.log"; }
ended() { ! kill -0 "$1" 2>/dev/null; }

# exit_of SECONDS PID: the exit status of what has been started.
exit_of() {
	wait_for "$1" ended "$2"
	shift
	wait "$1"
}

nic() { echo "vhost-user:$RUN/$1.sock,server,mac=02:00:00:00:00:0$2"; }

start_switch() {
	start_weftd -c "$(
		config <<-END
			version: 1
			switch: {workers: 1, hugepages: off}
			bridges:
			  lan: {address: 10.10.0.1/24}
			ports:
			  a: {bridge: lan, vhost-user: {path: $RUN/a.sock, mode: client}}
			  b: {bridge: lan, vhost-user: {path: $RUN/b.sock, mode: client}}
		END
	)"
}

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
	wait_for 10 says holder "waits for its backend"
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
	wait_for 150 says two "UP 2"
	wait_for 30 says two "DISK same"
	wait_for 60 says two "PING answered"
	wait_for 60 says two "PERF done"
	[ "$(grep -ac '^PERF [TU]' "$SCRATCH/two.log")" = 6 ] ||
		die "not all six tests: $(grep -aiE 'weft-perf|^PERF' "$SCRATCH/two.log" | tail -n 8)"
}

boots_so_far() { grep -ac '^UP' "$SCRATCH/two.log"; }
alive() { tail -n 1 "$SCRATCH/two.log" | grep -a ALIVE | tr -dc 0-9; }
alive_beyond() { [ "$(alive || echo 0)" -gt "$1" ]; }

two_guests_measure_each_other_and_survive_their_switch() {
	local before i
	two_guests_with_disk_and_network
	wait_for 10 says two "ALIVE 3"
	for i in 1 2; do
		kill_weftd
		sleep 0.5
		start_switch
		before=$(grep -ac ALIVE "$SCRATCH/two.log")
		wait_for 20 alive_beyond $((before + 2))
	done
	expect 1 "$(boots_so_far)"
	kill "$ONE" "$TWO"
	exit_of 40 "$ONE" || die "one: exit $?"
	exit_of 40 "$TWO" || die "two: exit $?"
	[ ! -e "$RUN/a.sock" ] || die "a.sock was left behind"
	note "$(grep -a -A1 '^TCP_STREAM' "$SCRATCH/two.log" | head -n 1 | tr -s ' ')," \
		"weftd killed $i times"
}

# --- commands ----------------------------------------------------------------------------------------

call() { timeout 20 "$BIN/weft-vmm" call "$SCRATCH/plug.api" "$@"; }
state() { call status | jq -r .state; }
state_is() { [ "$(state)" = "$1" ]; }
devices() { call status | jq -r '.devices[].id' | sort | paste -sd, ; }
devices_are() { [ "$(devices)" = "$1" ]; }
boots() { grep -ac "^UP" "$SCRATCH/plug.log"; }
boots_are() { [ "$(boots)" = "$1" ]; }
nics_seen() { [ "$(grep -a "^NICS" "$SCRATCH/plug.log" | tail -n 1)" = "NICS $1" ]; }
log_lines() { wc -l <"$SCRATCH/plug.log"; }
log_grows_beyond() { [ "$(log_lines)" -gt "$1" ]; }

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
	wait_for 150 nics_seen 0
	for i in 1 2; do
		call nic-add "net=$(nic a 1),id=new$i" >/dev/null || die "nic-add failed"
		wait_for 60 nics_seen 1
		call nic-del "id=new$i" >/dev/null || die "nic-del failed"
		wait_for 60 nics_seen 0
		wait_for 60 devices_are rng
	done

	call pause >/dev/null
	expect paused "$(state)"
	lines=$(log_lines)
	sleep 0.5
	expect "$lines" "$(log_lines)"
	call resume >/dev/null
	wait_for 10 log_grows_beyond "$lines"

	call reset >/dev/null
	wait_for 150 boots_are 2
	call power-button >/dev/null
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
	weftd_runs_its_guests_with_engine_weft ${COMMANDS:+a_guest_obeys_commands_and_sees_nics_come_and_go}
