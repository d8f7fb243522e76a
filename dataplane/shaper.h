/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_SHAPER_H
#define DATAPLANE_SHAPER_H

/*
 * The rates of a port: `in` from its guest, `out` to its guest, each in bits and in packets a
 * second.
 *
 * A limit is the generic cell rate algorithm (ITU-T I.371): instead of a level of tokens it keeps
 * `due`, the time at which all that was sent will have been paid for. A frame may go while `due` is
 * at most the burst ahead of now, whatever its size, and then moves `due` by what it costs. Nothing
 * is rounded away but 1/16 ns a burst, so the long-run rate is exact. What is counted are bytes of
 * Ethernet frames without preamble and FCS, as they would be on the wire: a GSO frame costs the
 * headers of each of its segments.
 *
 * `in` costs no frame: those beyond the rate stay in the sender's ring, and a worker that has
 * nothing else to do sleeps until they are due. `out` keeps unicast frames in the sender's ring,
 * too, but only while the ring holds less than a burst: beyond that the frames in the way of others
 * are dropped, because a slow receiver must not decide how fast its senders talk to others. Several
 * senders to one such port take turns.
 *
 * Published by the control thread with one pointer store, replaced as a whole; workers update
 * `due` with atomic operations only.
 */

#include <rte_branch_prediction.h>

#include "dataplane/dataplane.h"

/* One limit; all zero: none. Times are in 1/16 ns of the monotonic clock. */
struct shaper_meter {
	uint64_t unit_time;   /* of one byte or packet, in 2^-32 of 1/16 ns */
	uint64_t burst;	      /* how far `due` may be ahead of now */
	_Atomic uint64_t due; /* w, r: workers */
};

struct shaper_limit {
	struct shaper_meter bytes, packets;
	/* Who is next and who was last, ports by id; a hint, w, r: workers */
	_Atomic uint16_t next, last;
	_Atomic uint64_t next_until_ns;
};

struct shaper {
	struct shaper_limit in, out;
};

/* 0: no limit. `burst_bytes` 0: chosen by the rate. */
struct shaper_rate {
	uint64_t bits_ps, packets_ps, burst_bytes;
};

/* NULL without memory. */
struct shaper *shaper_create(const struct shaper_rate *in, const struct shaper_rate *out);
/* Publishes `s` (NULL: none) and frees the port's old one after a grace period. Owns `s`. */
void shaper_publish(struct dataplane *dp, struct port *p, struct shaper *s);

/* Bytes that the frame is on the wire, segmented if it has to be. */
uint32_t shaper_wire_bytes(const struct frame *f);

/* When the limit lets the next frame go, in ns; in the past when it does now. */
uint64_t shaper_ready_ns(const struct shaper_limit *l);

/* When a worker that sleeps meanwhile had best look again: a little later, for more at a time. */
uint64_t shaper_wake_ns(const struct shaper_limit *l);

/* Whether the limit lets a frame go now. */
bool shaper_is_ready(const struct shaper_limit *l, uint64_t now_ns);

/* Which frames of `mask` the limit lets go now; the first ones. Charges nothing. */
uint64_t shaper_admit(const struct shaper_limit *l, const struct burst *b, uint64_t mask,
		      uint64_t now_ns);

/* As shaper_admit, for one of several senders `from`, that take turns. */
uint64_t shaper_admit_turn(struct shaper_limit *l, uint16_t from, const struct burst *b,
			   uint64_t mask, uint64_t now_ns);

/* Charges the limit for the frames of `mask`. */
void shaper_charge(struct shaper_limit *l, const struct burst *b, uint64_t mask, uint64_t now_ns);

/*
 * 0, or until when frames of the port wait for its `in` rate, so that looking for them is of no
 * use.
 */
static inline uint64_t shaper_in_wake_ns(const struct port *p, uint64_t now_ns)
{
	const struct shaper *s = atomic_load_explicit(&p->shaper, memory_order_acquire);

	return unlikely(s) && !shaper_is_ready(&s->in, now_ns) ? shaper_wake_ns(&s->in) : 0;
}

#endif
