# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the bed's tests of weft-vmm share: guests are stock Debian kernels with weft's initrd and a
# job of their own, in a second archive behind it, whose output is their console: $SCRATCH/NAME.log.

# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

# shellcheck disable=SC2034 # for system.sh
START_S=60
IMAGE=${IMAGE_DIR:-build/image}
# shellcheck disable=SC2034 # for who sources this
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

# wait_said SECONDS NAME PATTERN [LINE]: until a guest's console has a line that matches, from LINE on.
# Without polling: each process that a script starts costs tens of milliseconds in an emulated machine,
# which the guests lack.
wait_said() {
	grep -qam 1 -- "$3" < <(timeout "$1" tail -n "+${4:-1}" -F "$SCRATCH/$2.log" 2>/dev/null) ||
		die "$2 did not say '$3' within $1 s, but: $(tail -n 5 "$SCRATCH/$2.log")"
}
log_lines() { wc -l <"$SCRATCH/$1.log"; }
said_times() { grep -ac -- "$2" "$SCRATCH/$1.log"; }

# exit_of SECONDS PID: the exit status of what has been started.
exit_of() {
	timeout "$1" tail -s 0.2 --pid="$2" -f /dev/null || die "process $2 did not end within $1 s"
	wait "$2"
}

nic() { echo "vhost-user:$RUN/$1.sock,server,mac=02:00:00:00:00:0$2"; }

# The bed itself is 10.10.0.254 on the bridge.
start_switch() {
	start_weftd -c "$(
		config <<-END
			version: 1
			switch: {workers: 1, hugepages: off}
			bridges:
			  lan: {address: 10.10.0.1/24}
			ports:
			  a: {bridge: lan, vhost-user: {path: $RUN/a.sock, mode: client, queues: 2}}
			  b: {bridge: lan, vhost-user: {path: $RUN/b.sock, mode: client, queues: 2}}
			  host0: {bridge: lan, tap: {name: weft-lan, address: 10.10.0.254/24}}
		END
	)"
}


# call NAME METHOD [KEY=VALUE]...: of the API of a guest.
call() {
	local name=$1
	shift
	timeout 20 "$BIN/weft-vmm" call "$SCRATCH/$name.api" "$@"
}
