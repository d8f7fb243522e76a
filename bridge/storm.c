/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bridge/storm.h"

#include "common/clock.h"
#include "common/util.h"
#include "dataplane/frame.h"

#define DEPTH_PER_S	 10 /* a tenth of a second */
#define GRANTS_PER_DEPTH 32

static uint64_t span_ns(const struct storm_bucket *b, uint64_t tokens)
{
	return (uint64_t)((unsigned __int128)tokens * NS_PER_S / b->rate.per_s);
}

void storm_bucket_init(struct storm_bucket *b, struct storm_rate rate)
{
	uint64_t least = rate.packets ? 1 : (uint64_t)FRAME_LEN_MAX * 8;

	*b = (struct storm_bucket){.rate = rate};
	if (rate.per_s == 0)
		return;
	b->depth = MAX_OF(rate.per_s / DEPTH_PER_S, least);
	b->grant = b->depth / GRANTS_PER_DEPTH;
	b->depth_ns = span_ns(b, b->depth);
}

uint64_t storm_bucket_take(struct storm_bucket *b, uint64_t need, uint64_t now_ns)
{
	uint64_t full_at = atomic_load_explicit(&b->full_at_ns, memory_order_relaxed);
	uint64_t tokens = MAX_OF(need, b->grant), next;

	do {
		uint64_t from = MAX_OF(full_at, now_ns);

		next = from + span_ns(b, tokens);
		if (next > now_ns + b->depth_ns) {
			tokens = need;
			next = from + span_ns(b, tokens);
		}
		if (next > now_ns + b->depth_ns)
			return 0;
	} while (!atomic_compare_exchange_weak_explicit(
		&b->full_at_ns, &full_at, next, memory_order_relaxed, memory_order_relaxed));
	return tokens;
}
