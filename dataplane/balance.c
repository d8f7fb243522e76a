/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/balance.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/port.h"

/*
 * Longest processing time first: within a third of the best spread, and simple. Load is counted in
 * bytes, a packet being worth as many as are copied in the time of its lookup and its descriptors.
 *
 * To move a queue costs it warm caches and a grace period, so a plan that gains little is dropped.
 */

#define PACKET_BYTES 800

struct sum {
	uint64_t load;
	unsigned n;
};

uint64_t balance_load(uint64_t packets, uint64_t bytes)
{
	return packets * PACKET_BYTES + bytes;
}

static int by_load(const void *a, const void *b)
{
	const struct balance_item *const *x = a, *const *y = b;

	if ((*x)->load != (*y)->load)
		return (*x)->load < (*y)->load ? 1 : -1;
	return *x < *y ? -1 : *x > *y;
}

static bool is_less(const struct sum *a, const struct sum *b)
{
	return a->load != b->load ? a->load < b->load : a->n < b->n;
}

/* The worker with least so far; where the item is now, when that is as good. */
static unsigned pick(const struct sum *sums, unsigned n_workers, unsigned now)
{
	unsigned best = now < n_workers ? now : 0;

	for (unsigned w = 0; w < n_workers; w++)
		if (is_less(&sums[w], &sums[best]))
			best = w;
	return best;
}

static void add(struct sum *sums, unsigned worker, uint64_t load)
{
	sums[worker].load += load;
	sums[worker].n++;
}

static bool is_worth_it(const struct sum *old, const struct sum *new, unsigned n_workers)
{
	struct sum a = {0}, b = {0};
	unsigned fewest = UINT32_MAX;

	for (unsigned w = 0; w < n_workers; w++) {
		a.load = MAX_OF(a.load, old[w].load);
		b.load = MAX_OF(b.load, new[w].load);
		a.n = MAX_OF(a.n, old[w].n);
		fewest = MIN_OF(fewest, old[w].n);
	}
	return a.load ? b.load <= a.load - a.load / 10 : a.n > fewest + 1;
}

unsigned balance_plan(struct balance_item *items, unsigned n, unsigned n_workers)
{
	struct sum old[WORKERS_MAX] = {0}, new[WORKERS_MAX] = {0};
	struct balance_item **sorted = calloc(n + 1, sizeof(struct balance_item *));
	unsigned *plan = calloc(n + 1, sizeof(*plan)), moved = 0;

	if (!sorted || !plan)
		goto out;
	for (unsigned i = 0; i < n; i++) {
		sorted[i] = &items[i];
		add(old, items[i].worker, items[i].load);
	}
	qsort(sorted, n, sizeof(struct balance_item *), by_load);
	for (unsigned i = 0; i < n; i++) {
		plan[i] = pick(new, n_workers, sorted[i]->worker);
		add(new, plan[i], sorted[i]->load);
	}
	if (!is_worth_it(old, new, n_workers))
		goto out;
	for (unsigned i = 0; i < n; i++) {
		moved += sorted[i]->worker != plan[i];
		sorted[i]->worker = plan[i];
	}
out:
	free(plan);
	free(sorted);
	return moved;
}
