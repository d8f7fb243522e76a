/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_ROUTE_H
#define NAT_ROUTE_H

/*
 * Where a packet goes: the networks of the interfaces, the longest prefix first, then the uplink of
 * the bridge that it came from. There are few interfaces, and a session remembers the answer, so
 * they are just looked through. Who may reach whom is part of the answer; nat/router.h has the
 * rule.
 */

#include "nat/router.h"

enum route_kind {
	ROUTE_NONE,	  /* nowhere */
	ROUTE_PROHIBITED, /* somewhere, but not from there */
	ROUTE_LOCAL,	  /* the router itself, by an address that is nobody else's */
	ROUTE_EXTERNAL,	  /* an address that an uplink translates to; `out` is the uplink */
	ROUTE_OUT,	  /* out by `out`, to the neighbour `next` */
	ROUTE_KIND_N
};

struct route {
	enum route_kind kind;
	const struct router_iface *out;
	struct ipaddr next;
};

/*
 * The way of a packet from `from` to `dst`. `translated`: NAT has made `dst` of an external
 * address, so it may be inside. Worker thread or control thread.
 */
struct route route_find(const struct router *r, const struct router_iface *from,
			const struct ipaddr *dst, bool translated);

/* The bridge that the uplink knows by the prefix of `dst`, an IPv6 address; NULL: none. */
const struct router_iface *route_npt6(const struct router *r, const struct router_iface *uplink,
				      const struct ipaddr *dst);

/* Whether a packet with that source can have come from there (RFC 2827, RFC 1812 5.3.7). */
bool route_source_fits(const struct router *r, const struct router_iface *from,
		       const struct ipaddr *src);

#endif
