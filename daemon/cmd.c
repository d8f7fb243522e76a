/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/cmd.h"

static const struct control_verb verbs[] = {
	{"show", cmd_show},
	{"list-br", cmd_list_br},
	{"br-exists", cmd_br_exists},
	{"add-br", cmd_add_br},
	{"del-br", cmd_del_br},
	{"list-ports", cmd_list_ports},
	{"port-to-br", cmd_port_to_br},
	{"add-port", cmd_add_port},
	{"del-port", cmd_del_port},
	{"set", cmd_set},
	{"get", cmd_get},
	{"plan", cmd_plan},
	{"apply", cmd_apply},
	{"fdb/show", cmd_fdb_show},
	{"fdb/add", cmd_fdb_add},
	{"fdb/del", cmd_fdb_del},
	{"fdb/flush", cmd_fdb_flush},
	{"fdb/stats-show", cmd_fdb_stats_show},
	{"mdb/show", cmd_mdb_show},
	{"vlan/show", cmd_vlan_show},
	{"port/show", cmd_port_show},
	{"port/rebalance", cmd_port_rebalance},
	{"ring/show", cmd_ring_show},
	{"stats/show", cmd_stats_show},
	{"pmd-perf-show", cmd_pmd_perf_show},
	{"pmd-stats-clear", cmd_pmd_stats_clear},
	{"nat/show", cmd_nat_show},
	{"nat/sessions", cmd_nat_sessions},
	{"nat/flush", cmd_nat_flush},
	{"nat/list-forwards", cmd_nat_list_forwards},
	{"nat/add-forward", cmd_nat_add_forward},
	{"nat/del-forward", cmd_nat_del_forward},
	{"neigh/show", cmd_neigh_show},
	{"route/show", cmd_route_show},
	{"capture", cmd_capture},
	{"trace", cmd_trace},
	{"dhcp/show", cmd_dhcp_show},
	{"dhcp/leases", cmd_dhcp_leases},
	{"dhcp/release", cmd_dhcp_release},
	{"guest/list", cmd_guest_list},
	{"guest/start", cmd_guest_start},
	{"guest/stop", cmd_guest_stop},
	{"guest/restart", cmd_guest_restart},
	{"guest/balloon", cmd_guest_balloon},
	{"guest/console", cmd_guest_console},
	{"guest/exec", cmd_guest_exec},
	{"log/list", cmd_log_list},
	{"log/set", cmd_log_set},
	{"log/tail", cmd_log_tail},
	{"version", cmd_version},
	{"exit", cmd_exit},
};

const struct control_verb *command_table(size_t *n)
{
	*n = ARRAY_SIZE(verbs);
	return verbs;
}

struct vswitch_bridge *cmd_bridge(struct call *call, struct weftd *d, enum call_need need,
				  bool *absent)
{
	struct vswitch_bridge *b;
	const char *name = NULL;

	*absent = false;
	if (call_param_string(call, "bridge", need, &name) < 0)
		return NULL;
	if (!name) {
		*absent = true;
		return NULL;
	}
	b = vswitch_bridge_lookup(d->vswitch, name);
	if (!b)
		call_fail(call, RPC_FAILED, "there is no bridge '%s'; `weft list-br` names them",
			  name);
	return b;
}

struct vswitch_port *cmd_port(struct call *call, struct weftd *d, enum call_need need, bool *absent)
{
	struct vswitch_port *p;
	const char *name = NULL;

	*absent = false;
	if (call_param_string(call, "port", need, &name) < 0)
		return NULL;
	if (!name) {
		*absent = true;
		return NULL;
	}
	p = vswitch_port_lookup(d->vswitch, name);
	if (!p)
		call_fail(call, RPC_FAILED, "there is no port '%s'; `weft show` names them", name);
	return p;
}
