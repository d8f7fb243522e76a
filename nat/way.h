/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_WAY_H
#define NAT_WAY_H

/*
 * Ways that a worker remembers: where packets of one pair of addresses go that have no session of
 * NAT to know it, since they are only routed, or are IPv6. All that the slow way asks of such a
 * packet but its TTL, length and the filter's session follows from where it came from, its
 * addresses and the interfaces, also what a translated prefix makes of the addresses: when one of
 * those changes, `router.generation` does, and what is remembered is void.
 *
 * A table of its own for each worker, one place for each hash: who fills it with made-up addresses
 * makes others take the slow way, no more.
 */

#include <stdlib.h>
#include <string.h>

#include "common/ipaddr.h"

#define WAYS 4096u /* a worker, 64 bytes each */

enum {
	WAY_FILTERED6 = 1,  /* the filter has to know a session of the packet */
	WAY_PREFIX_OUT = 2, /* the source becomes `other` */
	WAY_PREFIX_IN = 4,  /* the destination becomes `other`, before the filter sees it */
};

struct way {
	struct ipaddr src, dst; /* as the packet comes */
	struct ipaddr other;
	uint32_t generation; /* 0: a free place */
	uint32_t adjacency;
	uint16_t from; /* number of the interface */
	uint8_t does;  /* WAY_* */
} __attribute__((aligned(64)));
static_assert(sizeof(struct way) == 64, "one cache line");

/* The place of a pair. */
static inline struct way *way_at(struct way *ways, const struct ipaddr *src,
				 const struct ipaddr *dst)
{
	uint64_t s[2], d[2], h;

	memcpy(s, src, sizeof(s));
	memcpy(d, dst, sizeof(d));
	h = (s[0] ^ s[1]) * 0x9e3779b97f4a7c15ull + (d[0] ^ d[1]);
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
	return &ways[(h >> 40) % WAYS];
}

static inline bool way_is(const struct way *w, uint16_t from, uint32_t generation,
			  const struct ipaddr *src, const struct ipaddr *dst)
{
	return w->generation == generation && w->from == from &&
	       memcmp(&w->src, src, sizeof(*src)) == 0 && memcmp(&w->dst, dst, sizeof(*dst)) == 0;
}

/* The table of a worker; NULL without memory. Free. */
static inline struct way *ways_create(void)
{
	struct way *ways = aligned_alloc(64, WAYS * sizeof(*ways));

	if (ways)
		memset(ways, 0, WAYS * sizeof(*ways));
	return ways;
}

#endif
