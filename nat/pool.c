/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/pool.h"

#include <stdlib.h>

#include "nat/arena.h"

#define PARITY_TRIES 4 /* words that are searched for the parity before any port will do */

static const size_t owner_bytes = PORTS_OF_ADDRESS * sizeof(uint32_t);

struct nat_pool *pool_create(uint32_t addr)
{
	struct nat_pool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->addr = addr;
	for (int c = 0; c < NAT_CLASS_N; c++) {
		p->spaces[c].owner = arena_map(owner_bytes);
		if (!p->spaces[c].owner) {
			pool_destroy(p);
			return NULL;
		}
		arena_populate(p->spaces[c].owner, 0, owner_bytes);
	}
	return p;
}

void pool_destroy(struct nat_pool *p)
{
	if (!p)
		return;
	for (int c = 0; c < NAT_CLASS_N; c++)
		arena_unmap(p->spaces[c].owner, owner_bytes);
	free(p);
}

/* A word that a release empties between the two looks is hinted as full no longer. */
static void note_full(struct port_space *s, unsigned word)
{
	uint64_t bit = 1ull << word % 64;

	atomic_fetch_or(&s->full[word / 64], bit);
	if (atomic_load(&s->taken[word]) != ~0ull)
		atomic_fetch_and(&s->full[word / 64], ~bit);
}

static bool claim_bit(struct port_space *s, unsigned word, uint64_t bit)
{
	uint64_t before = atomic_fetch_or(&s->taken[word], bit);

	if (before & bit)
		return false;
	if ((before | bit) == ~0ull)
		note_full(s, word);
	atomic_fetch_add_explicit(&s->used, 1, memory_order_relaxed);
	return true;
}

bool port_claim(struct port_space *s, uint16_t port)
{
	return claim_bit(s, port / 64, 1ull << port % 64);
}

void port_release(struct port_space *s, uint16_t port)
{
	unsigned word = port / 64;

	atomic_fetch_and(&s->taken[word], ~(1ull << port % 64));
	atomic_fetch_and(&s->full[word / 64], ~(1ull << word % 64));
	atomic_fetch_sub_explicit(&s->used, 1, memory_order_relaxed);
}

/* The first word from `word` on that is not full; PORT_WORDS: none. */
static unsigned next_word(const struct port_space *s, unsigned word)
{
	while (word < PORT_WORDS) {
		uint64_t open = ~atomic_load_explicit(&s->full[word / 64], memory_order_relaxed) >>
				word % 64;

		if (open)
			return word + (unsigned)__builtin_ctzll(open);
		word = (word / 64 + 1) * 64;
	}
	return PORT_WORDS;
}

/* The bits of a word that lie in the range of ports. */
static uint64_t range_bits(unsigned word, unsigned first, unsigned last)
{
	uint64_t bits = ~0ull;

	if (first / 64 == word)
		bits &= ~0ull << first % 64;
	if (last / 64 == word)
		bits &= ~0ull >> (63 - last % 64);
	return bits;
}

/* Takes a free port among `bits` of a word, those from bit `from` on first; 0: none. */
static uint16_t claim_in(struct port_space *s, unsigned word, uint64_t bits, unsigned from)
{
	uint64_t open;

	while ((open = ~atomic_load_explicit(&s->taken[word], memory_order_relaxed) & bits)) {
		uint64_t ahead = open & ~0ull << from;
		unsigned bit = (unsigned)__builtin_ctzll(ahead ? ahead : open);

		if (claim_bit(s, word, 1ull << bit))
			return (uint16_t)(word * 64 + bit);
	}
	return 0;
}

/* Searches `first` to `last` upwards in at most `tries` words, and only ports of `parity`. */
static uint16_t claim_between(struct port_space *s, unsigned first, unsigned last, uint64_t parity,
			      unsigned tries)
{
	unsigned word = next_word(s, first / 64);

	for (; word <= last / 64 && tries > 0; word = next_word(s, word + 1), tries--) {
		uint16_t port = claim_in(s, word, range_bits(word, first, last) & parity,
					 word == first / 64 ? first % 64 : 0);

		if (port)
			return port;
	}
	return 0;
}

uint16_t port_claim_any(struct port_space *s, const struct port_wish *wish)
{
	uint64_t parity = wish->like & 1 ? ~PORT_EVEN_BITS : PORT_EVEN_BITS;
	unsigned start = wish->start;
	uint16_t port = claim_between(s, start, wish->last, parity, PARITY_TRIES);

	if (!port)
		port = claim_between(s, start, wish->last, ~0ull, PORT_WORDS);
	if (!port && start > wish->first)
		port = claim_between(s, wish->first, start - 1, parity, PARITY_TRIES);
	if (!port && start > wish->first)
		port = claim_between(s, wish->first, start - 1, ~0ull, PORT_WORDS);
	return port;
}
