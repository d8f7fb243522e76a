/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_PACKET_H
#define NAT_PACKET_H

/*
 * A packet on its way through the router: a frame, and where its headers lie in the frame's private
 * copy. Parsed once by packet_parse; what the router and NAT rewrite they rewrite in frame.head,
 * which nobody else sees. Addresses and ports are in wire order.
 */

#include "dataplane/frame.h"

enum packet_fragment {
	PACKET_WHOLE,
	PACKET_FRAGMENT_FIRST, /* offset 0, more to come: has the transport header */
	PACKET_FRAGMENT_REST,  /* no transport header: l4 and the ports are not valid */
};

struct packet {
	struct frame *frame;
	uint16_t l3, l4; /* offsets in frame->head */
	uint16_t len;	 /* bytes of the packet by its own header; a GSO frame's by its frame */
	uint8_t proto;	 /* of the header at l4 */
	bool ipv6;
	enum packet_fragment fragment;
	/* TCP, UDP: ports. ICMP queries: the identifier in both. Everything else: 0. */
	uint16_t sport, dport;
	bool icmp_error; /* an ICMP message that carries the packet it is about */
};

/*
 * Parses an untagged frame from its Ethernet header on. Checks version, header length, total length
 * against the frame, and that the transport header of TCP (20 bytes), UDP and ICMP lies in `head`;
 * what is longer than its packet (Ethernet padding) is left as it is. IPv4 header checksums are
 * checked. Returns DROP_NONE, or the reason to drop it.
 */
enum drop_reason packet_parse(struct packet *p, struct frame *f);

#endif
