#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A small world for NAT: one network namespace plays the host that weftd (or the peer) runs on, the
# other a machine beyond it. Nothing of this machine's own network is touched.
#
#   guest -- NAT -- weft-nat-host: 203.0.113.1 ---- veth ---- 203.0.113.2: weft-nat-outside
#
# usage: nat-world.sh check|up|down             (up: RUN_DIR names the lab run that uses it)
#        nat-world.sh up linux|down             with the peer: a bridge of the kernel with two taps,
#                                               masquerading by nftables, as libvirt sets it up
set -euo pipefail

host=weft-nat-host
outside=weft-nat-outside
state=/run/weft-peers/nat-world
taps=(weft-pa0 weft-pa1)

lacking() {
	echo "$*"
	exit 77
}

check() {
	[[ $EUID -eq 0 ]] || lacking "network namespaces need root: run it with sudo"
	command -v ip >/dev/null || lacking "the package iproute2 is missing: apt-get install iproute2"
	command -v nft >/dev/null || lacking "the package nftables is missing: apt-get install nftables"
	[[ -c /dev/net/tun ]] || lacking "/dev/net/tun is missing: modprobe tun"
	echo "NAT of kernel $(uname -r)"
}

refuse_if_used() {
	local user
	user=$(cat "$state/run-dir" 2>/dev/null) || return 0
	[[ -z $user || ! -d $user ]] && return 0
	echo "$host is in use by the lab run $user; when that is gone: $0 down"
	exit 1
}

on_host() { ip netns exec "$host" "$@"; }

world_up() {
	ip netns add "$host"
	ip netns add "$outside"
	ip -n "$host" link set lo up
	ip -n "$outside" link set lo up
	ip -n "$host" link add up0 type veth peer name eth0 netns "$outside"
	ip -n "$host" address add 203.0.113.1/24 dev up0
	ip -n "$outside" address add 203.0.113.2/24 dev eth0
	ip -n "$host" link set up0 up
	ip -n "$outside" link set eth0 up
}

# What libvirt's default network is made of; the forward is the one its users write hooks for.
linux_up() {
	ip -n "$host" link add br0 type bridge stp_state 0 forward_delay 0
	ip -n "$host" address add 10.10.0.1/24 dev br0
	ip -n "$host" link set br0 up
	for tap in "${taps[@]}"; do
		on_host ip tuntap add "$tap" mode tap vnet_hdr
		ip -n "$host" link set "$tap" master br0 up
	done
	on_host sysctl -qw net.ipv4.ip_forward=1
	on_host nft -f - <<-NFT
		table ip libvirt {
			chain postrouting {
				type nat hook postrouting priority srcnat;
				ip saddr 10.10.0.0/24 ip daddr != 10.10.0.0/24 masquerade
			}
			chain prerouting {
				type nat hook prerouting priority dstnat;
				iifname "up0" tcp dport 12867-12868 dnat to 10.10.0.2
				iifname "up0" udp dport 12868 dnat to 10.10.0.2
			}
			chain forward {
				type filter hook forward priority filter;
				ct state established,related accept
				iifname "br0" accept
				oifname "br0" ct status dnat accept
				oifname "br0" reject
			}
		}
	NFT
}

up() {
	refuse_if_used
	down
	mkdir -p "$state"
	echo "${RUN_DIR:-}" >"$state/run-dir"
	world_up
	[[ ${1:-} != linux ]] || linux_up
}

down() {
	for ns in "$host" "$outside"; do
		[[ ! -e /run/netns/$ns ]] || ip netns delete "$ns"
	done
	rm -rf "$state"
	rmdir --ignore-fail-on-non-empty /run/weft-peers 2>/dev/null || true
}

case "${1:-}" in
check | up | down) "$@" ;;
*)
	echo "usage: $0 check|up [linux]|down"
	exit 1
	;;
esac
