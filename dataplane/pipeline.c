/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/pipeline.h"

#include <assert.h>

#include "bridge/bridge_input.h"
#include "bridge/bridge_output.h"
#include "dataplane/dataplane.h"
#include "dataplane/verdict.h"

/*
 * The page that shows the whole data path:
 *
 *   port A                                                             port B, C, ...
 *   rx_peek ---> classify ---> bridge_input ---> egress masks ---> emit (tx) ---+
 *      ^         offloads      learn, look up    a bit a frame     the one copy |
 *      |                       or flood          for each port                  |
 *   rx_release <---------------- frames that are done, in order <---------------+
 *
 * A burst comes from one port, so it has one bridge. Stages only decide: they turn frames into
 * verdicts, drop reasons or bits in an egress mask. emit then walks the receivers, not the frames,
 * so that each receiver's ring is touched once a burst and frames to one receiver stay in order.
 *
 * Back pressure. Frames lie in the sender's ring until they are released. A unicast frame whose
 * receiver has no room is therefore not lost: it is left where it is, and the sender's ring fills
 * up, which is how it learns of the congestion. Frames behind it that go elsewhere are emitted and
 * remembered in `done_ahead`. A receiver that makes no room for HOLD_MAX_NS is taken for stalled
 * and frames to it are dropped until it moves again, so that it delays others once, not forever.
 * Flooded frames are never held.
 */

#define HOLD_MAX_NS 10000000ull

static_assert(BURST_MAX < 64, "a burst's frames are bits of one word, and one is left over");

static inline uint64_t mask_of(unsigned n)
{
	return (1ull << n) - 1;
}

/* Frames that the port could not read, or whose offload fields lie, end here. */
static void classify(struct verdicts *v, const struct burst *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct frame *f = &b->frames[i];
		enum drop_reason reason = f->bad;

		if (unlikely(!reason && (f->vnet.flags | f->vnet.gso_type)))
			reason = frame_check_offload(f);
		if (unlikely(reason))
			verdict_drop(v, i, reason);
	}
}

/* True while a receiver without room may still keep its senders waiting. */
static bool may_hold(struct port *out, uint64_t now_ns)
{
	uint64_t since = atomic_load_explicit(&out->full_since_ns, memory_order_relaxed);

	if (since == 0) {
		atomic_store_explicit(&out->full_since_ns, now_ns | 1, memory_order_relaxed);
		return true;
	}
	return now_ns < since + HOLD_MAX_NS;
}

static void count_tx(struct worker *w, struct port *out, const struct burst *b, uint64_t sent)
{
	struct port_stats *st = &out->stats[w->id];
	uint64_t bytes = 0;

	for (uint64_t m = sent; m; m &= m - 1)
		bytes += b->frames[__builtin_ctzll(m)].len;
	st->tx_packets += (unsigned)__builtin_popcountll(sent);
	st->tx_bytes += bytes;
	w->perf.tx_packets += (unsigned)__builtin_popcountll(sent);
}

/* Sends `mask` to one receiver. Returns the frames that have to wait for its room. */
static uint64_t emit_to(struct worker *w, struct port *out, struct verdicts *v, uint64_t mask,
			uint64_t now_ns)
{
	struct port_stats *st = &out->stats[w->id];
	struct tx_result res;
	uint64_t held = 0;

	if (unlikely(!atomic_load_explicit(&out->up, memory_order_acquire))) {
		st->drops[DROP_PORT_DOWN] += (unsigned)__builtin_popcountll(mask);
		return 0;
	}

	rte_spinlock_lock(&out->tx_lock);
	if (unlikely(v->filter))
		bridge_output(v->filter, &w->burst, out, mask);
	res = out->ops->tx(out, &w->burst, mask, st);
	if (res.sent && atomic_load_explicit(&out->full_since_ns, memory_order_relaxed))
		atomic_store_explicit(&out->full_since_ns, 0, memory_order_relaxed);
	if (unlikely(res.no_room)) {
		held = may_hold(out, now_ns) ? res.no_room & ~v->flooded : 0;
		st->drops[DROP_RING_FULL] += (unsigned)__builtin_popcountll(res.no_room & ~held);
	}
	rte_spinlock_unlock(&out->tx_lock);
	if (unlikely(v->filter))
		bridge_output_done(v, &w->burst, out, res.sent);

	count_tx(w, out, &w->burst, res.sent);
	return held;
}

static uint64_t emit(struct worker *w, struct verdicts *v, uint64_t now_ns)
{
	struct egress *eg = &w->egress;
	uint64_t held = 0;

	for (unsigned i = 0; i < eg->n; i++) {
		uint16_t id = eg->touched[i];
		struct port *out = atomic_load_explicit(&w->dp->ports[id], memory_order_acquire);
		uint64_t mask = eg->mask[id];

		eg->mask[id] = 0;
		if (likely(out))
			held |= emit_to(w, out, v, mask, now_ns);
		else
			v->lost += (unsigned)__builtin_popcountll(mask);
	}
	eg->n = 0;
	return held;
}

/*
 * Sends the mirrors' copies of frames that ended in this run, so that a frame that waits for its
 * receiver is copied once. Copies never wait and leave as the frame came.
 */
static void emit_mirrors(struct worker *w, struct verdicts *v, uint64_t ended, uint64_t now_ns)
{
	v->filter = NULL;
	for (unsigned k = 0; k < bridge_mirror_count(v->mirrors); k++) {
		uint64_t mask = v->mirror[k] & ended;
		struct port *to = bridge_mirror_port(v->mirrors, k, w->dp);

		if (!mask)
			continue;
		v->copies += (unsigned)__builtin_popcountll(mask);
		v->flooded |= mask;
		if (to)
			emit_to(w, to, v, mask, now_ns);
		else
			v->lost += (unsigned)__builtin_popcountll(mask);
	}
}

/* Counts the frames that ended in this run, as received and by what became of them. */
static unsigned account(struct worker *w, struct port *in, struct verdicts *v, uint64_t ended)
{
	struct port_stats *st = &in->stats[w->id];
	const struct burst *b = &w->burst;
	uint64_t bytes = 0;
	unsigned n = (unsigned)__builtin_popcountll(ended);

	for (uint64_t m = ended; m; m &= m - 1)
		bytes += b->frames[__builtin_ctzll(m)].len;
	st->rx_packets += n;
	st->rx_bytes += bytes;
	st->copies += v->copies;
	st->drops[DROP_PORT_DOWN] += v->lost;
	for (uint64_t m = v->dropped & ended; m; m &= m - 1)
		st->drops[v->reason[__builtin_ctzll(m)]]++;
	return n;
}

unsigned pipeline_run(struct worker *w, struct port *in, uint64_t now_ns)
{
	struct burst *b = &w->burst;
	struct verdicts v;
	uint64_t all, held, done;
	unsigned n, in_order;

	b->n = b->n_segs = 0;
	n = in->ops->rx_peek(in, b);
	if (n == 0)
		return 0;

	all = mask_of(n);
	verdicts_init(&v, in->done_ahead & all);
	classify(&v, b);
	bridge_input(w, in, &v, now_ns);
	held = emit(w, &v, now_ns);
	done = all & ~held;
	w->blocked |= held != 0;
	if (unlikely(v.filter))
		emit_mirrors(w, &v, done & ~v.already_done, now_ns);

	n = account(w, in, &v, done & ~v.already_done);
	in_order = (unsigned)__builtin_ctzll(~done);
	in->done_ahead = done >> in_order;
	if (in_order)
		in->ops->rx_release(in, in_order);
	if (n) {
		w->perf.rx_packets += n;
		w->perf.rx_bursts++;
	}
	return n;
}
