/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_CKSUM_H
#define COMMON_CKSUM_H

/*
 * The Internet checksum, RFC 1071. Sums are carried as 32-bit one's complement accumulators of
 * 16-bit words in memory order, so that they fold to a value that is stored without swapping.
 */

#include <stddef.h>
#include <stdint.h>

/* Adds `len` bytes at `p` (any alignment) to `sum`. Only the last piece of a range may be odd. */
uint32_t cksum_add(uint32_t sum, const void *p, size_t len);

/* Copies and sums at once; `dst` and `src` do not overlap. */
uint32_t cksum_copy(uint32_t sum, void *dst, const void *src, size_t len);

static inline uint32_t cksum_add16(uint32_t sum, uint16_t word)
{
	sum += word;
	return sum + (sum < word);
}

static inline uint32_t cksum_add32(uint32_t sum, uint32_t words)
{
	sum += words;
	return sum + (sum < words);
}

/* A range that begins at an odd offset of the whole contributes with its bytes swapped. */
static inline uint32_t cksum_swap(uint32_t sum)
{
	return sum << 8 | sum >> 24;
}

/* Folds to the 16 bits of the sum, not complemented. */
static inline uint16_t cksum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The value for the checksum field. */
static inline uint16_t cksum_finish(uint32_t sum)
{
	return (uint16_t)~cksum_fold(sum);
}

#endif
