/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_REWRITE_H
#define NAT_REWRITE_H

/*
 * Checksums that follow a change, RFC 1624: what was is taken out and what is put in, nothing is
 * summed up anew. `delta` is what a change adds to the sum, in one's complement.
 */

#include "common/cksum.h"
#include "nat/packet.h"

/* A whole checksum: its field is the complement of the sum. */
static inline uint16_t rewrite_whole(uint16_t field, uint32_t delta)
{
	return cksum_finish((uint32_t)(uint16_t)~field + delta);
}

/* A partial one: its field is the sum of the pseudo header, not complemented. */
static inline uint16_t rewrite_partial(uint16_t field, uint32_t delta)
{
	return cksum_fold((uint32_t)field + delta);
}

/* UDP has no checksum 0: it stands for none (RFC 768). */
static inline uint16_t rewrite_udp(uint16_t field, uint32_t delta)
{
	uint16_t sum;

	if (!field)
		return 0;
	sum = rewrite_whole(field, delta);
	return sum ? sum : 0xffff;
}

static inline uint32_t rewrite_delta16(uint16_t from, uint16_t to)
{
	return (uint32_t)(uint16_t)~from + to;
}

/* Whether the checksum field at `at` of the frame is partial. */
static inline bool rewrite_is_partial(const struct frame *f, unsigned at)
{
	return (f->vnet.flags & VNET_NEEDS_CSUM) && f->vnet.csum_start + f->vnet.csum_offset == at;
}

#endif
