/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BRIDGE_HEADERS_H
#define BRIDGE_HEADERS_H

/*
 * Where the headers of a frame lie, for stages that decide by them and must not be deceived.
 *
 * What cannot be followed to the header of the upper layer is refused, not passed: a control that
 * lets through what it cannot read is none. Refused are LLC/SNAP and more than two VLAN tags, under
 * which some hosts still find IP (CVE-2021-27853, -27854, -27861, -27862), an IPv6 header chain
 * that does not fit into frame.head, and a first fragment without its whole header chain
 * (RFC 7112, RFC 7113). All offsets count from the frame's begin and lie within frame.head.
 */

#include "dataplane/frame.h"

enum {
	HEADERS_ICMP6 = 58,
	HEADERS_IGMP = 2,
	HEADERS_NO_NEXT = 59,
};

struct headers {
	uint16_t type; /* EtherType behind all tags, host order; a length when below 0x600 */
	uint16_t l3;
	/* The rest is for IPv4 and IPv6. */
	uint8_t proto; /* of the upper layer */
	uint16_t l4;   /* of the upper layer */
	uint16_t end;  /* of the packet or of frame.head, whichever comes first */
	uint32_t size; /* where the packet ends in the frame, also beyond frame.head */
	bool cut;      /* the packet goes on behind `end` */
	bool fragment; /* part of a fragmented packet */
	bool headless; /* a fragment other than the first: there is no upper header at `l4` */
};

/* Returns false when the headers cannot be followed. Any thread. */
bool headers_parse(const struct frame *f, struct headers *h);

/* Big-endian fields of frame.head; the caller has seen that they lie within it. */
static inline uint16_t headers_get16(const struct frame *f, unsigned at)
{
	return (uint16_t)(f->head[at] << 8 | f->head[at + 1]);
}

/* Whether `len` bytes at `at` belong to the packet and can be read. */
static inline bool headers_has(const struct headers *h, unsigned at, unsigned len)
{
	return at + len <= h->end;
}

#endif
