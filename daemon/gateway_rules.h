/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_GATEWAY_RULES_H
#define DAEMON_GATEWAY_RULES_H

/* What the configuration says of translation, in the terms of nat/nat_control.h. */

#include "daemon/gateways.h"
#include "nat/filter6.h"

/* Whether a rule of the bridge's filter can fit packets of the family, 4 or 6. */
bool gateway_rules_has(const struct config_bridge *b, int family);

/* The bridge's filter for IPv4, of `*n` rules; to be freed. NULL without memory. */
struct nat_rule *gateway_rules_create(const struct config *c, const struct config_bridge *b,
				      unsigned *n);
struct nat_inside_params gateway_inside_params(const struct config_bridge *b,
					       const struct nat_rule *rules, unsigned n_rules);

/* The same for IPv6; and whether two say the same. NULL is no filter, and without memory. */
struct filter6_view *gateway_filter6_create(const struct config_bridge *b);
bool gateway_filter6_is(const struct filter6_view *a, const struct filter6_view *b);

/*
 * Makes the forwards of an uplink those of the configuration: removes what is not there any more,
 * adds what is new, leaves the rest alone. Returns 0 or -errno, with the first reason.
 */
int gateway_forwards_apply(struct gateways *g, struct gateways_uplink *u, const struct config *c,
			   struct err *e);
/* The forwards to that subnet went with it. */
void gateway_rules_forget(struct gateways_uplink *u, const struct ip4_prefix *subnet);

#endif
