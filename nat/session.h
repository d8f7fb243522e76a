/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_SESSION_H
#define NAT_SESSION_H

/*
 * The record of a session: one cache line of what each packet needs, and a second, colder record
 * for what only its begin and end need.
 *
 * A session has two tuples, and the flow table finds it by either:
 *
 *	outbound  inside address and port -> remote address and port
 *	inbound   remote address and port -> external address and port
 *
 * The three endpoints lie in such an order that each tuple's addresses are eight bytes in a row,
 * and its ports four. An ICMP query has its identifier for the inside port and, translated, for the
 * external one; it has no remote port. A routed session's external endpoint is its inside one, so
 * rewriting it changes nothing.
 *
 * Lifetime: allocated and filled by one worker, its owner; published in the flow table; ended by
 *any thread under the lock of its inside endpoint (SESSION_DEAD); taken out of the owner's wheel by
 *the owner; given out again after a grace period. So who has found a session may use it until the
 *end of his round, dead or not.
 */

#include <stdatomic.h>
#include <string.h>

#include "nat/core.h"

enum {
	/* fixed when it is opened */
	SESSION_ROUTED = 1,  /* not translated */
	SESSION_HAIRPIN = 2, /* half of a hairpin: `peer` is the other */
	SESSION_INBOUND = 4, /* the other end began it */
	/* set later */
	SESSION_OUT_SEEN = 8, /* under the lock: it counts in mapping.in_use */
	SESSION_DEAD = 16,    /* under the lock */
};

struct nat_session {
	uint32_t in_addr, remote_addr, ext_addr; /* wire order, as the ports */
	uint16_t in_port, remote_port, ext_port;
	uint8_t proto;
	uint8_t class;
	_Atomic uint8_t tcp; /* enum tcp_state; w, r: workers */
	_Atomic uint8_t flags;
	uint16_t addr_delta, l4_delta; /* what translation outbound adds to a sum */
	uint16_t inside, outside;      /* ids; outside 0: routed */
	uint8_t alg;		       /* NAT_ALG_FTP: its payload is read, or 0 */
	_Atomic uint32_t seen_s;       /* written once a second at most */
	_Atomic uint32_t adjacency[NAT_DIRECTION_N];
	uint32_t mapping;	     /* 0: the external port is not a mapping's */
	_Atomic uint32_t peer;	     /* of a hairpin; 0: it has ended */
	uint32_t permit;	     /* of address-dependent filtering, or 0 */
	_Atomic uint64_t seq_adjust; /* nat/ftp.c: what longer and shorter lines add up to */
} __attribute__((aligned(64)));

struct session_cold {
	struct wheel_node wheel; /* r, w: owner */
	uint32_t next_dead;
	uint32_t opened_s;
	uint16_t owner;
};

static inline struct nat_session *session_at(const struct nat *n, uint32_t index)
{
	return &n->sessions[index];
}

static inline uint32_t session_index(const struct nat *n, const struct nat_session *s)
{
	return (uint32_t)(s - n->sessions);
}

/* Values of the flow table: the index, and in the upper bit the direction of the tuple. */
#define SESSION_INBOUND_BIT (1u << (FLOW_VALUE_BITS - 1))

/* A tuple as packets have it, in a form that is quickly compared. */
struct flow_key {
	uint64_t addrs; /* source, destination */
	uint32_t ports; /* source, destination */
	uint8_t proto;
	/* Which bits of `ports` an inbound or outbound tuple has: ICMP has one identifier. */
	uint32_t ports_mask[NAT_DIRECTION_N];
};

static inline uint64_t flow_addrs(uint32_t src, uint32_t dst)
{
	return src | (uint64_t)dst << 32;
}

static inline uint32_t flow_ports(uint16_t src, uint16_t dst)
{
	return src | (uint32_t)dst << 16;
}

static inline struct flow_key flow_key_make(uint32_t src, uint32_t dst, uint16_t sport,
					    uint16_t dport, uint8_t proto)
{
	bool icmp = proto == WIRE_PROTO_ICMP;

	return (struct flow_key){
		.addrs = flow_addrs(src, dst),
		.ports = flow_ports(sport, dport),
		.proto = proto,
		.ports_mask = {icmp ? 0x0000ffffu : ~0u, icmp ? 0xffff0000u : ~0u}};
}

static inline uint64_t flow_hash(const struct nat *n, const struct flow_key *k)
{
	return nat_hash(n, k->addrs, k->ports | (uint64_t)k->proto << 32);
}

/* Whether the session's tuple that `value` of the flow table stands for is the key. */
static inline bool session_has(const struct nat_session *s, enum nat_direction dir,
			       const struct flow_key *k)
{
	uint64_t addrs;
	uint32_t ports;

	memcpy(&addrs, (const uint8_t *)&s->in_addr + 4 * dir, sizeof(addrs));
	memcpy(&ports, (const uint8_t *)&s->in_port + 2 * dir, sizeof(ports));
	return addrs == k->addrs && !((ports ^ k->ports) & k->ports_mask[dir]) &&
	       s->proto == k->proto;
}

/* The tuple of a session in a direction, as its packets have it. */
struct flow_key session_key(const struct nat_session *s, enum nat_direction dir);

/* Returns the value in the flow table, or 0. Any thread that RCU knows. */
uint32_t session_find(const struct nat *n, const struct flow_key *k);
/* The same for one direction only; returns the session or NULL. */
struct nat_session *session_find_as(const struct nat *n, const struct flow_key *k,
				    enum nat_direction dir);

/* A record that nobody else knows, all zero but for its owner; NULL: there is none left. */
struct nat_session *session_alloc(struct nat *n, unsigned worker, uint32_t now_s);
/* Gives back a record that was not published; session_retire: which a peer may have named. */
void session_discard(struct nat *n, unsigned worker, struct nat_session *s);
void session_retire(struct nat *n, struct nat_session *s);

/* Asks for the memory where the inbound tuple will be looked for and put. */
void session_prefetch_inbound(const struct nat *n, const struct nat_session *s);

/*
 * Fills in deltas, then makes the session findable. Under the lock of its inside endpoint; its
 * outbound tuple is new. Returns DROP_NONE; DROP_NAT_PORTS when another session has the inbound
 * tuple; DROP_NAT_SESSIONS when the flow table is full.
 */
enum drop_reason session_publish(struct nat *n, unsigned worker, struct nat_session *s,
				 uint32_t now_s);

/*
 * Ends a session, if it has not ended yet: it is found no more, and what it used is free. Under the
 * lock of its inside endpoint. `worker`: the caller's; n->n_workers for the control thread.
 */
bool session_end(struct nat *n, unsigned worker, struct nat_session *s);
/* The same, taking the lock. */
bool session_end_locked(struct nat *n, unsigned worker, struct nat_session *s);

/* The guest of a session that the other end began has sent something: takes the lock. */
void session_note_use(struct nat *n, unsigned worker, struct nat_session *s);

/* Seconds of silence after which it ends, by its state and its inside's timeouts. */
uint32_t session_timeout(const struct nat *n, const struct nat_session *s);

/*
 * Ends up to a few sessions whose time is over, and gives records back that nobody can hold any
 * more. Returns true when there is more to do at once.
 */
bool session_tick(struct nat *n, unsigned worker, uint32_t now_s);

#endif
