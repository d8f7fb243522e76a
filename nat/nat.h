/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_NAT_H
#define NAT_NAT_H

/*
 * Network address translation between insides (bridges) and outsides (uplinks), and the sessions on
 * which it and the stateful filter ride. Knows packets; knows nothing of bridges, ports, neighbours
 * and routes: the router (nat/router) finds the way and calls here.
 *
 *   outbound: route, then nat_lookup or nat_open_out, then nat_translate: source rewritten
 *   inbound:  nat_lookup or nat_open_in, then nat_translate: destination rewritten, then route
 *
 * A session remembers where its packets go in each direction (`adjacency`, the router's number), so
 * packets after the first need no route.
 */

#include "common/err.h"
#include "nat/packet.h"

struct nat;	    /* all sessions and mappings of a weftd */
struct nat_inside;  /* one bridge: behaviour, timeouts, quotas, filter */
struct nat_outside; /* one uplink: external addresses and their ports, forwards */
struct nat_session;

enum nat_direction { NAT_OUTBOUND, NAT_INBOUND, NAT_DIRECTION_N };

/* A packet's session, or none. */
struct nat_found {
	struct nat_session *session; /* NULL: none */
	enum nat_direction direction;
};

/*
 * Looks up the sessions of the packets of `mask` (bits of `packets`), all that come from the same
 * side, with all memory accesses of the burst in flight at once. ICMP errors and fragments without
 * ports find none here. Worker thread `worker`.
 */
void nat_lookup(struct nat *n, unsigned worker, const struct packet *packets, uint64_t mask,
		struct nat_found *found);

/*
 * Opens a session for a packet that has none. Outbound: picks or reuses the mapping of its source.
 * Inbound: by a forward, or by a mapping that its filter lets it use. Returns NULL and the reason
 * to drop the packet in `why`. `hairpin`, for a packet from inside to an address of `to`: both
 * translations are then done by one nat_translate (RFC 4787 REQ-9).
 */
struct nat_session *nat_open_out(struct nat *n, unsigned worker, const struct packet *p,
				 struct nat_inside *from, struct nat_outside *to, uint64_t now_ns,
				 enum drop_reason *why);
struct nat_session *nat_open_in(struct nat *n, unsigned worker, const struct packet *p,
				struct nat_outside *from, uint64_t now_ns, enum drop_reason *why);

/*
 * Rewrites addresses, ports and checksums of `p` (whole, partial and TSO frames alike), clamps the
 * MSS of a SYN, advances the state of the session and its time. Returns DROP_NONE or why the packet
 * may not pass. Does not touch the TTL.
 */
enum drop_reason nat_translate(struct nat *n, unsigned worker, struct nat_session *s,
			       enum nat_direction dir, struct packet *p, uint64_t now_ns);

/* The router's adjacency of a session in a direction; 0: not known yet. */
uint32_t nat_adjacency(const struct nat_session *s, enum nat_direction dir);
void nat_set_adjacency(struct nat_session *s, enum nat_direction dir, uint32_t adjacency);
/* Forgets an adjacency in all sessions: a neighbour moved or an interface went. Control thread. */
void nat_flush_adjacency(struct nat *n, uint32_t adjacency);

#endif
