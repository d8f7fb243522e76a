/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/cksum.h"

#include <string.h>

/*
 * Words are summed 32 bits at a time into 64-bit accumulators that cannot overflow below 2^32
 * words: no carry chain, so compilers turn the loops into vector code. One's complement sums do
 * not care for the width of the words as long as the folding ends at 16 bits.
 */

static uint32_t fold64(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (uint32_t)sum;
}

static uint64_t tail_word(const uint8_t *p, size_t len)
{
	uint32_t w = 0;

	memcpy(&w, p, len);
	return w;
}

uint32_t cksum_add(uint32_t sum, const void *p, size_t len)
{
	const uint8_t *b = p;
	uint64_t acc = sum;
	size_t words = len / 4;
	uint32_t w;

	for (size_t i = 0; i < words; i++) {
		memcpy(&w, b + 4 * i, 4);
		acc += w;
	}
	return fold64(acc + tail_word(b + 4 * words, len % 4));
}

uint32_t cksum_copy(uint32_t sum, void *dst, const void *src, size_t len)
{
	const uint8_t *restrict s = src;
	uint8_t *restrict d = dst;
	uint64_t acc = sum;
	size_t words = len / 4;
	uint32_t w;

	for (size_t i = 0; i < words; i++) {
		memcpy(&w, s + 4 * i, 4);
		memcpy(d + 4 * i, &w, 4);
		acc += w;
	}
	w = (uint32_t)tail_word(s + 4 * words, len % 4);
	memcpy(d + 4 * words, &w, len % 4);
	return fold64(acc + w);
}
