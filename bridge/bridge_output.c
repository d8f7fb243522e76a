/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bridge/bridge_output.h"

#include "bridge/bridge.h"

/* Returns whether the tag has to change for the receiver, and how. */
static inline bool edit_for(const struct bridge_port_params *to, struct vlan_info info,
			    struct vlan_edit *edit)
{
	bool is_native = (info.tci & VLAN_ID_MASK) == to->pvid;
	bool tagged = to->trunk && (!is_native || to->native_tagged);

	edit->tci = info.tci;
	if (!tagged) {
		edit->op = VLAN_POP;
		return info.form != VLAN_UNTAGGED;
	}
	edit->op = info.form == VLAN_UNTAGGED ? VLAN_PUSH : VLAN_SET;
	return info.form != VLAN_TAGGED;
}

static void output_routed(struct burst *b, const struct port *out, uint64_t mask)
{
	struct bridge *br = atomic_load_explicit(&out->bridge, memory_order_acquire);
	const struct bridge_port *to = br ? bridge_port_of(br, out->id) : NULL;
	struct vlan_info info = {.form = VLAN_UNTAGGED};

	if (!to || !atomic_load_explicit(&br->vlans, memory_order_acquire))
		return;
	info.tci = atomic_load_explicit(&br->gateway_vlan, memory_order_relaxed);
	for (; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);

		if (edit_for(&to->params, info, &b->edits[i]))
			b->retag |= 1ull << i;
	}
}

void bridge_output(struct bridge *br, struct burst *b, const struct port *out, uint64_t mask)
{
	const struct bridge_port *to = br && b->vlans_known ? bridge_port_of(br, out->id) : NULL;

	b->retag = 0;
	if (mask & b->routed)
		output_routed(b, out, mask & b->routed);
	for (mask &= ~b->routed; to && mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);

		if (edit_for(&to->params, b->vlans[i], &b->edits[i]))
			b->retag |= 1ull << i;
	}
}

void bridge_output_done(struct verdicts *v, struct burst *b, const struct port *out, uint64_t sent)
{
	b->retag = 0;
	for (unsigned k = 0; k < bridge_mirror_count(v->mirrors); k++)
		if (port_set_has(&v->mirrors->list[k].out, out->id))
			v->mirror[k] |= sent & ~b->routed;
}

const struct bridge_mirrors *bridge_mirrors_of(const struct port *out)
{
	const struct bridge *br = atomic_load_explicit(&out->bridge, memory_order_acquire);

	return br ? atomic_load_explicit(&br->mirrors, memory_order_acquire) : NULL;
}

bool bridge_mirror_takes(const struct bridge_mirrors *mirrors, unsigned k, const struct port *out)
{
	return port_set_has(&mirrors->list[k].out, out->id);
}

unsigned bridge_mirror_count(const struct bridge_mirrors *mirrors)
{
	return mirrors ? mirrors->n : 0;
}

struct port *bridge_mirror_port(const struct bridge_mirrors *mirrors, unsigned k,
				const struct dataplane *dp)
{
	return atomic_load_explicit(&dp->ports[mirrors->list[k].to], memory_order_acquire);
}

struct router_iface *bridge_gateway(const struct bridge *br)
{
	return atomic_load_explicit(&br->gateway, memory_order_acquire);
}
