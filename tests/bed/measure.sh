#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# weft-vmm beside QEMU microvm, same kernel (KERNEL: vmlinux, or vmlinuz) and initrd, both under KVM;
# in the bed, or on a host with KVM. Prints a table: milliseconds from the process's start to the guest's init, KiB resident beside
# the guest's memory, CPU time in milliseconds before the first instruction. Medians of N=3 rounds,
# interleaved.
cd "$(dirname "$0")/../.." || exit 1
BIN=$(realpath "${BIN:-build/release/bin}")
IMAGE=${IMAGE_DIR:-build/image}
KERNEL=${KERNEL:-vmlinux}
N=${N:-3}
APPEND="console=ttyS0 panic=-1 tsc=reliable quiet"
scratch=$(mktemp -d /tmp/weft-measure.XXXXXX)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$scratch"' EXIT

# A guest that says that it is up, and nothing else.
mkdir -p "$scratch/root/etc"
printf '#!/bin/sh\necho INIT >/dev/ttyS0\nsleep 1000\n' >"$scratch/root/job"
chmod 755 "$scratch/root/job"
printf '::once:/job\n' >"$scratch/root/etc/inittab"
{
	cat "$IMAGE/initrd.img"
	(cd "$scratch/root" && find . | cpio --quiet -R 0:0 -o -H newc)
} >"$scratch/initrd"

vmm() {
	"$BIN/weft-vmm" --kernel "$IMAGE/$KERNEL" --initrd "$scratch/initrd" --memory 256M \
		--append "$APPEND" --no-rng "$@" </dev/null
}
microvm() {
	qemu-system-x86_64 -M microvm,acpi=on,rtc=off,memory-backend=m -accel kvm -cpu host \
		-nodefaults -no-user-config -display none -serial stdio -m 256M \
		-object memory-backend-memfd,id=m,size=256M,share=on \
		-kernel "$IMAGE/$KERNEL" -initrd "$scratch/initrd" -append "$APPEND" "$@" </dev/null
}
declare -A paused=([vmm]=--paused [microvm]=-S)

now_ms() { echo $(($(date +%s%N) / 1000000)); }
resident_kib() { awk '/RssAnon|RssFile/ {n += $2} END {print n}' "/proc/$1/status"; }
cpu_ms() { cat "/proc/$1/task"/*/schedstat | awk '{n += $1} END {print n / 1e6}'; }

# The process itself: the function's shell is its parent.
child_of() { pgrep -P "$1" | head -n 1; }

measure() { # measure WHICH: appends a line to $scratch/WHICH
	local start up line pid cpu resident
	"$1" "${paused[$1]}" >/dev/null 2>&1 &
	sleep 3
	cpu=$(cpu_ms "$(child_of $!)")
	kill "$(child_of $!)"
	wait $! 2>/dev/null
	mkfifo "$scratch/console"
	start=$(now_ms)
	"$1" >"$scratch/console" 2>/dev/null &
	pid=$!
	while read -r line; do
		[[ $line = *INIT* ]] && break
	done <"$scratch/console"
	up=$(now_ms)
	resident=$(resident_kib "$(child_of $pid)")
	kill -9 "$(child_of $pid)"
	wait $pid 2>/dev/null
	rm "$scratch/console"
	echo "$((up - start)) $resident $cpu" | tee -a "$scratch/$1" | sed "s/^/round: $1 /"
}

median() { cut -d' ' -f"$2" "$scratch/$1" | sort -n | sed -n "$(((N + 1) / 2))p"; }

for ((i = 0; i < N; i++)); do
	measure vmm
	measure microvm
done
echo "               boot, ms  resident, KiB  CPU before start, ms"
for which in vmm microvm; do
	printf '%-14s %8s %14s %15s\n' "$which" "$(median "$which" 1)" "$(median "$which" 2)" \
		"$(median "$which" 3)"
done
