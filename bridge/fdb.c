/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bridge/fdb.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define TABLE_BYTES (FDB_BUCKETS * sizeof(struct fdb_bucket))

static_assert(sizeof(struct fdb_bucket) == 64, "one cache line");
static_assert(FDB_KEY_BITS - FDB_BUCKET_BITS + FDB_TAG_SHIFT == 64, "the tag fills the word");

/* The inverse of odd `a` modulo 2^64, by Newton's iteration: each step doubles the right bits. */
static uint64_t inverse(uint64_t a)
{
	uint64_t x = a;

	for (int i = 0; i < 6; i++)
		x *= 2 - a * x;
	return x;
}

static void count_port(struct fdb *t, uint64_t word, uint32_t by)
{
	if (!(word & FDB_STATIC))
		atomic_fetch_add_explicit(
			&t->learned_by[word & FDB_PORT_MASK & (FDB_PORTS_MAX - 1)], by,
			memory_order_relaxed);
}

static uint64_t unmix(const struct fdb *t, uint64_t h)
{
	h ^= h >> (FDB_KEY_BITS / 2);
	h = (h * t->unmul) & FDB_KEY_MASK;
	h ^= h >> (FDB_KEY_BITS / 2);
	h = (h * t->unmul) & FDB_KEY_MASK;
	return (h - t->key_add) & FDB_KEY_MASK;
}

int fdb_init(struct fdb *t, uint32_t limit, uint32_t ageing_s, const uint64_t secret[2])
{
	memset(t, 0, sizeof(*t));
	t->buckets =
		mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->buckets == MAP_FAILED) {
		t->buckets = NULL;
		return -ENOMEM;
	}
	madvise(t->buckets, TABLE_BYTES, MADV_HUGEPAGE);
	t->key_mul = secret[0] | 1;
	t->key_add = secret[1] & FDB_KEY_MASK;
	t->unmul = inverse(t->key_mul);
	t->limit = limit;
	t->ageing_s = ageing_s;
	return 0;
}

void fdb_fini(struct fdb *t)
{
	if (t->buckets)
		munmap(t->buckets, TABLE_BYTES);
	t->buckets = NULL;
}

/* Puts `word` into a free slot of `b`. Returns its index or -1. */
static int claim(struct fdb_bucket *b, uint64_t word, uint32_t now_s)
{
	for (int i = 0; i < FDB_SLOTS; i++) {
		uint64_t expected = 0;

		if (atomic_load_explicit(&b->word[i], memory_order_relaxed))
			continue;
		atomic_store_explicit(&b->seen_s[i], (uint16_t)now_s, memory_order_relaxed);
		if (atomic_compare_exchange_strong(&b->word[i], &expected, word))
			return i;
	}
	return -1;
}

/* Frees the slot if it still holds `word`. */
static bool release(struct fdb *t, _Atomic uint64_t *slot, uint64_t word)
{
	if (!atomic_compare_exchange_strong(slot, &word, 0))
		return false;
	atomic_fetch_sub_explicit(&t->entries, 1, memory_order_relaxed);
	count_port(t, word, -1u);
	return true;
}

static int insert(struct fdb *t, struct fdb_key k, uint64_t value, uint32_t now_s)
{
	uint64_t word = k.tag | value, seen;
	struct fdb_bucket *b = &t->buckets[k.bucket];
	_Atomic uint64_t *first;
	int i = claim(b, word, now_s);

	if (i < 0) {
		b = &t->buckets[k.bucket ^ 1];
		word |= FDB_DISPLACED;
		i = claim(b, word, now_s);
		if (i < 0)
			return -ENOSPC;
	}
	atomic_fetch_add_explicit(&t->entries, 1, memory_order_relaxed);
	count_port(t, word, 1);

	/* Two workers may have added the same station at once: the slot found first stays. */
	first = fdb_find(t, k, &b, &seen);
	if (first && first != &b->word[i])
		release(t, &b->word[i], word);
	return 0;
}

static void learn_new(struct fdb *t, struct fdb_key k, uint64_t value, uint32_t now_s)
{
	if (t->entries >= t->limit || insert(t, k, value, now_s) < 0) {
		atomic_fetch_add_explicit(&t->full, 1, memory_order_relaxed);
		return;
	}
	atomic_fetch_add_explicit(&t->learned, 1, memory_order_relaxed);
}

static bool at_limit(const struct fdb *t, const struct fdb_learner *who)
{
	return who->limit && t->learned_by[who->port & (FDB_PORTS_MAX - 1)] >= who->limit;
}

static enum fdb_learned move(struct fdb *t, _Atomic uint64_t *slot, uint64_t word,
			     const struct fdb_learner *who)
{
	uint64_t moved = (word & ~FDB_PORT_MASK) | who->port | (who->sticky ? FDB_STICKY : 0);

	if (word & FDB_STICKY)
		return FDB_HELD;
	if (at_limit(t, who))
		return FDB_AT_LIMIT;
	if (!atomic_compare_exchange_strong(slot, &word, moved))
		return FDB_KNOWN;
	atomic_fetch_add_explicit(&t->moved, 1, memory_order_relaxed);
	count_port(t, word, -1u);
	count_port(t, moved, 1);
	return FDB_MOVED;
}

/* Anything but a station that stays where it is. */
static __attribute__((noinline)) enum fdb_learned learn_change(struct fdb *t, struct fdb_key k,
							       const struct fdb_learner *who,
							       _Atomic uint64_t *slot,
							       uint64_t word, uint32_t now_s)
{
	if (slot)
		return move(t, slot, word, who);
	if (at_limit(t, who))
		return FDB_AT_LIMIT;
	learn_new(t, k, who->port | (who->sticky ? FDB_STICKY : 0), now_s);
	return FDB_KNOWN;
}

/* Refreshes the station's entry, and returns true when that is all there is to do. */
static inline __attribute__((always_inline)) bool refresh(const struct fdb *t, struct fdb_key k,
							  uint16_t port, uint32_t now_s,
							  _Atomic uint64_t **slot, uint64_t *word)
{
	struct fdb_bucket *b;
	size_t i;

	*slot = fdb_find(t, k, &b, word);
	if (__builtin_expect(!*slot, 0))
		return false;
	i = (size_t)(*slot - b->word);
	if (atomic_load_explicit(&b->seen_s[i], memory_order_relaxed) != (uint16_t)now_s)
		atomic_store_explicit(&b->seen_s[i], (uint16_t)now_s, memory_order_relaxed);
	return __builtin_expect((*word & FDB_PORT_MASK) == port || (*word & FDB_STATIC), 1);
}

/* Apart, so that the rules, which are in memory, cost those nothing who ask for none. */
static __attribute__((noinline)) void learn_elsewhere(struct fdb *t, struct fdb_key k,
						      uint16_t port, _Atomic uint64_t *slot,
						      uint64_t word, uint32_t now_s)
{
	const struct fdb_learner who = {.port = port};

	learn_change(t, k, &who, slot, word, now_s);
}

void fdb_learn(struct fdb *t, struct fdb_key k, uint16_t port, uint32_t now_s)
{
	_Atomic uint64_t *slot;
	uint64_t word = 0;

	if (!refresh(t, k, port, now_s, &slot, &word))
		learn_elsewhere(t, k, port, slot, word, now_s);
}

enum fdb_learned fdb_learn_as(struct fdb *t, struct fdb_key k, const struct fdb_learner *who,
			      uint32_t now_s, uint16_t *from)
{
	_Atomic uint64_t *slot;
	uint64_t word = 0;

	if (refresh(t, k, who->port, now_s, &slot, &word))
		return FDB_KNOWN;
	*from = (uint16_t)(word & FDB_PORT_MASK);
	return learn_change(t, k, who, slot, word, now_s);
}

enum fdb_learned fdb_would_learn(const struct fdb *t, struct fdb_key k,
				 const struct fdb_learner *who)
{
	struct fdb_bucket *b;
	uint64_t word = 0;
	bool known = fdb_find(t, k, &b, &word) != NULL;

	if (known && ((word & FDB_PORT_MASK) == who->port || (word & FDB_STATIC)))
		return FDB_KNOWN;
	if (word & FDB_STICKY)
		return FDB_HELD;
	if (at_limit(t, who))
		return FDB_AT_LIMIT;
	return known ? FDB_MOVED : FDB_KNOWN;
}

int fdb_add_static(struct fdb *t, const struct mac *mac, uint16_t vlan, uint16_t port,
		   uint32_t now_s)
{
	struct fdb_key k = fdb_key(t, mac, vlan);
	struct fdb_bucket *b;
	_Atomic uint64_t *slot;
	uint64_t word;

	while ((slot = fdb_find(t, k, &b, &word))) {
		uint64_t replaced = (word & ~(FDB_PORT_MASK | FDB_STICKY)) | FDB_STATIC | port;

		if (atomic_compare_exchange_strong(slot, &word, replaced)) {
			count_port(t, word, -1u);
			return 0;
		}
	}
	return insert(t, k, FDB_STATIC | port, now_s);
}

bool fdb_del(struct fdb *t, const struct mac *mac, uint16_t vlan)
{
	struct fdb_key k = fdb_key(t, mac, vlan);
	struct fdb_bucket *b;
	_Atomic uint64_t *slot;
	uint64_t word;
	bool any = false;

	while ((slot = fdb_find(t, k, &b, &word)))
		any |= release(t, slot, word);
	return any;
}

void fdb_tick(struct fdb *t, uint32_t now_s)
{
	uint32_t ageing_s = t->ageing_s;

	if (ageing_s == 0 || t->entries == 0)
		return;
	for (unsigned n = 0; n < FDB_BUCKETS; n++) {
		struct fdb_bucket *b = &t->buckets[n];

		for (unsigned i = 0; i < FDB_SLOTS; i++) {
			uint64_t word = b->word[i];

			if (!word || (word & (FDB_STATIC | FDB_STICKY)) ||
			    (uint16_t)(now_s - b->seen_s[i]) <= ageing_s)
				continue;
			if (release(t, &b->word[i], word))
				t->aged++;
		}
	}
}

void fdb_flush(struct fdb *t, uint16_t port, bool statics)
{
	for (unsigned n = 0; n < FDB_BUCKETS; n++) {
		for (unsigned i = 0; i < FDB_SLOTS; i++) {
			uint64_t word = t->buckets[n].word[i];

			if (word && (!port || (word & FDB_PORT_MASK) == port) &&
			    (statics || !(word & FDB_STATIC)))
				release(t, &t->buckets[n].word[i], word);
		}
	}
}

static void entry_of(const struct fdb *t, unsigned bucket, unsigned slot, uint64_t word,
		     uint32_t now_s, struct fdb_entry *e)
{
	uint32_t home = word & FDB_DISPLACED ? bucket ^ 1 : bucket;
	uint64_t key = unmix(t, word >> FDB_TAG_SHIFT << FDB_BUCKET_BITS | home);

	memcpy(&e->mac, &key, sizeof(e->mac));
	e->vlan = (uint16_t)(key >> 48);
	e->port = (uint16_t)(word & FDB_PORT_MASK);
	e->is_static = word & FDB_STATIC;
	e->is_sticky = word & FDB_STICKY;
	e->age_s = (uint16_t)(now_s - t->buckets[bucket].seen_s[slot]);
}

void fdb_visit(const struct fdb *t, uint32_t now_s, bool (*visit)(const struct fdb_entry *, void *),
	       void *arg)
{
	struct fdb_entry e;

	for (unsigned n = 0; n < FDB_BUCKETS; n++) {
		for (unsigned i = 0; i < FDB_SLOTS; i++) {
			uint64_t word = t->buckets[n].word[i];

			if (!word)
				continue;
			entry_of(t, n, i, word, now_s, &e);
			if (!visit(&e, arg))
				return;
		}
	}
}
