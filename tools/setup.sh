#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installs the Debian packages that weft needs to build, to test and to run its demo. Does nothing,
# and needs no network, when all of them are there. Peers (OVS-DPDK, testpmd) are not among them.
set -eu

packages=(
	build-essential pkg-config clang clang-format libclang-rt-14-dev llvm-14
	libdpdk-dev libnuma-dev libpcap-dev libyaml-dev libjansson-dev libsystemd-dev libcmocka-dev
	libnl-3-dev libnl-route-3-dev libnftables-dev libbpf-dev libxdp-dev libseccomp-dev
	dnsmasq-base nftables tcpdump isc-dhcp-client curl
	qemu-system-x86 ipxe-qemu busybox-static cpio zstd kmod xz-utils
	iproute2 procps psmisc jq shellcheck
)

mapfile -t missing < <(
	printf '%s\n' "${packages[@]}" | sort -u | comm -23 - <(
		dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
			sed -n 's/^installed //p' | sort -u
	)
)
[ "${#missing[@]}" -gt 0 ] || exit 0

echo "installing ${#missing[@]} packages: ${missing[*]}"
if [ "$(id -u)" -ne 0 ]; then
	echo "setup: not root; run: sudo apt-get install ${missing[*]}" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
