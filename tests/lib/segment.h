/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_SEGMENT_H
#define TESTS_LIB_SEGMENT_H

/*
 * TCP segments and UDP datagrams built from a description, with textbook checksums. One description
 * makes the large frame that a sender hands over and, part by part, the frames that a receiver has
 * to get of it: what weft makes is compared with what is built here, byte by byte.
 */

#include "dataplane/frame.h"

struct segment {
	bool udp, ipv6, routed; /* routed: IPv6 with a routing header that is under way */
	unsigned tags;		/* VLAN tags */
	unsigned options;	/* bytes of IPv4 options or IPv6 extension headers, 8 at a time */
	unsigned tcp_options;	/* bytes, 4 at a time */
	uint16_t id;		/* of IPv4 */
	uint32_t seq;
	uint8_t tcp_flags;
	struct mac dst, src;
	const uint8_t *payload;
	uint32_t len; /* of the payload */
};

/*
 * Builds the frame in `buf` (FRAME_LEN_MAX bytes): with `partial` the checksum field holds the
 * pseudo-header's sum only. Fills `l` and returns the frame's length.
 */
uint32_t segment_build(uint8_t *buf, const struct segment *s, bool partial, struct frame_layout *l);

/* Part `i` of a segment that is cut into pieces of `mss` bytes. */
struct segment segment_part(const struct segment *whole, unsigned i, uint32_t mss);
unsigned segment_parts(const struct segment *whole, uint32_t mss);

/* What a sender says of the whole: NEEDS_CSUM, and with an `mss` that it is to be cut. */
struct vnet segment_vnet(const struct segment *s, const struct frame_layout *l, uint32_t mss);

#endif
