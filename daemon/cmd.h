/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_CMD_H
#define DAEMON_CMD_H

/*
 * Handlers of the control socket's verbs, a file for each family. Each gets the call and struct
 * weftd as `ctx`, and ends the call. The shapes of the results are described in weft(8).
 */

#include "daemon/weftd.h"

/* cmd_switch.c: what there is */
void cmd_show(struct call *call, void *ctx);
void cmd_list_br(struct call *call, void *ctx);
void cmd_br_exists(struct call *call, void *ctx);
void cmd_list_ports(struct call *call, void *ctx);
void cmd_port_to_br(struct call *call, void *ctx);

/* cmd_config.c: changes, all by way of an edited copy of the configuration */
void cmd_add_br(struct call *call, void *ctx);
void cmd_del_br(struct call *call, void *ctx);
void cmd_add_port(struct call *call, void *ctx);
void cmd_del_port(struct call *call, void *ctx);
void cmd_set(struct call *call, void *ctx);
void cmd_get(struct call *call, void *ctx);
void cmd_plan(struct call *call, void *ctx);
void cmd_apply(struct call *call, void *ctx);

/* cmd_fdb.c */
void cmd_fdb_show(struct call *call, void *ctx);
void cmd_mdb_show(struct call *call, void *ctx);
void cmd_fdb_add(struct call *call, void *ctx);
void cmd_fdb_del(struct call *call, void *ctx);
void cmd_fdb_flush(struct call *call, void *ctx);
void cmd_fdb_stats_show(struct call *call, void *ctx);
void cmd_vlan_show(struct call *call, void *ctx);

/* cmd_stats.c */
void cmd_port_show(struct call *call, void *ctx);
void cmd_port_rebalance(struct call *call, void *ctx);
void cmd_ring_show(struct call *call, void *ctx);
void cmd_stats_show(struct call *call, void *ctx);
void cmd_pmd_perf_show(struct call *call, void *ctx);
void cmd_pmd_stats_clear(struct call *call, void *ctx);

/* cmd_nat.c */
void cmd_nat_show(struct call *call, void *ctx);
void cmd_nat_sessions(struct call *call, void *ctx);
void cmd_nat_flush(struct call *call, void *ctx);
void cmd_nat_list_forwards(struct call *call, void *ctx);
void cmd_nat_add_forward(struct call *call, void *ctx);
void cmd_nat_del_forward(struct call *call, void *ctx);

/* cmd_route.c */
void cmd_neigh_show(struct call *call, void *ctx);
void cmd_route_show(struct call *call, void *ctx);

/* cmd_capture.c */
void cmd_capture(struct call *call, void *ctx);
/* Before the switch goes. */
void cmd_capture_end_all(struct weftd *d);

/* cmd_trace.c */
void cmd_trace(struct call *call, void *ctx);

/* cmd_dhcp.c */
void cmd_dhcp_show(struct call *call, void *ctx);
void cmd_dhcp_leases(struct call *call, void *ctx);
void cmd_dhcp_release(struct call *call, void *ctx);

/* cmd_guest.c */
void cmd_guest_list(struct call *call, void *ctx);
void cmd_guest_start(struct call *call, void *ctx);
void cmd_guest_stop(struct call *call, void *ctx);
void cmd_guest_restart(struct call *call, void *ctx);
void cmd_guest_balloon(struct call *call, void *ctx);
void cmd_guest_console(struct call *call, void *ctx);
void cmd_guest_exec(struct call *call, void *ctx);

/* cmd_daemon.c */
void cmd_log_list(struct call *call, void *ctx);
void cmd_log_set(struct call *call, void *ctx);
void cmd_log_tail(struct call *call, void *ctx);
void cmd_version(struct call *call, void *ctx);
void cmd_exit(struct call *call, void *ctx);

/*
 * Makes `wanted` what runs, or with the parameter dry_run says what that would change, and ends the
 * call. Takes `wanted` over; NULL means that an edit was refused for the reason in `e`.
 */
void cmd_change_to(struct call *call, struct weftd *d, struct config *wanted, const struct err *e);

/* Shared by the families. Each looks up what the parameter `key` names; NULL: the call is ended. */
struct vswitch_bridge *cmd_bridge(struct call *call, struct weftd *d, enum call_need need,
				  bool *absent);
struct vswitch_port *cmd_port(struct call *call, struct weftd *d, enum call_need need,
			      bool *absent);

/* {"name", "kind", "state", "waiting_for", "error"}, and what its kind adds: a port in one object.
 */
json_t *cmd_port_brief(struct vswitch_port *p);

#endif
