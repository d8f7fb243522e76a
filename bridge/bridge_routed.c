/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bridge/bridge_routed.h"

enum drop_reason bridge_routed_check(const struct bridge *br, uint16_t out)
{
	const struct port_set *vlans;

	if (likely(!atomic_load_explicit(&br->filter, memory_order_acquire)))
		return DROP_NONE;
	if (port_set_has(&br->blocked, out) || port_set_has(&br->reserved, out))
		return DROP_PORT_BLOCKED;
	vlans = atomic_load_explicit(&br->vlans, memory_order_acquire);
	if (vlans && !port_set_has(&vlans[atomic_load(&br->gateway_vlan)], out))
		return DROP_VLAN;
	return DROP_NONE;
}

void bridge_routed_flood(struct worker *w, const struct bridge *br, uint16_t gateway, unsigned i,
			 struct verdicts *v)
{
	const struct bridge_members *m = atomic_load_explicit(&br->members, memory_order_acquire);
	unsigned targets = 0;

	for (unsigned k = 0; k < m->n; k++) {
		uint16_t id = m->ids[k];
		const struct port *out =
			atomic_load_explicit(&w->dp->ports[id], memory_order_acquire);

		if (!out || id == gateway ||
		    !atomic_load_explicit(&out->enabled, memory_order_relaxed) ||
		    port_set_has(&br->no_flood[FLOOD_UNKNOWN_UNICAST], id) ||
		    bridge_routed_check(br, id))
			continue;
		egress_add(&w->egress, id, i);
		targets++;
	}
	if (targets == 0) {
		verdict_drop(v, i, DROP_NO_TARGET);
		return;
	}
	v->copies += targets - 1;
	if (targets > 1)
		v->flooded |= 1ull << i;
}
