/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_ICMP_MAKE_H
#define NAT_ICMP_MAKE_H

/*
 * ICMP and ICMPv6 messages of the router: answers to echo requests, and errors about a packet,
 * which become of the packet itself, in its frame. Addressed to its sender, by the MAC address it
 * came from, so that no route is needed to get it there. Any thread.
 *
 * An error carries as much of the packet as RFC 1812, 4.3.2.3 (576 bytes in all) and RFC 4443, 2.4
 * (1280) want. What its own headers push out of frame.head goes to the room's `spill`, the rest
 * stays where it is borrowed from.
 */

#include <rte_byteorder.h>

#include "common/ipaddr.h"
#include "nat/packet.h"

enum icmp_why {
	ICMP_TTL,	  /* 11/0; ICMPv6 3/0 */
	ICMP_TOO_BIG,	  /* 3/4; ICMPv6 2/0 */
	ICMP_NO_ROUTE,	  /* 3/0; ICMPv6 1/0 */
	ICMP_NO_HOST,	  /* 3/1; ICMPv6 1/3 */
	ICMP_NO_PROTOCOL, /* 3/2; ICMPv6 1/4 */
	ICMP_NO_PORT,	  /* 3/3; ICMPv6 1/4 */
	ICMP_PROHIBITED,  /* 3/13; ICMPv6 1/1 */
	ICMP_WHY_N
};

/* Who speaks. */
struct icmp_source {
	struct mac mac;
	rte_be32_t ip4;
	struct ipaddr ip6;
};

/* Whether RFC 1122, 3.2.2 and RFC 4443, 2.4 allow an error about the packet. */
bool icmp_may_answer(const struct packet *p);

/*
 * Turns the packet, which may be answered, into an error about it; `mtu` is for TOO_BIG. `room`
 * lives as long as the frame.
 */
void icmp_make_error(struct packet *p, const struct icmp_source *from, enum icmp_why why,
		     unsigned mtu, struct frame_room *room);

/* Turns an echo request into its reply; false when the packet is none, or a fragment. */
bool icmp_make_echo_reply(struct packet *p, const struct mac *from);

#endif
