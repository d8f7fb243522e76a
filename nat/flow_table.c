/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/flow_table.h"

#include <assert.h>

#include "nat/arena.h"

static_assert(sizeof(struct flow_bucket) == 64, "one cache line");

int flow_table_init(struct flow_table *t, uint32_t entries)
{
	uint32_t buckets = 2;

	while ((uint64_t)buckets * FLOW_TABLE_SLOTS < 2ull * entries)
		buckets *= 2;
	t->mask = buckets - 1;
	t->buckets = arena_map((size_t)buckets * sizeof(struct flow_bucket));
	return t->buckets ? 0 : -ENOMEM;
}

void flow_table_fini(struct flow_table *t)
{
	arena_unmap(t->buckets, ((size_t)t->mask + 1) * sizeof(struct flow_bucket));
	t->buckets = NULL;
}

static bool claim(struct flow_bucket *b, uint64_t word)
{
	for (int i = 0; i < FLOW_TABLE_SLOTS; i++) {
		uint64_t expected = 0;

		if (!atomic_load_explicit(&b->word[i], memory_order_relaxed) &&
		    atomic_compare_exchange_strong(&b->word[i], &expected, word))
			return true;
	}
	return false;
}

bool flow_table_add(struct flow_table *t, uint64_t hash, uint32_t value)
{
	uint64_t word = (hash >> 32 << 32) | value;

	return claim(flow_table_first(t, hash), word) || claim(flow_table_second(t, hash), word);
}

static bool clear(struct flow_bucket *b, uint64_t word)
{
	for (int i = 0; i < FLOW_TABLE_SLOTS; i++) {
		uint64_t expected = word;

		if (atomic_load_explicit(&b->word[i], memory_order_relaxed) == word &&
		    atomic_compare_exchange_strong(&b->word[i], &expected, 0))
			return true;
	}
	return false;
}

bool flow_table_del(struct flow_table *t, uint64_t hash, uint32_t value)
{
	uint64_t word = (hash >> 32 << 32) | value;

	return clear(flow_table_first(t, hash), word) || clear(flow_table_second(t, hash), word);
}
