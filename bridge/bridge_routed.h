/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BRIDGE_BRIDGE_ROUTED_H
#define BRIDGE_BRIDGE_ROUTED_H

/*
 * How frames of the router get on in a bridge: as those that its gateway port sends would, in the
 * gateway's VLAN. Worker thread, within a burst.
 */

#include "bridge/bridge.h"

/* The port behind which the station is, 0 when it is not known. */
static inline uint16_t bridge_routed_port(const struct bridge *br, const struct mac *mac)
{
	uint16_t vlan = 0;

	if (unlikely(atomic_load_explicit(&br->vlans, memory_order_acquire)))
		vlan = atomic_load_explicit(&br->gateway_vlan, memory_order_relaxed);
	return fdb_lookup(&br->fdb, fdb_key(&br->fdb, mac, vlan));
}

/* Whether a guard shut the port, or it only takes a mirror's copies, or is not in the VLAN. */
enum drop_reason bridge_routed_check(const struct bridge *br, uint16_t out);

/* Sends frame `i` to every port that takes frames for unknown stations, but for `gateway`. */
void bridge_routed_flood(struct worker *w, const struct bridge *br, uint16_t gateway, unsigned i,
			 struct verdicts *v);

#endif
