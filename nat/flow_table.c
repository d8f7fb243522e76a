/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/flow_table.h"

#include <assert.h>

#include "nat/arena.h"

static_assert(sizeof(struct flow_bucket) == 64, "one cache line");

int flow_table_init(struct flow_table *t, uint32_t entries, bool populate)
{
	uint32_t buckets = 2;

	while ((uint64_t)buckets * FLOW_TABLE_SLOTS < 2ull * entries)
		buckets *= 2;
	t->mask = buckets - 1;
	t->buckets = arena_map((size_t)buckets * sizeof(struct flow_bucket));
	if (!t->buckets)
		return -ENOMEM;
	if (populate)
		arena_populate(t->buckets, 0, (size_t)buckets * sizeof(struct flow_bucket));
	return 0;
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

/*
 * Moves a word of bucket `number` to its other bucket, if there is room, and puts `word` in its
 * place. Whoever removes the moved word meanwhile clears one of its two copies; the other is
 * cleared here: by the exchange, or when that fails.
 */
static bool displace(struct flow_table *t, uint32_t number, uint64_t word)
{
	struct flow_bucket *b = &t->buckets[number];

	for (int i = 0; i < FLOW_TABLE_SLOTS; i++) {
		uint64_t old = atomic_load_explicit(&b->word[i], memory_order_relaxed);
		uint32_t to = flow_table_other(t, number, old);

		if (!old || to == number || !claim(&t->buckets[to], old))
			continue;
		if (atomic_compare_exchange_strong(&b->word[i], &old, word))
			return true;
		clear(&t->buckets[to], old);
	}
	return false;
}

bool flow_table_add(struct flow_table *t, uint64_t hash, uint32_t value)
{
	uint64_t word = (hash >> 32 << 32) | value;
	uint32_t first = (uint32_t)hash & t->mask;

	return claim(&t->buckets[first], word) || claim(flow_table_second(t, hash), word) ||
	       displace(t, first, word) || displace(t, flow_table_other(t, first, hash), word);
}

bool flow_table_del(struct flow_table *t, uint64_t hash, uint32_t value)
{
	uint64_t word = (hash >> 32 << 32) | value;

	for (int i = 0; i < FLOW_TABLE_LOOKS; i++) {
		if (clear(i & 1 ? flow_table_second(t, hash) : flow_table_first(t, hash), word))
			return true;
	}
	return false;
}
