/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_FLOW_TABLE_H
#define NAT_FLOW_TABLE_H

/*
 * A hash table of values of 28 bits, which are indices of records that hold the keys.
 *
 * A bucket is one cache line: seven atomic words, each 36 bits of a key's hash and the value, and
 * how many entries are in their second bucket because this one, their first, was full. So nearly
 * every look-up touches one line of the table, also one that finds nothing. Which the two buckets
 * of an entry are follows from its word alone: when both are full, an entry of them moves to its
 * other one to make room (partial-key cuckoo hashing), and nobody needs its key for that.
 *
 * Words are claimed, moved and cleared by compare-and-swap: look-ups and changes need no lock, and
 * may all run at once. A word that moves is in both places for a moment, and a search that finds
 * nothing looks once more if a word has moved meanwhile. What the caller has to see to: that no two
 * threads add the same key at once, and that the record of a value that was removed stays readable
 * until nobody can hold the value any more.
 *
 * Growth. The table takes address space for all it may have, and uses the front of it: a few
 * sessions in a table for millions would each have cache lines and pages of their own. One thread
 * doubles it: flow_table_extend has memory ready and says that it is twice as large; when all
 * threads know (the caller waits for a grace period), flow_table_move goes through the older half
 * and takes what belongs to the newer one there. Until that is done a search that finds nothing
 * also looks where entries were before. It never shrinks.
 *
 * Four of seven words are used where a table is as large as it may be, three before it doubles.
 * Then 7 and 2 of 100 entries are in their second bucket. Additions that find no room by moving one
 * of 14 entries begin when four fifths are used.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_TABLE_SLOTS 7

/* Of `shape`: entries may still be where the half of the table had them. */
#define FLOW_TABLE_MOVING 0x80000000u

#define FLOW_VALUE_BITS	  28
#define FLOW_VALUE_MASK	  ((1ull << FLOW_VALUE_BITS) - 1)

struct flow_bucket {
	_Atomic uint64_t word[FLOW_TABLE_SLOTS]; /* hash's upper part, value; 0: free */
	_Atomic uint32_t spilled; /* at least as many have this for their first, and are not here */
} __attribute__((aligned(64)));

struct flow_table {
	struct flow_bucket *buckets;
	_Atomic uint32_t shape; /* buckets in use, less one; w: who extends and moves */
	_Atomic uint32_t swaps; /* entries that made room so far */
	uint32_t buckets_max;
	uint32_t ready; /* buckets with memory behind them; w, r: who extends */
	uint32_t moved; /* buckets of the older half that are done; the same */
};

/*
 * Room for `entries`, at first for `first` of them, with memory behind these; `first` 0: for all,
 * with memory as it fills. Returns 0 or -ENOMEM.
 */
int flow_table_init(struct flow_table *t, uint32_t entries, uint32_t first);
void flow_table_fini(struct flow_table *t);

static inline uint32_t flow_table_mask(const struct flow_table *t)
{
	return atomic_load_explicit(&t->shape, memory_order_acquire) & ~FLOW_TABLE_MOVING;
}

/* The number of a hash's or word's first bucket, and from either of its buckets the other one. */
static inline uint32_t flow_number(uint64_t hash, uint32_t mask)
{
	return (uint32_t)(hash >> FLOW_VALUE_BITS) & mask;
}

static inline uint32_t flow_other(uint32_t number, uint64_t hash, uint32_t mask)
{
	uint32_t step = (uint32_t)(hash >> 32) * 0x9e3779b1u;

	return (number ^ step ^ step >> 15) & mask;
}

static inline struct flow_bucket *flow_table_first(const struct flow_table *t, uint64_t hash)
{
	return &t->buckets[flow_number(hash, flow_table_mask(t))];
}

static inline struct flow_bucket *flow_table_second(const struct flow_table *t, uint64_t hash)
{
	uint32_t mask = flow_table_mask(t);

	return &t->buckets[flow_other(flow_number(hash, mask), hash, mask)];
}

/*
 * The slots of a bucket whose words have that part of the hash, a bit each; free ones may be among
 * them. Without branches: in which slot an entry is cannot be predicted.
 */
static inline unsigned flow_bucket_match(const struct flow_bucket *b, uint64_t hash)
{
	unsigned slots = 0;

	for (unsigned i = 0; i < FLOW_TABLE_SLOTS; i++) {
		uint64_t word = atomic_load_explicit(&b->word[i], memory_order_acquire);

		slots |= (unsigned)!((word ^ hash) >> FLOW_VALUE_BITS) << i;
	}
	return slots;
}

/*
 * The value in slot `*slot` or a later one of a bucket whose word has that part of the hash, or 0.
 * `*slot` is left behind it, so that the search can go on.
 */
static inline uint32_t flow_bucket_next(const struct flow_bucket *b, uint64_t hash, unsigned *slot)
{
	unsigned slots = flow_bucket_match(b, hash) >> *slot << *slot;

	for (; slots; slots &= slots - 1) {
		unsigned i = (unsigned)__builtin_ctz(slots);
		uint64_t word = atomic_load_explicit(&b->word[i], memory_order_acquire);

		*slot = i + 1;
		if (!((word ^ hash) >> FLOW_VALUE_BITS) && (word & FLOW_VALUE_MASK))
			return (uint32_t)(word & FLOW_VALUE_MASK);
	}
	*slot = FLOW_TABLE_SLOTS;
	return 0;
}

/* Whether the second bucket may have what is not found in the first. */
static inline bool flow_bucket_spilled(const struct flow_bucket *b)
{
	return atomic_load_explicit(&b->spilled, memory_order_acquire);
}

/*
 * Whether entries stood still since the state was read: if not, one that was not found may have
 * been passed by. Then a key is in none when it is not in a first bucket that has not spilled.
 */
static inline uint64_t flow_table_state(const struct flow_table *t)
{
	uint32_t swaps = atomic_load_explicit(&t->swaps, memory_order_acquire);

	return swaps | (uint64_t)atomic_load_explicit(&t->shape, memory_order_acquire) << 32;
}

static inline bool flow_table_was_still(const struct flow_table *t, uint64_t state)
{
	return !(state >> 32 & FLOW_TABLE_MOVING) && flow_table_state(t) == state;
}

typedef bool flow_match_fn(const void *arg, uint32_t value);

static inline __attribute__((always_inline)) uint32_t flow_bucket_find(const struct flow_bucket *b,
								       uint64_t hash,
								       flow_match_fn *matches,
								       const void *arg)
{
	unsigned slot = 0;
	uint32_t value;

	while ((value = flow_bucket_next(b, hash, &slot)))
		if (matches(arg, value))
			return value;
	return 0;
}

/* For flow_table_find: entries have moved, or are on their way. */
uint32_t flow_table_find_again(const struct flow_table *t, uint64_t hash, flow_match_fn *matches,
			       const void *arg);

/* The value with that hash for which `matches` is true, or 0. */
static inline __attribute__((always_inline)) uint32_t flow_table_find(const struct flow_table *t,
								      uint64_t hash,
								      flow_match_fn *matches,
								      const void *arg)
{
	uint64_t state = flow_table_state(t);
	uint32_t mask = state >> 32 & ~FLOW_TABLE_MOVING, number = flow_number(hash, mask);
	uint32_t value = flow_bucket_find(&t->buckets[number], hash, matches, arg);

	if (!value && __builtin_expect(flow_bucket_spilled(&t->buckets[number]), 0))
		value = flow_bucket_find(&t->buckets[flow_other(number, hash, mask)], hash, matches,
					 arg);
	if (!value && __builtin_expect(!flow_table_was_still(t, state), 0))
		return flow_table_find_again(t, hash, matches, arg);
	return value;
}

/* `value` is not 0. Returns false when both buckets are full. */
bool flow_table_add(struct flow_table *t, uint64_t hash, uint32_t value);
/* Returns false when it was not there. */
bool flow_table_del(struct flow_table *t, uint64_t hash, uint32_t value);

/*
 * Doubles a table whose `used` entries are more than it should have; memory is ready when half as
 * many are. In steps of at most `*budget` buckets, which are counted down. Returns true when it is
 * done but for moving entries: no thread may believe in the old size any more when flow_table_move
 * is called next. One thread.
 */
bool flow_table_extend(struct flow_table *t, uint32_t used, uint32_t *budget);
/* Moves entries of at most `budget` buckets; nothing when the table is in order. The same thread.
 */
void flow_table_move(struct flow_table *t, uint32_t budget);

#endif
