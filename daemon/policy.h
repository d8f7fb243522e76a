/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_POLICY_H
#define DAEMON_POLICY_H

/*
 * What the configuration lets a port do, made of the terms of the data path: one object a port,
 * kept by the vswitch, because a bridge's guards apply to ports that are configured elsewhere.
 * Control thread.
 */

#include <jansson.h>

#include "bridge/guard.h"
#include "common/err.h"
#include "config/config.h"
#include "dataplane/shaper.h"

struct policy {
	bool trusted;
	bool leases;		   /* may use what it leased on its bridge (daemon/dhcp.h) */
	struct guard_policy guard; /* as for a port that is alone; no_dhcp and no_router unset */
	struct ipaddr_prefix addresses[CONFIG_ADDRESSES_MAX + 1];
	unsigned n_addresses;
	struct shaper_rate in, out;
};

/* What a bridge asks of its ports. */
struct policy_bridge {
	bool dhcp_guard, ra_guard;
};

struct policy policy_from_port(const struct config_port *c);
struct policy policy_from_nic(const struct config_nic *c);

/* Makes it so for the port, in place. Returns 0, or -ENOMEM with the port as it was. */
int policy_apply(const struct policy *p, const struct policy_bridge *b, struct dataplane *dp,
		 struct port *port, struct err *e);
/* Takes guard and shaper away: before the port is destroyed. */
void policy_remove(struct dataplane *dp, struct port *port);

/* {"anti_spoof", "dhcp_guard", ...}: what is in force at the port; NULL when nothing is. */
json_t *policy_json(const struct policy *p, const struct port *port);

#endif
