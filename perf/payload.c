/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/payload.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "perf/digest.h"

/* A prime, so that the pattern does not repeat with pages or segments. */
#define PATTERN_PERIOD 251

static void fill_random(uint8_t *buf, size_t len)
{
	uint64_t x = 0x9e3779b97f4a7c15ull;

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		buf[i] = (uint8_t)(x >> 32);
	}
}

uint8_t *payload_create(size_t len, bool random)
{
	uint8_t *buf = aligned_alloc(4096, (len + 4095) & ~(size_t)4095);

	if (!buf)
		return NULL;
	if (random) {
		fill_random(buf, len);
		return buf;
	}
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(i % PATTERN_PERIOD);
	return buf;
}

void payload_stamp(uint8_t *buf, size_t len, uint64_t round)
{
	for (size_t i = 0; i + sizeof(round) <= len; i += PAYLOAD_STRIDE) {
		uint64_t mark = round * 0x100000001ull + i;

		memcpy(buf + i, &mark, sizeof(mark));
	}
}

void payload_number(uint8_t *buf, size_t len, uint64_t sequence)
{
	uint64_t be = htobe64(sequence);

	if (len >= sizeof(be))
		memcpy(buf, &be, sizeof(be));
}

uint64_t payload_sequence(const uint8_t *buf)
{
	uint64_t be;

	memcpy(&be, buf, sizeof(be));
	return be64toh(be);
}

static uint64_t tag_of(const uint8_t *buf, size_t len)
{
	return digest_of(buf + PAYLOAD_TAG, len - PAYLOAD_TAG) ^ digest_of(buf, PAYLOAD_SEQUENCE);
}

void payload_seal(uint8_t *buf, size_t len)
{
	uint64_t tag;

	if (len < PAYLOAD_TAG)
		return;
	tag = htobe64(tag_of(buf, len));
	memcpy(buf + PAYLOAD_SEQUENCE, &tag, sizeof(tag));
}

bool payload_intact(const uint8_t *buf, size_t len)
{
	uint64_t tag;

	if (len < PAYLOAD_TAG)
		return false;
	memcpy(&tag, buf + PAYLOAD_SEQUENCE, sizeof(tag));
	return be64toh(tag) == tag_of(buf, len);
}
