#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mkdebian.sh DIR: a Debian as debootstrap makes it, on a disk without partitions, for tests/bed/debian.sh
#
#   disk.img     ext4: minbase, systemd with networkd, a login prompt on ttyS0, DHCP on each NIC
#   vmlinuz      the stock cloud kernel of that Debian
#   initrd.img   as its initramfs-tools made it
#
# The packages come from the host's own source for its own release. Takes some minutes, once; remove DIR
# to take newer packages. Exit status 77: it cannot be had here; the last line says why.

set -eu

lacks() {
	echo "mkdebian: $*" >&2
	exit 77
}

dir=$1
[ ! -s "$dir/disk.img" ] || [ ! -s "$dir/initrd.img" ] || exit 0
[ "$(id -u)" = 0 ] || lacks "only root may make a Debian"
command -v debootstrap >/dev/null || lacks "debootstrap is missing; apt-get install debootstrap"
command -v mkfs.ext4 >/dev/null || lacks "mkfs.ext4 is missing; apt-get install e2fsprogs"

# shellcheck source=/dev/null
. /etc/os-release
# shellcheck disable=SC2016 # apt expands them
mirror=$(apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
	awk -v release="${VERSION_CODENAME:-}" '$2 == release && $3 == "main" {print $1; exit}')
[ -n "$mirror" ] || lacks "apt has no source for this release of Debian; run apt-get update"

mkdir -p "$dir"
root=$dir/root
trap 'umount "$root/proc" "$root/sys" 2>/dev/null || :; rm -rf --one-file-system "$root"' EXIT
trap 'exit 130' INT TERM HUP
rm -rf --one-file-system "$root"
debootstrap --variant=minbase --include=systemd-sysv,udev,dbus,iproute2,initramfs-tools,zstd \
	"$VERSION_CODENAME" "$root" "$mirror" >"$dir/log" 2>&1 ||
	lacks "debootstrap failed: $(tail -n 3 "$dir/log")"

# For a disk that lies in memory: neither manuals nor translations.
rm -rf "$root"/usr/share/doc/* "$root"/usr/share/locale/* "$root"/usr/share/man/*
chroot "$root" /bin/sh -c 'export DEBIAN_FRONTEND=noninteractive
	apt-get install -y --no-install-recommends linux-image-cloud-amd64 && apt-get clean' \
	>>"$dir/log" 2>&1 || lacks "no kernel could be installed: $(tail -n 3 "$dir/log")"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*

echo weft-debian >"$root/etc/hostname"
printf '/dev/vda / ext4 defaults 0 1\n' >"$root/etc/fstab"
printf '[Match]\nType=ether\n\n[Network]\nDHCP=ipv4\n' >"$root/etc/systemd/network/80-dhcp.network"
chroot "$root" systemctl -q enable systemd-networkd

cp "$root"/boot/vmlinuz-* "$dir/vmlinuz"
cp "$root"/boot/initrd.img-* "$dir/initrd.img"
rm -f "$root"/boot/initrd.img-*
truncate -s 1G "$dir/disk.new"
mkfs.ext4 -q -d "$root" "$dir/disk.new"
mv "$dir/disk.new" "$dir/disk.img"
echo "mkdebian: $dir is ready" >&2
