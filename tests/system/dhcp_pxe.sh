#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A machine without a disk boots from the network: iPXE in the ROM of its NIC gets a lease with file
# and server, fetches a script by TFTP and runs it.
#
#   QEMU (iPXE, virtio-net) ---- a [ weftd: bridge lan ] ---- lan.dhcp: dnsmasq, TFTP
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

server_runs() { [ "$(json '.[0].state' dhcp/show)" = running ]; }

# What SeaBIOS and iPXE show on the screen is on the serial line, too.
boot_machine() {
	start machine qemu-system-x86_64 -machine pc,accel=tcg,graphics=off,memory-backend=ram \
		-object memory-backend-memfd,id=ram,size=64M,share=on -m 64M -nodefaults \
		-display none -serial "file:$SCRATCH/serial" -no-reboot \
		-chardev "socket,id=nic,path=$SCRATCH/a.sock" \
		-netdev vhost-user,id=nic,chardev=nic \
		-device "virtio-net-pci,netdev=nic,mac=02:00:00:00:00:aa,bootindex=0"
}

a_diskless_machine_boots_by_ipxe() {
	need jq dnsmasq qemu-system-x86_64
	[ -e /usr/lib/ipxe/qemu ] || skip "there is no iPXE for QEMU: apt-get install ipxe-qemu"
	mkdir "$SCRATCH/tftp"
	# shellcheck disable=SC2016 # iPXE's variables
	printf '#!ipxe\necho the script runs on ${net0/ip} of ${next-server}\n' >"$SCRATCH/tftp/boot.ipxe"
	chmod 755 "$SCRATCH/tftp" # of the folders above it nobody may enter
	start_weftd -c "$(
		config <<-END
			version: 1
			bridges:
			  lan:
			    address: 10.10.0.1/24
			    dhcp:
			      range: 10.10.0.100-10.10.0.199
			      boot: {file: boot.ipxe, tftp-root: $SCRATCH/tftp}
			ports:
			  a: {bridge: lan, anti-spoof: {enable: on, leases: on, mac: "02:00:00:00:00:aa"}, vhost-user: {path: $SCRATCH/a.sock}}
		END
	)"
	wait_for 5 server_runs

	boot_machine

	wait_for 50 grep -aq "the script runs on 10\.10\.0\.1[0-9][0-9] of 10\.10\.0\.254" "$SCRATCH/serial"
	expect 02:00:00:00:00:aa "$(json '.[0].mac' dhcp/leases)"
}

run_tests \
	a_diskless_machine_boots_by_ipxe
