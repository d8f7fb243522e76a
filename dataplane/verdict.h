/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_VERDICT_H
#define DATAPLANE_VERDICT_H

/*
 * What the stages decided about the burst in hand. Frames are bits: a stage looks at the open
 * ones and closes each by a drop or by one or more bits in the worker's egress masks.
 */

#include <rte_branch_prediction.h>

#include "dataplane/worker.h"

#define MIRRORS_MAX 8 /* a bridge */

struct bridge;
struct bridge_mirrors;

struct verdicts {
	uint64_t already_done; /* ended in an earlier run, seen again because of one before them */
	uint64_t late;	       /* wait for the rate of their sender or receiver */
	uint64_t dropped;      /* by a stage; the reason stands in `reason` */
	uint64_t flooded;      /* go to more than their one receiver: never held back */
	uint64_t copies;       /* receivers beyond the first, over all frames */
	uint64_t lost;	       /* their receiver left between look-up and emission */
	uint64_t punted;       /* kept by a stage, which goes on with them by itself */
	uint64_t congested;    /* their receiver lets some of its frames wait */
	bool may_wait;	       /* frames for a full receiver stay with the sender */
	struct bridge *filter; /* looks at frames on the way out, too; NULL: a plain bridge */
	/* Valid with `filter`: */
	const struct bridge_mirrors *mirrors; /* NULL: none */
	uint64_t mirror[MIRRORS_MAX];	      /* frames that each of them copies */
	uint8_t reason[BURST_MAX];
};

static inline void verdicts_init(struct verdicts *v, uint64_t already_done, uint64_t late)
{
	v->already_done = already_done;
	v->late = late;
	v->dropped = v->flooded = v->copies = v->lost = v->congested = v->punted = 0;
	v->filter = NULL;
}

static inline bool verdict_is_open(const struct verdicts *v, unsigned i)
{
	return !((v->already_done | v->late | v->dropped | v->punted) >> i & 1);
}

static inline void verdict_drop(struct verdicts *v, unsigned i, enum drop_reason reason)
{
	v->dropped |= 1ull << i;
	v->reason[i] = (uint8_t)reason;
}

/* Sends frame `i` to port `id`. */
static inline void egress_add(struct egress *eg, uint16_t id, unsigned i)
{
	if (eg->mask[id] == 0)
		eg->touched[eg->n++] = id;
	eg->mask[id] |= 1ull << i;
}

/* Takes the frames of `mask` from port `id` again. */
static inline void egress_take(struct egress *eg, uint16_t id, uint64_t mask)
{
	eg->mask[id] &= ~mask;
	if (eg->mask[id])
		return;
	for (unsigned k = 0; k < eg->n; k++)
		if (eg->touched[k] == id) {
			eg->touched[k] = eg->touched[--eg->n];
			return;
		}
}

#endif
