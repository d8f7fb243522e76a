/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_FLOW_TABLE_H
#define NAT_FLOW_TABLE_H

/*
 * A hash table of 32-bit values, which are indices of records that hold the keys.
 *
 * A bucket is one cache line of eight atomic words: 32 bits of the key's hash, and the value. An
 * entry lives in one of two buckets, the second one only when the first was full, so that nearly
 * every look-up touches one line of the table and the record it finds. Words are claimed and
 * cleared by compare-and-swap: look-ups and changes need no lock, and may all run at once. What the
 * caller has to see to: that no two threads add the same key at once, and that the record of a
 * value that was removed stays readable until nobody can hold the value any more.
 *
 * At the load that flow_table_init plans for, half of the words, a bucket overflows in 2 cases of
 * 100, and both do in none that a test has seen.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_TABLE_SLOTS 8

struct flow_bucket {
	_Atomic uint64_t word[FLOW_TABLE_SLOTS]; /* hash's upper half, value; 0: free */
} __attribute__((aligned(64)));

struct flow_table {
	struct flow_bucket *buckets;
	uint32_t mask;
};

/* Room for `entries`. Memory is touched as it fills. Returns 0 or -ENOMEM. */
int flow_table_init(struct flow_table *t, uint32_t entries);
void flow_table_fini(struct flow_table *t);

static inline struct flow_bucket *flow_table_first(const struct flow_table *t, uint64_t hash)
{
	return &t->buckets[(uint32_t)hash & t->mask];
}

static inline struct flow_bucket *flow_table_second(const struct flow_table *t, uint64_t hash)
{
	uint32_t other = (uint32_t)(hash >> 32) * 0x9e3779b1u;

	return &t->buckets[((uint32_t)hash ^ other ^ other >> 15) & t->mask];
}

/*
 * The value in slot `*slot` or a later one of a bucket whose word has the hash's upper half, or 0.
 * `*slot` is left behind it, so that the search can go on.
 */
static inline uint32_t flow_bucket_next(const struct flow_bucket *b, uint64_t hash, unsigned *slot)
{
	while (*slot < FLOW_TABLE_SLOTS) {
		uint64_t word = atomic_load_explicit(&b->word[(*slot)++], memory_order_acquire);

		if (word >> 32 == hash >> 32 && (uint32_t)word)
			return (uint32_t)word;
	}
	return 0;
}

/* The value with that hash for which `matches` is true, or 0. */
static inline __attribute__((always_inline)) uint32_t flow_table_find(
	const struct flow_table *t, uint64_t hash, bool (*matches)(const void *arg, uint32_t value),
	const void *arg)
{
	const struct flow_bucket *b = flow_table_first(t, hash);

	for (int i = 0; i < 2; i++, b = flow_table_second(t, hash)) {
		unsigned slot = 0;
		uint32_t value;

		while ((value = flow_bucket_next(b, hash, &slot)))
			if (matches(arg, value))
				return value;
	}
	return 0;
}

/* `value` is not 0. Returns false when both buckets are full. */
bool flow_table_add(struct flow_table *t, uint64_t hash, uint32_t value);
/* Returns false when it was not there. */
bool flow_table_del(struct flow_table *t, uint64_t hash, uint32_t value);

#endif
