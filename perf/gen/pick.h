/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_PICK_H
#define GEN_PICK_H

/*
 * Which stations and which flow the next frame is for: a choice in each of three dimensions,
 * independent of each other but for round robin, which visits every combination once before it
 * repeats one (the receiver changes fastest, the flow slowest).
 *
 *   random       each of N with the same probability
 *   zipf[:S]     station k with a probability in proportion to 1 / (k + 1)^S; S is 1 unless given
 *   round-robin  in turn
 *
 * Zipf uses Walker's alias method in Vose's form: one random number and one look-up in a table of
 * eight bytes a station, whatever the skew. Random numbers are xorshift64 and begin with the seed,
 * so a run can be repeated. pick_next is the fast path: no call, no division.
 */

#include <stdint.h>

#include "common/err.h"

enum pick_kind { PICK_RANDOM, PICK_ZIPF, PICK_ROUND_ROBIN, PICK_KIND_N };
enum pick_dimension { PICK_DST, PICK_SRC, PICK_FLOW, PICK_DIMENSIONS };

struct pick_options {
	enum pick_kind kind;
	double skew; /* PICK_ZIPF */
};

/* Entry i of an alias table: i itself with probability `keep` / 2^32, `other` else. */
struct pick_alias {
	uint32_t keep, other;
};

struct pick {
	enum pick_kind kind;
	unsigned n[PICK_DIMENSIONS];
	unsigned at[PICK_DIMENSIONS]; /* PICK_ROUND_ROBIN: the next */
	uint64_t random;
	struct pick_alias *tables[PICK_DIMENSIONS]; /* PICK_ZIPF, where n > 1 */
};

/* "random", "round-robin", "zipf" or "zipf:SKEW" with 0 < SKEW <= 10. 0 or -EINVAL. */
int pick_parse(const char *text, struct pick_options *o, struct err *e);
char *pick_format(const struct pick_options *o, char *text, size_t size);

/* `n`: how many there are in each dimension, all at least 1. 0 or -ENOMEM; pick_fini either way. */
int pick_init(struct pick *p, const struct pick_options *o, const unsigned n[PICK_DIMENSIONS],
	      uint64_t seed, struct err *e);
void pick_fini(struct pick *p);

static inline uint64_t pick_random(struct pick *p)
{
	uint64_t x = p->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return p->random = x;
}

static inline unsigned pick_below(unsigned n, uint32_t random)
{
	return (unsigned)((uint64_t)random * n >> 32);
}

static inline unsigned pick_alias(const struct pick *p, enum pick_dimension d, uint64_t random)
{
	unsigned i = pick_below(p->n[d], (uint32_t)(random >> 32));

	if (!p->tables[d])
		return 0;
	return (uint32_t)random < p->tables[d][i].keep ? i : p->tables[d][i].other;
}

static inline void pick_turn(struct pick *p, unsigned choice[PICK_DIMENSIONS])
{
	for (unsigned d = 0; d < PICK_DIMENSIONS; d++)
		choice[d] = p->at[d];
	for (unsigned d = 0; d < PICK_DIMENSIONS; d++) {
		if (++p->at[d] < p->n[d])
			return;
		p->at[d] = 0;
	}
}

/* The choice for the next frame, in each dimension a number below its n. */
static inline void pick_next(struct pick *p, unsigned choice[PICK_DIMENSIONS])
{
	uint64_t x;

	if (p->kind == PICK_ROUND_ROBIN) {
		pick_turn(p, choice);
		return;
	}
	if (p->kind == PICK_ZIPF) {
		for (unsigned d = 0; d < PICK_DIMENSIONS; d++)
			choice[d] = pick_alias(p, d, p->tables[d] ? pick_random(p) : 0);
		return;
	}
	x = pick_random(p);
	choice[PICK_DST] = pick_below(p->n[PICK_DST], (uint32_t)(x >> 32));
	choice[PICK_SRC] = pick_below(p->n[PICK_SRC], (uint32_t)x);
	choice[PICK_FLOW] = p->n[PICK_FLOW] > 1
				    ? pick_below(p->n[PICK_FLOW], (uint32_t)(pick_random(p) >> 32))
				    : 0;
}

#endif
