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
 *   routed:   nat_lookup or nat_open_routed, then nat_translate, which rewrites nothing
 *
 * ICMP errors (packet.icmp_error) go to nat_icmp_out or nat_icmp_in instead, fragments without
 * ports (PACKET_FRAGMENT_REST) to nat_fragment first.
 *
 * A session remembers where its packets go in each direction (`adjacency`, the router's number), so
 * packets after the first need no route. IPv6 packets have no sessions.
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
 * Looks up the sessions of the packets of `mask` (bits of `packets`), with all memory accesses of
 * the burst in flight at once; `found` is written for them only. ICMP errors, fragments without
 * ports and IPv6 find none here. A session may be found by whoever forges its addresses: compare
 * nat_realm of it with the side that the packet came from. Returns those that could have a session
 * and have none. Worker thread `worker`.
 */
uint64_t nat_lookup(struct nat *n, unsigned worker, const struct packet *packets, uint64_t mask,
		    struct nat_found *found);

/*
 * nat_open_out may follow for packets of `mask`, which nat_lookup returned: has what memory that
 * will need under way for all of them at once. Optional; does nothing else.
 */
void nat_expect(struct nat *n, const struct packet *packets, uint64_t mask,
		const struct nat_inside *from, const struct nat_outside *to, uint64_t now_ns);

/*
 * The side from which packets of that direction come: numbers of insides and outsides, which never
 * are the same. 0: any side (the other end of a routed session).
 */
uint16_t nat_realm(const struct nat_session *s, enum nat_direction dir);
uint16_t nat_inside_realm(const struct nat_inside *in);
uint16_t nat_outside_realm(const struct nat_outside *out);

/* Whether `addr` (wire order) is an external address of the outside. Workers and control thread. */
bool nat_outside_has(const struct nat_outside *out, uint32_t addr);

/*
 * Opens a session for a packet that has none. Outbound: picks or reuses the mapping of its source.
 * Inbound: by a forward, or by a mapping that its filter lets it use. Returns NULL and the reason
 * to drop the packet in `why`. A packet from inside to an address of `to` is a hairpin: both
 * translations are then done by one nat_translate (RFC 4787 REQ-9), and the packet's new
 * destination is inside. When `to` has several addresses, nobody need choose.
 */
struct nat_session *nat_open_out(struct nat *n, unsigned worker, const struct packet *p,
				 struct nat_inside *from, struct nat_outside *to, uint64_t now_ns,
				 enum drop_reason *why);
struct nat_session *nat_open_in(struct nat *n, unsigned worker, const struct packet *p,
				struct nat_outside *from, uint64_t now_ns, enum drop_reason *why);

/*
 * Opens a session without translation: the filter of `from` decides about a packet that a guest of
 * it begins, the one of `to` about a packet that goes to a guest of it. Either may be NULL, for
 * what is no inside; not both. The session's direction is OUTBOUND when there is a `from`.
 */
struct nat_session *nat_open_routed(struct nat *n, unsigned worker, const struct packet *p,
				    struct nat_inside *from, struct nat_inside *to, uint64_t now_ns,
				    enum drop_reason *why);

/*
 * Rewrites addresses, ports and checksums of `p` (whole, partial and TSO frames alike), clamps the
 * MSS of a SYN, advances the state of the session and its time. Returns DROP_NONE or why the packet
 * may not pass. Does not touch the TTL. Of a first fragment it notes the session for the others.
 */
enum drop_reason nat_translate(struct nat *n, unsigned worker, struct nat_session *s,
			       enum nat_direction dir, struct packet *p, uint64_t now_ns);

/*
 * Translates an ICMP error and the packet that it carries (RFC 5508, 4.2), by the session of that
 * packet, which it neither refreshes nor ends. `_out`: from inside, `_in`: from outside; route by
 * the new destination. A routed session's error passes unchanged. Returns DROP_NONE or the reason.
 */
enum drop_reason nat_icmp_out(struct nat *n, unsigned worker, struct packet *p,
			      struct nat_inside *from);
enum drop_reason nat_icmp_in(struct nat *n, unsigned worker, struct packet *p,
			     struct nat_outside *from);

/*
 * A fragment without ports. Finds the session that the first fragment had. When that has not come
 * yet, a copy of the fragment is held: returns DROP_NONE with found->session NULL, the packet is
 * dealt with. Or the reason to drop it. `cookie` is the caller's, given back with the copy.
 */
enum drop_reason nat_fragment(struct nat *n, unsigned worker, const struct packet *p,
			      uint32_t cookie, uint64_t now_ns, struct nat_found *found);

/*
 * Gives back copies of held fragments whose first fragment nat_translate has seen meanwhile: up to
 * `max` frames as they came, to be routed again. They stay valid until the next call of the worker.
 * Returns their number. Cheap when there are none.
 */
unsigned nat_fragments_release(struct nat *n, unsigned worker, struct frame *frames,
			       uint32_t *cookies, unsigned max);

/*
 * Time goes on: ends sessions whose time is over and gives memory back, a bounded amount of work a
 * call. Each worker calls it once a round. Returns when there is something to do next, for a worker
 * that sleeps meanwhile; UINT64_MAX: nothing.
 */
uint64_t nat_tick(struct nat *n, unsigned worker, uint64_t now_ns);

/* The router's adjacency of a session in a direction; 0: not known yet. */
uint32_t nat_adjacency(const struct nat_session *s, enum nat_direction dir);
void nat_set_adjacency(struct nat_session *s, enum nat_direction dir, uint32_t adjacency);
/* Forgets an adjacency in all sessions: a neighbour moved or an interface went. Control thread. */
void nat_flush_adjacency(struct nat *n, uint32_t adjacency);

#endif
