/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_DIGEST_H
#define PERF_DIGEST_H

/*
 * A running hash over a byte stream, whatever the pieces it comes in: both ends of a verified test
 * hash what they sent and received and compare at the end. Each step is a bijection of the state,
 * so one wrong word always shows; it is no defence against somebody who forges data on purpose.
 */

#include <stddef.h>
#include <stdint.h>

struct digest {
	uint64_t state, bytes;
	uint64_t word; /* the bytes of an unfinished word, lowest first */
};

void digest_init(struct digest *d);
void digest_update(struct digest *d, const void *data, size_t len);
/* The digest of all bytes so far; more may follow. */
uint64_t digest_value(const struct digest *d);

/* The digest of one piece. */
uint64_t digest_of(const void *data, size_t len);

#endif
