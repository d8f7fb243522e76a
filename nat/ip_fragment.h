/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_IP_FRAGMENT_H
#define NAT_IP_FRAGMENT_H

/* An IPv4 packet cut into fragments (RFC 791, 3.2; RFC 1812, 4.2.2.7), in order. Pure. */

#include <stdbool.h>
#include <stdint.h>

struct ip_fragments {
	const uint8_t *frame; /* Ethernet and IPv4, whole, in one piece */
	uint16_t header_len;  /* of IP */
	uint16_t end;	      /* bytes behind the IP header */
	uint16_t done;	      /* of them */
	uint16_t room;	      /* bytes that one fragment carries, a multiple of 8 */
};

/* `frame` has an IPv4 packet with DF clear. False when `mtu` has no room for its headers. */
bool ip_fragments_begin(struct ip_fragments *it, const uint8_t *frame, uint32_t len, unsigned mtu);

/* Writes the next fragment, Ethernet header included, to `to`. Returns its length; 0: no more. */
uint32_t ip_fragments_next(struct ip_fragments *it, uint8_t *to);

#endif
