/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/pipeline.h"

#include <assert.h>

#include "bridge/bridge_input.h"
#include "bridge/bridge_output.h"
#include "bridge/guard.h"
#include "dataplane/capture.h"
#include "dataplane/dataplane.h"
#include "dataplane/fair.h"
#include "dataplane/flow.h"
#include "dataplane/shaper.h"
#include "dataplane/verdict.h"
#include "nat/router_input.h"

/*
 * The page that shows the whole data path:
 *
 *   port A                                                             port B, C, ...
 *   rx_peek ---> classify ---> bridge_input ---> egress masks ---> emit (tx) ---+
 *      ^         offloads      learn, look up    a bit a frame     the one copy |
 *      |         guard_input   or flood          for each port     at its rate  |
 *      |                       router_input                                     |
 *      |                       for the gateway, or from an uplink               |
 *   rx_release <---------------- frames that are done, in order <---------------+
 *
 * A burst comes from one queue of one port, so it has one bridge. Stages only decide: they turn
 * frames into verdicts, drop reasons or bits in an egress mask. emit then walks the receivers, not
 * the frames, so that each receiver's ring is touched once a burst and frames to one receiver stay
 * in order.
 *
 * Back pressure. Frames lie in the sender's ring until they are released. A unicast frame whose
 * receiver has no room is therefore not lost: it is left where it is, and the sender's ring fills
 * up, which is how it learns of the congestion. Frames behind it that go elsewhere are emitted and
 * remembered in `done_ahead`. How long they wait, and what a flood costs its sender, is decided in
 * dataplane/fair.h. Flooded frames are never held.
 *
 * A receiver with several queues gets each frame on the queue that the frame's flow hashes to, so
 * that a flow stays in order whichever workers its sender's queues belong to. Room, and its lack,
 * is a queue's.
 */

static_assert(BURST_MAX < 64, "a burst's frames are bits of one word, and one is left over");

static inline uint64_t mask_of(unsigned n)
{
	return (1ull << n) - 1;
}

/* Frames that the port could not read, or whose offload fields lie, end here. */
static void classify(struct verdicts *v, struct burst *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct frame *f = &b->frames[i];
		enum drop_reason reason = f->bad;

		if (unlikely(!reason && (f->vnet.flags | f->vnet.gso_type)))
			reason = frame_check_offload(f);
		if (unlikely(reason))
			verdict_drop(v, i, reason);
	}
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

static uint64_t emit_at_rate(struct worker *w, const struct port *in, struct port *out,
			     struct verdicts *v, uint64_t mask, uint64_t now_ns);

/* Sends a mirror's copies, which never wait. */
static void emit_copies(struct worker *w, const struct port *in, const struct bridge_mirrors *m,
			unsigned k, struct verdicts *v, uint64_t mask, uint64_t now_ns)
{
	struct port *to = bridge_mirror_port(m, k, w->dp);

	v->copies += (unsigned)__builtin_popcountll(mask);
	v->flooded |= mask;
	if (to)
		emit_at_rate(w, in, to, v, mask, now_ns);
	else
		v->lost += (unsigned)__builtin_popcountll(mask);
}

/*
 * Copies for the mirrors of the receiver's bridge of what the router sent to it, as it left but for
 * tags. They are routed from anywhere, so the mirrors are not those of the verdicts.
 */
static void mirror_routed(struct worker *w, const struct port *in, const struct port *out,
			  struct verdicts *v, uint64_t sent, uint64_t now_ns)
{
	const struct bridge_mirrors *m = bridge_mirrors_of(out);
	struct bridge *filter = v->filter;
	uint64_t routed = w->burst.routed;

	if (likely(!m))
		return;
	v->filter = NULL;
	w->burst.routed = 0;
	for (unsigned k = 0; k < bridge_mirror_count(m); k++)
		if (bridge_mirror_takes(m, k, out))
			emit_copies(w, in, m, k, v, sent & routed, now_ns);
	w->burst.routed = routed;
	v->filter = filter;
}

/* Sends `mask` to one queue. Returns what has to wait: for room, or for the end of a pause. */
static uint64_t emit_to_queue(struct worker *w, const struct port *in, struct port_queue *to,
			      struct verdicts *v, uint64_t mask, uint64_t now_ns)
{
	struct port *out = to->port;
	struct port_stats *st = &out->stats[w->id];
	const bool captured = capture_is_on(out);
	struct port_stats before;
	struct tx_result res = {.no_room = mask};
	bool up, may_wait = v->may_wait;
	uint64_t held = 0;

	if (unlikely(captured))
		before = *st;
	if (unlikely(v->filter || w->burst.routed & mask))
		bridge_output(v->filter, &w->burst, out, mask);
	rte_spinlock_lock(&to->tx_lock);
	up = atomic_load_explicit(&to->up, memory_order_acquire);
	if (likely(up))
		res = out->ops->tx(to, &w->burst, mask, st);
	fair_took(to, &w->burst, res.sent, !res.no_room);
	if (unlikely(res.no_room)) {
		/* A pause is not the receiver's fault, and short. */
		if (up)
			may_wait &= fair_waits_for(to, now_ns);
		if (may_wait)
			held = res.no_room & ~v->flooded;
		st->drops[DROP_RING_FULL] += (unsigned)__builtin_popcountll(res.no_room & ~held);
	}
	rte_spinlock_unlock(&to->tx_lock);

	count_tx(w, out, &w->burst, res.sent);
	if (unlikely(captured))
		capture_output(w, out, mask, held, &res, &before);
	if (unlikely(v->filter))
		bridge_output_done(v, &w->burst, out, res.sent);
	w->burst.retag = 0;
	if (w->burst.routed & res.sent)
		mirror_routed(w, in, out, v, res.sent, now_ns);
	return held;
}

/* Each frame to the queue of its flow. */
static uint64_t emit_spread(struct worker *w, const struct port *in, struct port *out,
			    struct verdicts *v, uint64_t mask, unsigned enabled, uint64_t now_ns)
{
	uint64_t masks[PORT_QUEUES_MAX] = {0}, held = 0;
	unsigned touched = 0;

	for (uint64_t m = mask; m; m &= m - 1) {
		unsigned i = (unsigned)__builtin_ctzll(m);
		unsigned k = flow_queue(flow_hash(&w->burst.frames[i]), enabled);

		masks[k] |= 1ull << i;
		touched |= 1u << k;
	}
	for (; touched; touched &= touched - 1) {
		unsigned k = (unsigned)__builtin_ctz(touched);

		held |= emit_to_queue(w, in, &out->queues[k], v, masks[k], now_ns);
	}
	return held;
}

/* Sends `mask` to one receiver. Returns the frames that have to wait for its room. */
static uint64_t emit_to(struct worker *w, const struct port *in, struct port *out,
			struct verdicts *v, uint64_t mask, uint64_t now_ns)
{
	unsigned enabled = atomic_load_explicit(&out->enabled, memory_order_acquire);

	if (unlikely(!enabled)) {
		out->stats[w->id].drops[DROP_PORT_DOWN] += (unsigned)__builtin_popcountll(mask);
		if (capture_is_on(out))
			capture_lost(w, out, mask, DROP_PORT_DOWN);
		return 0;
	}
	if (likely((enabled & (enabled - 1)) == 0))
		return emit_to_queue(w, in, &out->queues[__builtin_ctz(enabled)], v, mask, now_ns);
	return emit_spread(w, in, out, v, mask, enabled, now_ns);
}

/*
 * Sends what the receiver's rate allows. The rest waits, unless it fills the burst and so stands
 * in the way of frames to others.
 */
static uint64_t emit_shaped(struct worker *w, const struct port *in, struct port *out,
			    struct shaper_limit *limit, struct verdicts *v, uint64_t mask,
			    uint64_t now_ns)
{
	uint64_t now = shaper_admit_turn(limit, in->id, &w->burst, mask, now_ns);
	uint64_t late = mask & ~now, waiting = w->burst.n < BURST_MAX ? late & ~v->flooded : 0;
	uint64_t held = now ? emit_to(w, in, out, v, now, now_ns) : 0;

	shaper_charge(limit, &w->burst, now & ~held, now_ns);
	out->stats[w->id].drops[DROP_RATE_LIMIT] += (unsigned)__builtin_popcountll(late & ~waiting);
	if (waiting)
		worker_wake_at(w, shaper_wake_ns(limit));
	v->late |= waiting;
	return held;
}

/* Sends `mask` to one receiver at its rate. Returns the frames that have to wait for its room. */
static uint64_t emit_at_rate(struct worker *w, const struct port *in, struct port *out,
			     struct verdicts *v, uint64_t mask, uint64_t now_ns)
{
	struct shaper *shaper = atomic_load_explicit(&out->shaper, memory_order_acquire);

	if (unlikely(shaper))
		return emit_shaped(w, in, out, &shaper->out, v, mask, now_ns);
	return emit_to(w, in, out, v, mask, now_ns);
}

static uint64_t emit(struct worker *w, const struct port *in, struct verdicts *v, uint64_t now_ns)
{
	struct egress *eg = &w->egress;
	uint64_t held = 0;

	for (unsigned i = 0; i < eg->n; i++) {
		uint16_t id = eg->touched[i];
		struct port *out = atomic_load_explicit(&w->dp->ports[id], memory_order_acquire);
		uint64_t mask = eg->mask[id], waits;

		eg->mask[id] = 0;
		if (unlikely(!out)) {
			v->lost += (unsigned)__builtin_popcountll(mask);
			continue;
		}
		waits = emit_at_rate(w, in, out, v, mask, now_ns);
		if (unlikely(waits)) {
			held |= waits;
			v->congested |= mask;
		}
	}
	eg->n = 0;
	return held;
}

/*
 * Sends the mirrors' copies of frames that ended in this run, so that a frame that waits for its
 * receiver is copied once. Copies never wait and leave as the frame came.
 */
static void emit_mirrors(struct worker *w, const struct port *in, struct verdicts *v,
			 uint64_t ended, uint64_t now_ns)
{
	v->filter = NULL;
	for (unsigned k = 0; k < bridge_mirror_count(v->mirrors); k++) {
		uint64_t mask = v->mirror[k] & ended;

		if (mask)
			emit_copies(w, in, v->mirrors, k, v, mask, now_ns);
	}
}

/*
 * Frames as they arrived in place of what the router made of them, and back: for who looks at what
 * came in, and counts it.
 */
static void swap_arrived(struct burst *b)
{
	for (uint64_t m = b->kept; m; m &= m - 1) {
		unsigned i = (unsigned)__builtin_ctzll(m);
		struct frame was = b->frames[i];

		b->frames[i] = b->arrived[i];
		b->arrived[i] = was;
	}
}

/* Counts the frames that ended in this run, as received and by what became of them. */
static unsigned account(struct worker *w, struct port *in, struct verdicts *v, uint64_t ended,
			uint64_t *bytes_in)
{
	struct port_stats *st = &in->stats[w->id];
	const struct burst *b = &w->burst;
	uint64_t bytes = 0;
	unsigned n = (unsigned)__builtin_popcountll(ended);

	for (uint64_t m = ended; m; m &= m - 1)
		bytes += b->frames[__builtin_ctzll(m)].len;
	st->rx_packets += n;
	st->rx_bytes += bytes;
	*bytes_in = bytes;
	st->copies += v->copies;
	st->punted += (unsigned)__builtin_popcountll(v->punted & ended);
	st->drops[DROP_PORT_DOWN] += v->lost;
	for (uint64_t m = v->dropped & ended; m; m &= m - 1)
		st->drops[v->reason[__builtin_ctzll(m)]]++;
	return n;
}

/* The stages, in their order. Without `after`, as workers run them, nothing is left of it. */
static inline __attribute__((always_inline)) void decide(
	struct worker *w, struct port *in, struct verdicts *v, uint64_t now_ns,
	void (*after)(const char *stage, void *arg), void *arg)
{
	struct guard *guard = atomic_load_explicit(&in->guard, memory_order_acquire);
	struct router_iface *uplink = atomic_load_explicit(&in->router, memory_order_acquire);
	struct router_iface *gateway;
	struct bridge *bridge;

	classify(v, &w->burst);
	if (after)
		after("classify", arg);
	if (unlikely(guard)) {
		guard_input(guard, &w->burst, v, now_ns);
		if (after)
			after("guard", arg);
	}
	if (unlikely(uplink)) {
		router_uplink_input(w, in, uplink, v, now_ns);
		if (after)
			after("router", arg);
		return;
	}
	bridge_input(w, in, v, now_ns);
	if (after)
		after("bridge", arg);
	bridge = atomic_load_explicit(&in->bridge, memory_order_acquire);
	gateway = bridge ? bridge_gateway(bridge) : NULL;
	if (gateway) {
		router_input(w, in, gateway, v, now_ns);
		if (after)
			after("router", arg);
	}
}

void pipeline_decide(struct worker *w, struct port *in, struct verdicts *v, uint64_t now_ns,
		     void (*after)(const char *stage, void *arg), void *arg)
{
	decide(w, in, v, now_ns, after, arg);
}

unsigned pipeline_run(struct worker *w, struct port_queue *in, uint64_t now_ns)
{
	struct port *port = in->port;
	struct shaper *shaper = atomic_load_explicit(&port->shaper, memory_order_acquire);
	struct burst *b = &w->burst;
	struct verdicts v;
	uint64_t all, held, done, bytes, late = 0;
	unsigned n, in_order;

	if (unlikely(shaper) && !shaper_is_ready(&shaper->in, now_ns)) {
		worker_wake_at(w, shaper_wake_ns(&shaper->in));
		return 0;
	}
	b->n = b->n_segs = 0;
	b->routed = b->kept = 0;
	b->now_ns = now_ns;
	n = port->ops->rx_peek(in, b);
	if (n == 0)
		return 0;

	all = mask_of(n);
	if (unlikely(shaper)) {
		late = all & ~in->done_ahead;
		late &= ~shaper_admit(&shaper->in, b, late, now_ns);
	}
	verdicts_init(&v, in->done_ahead & all, late);
	v.may_wait = fair_may_wait(in, now_ns);
	decide(w, port, &v, now_ns, NULL, NULL);
	if (capture_is_on(port)) {
		swap_arrived(b);
		capture_input(w, port, &v, all & ~(mask_of(in->n_seen) | late));
		swap_arrived(b);
	}
	held = emit(w, port, &v, now_ns);
	if (unlikely(b->kept))
		swap_arrived(b);
	done = all & ~(held | v.late);
	w->blocked |= held != 0;
	fair_ran(in, n, held, done & ~(v.congested | v.already_done), now_ns);
	b->routed = 0;
	if (unlikely(v.filter))
		emit_mirrors(w, port, &v, done & ~v.already_done, now_ns);
	fair_owes(in, v.copies);

	if (unlikely(shaper))
		shaper_charge(&shaper->in, b, done & ~v.already_done, now_ns);
	n = account(w, port, &v, done & ~v.already_done, &bytes);
	in->rx_packets += n;
	in->rx_bytes += bytes;
	in_order = (unsigned)__builtin_ctzll(~done);
	in->done_ahead = done >> in_order;
	in->n_seen = (uint8_t)(b->n - (unsigned)__builtin_popcountll(late) - in_order);
	if (in_order)
		port->ops->rx_release(in, in_order);
	if (n) {
		w->perf.rx_packets += n;
		w->perf.rx_bursts++;
	}
	return n;
}

/* Frames that a stage had kept go on. They wait for nobody: their sender's ring is not theirs. */
static bool release_kept(struct worker *w, struct router *router, uint64_t now_ns)
{
	struct verdicts v;
	uint64_t bytes;
	struct port *in = router_release(router, w, &v, now_ns);

	if (!in)
		return false;
	if (capture_is_on(in))
		capture_input(w, in, &v, mask_of(w->burst.n));
	emit(w, in, &v, now_ns);
	account(w, in, &v, mask_of(w->burst.n), &bytes);
	return true;
}

void pipeline_round(struct worker *w, uint64_t now_ns)
{
	struct router *router = atomic_load_explicit(&w->dp->router, memory_order_acquire);

	if (likely(!router))
		return;
	router_round(router, w, now_ns);
	while (release_kept(w, router, now_ns))
		continue;
}
