#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A Debian that debootstrap made (tests/bed/mkdebian.sh), on weft-vmm under real KVM; runs in the bed.
# DEBIAN has its disk, kernel and initrd.
#
#   debian (weft-vmm, virtio-blk root) ---- a [ weftd: bridge lan, DHCP ] host0 ---- the bed
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/vmm.sh
. tests/lib/vmm.sh
DEBIAN=${DEBIAN:-build/debian}

leased() { json '.[] | select(.mac == "02:00:00:00:00:01") | .address' dhcp/leases; }
has_lease() { [ -n "$(leased)" ]; }

a_debian_boots_from_its_disk_to_a_login_prompt_with_an_address_by_dhcp() {
	local pid
	need jq
	[ -s "$DEBIAN/disk.img" ] || skip "no Debian in $DEBIAN: run tests/bed/mkdebian.sh $DEBIAN"
	cp --sparse=always "$DEBIAN/disk.img" "$SCRATCH/disk"
	start_weftd -c "$(
		config <<-END
			version: 1
			switch: {workers: 1, hugepages: off}
			bridges:
			  lan: {address: 10.10.0.1/24, dhcp: {range: 10.10.0.100-10.10.0.199}}
			ports:
			  a: {bridge: lan, vhost-user: {path: $RUN/a.sock, mode: client}}
			  host0: {bridge: lan, tap: {name: weft-lan, address: 10.10.0.253/24}}
		END
	)"
	start debian "$BIN/weft-vmm" --kernel "$DEBIAN/vmlinuz" --initrd "$DEBIAN/initrd.img" \
		--memory 384M --disk "$SCRATCH/disk" --net "$(nic a 1)" --api "$SCRATCH/debian.api" \
		--append "root=/dev/vda console=ttyS0 panic=-1 tsc=reliable quiet"
	pid=$PID
	wait_said 480 debian "weft-debian login:"
	note "login prompt after $(ps -o etimes= -p "$pid" | tr -d ' ') s, emulated"
	wait_for 60 has_lease
	expect_match '^10\.10\.0\.1[0-9][0-9]$' "$(leased)"
	busybox ping -c 1 -W 5 "$(leased)" >/dev/null || die "no answer from $(leased)"
	call debian power-button >/dev/null
	exit_of 120 "$pid" || die "exit $?"
}

run_tests a_debian_boots_from_its_disk_to_a_login_prompt_with_an_address_by_dhcp
