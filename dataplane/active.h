/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_ACTIVE_H
#define DATAPLANE_ACTIVE_H

/*
 * Which places of a worker's poll list had frames lately. To look at an idle ring touches five
 * cache lines, so 62 idle ports cost as much as half a burst of small frames. A worker that has
 * work therefore visits only the active places, and all of them every ACTIVE_NS: a port that wakes
 * up is seen after that and a round at the latest, and the idle ones together cost one visit each
 * in that time. When a round was empty, the next is over all again.
 *
 * A place is active when it had frames since the last round over all. Places beyond ACTIVE_MAX are
 * visited in rounds over all only. When the list changes, places are wrong for ACTIVE_NS at most,
 * which delays and does no harm. Used by one thread.
 */

#include <stdint.h>
#include <string.h>

#define ACTIVE_NS  40000u
#define ACTIVE_MAX 4096

struct active {
	uint64_t all_due_ns;
	unsigned n_words; /* in use of the two bitmaps */
	uint64_t places[ACTIVE_MAX / 64];
	uint64_t seen[ACTIVE_MAX / 64]; /* had frames since the last round over all */
};

static inline void active_saw(struct active *a, unsigned place)
{
	if (place < ACTIVE_MAX)
		a->seen[place / 64] |= 1ull << place % 64;
}

/* After a round over all `n` places at `now_ns`. */
static inline void active_renew(struct active *a, unsigned n, uint64_t now_ns)
{
	a->n_words = n < ACTIVE_MAX ? (n + 63) / 64 : ACTIVE_MAX / 64;
	memcpy(a->places, a->seen, a->n_words * sizeof(a->places[0]));
	memset(a->seen, 0, a->n_words * sizeof(a->seen[0]));
	a->all_due_ns = now_ns + ACTIVE_NS;
}

#endif
