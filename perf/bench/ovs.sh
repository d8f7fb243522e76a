# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# OVS-DPDK as a peer of the benchmarks, with a database and a run directory of its own; sourced behind
# lib.sh.
# shellcheck disable=SC2154 # lib.sh sets them

dpdk_prefix=weft-bench-$$

# OVS asks for a pool of 790 MB first. Where that fails, the backend's own allocations fail with it
# for a moment.
dpdk_memory() {
	if [ "$use_huge" ]; then
		echo "--in-memory --socket-limit 1024 --file-prefix=$dpdk_prefix"
	else
		echo "--no-huge -m 512 --file-prefix=$dpdk_prefix"
	fi
}

ovs_vswitchd=/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk

ovs_have() {
	[ -x "$ovs_vswitchd" ] || { echo "apt-get install openvswitch-switch-dpdk"; return 1; }
	[ "$use_huge" ] || { echo "forwards nothing without 2 MiB pages"; return 1; }
}

ovs_vsctl() {
	ovs-vsctl --no-syslog --timeout=15 --db="unix:$work/run/db.sock" "$@"
}

# ovs_start TSO: the daemons, without a bridge yet. The bridge's own tap needs a network namespace, or
# it would appear in ours.
ovs_start() {
	local run=$work/run mask

	mask=$(printf '0x%x' $((1 << switch_cpu)))
	export OVS_RUNDIR=$run OVS_LOGDIR=$run OVS_DBDIR=$run
	ovsdb-tool create "$run/conf.db" /usr/share/openvswitch/vswitch.ovsschema || return 1
	spawn "$switch_cpu" "$work/ovs.log" ovsdb-server "$run/conf.db" \
		--remote="punix:$run/db.sock" --unixctl="$run/ovsdb.ctl"
	wait_for 5 test -S "$run/db.sock" || return 1
	ovs_vsctl --no-wait set Open_vSwitch . other_config:dpdk-init=true \
		other_config:dpdk-lcore-mask="$mask" other_config:pmd-cpu-mask="$mask" \
		other_config:userspace-tso-enable="$1" \
		other_config:dpdk-extra="$(dpdk_memory) --no-pci --no-telemetry" || return 1
	spawn "$switch_cpu" "$work/ovs.log" unshare --net "$ovs_vswitchd" "unix:$run/db.sock" \
		--unixctl="$run/vswitchd.ctl"
}
