#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh [-t SECONDS] [-m MIB] [-k] COMMAND...: runs a command in a machine that has a real /dev/kvm
#
# The machine runs under QEMU's TCG, which emulates AMD's SVM, so Debian's own kvm-amd works in it
# whatever the host offers. It sees the host's files as they are, by 9p; what it writes stays in its
# memory and is gone with it. The command runs in the current directory, as root, with BIN, ONLY,
# IMAGE_DIR, KERNEL, ROUNDS and N of the environment, without network but its own; its output is
# streamed, and its exit status is that of this script. Several commands in one bed are one script.
#
#   -t   the time limit for all of it, 120; 124 is the exit status then
#   -m   memory of the machine, 2560
#   -k   show the machine's own console too, on standard error
#
# Exit status 77: the bed cannot be had here; the last line says why. 125: the machine died.
set -u

limit=120 memory=2560 show_console=
while getopts t:m:k option; do
	case $option in
	t) limit=$OPTARG ;;
	m) memory=$OPTARG ;;
	k) show_console=1 ;;
	*) exit 1 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || {
	sed -n '4s/^# //p' "$0" >&2
	exit 1
}

lacks() {
	echo "bed: $*" >&2
	exit 77
}

here=$(cd "$(dirname "$0")" && pwd)
image=${IMAGE_DIR:-build/image}
bed=${BED_DIR:-build/bed}
command -v qemu-system-x86_64 >/dev/null || lacks "qemu-system-x86_64 is not installed"
[ -s "$image/vmlinux" ] || lacks "no guest image: run make guest-image"
[ "$(id -u)" = 0 ] || lacks "only root may read all of the host's files"
"$here/mkbed.sh" "$bed" "$image" || lacks "mkbed.sh failed"

exchange=$(mktemp -d "$bed/exchange.XXXXXX")
qemu='' watchdog=''
finish() {
	[ -z "$qemu" ] || kill "$qemu" 2>/dev/null
	[ -z "$watchdog" ] || kill "$watchdog" 2>/dev/null
	rm -rf "$exchange"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
realpath "$image" >"$exchange/image"
{
	# Temporary files lie where tail is told of what is written: over 9p it looks once a second.
	printf 'export HOME=/root TERM=dumb TMPDIR=/dev/shm PATH=%q\n' "$PATH"
	printf 'cd %q || exit 1\n' "$PWD"
	for name in BIN ONLY IMAGE_DIR KERNEL ROUNDS N; do
		[ -z "${!name:-}" ] || printf 'export %s=%q\n' "$name" "${!name}"
	done
	printf 'read -r _ < <(exec %q/steady_kvm.pl)\n' "$here"
	printf 'exec'
	printf ' %q' "$@"
	echo
} >"$exchange/command"

# The kernel's serial console; a file, because a terminal that does not read would stop the machine.
console=$exchange/console.log
share() { # share TAG PATH MORE
	printf '%s\n' -fsdev "local,id=$1,path=$2,security_model=none,multidevs=remap$3" \
		-device "virtio-9p-pci,fsdev=$1,mount_tag=$1,ioeventfd=off"
}
mapfile -t shares < <(share root / ,readonly=on && share exchange "$(realpath "$exchange")" "")

mkfifo "$exchange/out"
cat "$exchange/out" &
output=$!
# What the emulation pays for without anybody's need is left out: a fifth level of page tables, which
# every miss of the (two-dimensional) walk pays for; SMAP, which ends a block of code at each copy from
# user space; ioeventfds, each a file the main loop waits for. The family is one without a GART: for
# the one that "max" names, a kernel with PCI looks for an AGP bridge on 256 buses, twice.
cpu=max,family=23,model=49,stepping=0,-la57,-smap,-smep,-pku,-pks,-umip,-erms
qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none -machine q35,smm=off \
	-accel tcg,thread=multi -cpu "$cpu" -smp 2 -m "$memory" \
	-kernel "$image/vmlinux" -initrd "$bed/initrd.img" \
	-append "console=ttyS0 panic=-1 quiet loglevel=4 tsc=reliable mitigations=off nokaslr \
		init_on_alloc=0 kvm.halt_poll_ns=0" \
	-serial "file:$console" "${shares[@]}" \
	-device virtio-serial-pci,max_ports=2,ioeventfd=off -chardev "file,id=out,path=$exchange/out" \
	-device virtserialport,chardev=out,name=bed.out </dev/null &
qemu=$!

(
	trap 'kill "$sleep" 2>/dev/null' TERM
	sleep "$limit" &
	sleep=$!
	wait "$sleep" && touch "$exchange/late" && kill "$qemu"
) 2>/dev/null &
watchdog=$!
status=0
wait "$qemu" || status=$?
kill "$watchdog" 2>/dev/null
wait "$watchdog" "$output" 2>/dev/null
qemu='' watchdog=''

[ -z "$show_console" ] || cat "$console" >&2
[ ! -e "$exchange/late" ] || {
	echo "bed: not done within $limit s" >&2
	exit 124
}
[ -s "$exchange/status" ] || {
	tail -n 20 "$console" | sed 's/^/bed: console: /' >&2
	echo "bed: the machine ended before the command did (QEMU's exit status: $status)" >&2
	exit 125
}
exit "$(cat "$exchange/status")"
