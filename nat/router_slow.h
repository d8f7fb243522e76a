/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_ROUTER_SLOW_H
#define NAT_ROUTER_SLOW_H

/*
 * The slow way of the router's stage: a packet without a session that knows its way. It is asked
 * where the packet goes and whether it may, a session is opened, the next hop's neighbour found; or
 * the packet is for the router itself; or it ends in an ICMP error.
 *
 * An error goes back to the port and the MAC address that the packet came from, in its frame: no
 * route has to be found for it. It is made of the packet as it arrived, which is kept.
 */

#include "dataplane/verdict.h"
#include "nat/route.h"
#include "nat/session6.h"

struct way;

/* A burst in the router. */
struct routing {
	struct worker *w;
	struct port *in;
	struct router *router;
	const struct router_iface *from;
	struct verdicts *v;
	uint64_t now_ns;
	uint32_t now_s;
	uint16_t realm; /* NAT's number of the side that the burst came from */
	bool uplink;	/* the burst came in at an uplink */
	bool has_sessions;
	uint32_t generation; /* of the interfaces, when the burst was begun */
	uint64_t ipv6;	     /* packets of it */
	uint64_t expected;   /* of them: what places6 is valid for */
	struct session6_place places6[BURST_MAX];
	struct packet packets[BURST_MAX];
	struct nat_found found[BURST_MAX];
	/* The adjacency that the last packet had, and where it leads. */
	uint32_t adjacency;
	const struct router_iface *out;
	struct mac mac;
	uint16_t port_id;	  /* 0: flooded */
	enum drop_reason refused; /* by the bridge, of that port */
	struct frame before;	  /* the packet in hand as it arrived, without its tag */
};

/* What a dry run learns of the router. */
struct router_story {
	bool asked; /* the frame got here */
	bool replied, waits, session, opens;
	enum route_kind route;
	const struct router_iface *from, *out;
	struct ipaddr next;
	bool error; /* answered with an ICMP error */
	enum icmp_why why;
};

/* Decides about packet `i`. */
void router_slow(struct routing *x, unsigned i);

/*
 * Finds where an adjacency leads: false when its neighbour is not known any more. Remembers it for
 * the rest of the burst.
 */
bool router_follow(struct routing *x, uint32_t adjacency);

/* Sends packet `i` on by the adjacency that was followed last: TTL, MAC addresses, port. */
void router_send(struct routing *x, unsigned i);

/* Addresses of a packet of either family. */
struct ipaddr router_source(const struct packet *p);
struct ipaddr router_destination(const struct packet *p);

/*
 * Sends a packet the way that one with the same addresses went (nat/way.h); false: none is
 * remembered, or the packet, which is as it came, needs more.
 */
bool router_go_remembered(struct routing *x, unsigned i, const struct ipaddr *src,
			  const struct ipaddr *dst);
/* Remembers that packets of the way's addresses take the adjacency that is followed now. */
void router_remember(struct routing *x, struct way *way);
/* What that will read of these IPv6 packets' sessions is fetched for all of them at once. */
void router_expect6(struct routing *x, uint64_t mask);

/* Whether the packet, or each segment of a large frame, fits. */
static inline bool router_fits(const struct packet *p, unsigned mtu)
{
	const struct frame *f = p->frame;

	if (unlikely(f->vnet.gso_type))
		return (unsigned)f->vnet.hdr_len - p->l3 + f->vnet.gso_size <= mtu;
	return p->len <= mtu;
}

static inline uint8_t router_ttl(const struct packet *p)
{
	const uint8_t *l3 = p->frame->head + p->l3;

	return p->ipv6 ? ((const struct ipv6_hdr *)l3)->hop_limit
		       : ((const struct ipv4_hdr *)l3)->ttl;
}

#endif
