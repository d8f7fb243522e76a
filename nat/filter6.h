/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_FILTER6_H
#define NAT_FILTER6_H

/*
 * The stateful filter for IPv6: rules are asked when a session begins, answers need none. It is
 * used where one of the bridges that a packet comes from and goes to has rules (a struct
 * filter6_view), and sees addresses as they are inside, before a prefix is translated outbound and
 * after it is inbound.
 *
 * Sessions are those of nat/session6.h, apart from IPv4's. What they know of TCP, whom they let
 * keep them open, and what quotas mean is the same as there. ICMPv6 errors pass when they are about
 * a session; what neighbour discovery says never gets here. Of a fragmented packet the first
 * fragment decides and has to come first: others pass within half a minute after it.
 */

#include "nat/packet.h"
#include "nat/session6.h"

struct filter6;

struct filter6_rule {
	bool allow;
	enum nat_direction direction; /* OUTBOUND: a guest begins; INBOUND: the other end does */
	uint8_t proto;		      /* 0: any */
	struct ipaddr_prefix guest, remote; /* len 0: any */
	uint16_t port_first, port_last;	    /* destination of the first packet; 0-0: any */
};

/* What a bridge says; immutable, so that it is published as it is. */
struct filter6_view {
	struct nat_timeouts timeouts; /* none is 0 */
	struct session6_quota quota;
	bool tcp_strict;
	unsigned n_rules;
	struct filter6_rule rules[];
};

/* Between which bridges a packet goes. */
struct filter6_way {
	const struct filter6_view *from, *to; /* NULL: no bridge, or one without rules; not both */
	uint16_t from_bridge, to_bridge;      /* numbers of interfaces, below SESSION6_BRIDGES */
};

struct filter6_counters {
	uint64_t sessions, sessions_max;
	uint64_t opened, expired, flushed;
	uint64_t refused[DROP_N];
};

/* `secret`: random. NULL without memory. Destroy when no worker uses it; takes NULL. */
struct filter6 *filter6_create(uint32_t sessions_max, const uint64_t secret[4]);
void filter6_destroy(struct filter6 *f);

/*
 * Whether an IPv6 packet may pass: DROP_NONE, or the reason to drop it. Opens a session where the
 * rules allow it. Worker thread.
 */
enum drop_reason filter6_pass(struct filter6 *f, const struct packet *p,
			      const struct filter6_way *way, uint32_t now_s);
/*
 * The quick half of that, for a packet that is neither a fragment nor an ICMP error: where its
 * session is, with `dst` instead of its own, which is being fetched (session6_prefetch does the
 * rest); and whether it belongs to one, which goes on then. False: ask filter6_pass.
 */
static inline bool filter6_is_simple(const struct packet *p)
{
	return p->fragment == PACKET_WHOLE && !p->icmp_error;
}

struct session6_place filter6_expect(struct filter6 *f, const struct packet *p,
				     const struct ipaddr *dst);
bool filter6_goes_on(struct filter6 *f, const struct packet *p, const struct filter6_way *way,
		     struct session6_place at, uint32_t now_s);
/* Whether there is a session for it. Changes nothing. */
bool filter6_knows(struct filter6 *f, const struct packet *p, uint32_t now_s);

/* Control thread. */
struct session6_table *filter6_sessions(struct filter6 *f);
void filter6_counters_get(struct filter6 *f, struct filter6_counters *c);
/* Of a bridge's sessions, and what was refused between it and others. */
uint64_t filter6_bridge_counters(struct filter6 *f, uint16_t bridge, uint64_t refused[DROP_N]);
/* The bridge is gone: its sessions end, its number is another's. */
void filter6_forget(struct filter6 *f, uint16_t bridge);

#endif
