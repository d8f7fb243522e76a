/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/digest.h"

#include <endian.h>
#include <string.h>

#define MULTIPLIER 0x9fb21c651e98df25ull /* odd */

static inline uint64_t step(uint64_t state, uint64_t word)
{
	state = (state ^ word) * MULTIPLIER;
	return state << 29 | state >> 35;
}

void digest_init(struct digest *d)
{
	memset(d, 0, sizeof(*d));
	d->state = 0x2545f4914f6cdd1dull;
}

static void update_byte(struct digest *d, uint8_t byte)
{
	d->word |= (uint64_t)byte << 8 * (d->bytes & 7);
	if ((++d->bytes & 7) != 0)
		return;
	d->state = step(d->state, d->word);
	d->word = 0;
}

void digest_update(struct digest *d, const void *data, size_t len)
{
	const uint8_t *at = data;
	uint64_t word, state;

	for (; len > 0 && (d->bytes & 7) != 0; len--)
		update_byte(d, *at++);
	state = d->state;
	for (; len >= sizeof(word); len -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		state = step(state, le64toh(word));
		d->bytes += sizeof(word);
	}
	d->state = state;
	for (; len > 0; len--)
		update_byte(d, *at++);
}

uint64_t digest_value(const struct digest *d)
{
	uint64_t v = step(step(d->state, d->word), d->bytes);

	return v ^ v >> 32;
}

uint64_t digest_of(const void *data, size_t len)
{
	struct digest d;

	digest_init(&d);
	digest_update(&d, data, len);
	return digest_value(&d);
}
