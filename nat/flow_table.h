/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_FLOW_TABLE_H
#define NAT_FLOW_TABLE_H

/*
 * A hash table of 32-bit values, which are indices of records that hold the keys.
 *
 * A bucket is one cache line of eight atomic words: 32 bits of the key's hash, and the value. An
 * entry lives in one of two buckets, the second one only when the first was full, so that nearly
 * every look-up touches one line of the table and the record it finds. Which the other bucket is
 * follows from the word and the bucket it is in: when both are full, an entry of them moves to its
 * other one to make room (partial-key cuckoo hashing), and nobody needs its key for that.
 *
 * Words are claimed, moved and cleared by compare-and-swap: look-ups and changes need no lock, and
 * may all run at once. A word that moves is in both places for a moment, and a search that finds
 * nothing in two buckets looks into the first once more, in case it came there meanwhile. What the
 * caller has to see to: that no two threads add the same key at once, and that the record of a
 * value that was removed stays readable until nobody can hold the value any more.
 *
 * flow_table_init plans for half of the words to be used. Then 5 of 100 entries are in their second
 * bucket, and an addition that finds no room by moving one of 16 entries has not been seen.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_TABLE_SLOTS 8
#define FLOW_TABLE_LOOKS 3 /* first, second, first */

struct flow_bucket {
	_Atomic uint64_t word[FLOW_TABLE_SLOTS]; /* hash's upper half, value; 0: free */
} __attribute__((aligned(64)));

struct flow_table {
	struct flow_bucket *buckets;
	uint32_t mask;
};

/* Room for `entries`, with memory behind all of it at once or as it fills. Returns 0 or -ENOMEM. */
int flow_table_init(struct flow_table *t, uint32_t entries, bool populate);
void flow_table_fini(struct flow_table *t);

static inline struct flow_bucket *flow_table_first(const struct flow_table *t, uint64_t hash)
{
	return &t->buckets[(uint32_t)hash & t->mask];
}

/* The other bucket of a word in bucket `number`: the same function both ways. */
static inline uint32_t flow_table_other(const struct flow_table *t, uint32_t number, uint64_t word)
{
	uint32_t step = (uint32_t)(word >> 32) * 0x9e3779b1u;

	return (number ^ step ^ step >> 15) & t->mask;
}

static inline struct flow_bucket *flow_table_second(const struct flow_table *t, uint64_t hash)
{
	return &t->buckets[flow_table_other(t, (uint32_t)hash, hash)];
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
	for (int i = 0; i < FLOW_TABLE_LOOKS; i++) {
		const struct flow_bucket *b =
			i & 1 ? flow_table_second(t, hash) : flow_table_first(t, hash);
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
