#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mkbed.sh DIR IMAGE: builds DIR/initrd.img, with which the kernel of the guest image (IMAGE, made
# by guest/mkimage.sh) boots as the machine of the bed: busybox, tests/bed/init, and the modules it
# takes to reach the host's root and to offer /dev/kvm. All other modules are loaded out of IMAGE.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
dir=$1
image=$(cd "$2" && pwd)
busybox=/bin/busybox

die() {
	echo "mkbed: $*" >&2
	exit 1
}

# shellcheck source=guest/modules.sh
. "$here/../../guest/modules.sh"

modules=$image/kernel/lib/modules
[ -d "$modules" ] || die "$modules is missing; run make guest-image"
wanted=$(cat "$image/kernel/package" && sha256sum "$here/mkbed.sh" "$here/init" "$busybox")
[ "$wanted" != "$(cat "$dir/version" 2>/dev/null)" ] || exit 0

mkdir -p "$dir"
work=$(mktemp -d "$dir/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/lib/modules"
cp "$busybox" "$root/bin/busybox"
cp "$here/init" "$root/init"
list bed virtio_pci 9pnet_virtio 9p overlay virtio_console kvm_amd
chmod 755 "$root/init"
for release in "$modules"/*; do
	depmod -b "$image/kernel" "${release##*/}"
done
(cd "$root" && find . | LC_ALL=C sort |
	cpio --quiet --reproducible -R 0:0 -o -H newc) >"$dir/initrd.img"
echo "$wanted" >"$dir/version"
