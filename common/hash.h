/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stdint.h>

/* FNV-1a with a final mix: stable over versions and hosts, so derived addresses never change. */
static inline uint64_t hash_text(const char *text)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3ull;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdull;
	return h ^ (h >> 33);
}

#endif
