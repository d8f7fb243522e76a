/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BRIDGE_FDB_H
#define BRIDGE_FDB_H

/*
 * The forwarding database of a bridge: which station (VLAN and MAC) is behind which port.
 *
 * An entry is one atomic 64-bit word, so look-up, learning and moving need no lock and no reader
 * ever sees half an entry. What makes it fit: the 60-bit key (12-bit VLAN, 48-bit MAC) is mixed by
 * a bijection keyed with a secret of the table; 16 bits of the result are the bucket's number and
 * need not be stored, the other 44 are the tag.
 *
 *	63        20 19   18       17       16     15     0
 *	+-----------+--------+-----------+--------+-------+
 *	|  tag 44   | sticky | displaced | static | port  |     port 0: the slot is free
 *	+-----------+--------+-----------+--------+-------+      (bit 19: spare)
 *
 * A bucket is one cache line: six words and the second at which each was last seen. A look-up that
 * hits touches that line only, however full the table is. When a bucket is full, an entry lives in
 * its neighbour (bucket ^ 1) with the displaced bit set.
 *
 * The age is written at most once a second per entry, so a busy station costs no shared writes.
 * Workers look up and learn; the control thread sweeps, flushes and sets static entries; all of it
 * may run at once. Time is an argument, in seconds.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/mac.h"

#define FDB_BUCKET_BITS	 16
#define FDB_BUCKETS	 (1u << FDB_BUCKET_BITS)
#define FDB_SLOTS	 6
#define FDB_ENTRIES_MAX	 131072u /* of 393216 slots: beyond it buckets overflow too often */
#define FDB_AGEING_MAX_S 32767u	 /* ages are kept in 16 bits */
#define FDB_PORTS_MAX	 1024u	 /* port numbers are below it */

struct fdb_bucket {
	_Atomic uint64_t word[FDB_SLOTS];
	_Atomic uint16_t seen_s[FDB_SLOTS];
	uint32_t pad;
} __attribute__((aligned(64)));

struct fdb {
	struct fdb_bucket *buckets;
	uint64_t key_mul, key_add; /* the secret */
	uint64_t unmul;		   /* inverse of key_mul modulo 2^60 */
	_Atomic uint32_t entries;
	_Atomic uint32_t limit;	   /* w: control */
	_Atomic uint32_t ageing_s; /* w: control; 0: never */
	/* w: workers, on the slow path only */
	_Atomic uint64_t learned, moved, aged, full;
	_Atomic uint32_t learned_by[FDB_PORTS_MAX]; /* entries a port has, static ones not */
};

/* A station as the table sees it: where it hashes to. Compute once, then prefetch and look up. */
struct fdb_key {
	uint32_t bucket;
	uint64_t tag; /* in place: bits 20 to 63 */
};

struct fdb_entry {
	struct mac mac;
	uint16_t vlan, port;
	bool is_static, is_sticky;
	uint16_t age_s;
};

/* `secret` is two random words. Returns 0 or -ENOMEM. */
int fdb_init(struct fdb *t, uint32_t limit, uint32_t ageing_s, const uint64_t secret[2]);
void fdb_fini(struct fdb *t);

/* --- the fast path, inline: what the bridge stage asks for each frame ------------------------- */

#define FDB_KEY_BITS  60
#define FDB_KEY_MASK  ((1ull << FDB_KEY_BITS) - 1)
#define FDB_TAG_SHIFT 20
#define FDB_DISPLACED (1ull << 17)
#define FDB_STATIC    (1ull << 16)
#define FDB_STICKY    (1ull << 18)
#define FDB_PORT_MASK 0xffffull
#define FDB_TAG_MASK  (~0ull << FDB_TAG_SHIFT)

/* Tag and displaced bit say which station a word is about; port and static bit what is known. */
#define FDB_MATCH_MASK (FDB_TAG_MASK | FDB_DISPLACED)

/* Two rounds of add, multiply and xor-shift by half the width; each step can be undone. */
static inline uint64_t fdb_mix(const struct fdb *t, uint64_t key)
{
	uint64_t h = (key + t->key_add) & FDB_KEY_MASK;

	h = (h * t->key_mul) & FDB_KEY_MASK;
	h ^= h >> (FDB_KEY_BITS / 2);
	h = (h * t->key_mul) & FDB_KEY_MASK;
	return h ^ (h >> (FDB_KEY_BITS / 2));
}

/* Two loads joined in registers: a six-byte copy to memory read back as a word would stall. */
static inline uint64_t fdb_key_bits(const struct mac *mac, uint16_t vlan)
{
	uint32_t low;
	uint16_t high;

	memcpy(&low, mac->b, sizeof(low));
	memcpy(&high, mac->b + sizeof(low), sizeof(high));
	return low | (uint64_t)high << 32 | (uint64_t)vlan << 48;
}

static inline struct fdb_key fdb_key(const struct fdb *t, const struct mac *mac, uint16_t vlan)
{
	uint64_t h = fdb_mix(t, fdb_key_bits(mac, vlan));

	return (struct fdb_key){.bucket = (uint32_t)(h & (FDB_BUCKETS - 1)),
				.tag = h >> FDB_BUCKET_BITS << FDB_TAG_SHIFT};
}

/* A slot of either bucket that holds `want` in its matching bits; NULL when there is none. */
static inline _Atomic uint64_t *fdb_find_in(struct fdb_bucket *b, uint64_t want, uint64_t *word)
{
	for (unsigned i = 0; i < FDB_SLOTS; i++) {
		uint64_t w = atomic_load_explicit(&b->word[i], memory_order_relaxed);

		if ((w & FDB_MATCH_MASK) == want && (w & FDB_PORT_MASK)) {
			*word = w;
			return &b->word[i];
		}
	}
	return NULL;
}

static inline _Atomic uint64_t *fdb_find(const struct fdb *t, struct fdb_key k,
					 struct fdb_bucket **bucket, uint64_t *word)
{
	_Atomic uint64_t *slot;

	*bucket = &t->buckets[k.bucket];
	slot = fdb_find_in(*bucket, k.tag, word);
	if (__builtin_expect(slot != NULL, 1))
		return slot;
	*bucket = &t->buckets[k.bucket ^ 1];
	return fdb_find_in(*bucket, k.tag | FDB_DISPLACED, word);
}

static inline void fdb_prefetch(const struct fdb *t, struct fdb_key k)
{
	__builtin_prefetch(&t->buckets[k.bucket]);
}

/* Returns the station's port, or 0 when it is not known. */
static inline uint16_t fdb_lookup(const struct fdb *t, struct fdb_key k)
{
	struct fdb_bucket *b;
	uint64_t word;

	return fdb_find(t, k, &b, &word) ? (uint16_t)(word & FDB_PORT_MASK) : 0;
}

/*
 * Notes that the station was seen behind `port` at `now_s`: refreshes, moves or adds its entry.
 * Static entries stay as they are. A table at its limit learns nothing new and counts it.
 */
void fdb_learn(struct fdb *t, struct fdb_key k, uint16_t port, uint32_t now_s);

/* A port that learns by rules of its own. */
struct fdb_learner {
	uint16_t port;
	bool sticky;	/* what it learns neither ages nor moves */
	uint32_t limit; /* stations; 0: no limit of its own. Workers may pass it by one each. */
};

enum fdb_learned {
	FDB_KNOWN,    /* nothing changed, or the table is full */
	FDB_MOVED,    /* from the port in `*from` */
	FDB_AT_LIMIT, /* not learned: the port has its number of stations */
	FDB_HELD,     /* not learned: a sticky station of the port in `*from` */
};

enum fdb_learned fdb_learn_as(struct fdb *t, struct fdb_key k, const struct fdb_learner *who,
			      uint32_t now_s, uint16_t *from);
/* What fdb_learn_as would return, with nothing changed. */
enum fdb_learned fdb_would_learn(const struct fdb *t, struct fdb_key k,
				 const struct fdb_learner *who);

/* Adds or replaces a static entry. Returns 0, -ENOSPC when both buckets are full. */
int fdb_add_static(struct fdb *t, const struct mac *mac, uint16_t vlan, uint16_t port,
		   uint32_t now_s);
/* Returns true when there was an entry. */
bool fdb_del(struct fdb *t, const struct mac *mac, uint16_t vlan);

/* Removes what was not seen for the ageing time, sticky ones not. Call it about once a second. */
void fdb_tick(struct fdb *t, uint32_t now_s);

/* Removes the entries of `port` (0: of every port); with `statics` static ones too. */
void fdb_flush(struct fdb *t, uint16_t port, bool statics);

/*
 * Calls `visit` for each entry, in no order, until it returns false. Entries that change meanwhile
 * may be seen in either state.
 */
void fdb_visit(const struct fdb *t, uint32_t now_s, bool (*visit)(const struct fdb_entry *, void *),
	       void *arg);

#endif
