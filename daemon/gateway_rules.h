/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_GATEWAY_RULES_H
#define DAEMON_GATEWAY_RULES_H

/* What the configuration says of translation, in the terms of nat/nat_control.h. */

#include "daemon/gateways.h"

/* The bridge's filter; to be freed. NULL without memory. */
struct nat_rule *gateway_rules_create(const struct config *c, const struct config_bridge *b);
struct nat_inside_params gateway_inside_params(const struct config_bridge *b,
					       const struct nat_rule *rules);

/*
 * Makes the forwards of an uplink those of the configuration: removes what is not there any more,
 * adds what is new, leaves the rest alone. Returns 0 or -errno, with the first reason.
 */
int gateway_forwards_apply(struct gateways *g, struct gateways_uplink *u, const struct config *c,
			   struct err *e);
/* The forwards to that subnet went with it. */
void gateway_rules_forget(struct gateways_uplink *u, const struct ip4_prefix *subnet);

#endif
