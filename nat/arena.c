/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/arena.h"

#include <sys/mman.h>

#include "common/util.h"

#define MAGAZINE_MAX   256
#define HUGE_PAGE_SIZE (2u << 20)
#define COUNT_SHIFT    32

void *arena_map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (bytes >= 2 * HUGE_PAGE_SIZE)
		madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

void arena_unmap(void *p, size_t bytes)
{
	if (p)
		munmap(p, bytes);
}

/* Kernels before 5.14 do not know how: then whoever comes first waits. */
void arena_populate(void *p, size_t from, size_t to)
{
#ifdef MADV_POPULATE_WRITE
	const size_t page = 4096;
	uintptr_t begin = ((uintptr_t)p + from) & ~(page - 1);
	uintptr_t end = ((uintptr_t)p + to + page - 1) & ~(page - 1);

	if (to > from)
		madvise((void *)begin, end - begin, MADV_POPULATE_WRITE);
#endif
}

static size_t links_bytes(const struct index_pool *p)
{
	return ((size_t)p->limit + 1) * sizeof(uint32_t);
}

int index_pool_init(struct index_pool *p, uint32_t limit, unsigned threads)
{
	uint32_t magazine = limit / (threads * 16);

	p->limit = limit;
	p->magazine = MIN_OF(MAX_OF(magazine, 1u), (uint32_t)MAGAZINE_MAX);
	atomic_store(&p->full, 0);
	atomic_store(&p->fresh, 0);
	p->next = arena_map(links_bytes(p));
	p->next_full = arena_map(links_bytes(p));
	if (p->next && p->next_full)
		return 0;
	index_pool_fini(p);
	return -ENOMEM;
}

void index_pool_fini(struct index_pool *p)
{
	arena_unmap(p->next, links_bytes(p));
	arena_unmap(p->next_full, links_bytes(p));
	p->next = p->next_full = NULL;
}

void index_pool_populate(struct index_pool *p, uint32_t from, uint32_t to)
{
	arena_populate(p->next, from * sizeof(uint32_t), (to + 1ull) * sizeof(uint32_t));
	arena_populate(p->next_full, from * sizeof(uint32_t), (to + 1ull) * sizeof(uint32_t));
}

/* The next of a magazine that another thread takes meanwhile is read in vain: the count tells. */
static struct index_magazine take_full(struct index_pool *p)
{
	uint64_t head = atomic_load(&p->full), next;
	uint32_t first;

	do {
		first = (uint32_t)head;
		if (!first)
			return (struct index_magazine){0};
		next = ((head >> COUNT_SHIFT) + 1) << COUNT_SHIFT |
		       __atomic_load_n(&p->next_full[first], __ATOMIC_RELAXED);
	} while (!atomic_compare_exchange_weak(&p->full, &head, next));
	return (struct index_magazine){first, p->magazine};
}

static void give_full(struct index_pool *p, struct index_magazine m)
{
	uint64_t head = atomic_load(&p->full), next;

	do {
		__atomic_store_n(&p->next_full[m.first], (uint32_t)head, __ATOMIC_RELAXED);
		next = ((head >> COUNT_SHIFT) + 1) << COUNT_SHIFT | m.first;
	} while (!atomic_compare_exchange_weak(&p->full, &head, next));
}

static uint32_t take_fresh(struct index_pool *p)
{
	uint32_t fresh = atomic_load_explicit(&p->fresh, memory_order_relaxed);

	do {
		if (fresh >= p->limit)
			return 0;
	} while (!atomic_compare_exchange_weak(&p->fresh, &fresh, fresh + 1));
	return fresh + 1;
}

uint32_t index_get(struct index_pool *p, struct index_cache *c)
{
	uint32_t index;

	if (!c->in_use.n) {
		c->in_use = c->spare;
		c->spare = (struct index_magazine){0};
		if (!c->in_use.n)
			c->in_use = take_full(p);
		if (!c->in_use.n)
			return take_fresh(p);
	}
	index = c->in_use.first;
	c->in_use.first = p->next[index];
	c->in_use.n--;
	return index;
}

void index_put(struct index_pool *p, struct index_cache *c, uint32_t index)
{
	if (c->in_use.n == p->magazine) {
		if (c->spare.n)
			give_full(p, c->spare);
		c->spare = c->in_use;
		c->in_use = (struct index_magazine){0};
	}
	p->next[index] = c->in_use.first;
	c->in_use.first = index;
	c->in_use.n++;
}
