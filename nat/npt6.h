/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_NPT6_H
#define NAT_NPT6_H

/*
 * IPv6-to-IPv6 network prefix translation, RFC 6296: an inside prefix for an outside one, one to
 * one, without sessions. Prefixes differ, sums do not: what the change of the prefix adds to a sum
 * is taken off a 16-bit word of the rest of the address, so that no checksum behind the IPv6 header
 * changes, whole, partial, or of a fragment that does not even have it.
 *
 * That word is the subnet number (bits 48 to 63) of prefixes of up to /48; of longer ones the first
 * word of the interface identifier that is not all ones (RFC 6296, 3.5 to 3.7).
 */

#include "common/ipaddr.h"
#include "common/err.h"
#include "nat/nat.h"

struct npt6 {
	uint8_t inside[16], outside[16]; /* bits behind the prefix are 0 */
	uint8_t len;			 /* of both prefixes */
	uint16_t adjustment; /* inbound; outbound its complement. As sums are: memory order */
};

/* Both prefixes are of the same length, 16 to 64. Returns 0 or -EINVAL. Control thread. */
int npt6_init(struct npt6 *t, const struct ipaddr_prefix *inside,
	      const struct ipaddr_prefix *outside, struct err *e);

/* Translates an address. False: it is not of the prefix, or has no word that could be adjusted. */
bool npt6_address(const struct npt6 *t, enum nat_direction dir, uint8_t addr[16]);

/*
 * Translates the source of an outbound IPv6 packet, the destination of an inbound one, and in ICMP
 * errors the address of the carried packet (RFC 6296, 5.3). Returns DROP_NONE, DROP_NAT_SOURCE when
 * an outbound source is not of the prefix, DROP_NAT_NO_MAPPING when an inbound destination is not.
 */
enum drop_reason npt6_translate(const struct npt6 *t, enum nat_direction dir, struct packet *p);

#endif
