/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bridge stage with everything that can be asked for: VLANs, isolation, limits and guards.
 *
 * The first pass decides what a frame is: whether its port may send at all, which VLAN it is in
 * (IEEE 802.1Q 6.9: its tag's, or the port's own when it has none or one with VID 0), and whether
 * the storm limit lets it pass if it is for a group. It ends with the FDB keys and their prefetch.
 * The second pass learns, looks up, and asks of each receiver whether the frame may go there.
 *
 * An access port takes untagged and priority tagged frames only, as in Open vSwitch. The limit for
 * unknown unicast can only be asked for after the look-up. A trace's worker (dry_run) changes
 * nothing here: it learns, charges and shuts nothing, and no storm limit drops its frame. Frames
 * that took tokens are never held back for a receiver's room, or they would be charged again when
 * they are seen again.
 */
#include "bridge/bridge_filter.h"

struct filter {
	struct worker *w;
	struct port *in;
	struct bridge *br;
	struct bridge_port *bp; /* of `in` */
	struct port_set *vlans; /* NULL: not looked at */
	struct verdicts *v;
	uint64_t now_ns;
	bool blocked, isolated, bpdus;
	uint64_t charged; /* frames that took tokens */
	uint16_t vid[BURST_MAX];
	struct fdb_key src[BURST_MAX], dst[BURST_MAX];
};

static enum flood_class class_of(const struct mac *dst)
{
	if (!mac_is_multicast(dst))
		return FLOOD_UNKNOWN_UNICAST;
	return mac_is_broadcast(dst) ? FLOOD_BROADCAST : FLOOD_MULTICAST;
}

static enum drop_reason check_group(struct filter *x, const struct mac *dst)
{
	if (likely(!mac_is_reserved(dst)))
		return DROP_NONE;
	if (x->bp->params.bpdu_guard && dst->b[5] == 0) {
		if (!x->w->dry_run)
			bridge_block(x->br, x->in->id, BLOCK_BPDU, bridge_seconds(x->now_ns));
		x->blocked = true;
		return DROP_PORT_BLOCKED;
	}
	return x->bpdus ? DROP_NONE : DROP_RESERVED_DST;
}

static enum drop_reason find_vlan(struct filter *x, unsigned i, const struct frame *f)
{
	struct vlan_info *info = &x->w->burst.vlans[i];
	uint16_t vid;

	if (unlikely(!vlan_tag_parse(f, info)))
		return f->head_len < sizeof(struct eth_hdr) + VLAN_TAG_LEN ? DROP_RUNT
									   : DROP_BAD_CSUM_RANGE;
	if (info->form == VLAN_TAGGED) {
		if (unlikely(!x->bp->params.trunk))
			return DROP_VLAN;
	} else {
		info->tci |= x->bp->params.pvid;
	}
	vid = info->tci & VLAN_ID_MASK;
	if (unlikely(vid == 0 || !port_set_has(&x->vlans[vid], x->in->id)))
		return DROP_VLAN;
	x->vid[i] = vid;
	return DROP_NONE;
}

static enum drop_reason charge(struct filter *x, unsigned i, enum flood_class class)
{
	struct storm_bucket *bucket = &x->bp->storm[class];

	if (likely(bucket->rate.per_s == 0 || x->w->dry_run))
		return DROP_NONE;
	x->charged |= 1ull << i;
	return storm_pass(bucket, &x->bp->local[x->w->id].credit[class], x->w->burst.frames[i].len,
			  x->now_ns)
		       ? DROP_NONE
		       : DROP_STORM;
}

static enum drop_reason check_frame(struct filter *x, unsigned i, const struct frame *f)
{
	const struct eth_hdr *eth = frame_eth(f);
	enum drop_reason reason = DROP_NONE;

	if (unlikely(x->blocked))
		return DROP_PORT_BLOCKED;
	if (unlikely(mac_is_multicast(&eth->src) || mac_is_zero(&eth->src)))
		return DROP_SRC_MULTICAST;
	x->vid[i] = 0;
	if (unlikely(mac_is_multicast(&eth->dst)))
		reason = check_group(x, &eth->dst);
	if (!reason && x->vlans)
		reason = find_vlan(x, i, f);
	if (unlikely(!reason && mac_is_multicast(&eth->dst)))
		reason = charge(x, i, class_of(&eth->dst));
	return reason;
}

static void prepare(struct filter *x)
{
	const struct burst *b = &x->w->burst;

	for (unsigned i = 0; i < b->n; i++) {
		const struct eth_hdr *eth = frame_eth(&b->frames[i]);
		enum drop_reason reason;

		if (unlikely(!verdict_is_open(x->v, i)))
			continue;
		reason = check_frame(x, i, &b->frames[i]);
		if (unlikely(reason)) {
			verdict_drop(x->v, i, reason);
			continue;
		}
		x->src[i] = fdb_key(&x->br->fdb, &eth->src, x->vid[i]);
		x->dst[i] = fdb_key(&x->br->fdb, &eth->dst, x->vid[i]);
		fdb_prefetch(&x->br->fdb, x->src[i]);
		fdb_prefetch(&x->br->fdb, x->dst[i]);
	}
}

static void note_move(struct filter *x, uint16_t from)
{
	struct bridge_port *other = bridge_port_of(x->br, from), *guilty;
	uint32_t now_s = bridge_seconds(x->now_ns);

	if (!other || !atomic_load_explicit(&x->br->options.loop_guard, memory_order_relaxed))
		return;
	guilty = bridge_port_moved(other, x->bp, now_s);
	if (guilty)
		bridge_block(x->br, guilty == other ? from : x->in->id, BLOCK_LOOP, now_s);
}

static enum drop_reason learn(struct filter *x, unsigned i)
{
	const struct bridge_port_params *p = &x->bp->params;
	struct fdb_learner who = {.port = x->in->id, .sticky = p->sticky, .limit = p->mac_limit};
	enum fdb_learned learned;
	uint16_t from = 0;

	if (p->no_learning)
		return DROP_NONE;
	learned = unlikely(x->w->dry_run) ? fdb_would_learn(&x->br->fdb, x->src[i], &who)
					  : fdb_learn_as(&x->br->fdb, x->src[i], &who,
							 bridge_seconds(x->now_ns), &from);
	switch (learned) {
	case FDB_MOVED:
		if (!x->w->dry_run)
			note_move(x, from);
		return DROP_NONE;
	case FDB_AT_LIMIT:
		return DROP_MAC_LIMIT;
	case FDB_HELD:
		return DROP_STICKY;
	default:
		return DROP_NONE;
	}
}

/* Word `k` of the ports that get a flooded frame. */
static uint64_t targets_of(const struct filter *x, unsigned i, enum flood_class class, unsigned k)
{
	const struct bridge *br = x->br;
	const struct port_set *members = x->vlans ? &x->vlans[x->vid[i]] : &br->joined;
	uint64_t m = port_set_word(members, k);

	if (!m)
		return 0;
	m &= ~(port_set_word(&br->no_flood[class], k) | port_set_word(&br->blocked, k) |
	       port_set_word(&br->reserved, k));
	if (x->isolated)
		m &= ~port_set_word(&br->isolated, k);
	if (x->in->id >> 6 == k)
		m &= ~(1ull << (x->in->id & 63));
	return m;
}

static void flood(struct filter *x, unsigned i, enum flood_class class)
{
	struct snoop *snoop = atomic_load_explicit(&x->br->snoop, memory_order_acquire);
	struct snoop_group group;
	bool selective = unlikely(snoop) && class != FLOOD_UNKNOWN_UNICAST &&
			 snoop_input(snoop, &x->w->burst.frames[i], x->vid[i], x->in->id,
				     bridge_seconds(x->now_ns), x->w->dry_run, &group);
	unsigned targets = 0;

	for (unsigned k = 0; k < PORT_SET_WORDS; k++) {
		for (uint64_t m = targets_of(x, i, class, k); m; m &= m - 1) {
			uint16_t id = (uint16_t)(k * 64 + (unsigned)__builtin_ctzll(m));
			const struct port *out =
				atomic_load_explicit(&x->w->dp->ports[id], memory_order_acquire);

			if (!out || !atomic_load_explicit(&out->enabled, memory_order_relaxed))
				continue;
			if (selective && !snoop_wants(&group, id))
				continue;
			egress_add(&x->w->egress, id, i);
			targets++;
		}
	}
	if (targets == 0) {
		verdict_drop(x->v, i, selective ? DROP_NO_LISTENER : DROP_NO_TARGET);
		return;
	}
	x->v->copies += targets - 1;
	if (targets > 1 || x->charged >> i & 1)
		x->v->flooded |= 1ull << i;
}

static enum drop_reason check_receiver(const struct filter *x, unsigned i, uint16_t out)
{
	const struct bridge *br = x->br;

	if (unlikely(out == x->in->id))
		return DROP_HAIRPIN;
	if (unlikely(port_set_has(&br->blocked, out) || port_set_has(&br->reserved, out)))
		return DROP_PORT_BLOCKED;
	if (unlikely(x->isolated && port_set_has(&br->isolated, out)))
		return DROP_ISOLATED;
	if (unlikely(x->vlans && !port_set_has(&x->vlans[x->vid[i]], out)))
		return DROP_VLAN;
	return DROP_NONE;
}

static void forward(struct filter *x, unsigned i)
{
	const struct mac *dst = &frame_eth(&x->w->burst.frames[i])->dst;
	enum flood_class class = class_of(dst);
	enum drop_reason reason = learn(x, i);
	uint16_t out = 0;

	if (likely(!reason && class == FLOOD_UNKNOWN_UNICAST)) {
		out = fdb_lookup(&x->br->fdb, x->dst[i]);
		reason = likely(out) ? check_receiver(x, i, out) : charge(x, i, class);
	}
	if (unlikely(reason))
		verdict_drop(x->v, i, reason);
	else if (likely(out))
		egress_add(&x->w->egress, out, i);
	else
		flood(x, i, class);
}

static void mirror_input(struct filter *x, uint64_t open)
{
	const struct bridge_mirrors *m =
		atomic_load_explicit(&x->br->mirrors, memory_order_acquire);

	x->v->mirrors = m;
	for (unsigned k = 0; m && k < m->n; k++)
		x->v->mirror[k] = port_set_has(&m->list[k].in, x->in->id) ? open : 0;
}

void bridge_filter(struct worker *w, struct port *in, struct bridge *br, struct verdicts *v,
		   uint64_t now_ns)
{
	uint64_t all = (1ull << w->burst.n) - 1;
	struct filter x;

	x.w = w;
	x.in = in;
	x.br = br;
	x.v = v;
	x.now_ns = now_ns;
	x.charged = 0;
	x.bp = bridge_port_of(br, in->id);
	x.vlans = atomic_load_explicit(&br->vlans, memory_order_acquire);
	x.blocked = port_set_has(&br->blocked, in->id) || port_set_has(&br->reserved, in->id);
	x.isolated = port_set_has(&br->isolated, in->id);
	x.bpdus = atomic_load_explicit(&br->options.forward_bpdu, memory_order_relaxed);
	v->filter = br;
	w->burst.vlans_known = x.vlans != NULL;
	mirror_input(&x, all & ~(v->already_done | v->late | v->dropped));

	prepare(&x);
	for (unsigned i = 0; i < w->burst.n; i++)
		if (likely(verdict_is_open(v, i)))
			forward(&x, i);
}
