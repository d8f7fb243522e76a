/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/flow_table.h"

#include <assert.h>

#include "common/util.h"
#include "nat/arena.h"

static_assert(sizeof(struct flow_bucket) == 64, "one cache line");

#define PLACES_MAX 6

static size_t buckets_bytes(uint32_t buckets)
{
	return (size_t)buckets * sizeof(struct flow_bucket);
}

/* Of which four of seven words will be used, at most. */
static uint32_t buckets_for(uint32_t entries)
{
	uint32_t buckets = 2;

	while (4ull * buckets < entries)
		buckets *= 2;
	return buckets;
}

int flow_table_init(struct flow_table *t, uint32_t entries, uint32_t first)
{
	uint32_t buckets = buckets_for(first ? MIN_OF(first, entries) : entries);

	t->buckets_max = buckets_for(entries);
	t->ready = buckets;
	t->moved = 0;
	atomic_store(&t->swaps, 0);
	atomic_store(&t->shape, buckets - 1);
	t->buckets = arena_map(buckets_bytes(t->buckets_max));
	if (!t->buckets)
		return -ENOMEM;
	if (first)
		arena_populate(t->buckets, 0, buckets_bytes(buckets));
	return 0;
}

void flow_table_fini(struct flow_table *t)
{
	arena_unmap(t->buckets, buckets_bytes(t->buckets_max));
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
 * The first bucket counts a word before it is in the second, and no longer when it has left it.
 * While entries move, which count a word is in is not known, so it stays: then a search looks into
 * a second bucket in vain, but none is missed.
 */
static void count_in(struct flow_table *t, uint32_t number, uint64_t word, uint32_t shape)
{
	uint32_t first = flow_number(word, shape & ~FLOW_TABLE_MOVING);

	if (number != first)
		atomic_fetch_add(&t->buckets[first].spilled, 1);
}

static void count_out(struct flow_table *t, uint32_t number, uint64_t word, uint32_t shape)
{
	uint32_t first = flow_number(word, shape);

	if (!(shape & FLOW_TABLE_MOVING) && number != first)
		atomic_fetch_sub(&t->buckets[first].spilled, 1);
}

/* Into and out of one of a word's two buckets. */
static bool put(struct flow_table *t, uint32_t number, uint64_t word, uint32_t shape)
{
	count_in(t, number, word, shape);
	if (claim(&t->buckets[number], word))
		return true;
	count_out(t, number, word, shape);
	return false;
}

static bool take(struct flow_table *t, uint32_t number, uint64_t word, uint32_t shape)
{
	if (!clear(&t->buckets[number], word))
		return false;
	count_out(t, number, word, shape);
	return true;
}

/* Where a word can be: its two buckets, and while entries move where these were before. */
static unsigned places_of(uint64_t word, uint32_t shape, uint32_t places[PLACES_MAX])
{
	uint32_t mask = shape & ~FLOW_TABLE_MOVING;

	places[0] = places[4] = flow_number(word, mask);
	places[1] = places[5] = flow_other(places[0], word, mask);
	if (!(shape & FLOW_TABLE_MOVING)) {
		places[2] = places[0];
		return 3;
	}
	places[2] = places[0] & mask >> 1;
	places[3] = places[1] & mask >> 1;
	return PLACES_MAX;
}

uint32_t flow_table_find_again(const struct flow_table *t, uint64_t hash, flow_match_fn *matches,
			       const void *arg)
{
	uint32_t places[PLACES_MAX], value = 0;
	unsigned n = places_of(hash, atomic_load(&t->shape), places);

	for (unsigned i = 0; i < n && !value; i++)
		value = flow_bucket_find(&t->buckets[places[i]], hash, matches, arg);
	return value;
}

static bool is_at_home(uint32_t number, uint64_t word, uint32_t mask)
{
	uint32_t first = flow_number(word, mask);

	return number == first || number == flow_other(first, word, mask);
}

/*
 * Moves a word of bucket `number` to its other bucket, if there is room, and puts `word` in its
 * place. Whoever removes the moved word meanwhile clears one of its two copies; the other is
 * cleared here: by the exchange, or when that fails. A word that is not where it belongs is left to
 * flow_table_move.
 */
static bool displace(struct flow_table *t, uint32_t number, uint64_t word, uint32_t shape)
{
	uint32_t mask = shape & ~FLOW_TABLE_MOVING;
	struct flow_bucket *b = &t->buckets[number];

	count_in(t, number, word, shape);
	for (int i = 0; i < FLOW_TABLE_SLOTS; i++) {
		uint64_t old = atomic_load_explicit(&b->word[i], memory_order_relaxed);
		uint64_t expected = old;
		uint32_t to = flow_other(number, old, mask);

		if (!old || to == number || !is_at_home(number, old, mask) ||
		    !put(t, to, old, shape))
			continue;
		atomic_fetch_add(&t->swaps, 1);
		if (atomic_compare_exchange_strong(&b->word[i], &expected, word)) {
			count_out(t, number, old, shape);
			return true;
		}
		take(t, to, old, shape);
	}
	count_out(t, number, word, shape);
	return false;
}

static bool add(struct flow_table *t, uint64_t word)
{
	uint32_t shape = atomic_load(&t->shape), mask = shape & ~FLOW_TABLE_MOVING;
	uint32_t first = flow_number(word, mask), second = flow_other(first, word, mask);

	return put(t, first, word, shape) || put(t, second, word, shape) ||
	       displace(t, first, word, shape) || displace(t, second, word, shape);
}

static uint64_t word_of(uint64_t hash, uint32_t value)
{
	return (hash & ~FLOW_VALUE_MASK) | value;
}

bool flow_table_add(struct flow_table *t, uint64_t hash, uint32_t value)
{
	return add(t, word_of(hash, value));
}

bool flow_table_del(struct flow_table *t, uint64_t hash, uint32_t value)
{
	uint64_t word = word_of(hash, value);
	uint32_t shape = atomic_load(&t->shape), places[PLACES_MAX];
	unsigned n = places_of(word, shape, places);

	for (unsigned i = 0; i < n; i++)
		if (take(t, places[i], word, shape))
			return true;
	return false;
}

bool flow_table_extend(struct flow_table *t, uint32_t used, uint32_t *budget)
{
	uint32_t shape = atomic_load(&t->shape), size = shape + 1, step;

	if ((shape & FLOW_TABLE_MOVING) || size == t->buckets_max || used <= 3ull * size / 2)
		return false;
	step = MIN_OF(2 * size - t->ready, *budget);
	arena_populate(t->buckets, buckets_bytes(t->ready), buckets_bytes(t->ready + step));
	t->ready += step;
	*budget -= step;
	if (t->ready < 2 * size || used <= 3ull * size)
		return false;
	t->moved = 0;
	atomic_store(&t->shape, (2 * size - 1) | FLOW_TABLE_MOVING);
	return true;
}

/* A word that is at home in both sizes, and whose count was another bucket's. */
static void count_anew(struct flow_table *t, uint32_t number, uint64_t word, uint32_t shape)
{
	uint32_t mask = shape & ~FLOW_TABLE_MOVING;

	if (flow_number(word, mask) != flow_number(word, mask >> 1))
		count_in(t, number, word, shape);
}

/* Returns false when one of the words found no room. */
static bool move_bucket(struct flow_table *t, uint32_t number, uint32_t shape)
{
	struct flow_bucket *b = &t->buckets[number];
	bool all = true;

	for (int i = 0; i < FLOW_TABLE_SLOTS; i++) {
		uint64_t word = atomic_load(&b->word[i]), expected = word;

		if (!word)
			continue;
		if (is_at_home(number, word, shape & ~FLOW_TABLE_MOVING))
			count_anew(t, number, word, shape);
		else if (!add(t, word))
			all = false;
		else if (!atomic_compare_exchange_strong(&b->word[i], &expected, 0))
			flow_table_del(t, word, (uint32_t)(word & FLOW_VALUE_MASK));
	}
	return all;
}

/* Half of the entries stay where they are. A bucket without room is tried again by the next call.
 */
void flow_table_move(struct flow_table *t, uint32_t budget)
{
	uint32_t shape = atomic_load(&t->shape), mask = shape & ~FLOW_TABLE_MOVING;

	if (!(shape & FLOW_TABLE_MOVING))
		return;
	for (; budget && t->moved <= mask >> 1; budget--, t->moved++)
		if (!move_bucket(t, t->moved, shape))
			return;
	if (t->moved > mask >> 1)
		atomic_store(&t->shape, mask);
}
