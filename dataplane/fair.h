/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_FAIR_H
#define DATAPLANE_FAIR_H

/*
 * What one port may take from the others. See docs/adr/0016-fairness.md for why and how much.
 *
 *  - Receivers. A receiver without room is waited for out of a budget of FAIR_WAIT_MAX_NS. Waiting
 *    spends it, what the receiver takes earns it back: so a guest that keeps a pace of some ten
 *    thousand frames a second is always waited for, and one that takes a frame now and then is
 *    waited for during the few microseconds that the frame is worth.
 *  - Senders. Frames of a sender that go elsewhere wait behind those for the full receiver when the
 *    window of one burst is used up. A sender with such a mixture waits for a tenth of its time at
 *    most; beyond that its frames for the full receiver are dropped. One that talks to the full
 *    receiver alone harms nobody by waiting.
 *  - Floods. A burst whose frames are copied to many ports is work for many bursts: its sender owes
 *    the rounds that the others' bursts would have taken, and pays while others have work.
 *
 * State of the receiver is under port_queue.tx_lock; that of the sender belongs to the worker of
 * its queue.
 */

#include "dataplane/port.h"
#include "dataplane/verdict.h"

#define FAIR_WAIT_MAX_NS  10000000ull /* of one receiver, without any progress */
#define FAIR_FRAME_NS	  50000u      /* earned by a frame that the receiver took ... */
#define FAIR_BYTE_NS	  16u	      /* ... and by each byte of it: 500 Mbit/s */
#define FAIR_MIXED_MAX_NS 1000000ull  /* that a mixed sender waits on end */
#define FAIR_MIXED_PART	  9	      /* it earns one ns of waiting in this many of work */
#define FAIR_DEBT_MAX	  65536u      /* frames; beyond it floods are free again */

/* May senders wait for `out`, which has no room at `now_ns`? Spends its budget. */
bool fair_waits_for(struct port_queue *out, uint64_t now_ns);

/* The slow part of fair_took. */
void fair_earn(struct port_queue *out, const struct burst *b, uint64_t sent);

/* `out` took the frames `sent`; `all` says that none is left over for it. */
static inline void fair_took(struct port_queue *out, const struct burst *b, uint64_t sent, bool all)
{
	if (!sent)
		return;
	if (unlikely(out->wait_spent_ns))
		fair_earn(out, b, sent);
	if (unlikely(atomic_load_explicit(&out->full_since_ns, memory_order_relaxed)) && all)
		atomic_store_explicit(&out->full_since_ns, 0, memory_order_relaxed);
}

/* The slow part of fair_may_wait. */
bool fair_has_patience(struct port_queue *in, uint64_t now_ns);

/* May this run of the sender `in` leave frames waiting? */
static inline bool fair_may_wait(struct port_queue *in, uint64_t now_ns)
{
	return likely(!in->mixed_at_ns) || fair_has_patience(in, now_ns);
}

/* The slow part of fair_ran. */
void fair_note_wait(struct port_queue *in, unsigned n, uint64_t held, uint64_t elsewhere,
		    uint64_t now_ns);

/* A run over `n` frames of `in` left `held` waiting; `elsewhere` ended and went to other ports. */
static inline void fair_ran(struct port_queue *in, unsigned n, uint64_t held, uint64_t elsewhere,
			    uint64_t now_ns)
{
	if (unlikely(held || in->went_elsewhere || in->mixed_at_ns))
		fair_note_wait(in, n, held, elsewhere, now_ns);
}

/* A run made `copies` beyond one a frame. */
static inline void fair_owes(struct port_queue *in, uint64_t copies)
{
	if (unlikely(copies) && in->flood_debt < FAIR_DEBT_MAX)
		in->flood_debt += (uint32_t)copies;
}

/* Must `in` leave this round to the others? Pays a burst's worth of its debt. */
static inline bool fair_sits_out(struct port_queue *in)
{
	if (likely(in->flood_debt < BURST_MAX))
		return false;
	in->flood_debt -= BURST_MAX;
	return true;
}

#endif
