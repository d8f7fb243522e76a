/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bridge/bridge_input.h"

#include <string.h>

#include "bridge/bridge_filter.h"

/*
 * Two passes over the burst: the first turns addresses into FDB keys and prefetches their
 * buckets, the second learns and looks up with both lines on their way. The cost of a look-up
 * therefore does not depend on how many stations talk.
 */

struct bridge_keys {
	struct fdb_key src[BURST_MAX], dst[BURST_MAX];
	uint64_t repeats; /* frames with the addresses of the one before, which was open, too */
};

static inline enum drop_reason check_addresses(const struct eth_hdr *eth)
{
	if (unlikely(mac_is_multicast(&eth->src) || mac_is_zero(&eth->src)))
		return DROP_SRC_MULTICAST;
	if (unlikely(mac_is_reserved(&eth->dst)))
		return DROP_RESERVED_DST;
	return DROP_NONE;
}

static inline bool same_addresses(const struct eth_hdr *a, const struct eth_hdr *b)
{
	uint64_t head_a, head_b;
	uint32_t tail_a, tail_b;

	memcpy(&head_a, a, sizeof(head_a));
	memcpy(&head_b, b, sizeof(head_b));
	memcpy(&tail_a, (const uint8_t *)a + sizeof(head_a), sizeof(tail_a));
	memcpy(&tail_b, (const uint8_t *)b + sizeof(head_b), sizeof(tail_b));
	return head_a == head_b && tail_a == tail_b;
}

static void prepare(struct bridge *br, const struct burst *b, struct verdicts *v,
		    struct bridge_keys *keys)
{
	const struct eth_hdr *before = NULL;

	keys->repeats = 0;
	for (unsigned i = 0; i < b->n; i++) {
		const struct eth_hdr *eth = frame_eth(&b->frames[i]);
		enum drop_reason reason;

		if (unlikely(!verdict_is_open(v, i)))
			continue;
		if (before && same_addresses(eth, before)) {
			keys->repeats |= 1ull << i;
			continue;
		}
		reason = check_addresses(eth);
		if (unlikely(reason)) {
			verdict_drop(v, i, reason);
			continue;
		}
		keys->src[i] = fdb_key(&br->fdb, &eth->src, 0);
		keys->dst[i] = fdb_key(&br->fdb, &eth->dst, 0);
		fdb_prefetch(&br->fdb, keys->src[i]);
		fdb_prefetch(&br->fdb, keys->dst[i]);
		before = eth;
	}
}

static void flood(struct worker *w, const struct bridge *br, const struct port *in, unsigned i,
		  struct verdicts *v)
{
	const struct bridge_members *m = atomic_load_explicit(&br->members, memory_order_acquire);
	struct snoop *snoop = atomic_load_explicit(&br->snoop, memory_order_acquire);
	struct snoop_group group;
	bool selective = unlikely(snoop) &&
			 mac_is_multicast(&frame_eth(&w->burst.frames[i])->dst) &&
			 snoop_input(snoop, &w->burst.frames[i], 0, in->id,
				     bridge_seconds(w->now_ns), w->dry_run, &group);
	unsigned targets = 0;

	for (unsigned k = 0; k < m->n; k++) {
		const struct port *out =
			atomic_load_explicit(&w->dp->ports[m->ids[k]], memory_order_acquire);

		if (!out || out == in || !atomic_load_explicit(&out->enabled, memory_order_relaxed))
			continue;
		if (selective && !snoop_wants(&group, out->id))
			continue;
		egress_add(&w->egress, out->id, i);
		targets++;
	}
	if (targets == 0) {
		verdict_drop(v, i, selective ? DROP_NO_LISTENER : DROP_NO_TARGET);
	} else if (targets > 1) {
		v->copies += targets - 1;
		v->flooded |= 1ull << i;
	}
}

void bridge_input(struct worker *w, struct port *in, struct verdicts *v, uint64_t now_ns)
{
	struct bridge *br = atomic_load_explicit(&in->bridge, memory_order_acquire);
	uint32_t now_s = bridge_seconds(now_ns);
	struct burst *b = &w->burst;
	struct bridge_keys keys;
	uint16_t out = 0;

	if (unlikely(!br)) {
		for (unsigned i = 0; i < b->n; i++)
			if (verdict_is_open(v, i))
				verdict_drop(v, i, DROP_NO_BRIDGE);
		return;
	}
	if (unlikely(atomic_load_explicit(&br->filter, memory_order_acquire))) {
		bridge_filter(w, in, br, v, now_ns);
		return;
	}

	prepare(br, b, v, &keys);
	for (unsigned i = 0; i < b->n; i++) {
		const struct eth_hdr *eth = frame_eth(&b->frames[i]);

		if (unlikely(!verdict_is_open(v, i)))
			continue;
		if (!(keys.repeats >> i & 1)) {
			if (likely(!w->dry_run))
				fdb_learn(&br->fdb, keys.src[i], in->id, now_s);
			out = mac_is_multicast(&eth->dst) ? 0 : fdb_lookup(&br->fdb, keys.dst[i]);
		}
		if (unlikely(out == 0))
			flood(w, br, in, i, v);
		else if (unlikely(out == in->id))
			verdict_drop(v, i, DROP_HAIRPIN);
		else
			egress_add(&w->egress, out, i);
	}
}
