#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a weft-vmm can be made of, under real KVM; runs in the bed. CLOUD is a guest image of
# linux-image-cloud-amd64 (KERNEL=linux-image-cloud-amd64 guest/mkimage.sh); the kernels are taken as
# Debian packs them.
#
#   one (1 CPU, packed ring)            a [ weftd: bridge lan ] b   two (2 CPUs, 2 packed queue pairs,
#     + tap of the bed, O_DIRECT disk                                 pinned, huge pages, baseline CPU)
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/vmm.sh
. tests/lib/vmm.sh
CLOUD=${CLOUD:-build/image-cloud}

bit() { echo "\$(cut -c$(($1 + 1)) /sys/class/net/eth0/device/features)"; } # in a guest's job

packed_ring_tap_and_direct_disk() {
	modprobe brd rd_nr=1 rd_size=4096 || skip "the kernel has no brd"
	ip tuntap add dev weft-tap mode tap || skip "no taps"
	undo ip link del weft-tap
	ip addr add 10.11.0.1/24 dev weft-tap
	ip link set weft-tap up
	initrd_with one <<-END
		#!/bin/sh
		echo "UP \$(nproc) \$(uname -r) packed=$(bit 34)"
		echo "weft was here" | dd of=/dev/vda bs=512 conv=sync,fsync 2>/dev/null
		[ "\$(dd if=/dev/vda bs=14 count=1 2>/dev/null)" = "weft was here" ] && echo "DISK same"
		until ping -c 1 -W 1 10.11.0.1 >/dev/null; do :; done
		echo "TAP answered"
		n=0
		while :; do
			ping -c 1 -W 1 10.10.0.254 >/dev/null && n=\$((n + 1)) && echo "ALIVE \$n"
			usleep 100000
		done
	END
	KERNEL=vmlinuz boot one 192M --net "$(nic a 1),packed" --net tap:weft-tap,mac=02:00:00:00:01:01 \
		--disk /dev/ram0,direct \
		--append "$APPEND weft.nic=02:00:00:00:00:01,10.10.0.2/24,1500 weft.nic=02:00:00:00:01:01,10.11.0.2/24,1500"
}

a_cloud_kernel_with_a_packed_ring_a_tap_and_a_direct_disk() {
	local i
	[ -s "$CLOUD/vmlinuz" ] || skip "no image of the cloud kernel in $CLOUD"
	IMAGE=$CLOUD
	start_switch
	packed_ring_tap_and_direct_disk
	wait_said 120 one "UP 1 .*cloud.* packed=1"
	wait_said 30 one "DISK same"
	wait_said 30 one "TAP answered"
	wait_said 30 one "ALIVE 3"
	expect "weft was here" "$(head -c 13 /dev/ram0)"
	for i in 1 2 3; do
		kill_weftd
		start_switch
		wait_said 20 one ALIVE $(($(log_lines one) + 2))
	done
	expect 1 "$(said_times one ^UP)"
	note "packed ring taken up again $i times"
}

both_pairs_answer() { # both_pairs_answer LINE: from that one of the console on
	wait_said 30 two "PAIR 0 answers" "$1"
	wait_said 30 two "PAIR 1 answers" "$1"
}

a_cloud_kernel_with_two_cpus_packed_queue_pairs_huge_pages_and_pins() {
	local pid cpus line
	[ -s "$CLOUD/vmlinuz" ] || skip "no image of the cloud kernel in $CLOUD"
	IMAGE=$CLOUD
	sysctl -qw vm.nr_hugepages=104
	[ "$(cat /proc/sys/vm/nr_hugepages)" = 104 ] || skip "no huge pages"
	undo sysctl -qw vm.nr_hugepages=0
	initrd_with two <<-'END'
		#!/bin/sh
		echo "UP $(nproc) $(uname -r)"
		echo "QUEUES $(ls -d /sys/class/net/eth0/queues/rx-* | wc -l)" \
			"packed=$(cut -c35 /sys/class/net/eth0/device/features)"
		grep -m 1 ^flags /proc/cpuinfo
		until ping -c 1 -W 1 10.10.0.254 >/dev/null; do :; done
		echo "PING answered"
		while :; do
			for cpu in 0 1; do
				taskset $((cpu + 1)) ping -c 2 -W 5 10.10.0.254 >/dev/null && echo "PAIR $cpu answers"
			done
		done
	END
	start_switch
	KERNEL=vmlinuz boot two 192M --cpus 2 --pin 1,0 --hugepages 2M --cpu-model baseline \
		--net "$(nic b 2),packed,queues=2" --append "$APPEND weft.nic=02:00:00:00:00:02,10.10.0.3/24,1500"
	pid=$PID
	wait_said 120 two "UP 2 .*cloud"
	wait_said 10 two "QUEUES 2 packed=1"
	both_pairs_answer 1
	kill_weftd
	line=$(($(log_lines two) + 1))
	start_switch
	both_pairs_answer "$line"
	expect "" "$(grep -aow 'avx\|xsave\|svm\|bmi1' "$SCRATCH/two.log")"
	expect 1 "$(said_times two sse4_2)"
	cpus=$(for task in /proc/"$pid"/task/*; do
		grep -q '^cpu' "$task/comm" && taskset -pc "${task##*/}" | sed 's/.*: //'
	done | paste -sd' ')
	expect "1 0" "$cpus"
	[ "$(awk '/HugePages_Free/ {print $2}' /proc/meminfo)" -le 8 ] || die "the huge pages are not used"
	call two power-button >/dev/null
	exit_of 40 "$pid" || die "exit $?"
}

resident_below() { [ "$(json_of "$1" .resident)" -lt $(($2 << 20)) ]; }
json_of() { call "$1" status | jq "$2"; }

# A kernel and an initrd that are open already; memory that is private, and merged where KSM runs.
a_guest_of_descriptors_gives_its_memory_back() {
	local pid
	initrd_with three <<-'END'
		#!/bin/sh
		mkdir -p /big && mount -t tmpfs -o size=90% none /big
		dd if=/dev/zero of=/big/file bs=1M count=90 2>/dev/null
		echo FULL
		sleep 4
		rm /big/file
		echo FREED
	END
	start three "$BIN/weft-vmm" --kernel fd=13 --initrd fd=14 --memory 192M --ksm --numa 0 --balloon \
		--api "$SCRATCH/three.api" --append "$APPEND" 13<"$IMAGE/vmlinux" 14<"$SCRATCH/three.img"
	pid=$PID
	wait_said 120 three FULL
	resident_below three 140 && die "it was never full: $(json_of three .resident)"
	wait_said 60 three FREED
	wait_for 30 resident_below three 140
	note "$(($(json_of three .resident) >> 20)) MiB after reporting"
	call three balloon size=96M >/dev/null
	wait_for 60 resident_below three 90
	call three balloon size=192M >/dev/null
	all_back() { [ "$(json_of three .balloon.actual)" = $((192 << 20)) ]; }
	wait_for 30 all_back
	expect 'prefer:0' "$(grep -om 1 'prefer:0' "/proc/$pid/numa_maps")"
	call three quit >/dev/null
	exit_of 10 "$pid" || die "exit $?"
}

run_tests a_cloud_kernel_with_a_packed_ring_a_tap_and_a_direct_disk \
	a_cloud_kernel_with_two_cpus_packed_queue_pairs_huge_pages_and_pins \
	a_guest_of_descriptors_gives_its_memory_back
