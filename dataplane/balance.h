/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_BALANCE_H
#define DATAPLANE_BALANCE_H

/* Which worker should poll which queue, by what the queues do. Pure: it moves nothing. */

#include <stdint.h>

struct balance_item {
	uint64_t load;	 /* what the queue did, as balance_load tells */
	unsigned worker; /* in: who polls it; out: who should */
};

/* What work `packets` of together `bytes` were, in bytes' worth of copying. */
uint64_t balance_load(uint64_t packets, uint64_t bytes);

/*
 * Spreads the items over workers 0 to n_workers - 1: the largest first, each to the worker that has
 * least, idle ones by number. Keeps everything where it is unless the busiest worker's load shrinks
 * by a tenth or, when nothing has load, a worker has two queues more than another. Returns how many
 * items changed their worker.
 */
unsigned balance_plan(struct balance_item *items, unsigned n, unsigned n_workers);

#endif
