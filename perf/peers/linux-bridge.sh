#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The peer "Linux bridge + tap": a bridge of the host's kernel with two taps, weft-pa0 and weft-pa1,
# into which QEMU (started by weftd on linux-bridge*.yaml) plugs the guests alpha and beta. The taps
# must be where weftd is, so they live in its network namespace under names of their own.
#
# usage: linux-bridge.sh check|up|down     (up: RUN_DIR names the lab run that uses it)
set -euo pipefail

bridge=weft-pabr
taps=(weft-pa0 weft-pa1)
state=/run/weft-peers/linux-bridge

lacking() {
	echo "$*"
	exit 77
}

check() {
	[[ $EUID -eq 0 ]] || lacking "taps need root: run it with sudo"
	command -v ip >/dev/null || lacking "the package iproute2 is missing: apt-get install iproute2"
	[[ -c /dev/net/tun ]] || lacking "/dev/net/tun is missing: modprobe tun"
	echo "Linux bridge of kernel $(uname -r)"
}

refuse_if_used() {
	local user
	user=$(cat "$state/run-dir" 2>/dev/null) || return 0
	[[ -z $user || ! -d $user ]] && return 0
	echo "$bridge is in use by the lab run $user; when that is gone: $0 down"
	exit 1
}

up() {
	refuse_if_used
	down
	mkdir -p "$state"
	echo "${RUN_DIR:-}" >"$state/run-dir"
	ip link add "$bridge" type bridge stp_state 0 forward_delay 0
	quiet_ipv6 "$bridge"
	ip link set "$bridge" up
	for tap in "${taps[@]}"; do
		ip tuntap add "$tap" mode tap vnet_hdr
		quiet_ipv6 "$tap"
		ip link set "$tap" master "$bridge" up
	done
}

# Without it the host's own neighbour discovery would be part of what is measured.
quiet_ipv6() {
	echo 1 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6" 2>/dev/null || true
}

down() {
	for link in "${taps[@]}" "$bridge"; do
		[[ ! -e /sys/class/net/$link ]] || ip link delete "$link"
	done
	rm -rf "$state"
	rmdir --ignore-fail-on-non-empty /run/weft-peers 2>/dev/null || true
}

case "${1:-}" in
check | up | down) "$1" ;;
*)
	echo "usage: $0 check|up|down"
	exit 1
	;;
esac
