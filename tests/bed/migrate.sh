#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Snapshots and live migration of guests of weft-vmm, ROUNDS (4) times to and fro, under real KVM; runs
# in the bed. The bed sends the guest a TCP stream all the time, whose bytes are checked.
#
#   mover (weft-vmm) ---- a [ weftd: bridge lan ] host0 ---- the bed
#      | snapshot, migrate    [                 ]
#      v                      [                 ]
#   weft-vmm again --- a or b [                 ]
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/vmm.sh
. tests/lib/vmm.sh
ROUNDS=${ROUNDS:-4}
MEMORY=128M

# --- the guest ---------------------------------------------------------------------------------------

make_mover() {
	need jq
	initrd_with mover <<-'END'
		#!/bin/sh
		echo "UP $(nproc)"
		weft-perf server &
		(nc -l -p 5000 | md5sum | sed 's/^/SUM /') &
		dd if=/dev/urandom of=/tmp/x bs=64k count=64 2>/dev/null
		sum=$(md5sum </tmp/x)
		[ -n "$sum" ] || echo "MEMORY changed"
		part() { dd if=$1 bs=64k count=4 2>/dev/null | md5sum; }
		while :; do
			[ "$(md5sum </tmp/x)" = "$sum" ] || echo "MEMORY changed"
			dd if=/tmp/x of=/dev/vda bs=64k count=4 conv=fsync 2>/dev/null
			echo 3 >/proc/sys/vm/drop_caches
			[ "$(part /dev/vda)" = "$(part /tmp/x)" ] || echo "DISK changed"
			echo "TICK $(cut -d' ' -f1 /proc/uptime) $(date +%s)"
			usleep 300000
		done
	END
	truncate -s 1M "$SCRATCH/disk"
	start_switch
}

# mover NAME PORT OPTION...: a weft-vmm with the guest's options; its NIC is at that port.
mover() {
	local name=$1 port=$2
	shift 2
	start "$name" "$BIN/weft-vmm" --memory "$MEMORY" --api "$SCRATCH/$name.api" --balloon \
		--disk "$SCRATCH/disk" --net "vhost-user:$RUN/$port.sock,server,mac=02:00:00:00:00:01" "$@"
}

boot_mover() { # boot_mover OPTION...
	mover one a --kernel "$IMAGE/vmlinux" --initrd "$SCRATCH/mover.img" \
		--append "$APPEND weft.name=mover weft.nic=02:00:00:00:00:01,10.10.0.2/24,1500" "$@"
	wait_said 150 one TICK
}

# answers NAME METHOD [KEY=VALUE]...: the answer to a command that may take longer.
answers() {
	local name=$1
	shift
	timeout 100 "$BIN/weft-vmm" call "$SCRATCH/$name.api" "$@" >"$SCRATCH/answer" 2>&1
}
of_answer() { jq -r ".\"$1\"" "$SCRATCH/answer"; }

state_is() { answers "$1" status && [ "$(of_answer state)" = "$2" ]; }
is_paused() { wait_for 30 state_is "$1" paused; }

# bytes: some for the guest, which tells their sum when it has them all; in small pieces, for seconds. The
# clock of weft-perf at the other end would stand still while a snapshot lies in its file. Sets BYTES.
bytes() {
	head -c 10M /dev/urandom >"$SCRATCH/bytes"
	(for ((i = 0; i < 160; i++)); do
		dd if="$SCRATCH/bytes" bs=64k skip=$i count=1 2>/dev/null
	done >/dev/tcp/10.10.0.2/5000) &
	BYTES=$!
	echo "$BYTES" >>"$SCRATCH/pids"
}
bytes_were_right() { # bytes_were_right NAME
	exit_of 60 "$BYTES" || die "the connection broke"
	wait_said 30 "$1" "SUM $(md5sum <"$SCRATCH/bytes" | cut -d' ' -f1)"
}

# stream SECONDS: bytes for the guest; sets STREAM.
stream() {
	start stream "$BIN/weft-perf" client 10.10.0.2 TCP_STREAM -l "$1s" -w 1s --verify
	STREAM=$PID
}
stream_was_right() {
	exit_of 120 "$STREAM" || die "the stream failed: $(tail -n 3 "$SCRATCH/stream.log")"
}
frames_go() { "$BIN/weft-perf" client 10.10.0.2 TCP_RR -l 100ms -w 10ms >/dev/null 2>&1; }

uptime_of() { grep -ao '^TICK [0-9.]*' "$SCRATCH/$1.log" | cut -d' ' -f2 | "$2" -n 1; }

# goes_on FROM TO: the guest that said its last in FROM says its next in TO, and was not started again.
goes_on() {
	wait_said 60 "$2" TICK
	expect 0 "$(said_times "$2" ^UP)"
	expect 0 "$(said_times "$2" changed)"
	less "$(uptime_of "$1" tail)" "$(uptime_of "$2" head)" ||
		die "uptime went from $(uptime_of "$1" tail) to $(uptime_of "$2" head)"
	less "$(uptime_of "$2" head)" "$(uptime_of "$1" tail)+20" ||
		die "uptime jumped from $(uptime_of "$1" tail) to $(uptime_of "$2" head)"
}

# clock_is_right NAME: the guest's time of day is the bed's, as it was when it booted.
clock_is_right() {
	local late
	wait_said 20 "$1" TICK $(($(log_lines "$1") + 1))
	late=$(grep -ao '^TICK [0-9.]* [0-9]*' "$SCRATCH/$1.log" | tail -n 1 | cut -d' ' -f3)
	late=$(($(date +%s) - late))
	[ "${late#-}" -lt 4 ] || die "the guest's clock is $late s late"
}

# --- snapshots ---------------------------------------------------------------------------------------

a_snapshot_goes_on_under_a_stream() { # with CPUS
	local one figures
	make_mover
	boot_mover --cpus "$CPUS"
	one=$PID
	wait_for 60 frames_go
	bytes
	sleep 1
	# What the guest does after its snapshot would be known to the sender, but not to the restored guest.
	answers one pause
	answers one snapshot "path=$SCRATCH/state" || die "snapshot: $(cat "$SCRATCH/answer")"
	figures="$(($(of_answer bytes) / 1048576)) MiB of $MEMORY in $(of_answer stopped-ms) ms"
	kill -9 "$one"
	exit_of 10 "$one"
	[ ! -e "$SCRATCH/state.part" ] || die "state.part was left behind"
	mover two a --cpus "$CPUS" --restore "$SCRATCH/state"
	is_paused two
	answers two resume || die "resume: $(cat "$SCRATCH/answer")"
	kill -0 "$BYTES" || die "all bytes had gone before the snapshot"
	goes_on one two
	bytes_were_right two
	expect 0 "$(said_times one ^SUM)"
	note "$CPUS CPUs, $figures (emulated)"
}

a_snapshot_with_one_cpu_goes_on_under_a_stream() { CPUS=1 a_snapshot_goes_on_under_a_stream; }
a_snapshot_with_two_cpus_goes_on_under_a_stream() { CPUS=2 a_snapshot_goes_on_under_a_stream; }

what_does_not_fit_is_refused() {
	make_mover
	boot_mover
	answers one pause
	answers one snapshot "path=$SCRATCH/state" || die "snapshot: $(cat "$SCRATCH/answer")"
	answers one resume
	wait_said 20 one TICK $(($(log_lines one) + 1))
	expect 1 "$(said_times one ^UP)"
	kill -9 "$PID"
	exit_of 10 "$PID"
	echo "no state" >"$SCRATCH/text"
	head -c 3000000 "$SCRATCH/state" >"$SCRATCH/short"
	cp "$SCRATCH/state" "$SCRATCH/bad"
	printf 'x' | dd of="$SCRATCH/bad" bs=1 seek=2000000 conv=notrunc 2>/dev/null
	refused "no state of a weft-vmm" --restore "$SCRATCH/text"
	refused "the state is truncated" --restore "$SCRATCH/short"
	refused "checksum is wrong" --restore "$SCRATCH/bad"
	refused "set --cpus 1" --restore "$SCRATCH/state" --cpus 2
	refused "set --memory 128M" --restore "$SCRATCH/state" --memory 192M
	refused "set --cpu-model host" --restore "$SCRATCH/state" --cpu-model baseline
	refused "the guest has a rng rng" --restore "$SCRATCH/state" --no-rng
	refused "the guest has no port" --restore "$SCRATCH/state" --port "x,unix:$SCRATCH/x"
	mover two a --restore "$SCRATCH/state"
	is_paused two
	answers two resume || die "resume: $(cat "$SCRATCH/answer")"
	goes_on one two
}

refused() { # refused PATTERN OPTION...
	local pattern=$1
	shift
	result_is 9 "$pattern" timeout 60 "$BIN/weft-vmm" --memory "$MEMORY" --console none --balloon \
		--disk "$SCRATCH/disk" --net "vhost-user:$RUN/a.sock,server,mac=02:00:00:00:00:01" "$@"
}

# --- migration ---------------------------------------------------------------------------------------

# A guest cannot run twice: who gives it up ends, with an exit status of its own.
migrates() { # migrates FROM PID TO PORT OPTION...
	local from=$1 pid=$2 to=$3 port=$4
	shift 4
	mover "$to" "$port" --incoming "$SCRATCH/$to.in" "$@"
	wait_for 30 state_is "$to" arriving
	answers "$from" migrate "to=$SCRATCH/$to.in" || die "migrate: $(cat "$SCRATCH/answer")"
	exit_of 20 "$pid"
	expect 8 $?
	figures="$figures $(of_answer rounds)/$(($(of_answer bytes) / 1048576))/$(of_answer blackout-ms)"
	goes_on "$from" "$to"
}

a_guest_migrates_to_and_fro_under_a_stream() {
	local i from=one to port figures='' pid
	make_mover
	boot_mover --cpus 2
	pid=$PID
	wait_for 60 frames_go
	stream $((ROUNDS * 6))
	for ((i = 1; i <= ROUNDS; i++)); do
		to=m$i
		port=b
		((i % 2)) || port=a
		migrates "$from" "$pid" "$to" "$port" --cpus 2
		pid=$PID from=$to
		echo "    $(cut -d' ' -f1 /proc/uptime) s: rounds/MiB/ms$figures"
	done
	stream_was_right
	clock_is_right "$from"
	note "rounds/MiB/ms of blackout, emulated:$figures;" \
		"$(tail -n 1 "$SCRATCH/stream.log" | tr -s ' ')"
}

a_source_goes_on_when_its_target_dies_or_does_not_fit() {
	local one target
	make_mover
	boot_mover
	one=$PID
	mover misfit b --incoming "$SCRATCH/misfit.in" --memory 64M
	wait_for 30 state_is misfit arriving
	! answers one migrate "to=$SCRATCH/misfit.in" || die "it migrated"
	expect_match "set --memory 128M" "$(cat "$SCRATCH/answer")"
	exit_of 10 "$PID"
	expect 9 $?

	mover target b --incoming "$SCRATCH/target.in"
	target=$PID
	wait_for 30 state_is target arriving
	(
		until timeout 5 "$BIN/weft-vmm" call "$SCRATCH/one.api" status | grep -q '"rounds": [1-9]'; do
			kill -0 "$one" || exit
		done
		kill -9 "$target"
	) &
	! answers one migrate "to=$SCRATCH/target.in" downtime=1 || die "it migrated"
	expect_match "target" "$(cat "$SCRATCH/answer")"
	wait_said 20 one TICK $(($(log_lines one) + 2))
	expect 1 "$(said_times one ^UP)"
	wait_for 20 frames_go
	figures='' migrates one "$one" three b
}

run_tests a_snapshot_with_one_cpu_goes_on_under_a_stream \
	a_snapshot_with_two_cpus_goes_on_under_a_stream \
	what_does_not_fit_is_refused \
	a_guest_migrates_to_and_fro_under_a_stream \
	a_source_goes_on_when_its_target_dies_or_does_not_fit
