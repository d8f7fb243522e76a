#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mkimage.sh DIR AGENT [PERF]: builds the guest image in DIR, out of the package KERNEL,
# linux-image-amd64 unless given
#
#   vmlinuz     Debian's stock kernel, as packaged
#   vmlinux     the same, unpacked: QEMU starts it directly, which saves an emulated guest the
#               seconds of unpacking
#   initrd.img  initramfs: busybox, a few modules, guest/init, AGENT and PERF; not compressed, for
#               the same reason
#   version     what the above was made from; nothing is done while it is still true
#
# The kernel package is fetched by apt and unpacked below DIR, never installed. Remove DIR to take a
# newer kernel.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
dir=$1
agent=$2
perf=${3:-}
kernel=${KERNEL:-linux-image-amd64}
busybox=/bin/busybox

die() {
	echo "mkimage: $*" >&2
	exit 1
}

# shellcheck source=guest/modules.sh
. "$here/modules.sh"

need() {
	command -v "$1" >/dev/null || die "$1 is missing; apt-get install $2"
}

need cpio cpio
need xz xz-utils
need apt-get apt
[ -x "$busybox" ] || die "$busybox is missing; apt-get install busybox-static"
ldd "$busybox" >/dev/null 2>&1 &&
	die "$busybox is not static; apt-get install busybox-static"

inputs() {
	sha256sum "$here/mkimage.sh" "$here/modules.sh" "$here/init" "$here/power-button" \
		"$here/dhcp-lease" "$busybox" \
		"$agent" ${perf:+"$perf"} |
		sed 's, .*/, ,'
}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
wanted=$(inputs)
if [ -s "$dir/initrd.img" ] && [ -s "$dir/vmlinux" ] && [ -s "$dir/vmlinuz" ] &&
	[ "$wanted" = "$(sed 1d "$dir/version" 2>/dev/null)" ]; then
	exit 0
fi

kernel_package() {
	apt-cache depends "$kernel" 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1
}

# Leaves the package unpacked in DIR/kernel. One that is there already is taken as it is.
fetch_kernel() {
	[ ! -s "$dir/kernel/package" ] || return 0
	package=$(kernel_package)
	[ -n "$package" ] || die "apt knows no $kernel; run apt-get update"
	echo "mkimage: fetching $package" >&2
	rm -rf "$dir/kernel" "$dir/download"
	mkdir -p "$dir/download"
	(cd "$dir/download" && apt-get -qq -o APT::Sandbox::User=root download "$package") ||
		die "cannot fetch $package; run apt-get update and try again"
	dpkg-deb -x "$dir"/download/*.deb "$dir/download/unpacked"
	echo "$package" >"$dir/download/unpacked/package"
	mv "$dir/download/unpacked" "$dir/kernel"
	rm -rf "$dir/download"
}

number_at() {
	od -An -t"u$2" -j"$(($1))" -N"$2" "$dir/vmlinuz.new" | tr -d ' '
}

# The boot protocol's header says where in a bzImage the compressed ELF file lies (Documentation
# x86/boot: setup_sects, payload_offset, payload_length). Its last four bytes are its size. One that
# is not packed by xz (cloud kernels are not) has to unpack itself.
unpack_kernel() {
	start=$((($(number_at 0x1f1 1) + 1) * 512 + $(number_at 0x248 4)))
	size=$(($(number_at 0x24c 4) - 4))
	tail -c "+$((start + 1))" "$dir/vmlinuz.new" | head -c "$size" |
		xz -dc >"$dir/vmlinux.new" 2>/dev/null || cp "$dir/vmlinuz.new" "$dir/vmlinux.new"
}

fill_root() {
	mkdir -p "$root/bin" "$root/sbin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" \
		"$root/root" "$root/var/run" "$root/lib/modules" "$root/etc"
	cp "$busybox" "$root/bin/busybox"
	for applet in $("$busybox" --list); do
		[ "$applet" = busybox ] || ln -s /bin/busybox "$root/bin/$applet"
	done
	cp "$here/init" "$root/init"
	cp "$here/power-button" "$root/bin/power-button"
	cp "$here/dhcp-lease" "$root/bin/dhcp-lease"
	cp "$agent" "$root/bin/weft-agent"
	[ -z "$perf" ] || cp "$perf" "$root/bin/weft-perf"

	list virtio-net virtio_pci virtio_net
	list virtio-blk virtio_pci virtio_blk
	list virtio-console virtio_pci virtio_console
	list virtio-rng virtio_pci virtio_rng
	list virtio-balloon virtio_pci virtio_balloon
	for module in e1000 8139cp; do # which cloud kernels lack
		[ -z "$(module_file $module)" ] || list "$module" "$module"
	done
	list button button evdev
	list vlan 8021q
}

fill_etc() {
	: >"$root/etc/weft-image"
	printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\n' >"$root/etc/group"
	printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
	cat >"$root/etc/inittab" <<-'END'
		::respawn:/bin/weft-agent
		::once:/bin/power-button
		ttyS0::respawn:-/bin/sh
		::ctrlaltdel:/bin/reboot
		::shutdown:/bin/umount -a -r
	END
	chmod 755 "$root/init" "$root/bin/"*
}

pack_root() {
	find "$root" -exec touch -h -d @0 {} +
	(cd "$root" && find . | LC_ALL=C sort |
		cpio --quiet --reproducible -R 0:0 -o -H newc) >"$dir/initrd.img.new"
}

work=$(mktemp -d "$dir/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
fetch_kernel
# shellcheck disable=SC2034 # for modules.sh
modules=$dir/kernel/lib/modules
cp "$dir"/kernel/boot/vmlinuz-* "$dir/vmlinuz.new"
unpack_kernel
mkdir -p "$root"
fill_root
fill_etc
pack_root
for file in vmlinuz vmlinux initrd.img; do
	mv "$dir/$file.new" "$dir/$file"
done
{ cat "$dir/kernel/package" && echo "$wanted"; } >"$dir/version"
echo "mkimage: $dir is ready ($(head -n 1 "$dir/version"))" >&2
