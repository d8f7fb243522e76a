#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The peer OVS-DPDK: Debian's ovs-vswitchd-dpdk with a database, a run directory and a network
# namespace of its own, so that it neither meets nor changes an Open vSwitch of the host. Its two
# vhost-user ports connect to the sockets on which QEMU (started by weftd on ovs-dpdk.yaml) listens.
# One core polls; memory comes from 2 MiB hugepages that are reserved here and given back, or from
# normal pages when none can be had.
#
# usage: ovs-dpdk.sh check|up|down [default|tso]     (up: RUN_DIR names the lab run that uses it)
set -eEuo pipefail

state=/run/weft-peers/ovs-dpdk
sockets=/run/weft-peers
vswitchd=/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk
schema=/usr/share/openvswitch/vswitch.ovsschema
bridge=weft-po0
memory_mb=512
nr_hugepages=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
mode=${2:-${OVS_MODE:-default}}

export OVS_RUNDIR=$state OVS_LOGDIR=$state OVS_DBDIR=$state

lacking() {
	echo "$*"
	exit 77
}

vsctl() {
	ovs-vsctl --db="unix:$state/db.sock" --timeout=30 "$@"
}

check() {
	[[ $EUID -eq 0 ]] || lacking "DPDK needs root: run it with sudo"
	[[ -x $vswitchd ]] || lacking "the package openvswitch-switch-dpdk is missing:" \
		"apt-get install openvswitch-switch-dpdk"
	for program in ovsdb-server ovsdb-tool ovs-vsctl ovs-appctl; do
		command -v "$program" >/dev/null ||
			lacking "$program is missing: apt-get install openvswitch-switch"
	done
	"$vswitchd" --version | tr '\n' ' '
	echo
}

refuse_if_used() {
	local user
	user=$(cat "$state/run-dir" 2>/dev/null) || return 0
	[[ -z $user || ! -d $user ]] && return 0
	echo "$state is in use by the lab run $user; when that is gone: $0 down"
	exit 1
}

# Adds the pages to what others have reserved, or nothing when the kernel has not got them all.
reserve_hugepages() {
	local wanted=$((memory_mb / 2)) before
	[[ -w $nr_hugepages && ${OVS_HUGEPAGES:-on} == on ]] || return 1
	before=$(cat "$nr_hugepages")
	echo $((before + wanted)) >"$nr_hugepages"
	if (($(cat "$nr_hugepages") < before + wanted)); then
		echo "$before" >"$nr_hugepages"
		return 1
	fi
	echo "$wanted" >"$state/hugepages"
}

return_hugepages() {
	local mine now
	mine=$(cat "$state/hugepages" 2>/dev/null) || return 0
	now=$(cat "$nr_hugepages")
	echo $((now > mine ? now - mine : 0)) >"$nr_hugepages"
}

start_database() {
	ovsdb-tool create "$state/conf.db" "$schema"
	ovsdb-server "$state/conf.db" --remote="punix:$state/db.sock" --detach --no-chdir \
		--pidfile="$state/ovsdb-server.pid" --unixctl="$state/ovsdb-server.ctl" \
		--log-file="$state/ovsdb-server.log" >/dev/null 2>&1
	vsctl --no-wait init
}

configure() {
	local extra="--file-prefix=weft-peer-ovs --no-pci"
	if reserve_hugepages; then
		vsctl --no-wait set Open_vSwitch . other_config:dpdk-socket-mem="$memory_mb"
	else
		extra+=" --legacy-mem --no-huge --no-shconf -m $memory_mb"
	fi
	vsctl --no-wait set Open_vSwitch . other_config:dpdk-init=true \
		other_config:dpdk-extra="$extra" \
		other_config:pmd-cpu-mask="$(printf '0x%x' $((1 << ($(nproc) - 1))))" \
		other_config:userspace-tso-enable="$([[ $mode == tso ]] && echo true || echo false)"
}

start_switch() {
	unshare --net "$vswitchd" "unix:$state/db.sock" --detach --no-chdir \
		--pidfile="$state/ovs-vswitchd.pid" --unixctl="$state/ovs-vswitchd.ctl" \
		--log-file="$state/ovs-vswitchd.log" >/dev/null 2>&1
	vsctl add-br "$bridge" -- set bridge "$bridge" datapath_type=netdev
	[[ $(vsctl get Open_vSwitch . dpdk_initialized) == true ]]
	for guest in alpha beta; do
		vsctl add-port "$bridge" "$guest" -- set Interface "$guest" \
			type=dpdkvhostuserclient options:vhost-server-path="$sockets/$guest.sock"
	done
}

give_up() {
	local why
	trap - ERR
	why=$(grep -hE '\|(ERR|EMER)\|' "$state"/*.log 2>/dev/null | sed 1q) || true
	down
	echo "OVS-DPDK did not start: ${why:-no reason in its log}"
	exit 1
}

up() {
	[[ $mode == default || $mode == tso ]] || {
		echo "mode $mode is not known: default or tso"
		exit 1
	}
	refuse_if_used
	down
	mkdir -p "$state"
	echo "${RUN_DIR:-}" >"$state/run-dir"
	trap 'give_up' ERR
	start_database
	configure
	start_switch
	trap - ERR
}

# Asks the daemon of a pid file to leave, then makes it. One that ended has no /proc/PID/exe, also
# while its new parent, weft-lab, has not reaped it yet.
stop_daemon() {
	local name=$1 pid i
	shift
	pid=$(cat "$state/$name.pid" 2>/dev/null) || return 0
	[[ $(cat "/proc/$pid/comm" 2>/dev/null) == "${name:0:15}"* ]] || return 0
	timeout 5 ovs-appctl -t "$state/$name.ctl" exit "$@" >/dev/null 2>&1 || kill "$pid" || true
	for ((i = 0; i < 80; i++)); do
		[[ -e /proc/$pid/exe ]] || return 0
		sleep 0.1
	done
	kill -KILL "$pid" || true
}

down() {
	trap - ERR
	stop_daemon ovs-vswitchd --cleanup
	stop_daemon ovsdb-server
	return_hugepages
	rm -rf "$state" /run/dpdk/weft-peer-ovs
	rm -f "$sockets/alpha.sock" "$sockets/beta.sock"
	rmdir --ignore-fail-on-non-empty "$sockets" 2>/dev/null || true
}

case "${1:-}" in
check | up | down) "$1" ;;
*)
	echo "usage: $0 check|up|down [default|tso]"
	exit 1
	;;
esac
