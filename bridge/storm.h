/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BRIDGE_STORM_H
#define BRIDGE_STORM_H

/*
 * Storm control: a token bucket for each class of frames that a port would flood.
 *
 * The bucket is one atomic word, the time at which it would be full again (the virtual scheduling
 * form of GCRA, ITU-T I.371). A worker takes tokens from it in grants of a 32nd of the bucket and
 * spends them from a line of its own, so the shared word is written once a grant, not once a
 * packet. A worker that falls idle keeps at most one grant.
 *
 * The bucket holds a tenth of a second's tokens, and at least one frame of the largest size.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct storm_rate {
	uint64_t per_s; /* 0: no limit */
	bool packets;	/* packets, else bits */
};

struct storm_bucket {
	struct storm_rate rate;
	uint64_t depth, grant;	     /* packets or bits */
	uint64_t depth_ns;	     /* time to fill the bucket */
	_Atomic uint64_t full_at_ns; /* w, r: workers */
};

void storm_bucket_init(struct storm_bucket *b, struct storm_rate rate);

/* Takes at least `need` tokens at `now_ns`. Returns what was taken, or 0: there are not enough. */
uint64_t storm_bucket_take(struct storm_bucket *b, uint64_t need, uint64_t now_ns);

/* Whether a frame of `len` bytes may pass; `credit` is the worker's own. */
static inline bool storm_pass(struct storm_bucket *b, uint64_t *credit, uint32_t len,
			      uint64_t now_ns)
{
	uint64_t need = b->rate.packets ? 1 : (uint64_t)len * 8;

	if (b->rate.per_s == 0)
		return true;
	if (*credit < need)
		*credit += storm_bucket_take(b, need - *credit, now_ns);
	if (*credit < need)
		return false;
	*credit -= need;
	return true;
}

#endif
