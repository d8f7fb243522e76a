/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_ARENA_H
#define NAT_ARENA_H

/*
 * Large arrays of zeroes that cost memory only where they are touched, and numbers of their
 * elements to give out.
 *
 * An index_pool gives out 1 to `limit`, each once until it is put back. Every thread has an
 * index_cache of its own: two magazines of up to `magazine` indices. Only when both are empty, or
 * both are full, one of them is exchanged with the pool, by one compare-and-swap. Indices that were
 * never given out come last, in order, so that the arrays are touched as late as can be.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Returns NULL when there is no address space. Large pages where the kernel has them. */
void *arena_map(size_t bytes);
void arena_unmap(void *p, size_t bytes);
/* Has the kernel put memory behind a range now, so that nobody waits for it later. */
void arena_populate(void *p, size_t from, size_t to);

struct index_pool {
	uint32_t limit, magazine;
	uint32_t *next;		/* of an index in a magazine */
	uint32_t *next_full;	/* of a magazine, by its first index */
	_Atomic uint64_t full;	/* magazines: first index; above it a count against ABA */
	_Atomic uint32_t fresh; /* given out so far */
};

struct index_magazine {
	uint32_t first, n;
};

struct index_cache {
	struct index_magazine in_use, spare; /* spare: empty or full */
};

/* `threads` that will have a cache. Returns 0 or -ENOMEM. */
int index_pool_init(struct index_pool *p, uint32_t limit, unsigned threads);
void index_pool_fini(struct index_pool *p);

/* Returns 0 when there is none left. */
uint32_t index_get(struct index_pool *p, struct index_cache *c);
void index_put(struct index_pool *p, struct index_cache *c, uint32_t index);

/* What index_get returns next, as far as that is known: worth a prefetch of its record. Else 0. */
static inline uint32_t index_peek(const struct index_cache *c)
{
	return c->in_use.n ? c->in_use.first : 0;
}

/* Populates the links of the indices up to `to`. */
void index_pool_populate(struct index_pool *p, uint32_t from, uint32_t to);

/* How many were ever in use at once, at least: elements above it were never touched. */
static inline uint32_t index_pool_touched(const struct index_pool *p)
{
	uint32_t fresh = atomic_load_explicit(&p->fresh, memory_order_relaxed);

	return fresh < p->limit ? fresh : p->limit;
}

#endif
