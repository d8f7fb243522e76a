/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BRIDGE_SNOOP_H
#define BRIDGE_SNOOP_H

/*
 * IGMP and MLD snooping (RFC 4541): which ports of a bridge want which multicast groups.
 *
 * The table is a set of memberships, each a group, a VLAN and a port in one atomic word, beside the
 * second at which it ends:
 *
 *	 63   62    54 .. 23       22 .. 11   10 .. 1    0
 *	+---+----+---------------+----------+---------+------+
 *	|   | v6 | group, low 32 |   VLAN   |  port   | used |
 *	+---+----+---------------+----------+---------+------+
 *
 * That the low 32 bits stand for an IPv6 group is what its MAC address does, too. A membership
 * lives in the bucket of its hash or in the next one, so that a look-up touches two cache lines at
 * most. Workers look up, add and remove with atomic operations; the control thread sweeps. A port
 * has SNOOP_PORT_MAX memberships at most, and what finds no slot is counted as `full`.
 *
 * Ports from which queries come are router ports: they get all multicast. As long as none is known
 * for a family and a VLAN, nobody keeps memberships alive, and its multicast is flooded.
 *
 * Time is an argument, in seconds of the monotonic clock.
 */

#include "common/ipaddr.h"
#include "dataplane/frame.h"
#include "dataplane/port.h"

#define SNOOP_BUCKETS	  1024u
#define SNOOP_SLOTS	  8
#define SNOOP_ROUTERS_MAX 32
#define SNOOP_PORT_MAX	  128
#define SNOOP_MEMBER_S	  260u /* group membership interval, RFC 3376, 8.4 */
#define SNOOP_QUERIER_S	  255u /* other querier present interval, RFC 3376, 8.5 */
#define SNOOP_LEAVE_S	  2u   /* last member query time, RFC 3376, 8.10 */

struct snoop_bucket {
	_Atomic uint64_t word[SNOOP_SLOTS];
	_Atomic uint32_t until_s[SNOOP_SLOTS];
	uint32_t pad[8];
} __attribute__((aligned(128)));

struct snoop {
	struct snoop_bucket buckets[SNOOP_BUCKETS];
	_Atomic uint64_t routers[SNOOP_ROUTERS_MAX]; /* as a membership, the group is the end */
	_Atomic uint16_t memberships[PORTS_MAX];
	_Atomic bool fast_leave; /* w: control */
	_Atomic uint64_t full;	 /* memberships and routers that found no room */
	uint64_t secret;
};

/* A group on a VLAN; `addr` is the wire's last four bytes in host order. */
struct snoop_key {
	bool is_ip6;
	uint16_t vlan;
	uint32_t addr;
};

/* To whom a frame goes, for snoop_wants. */
struct snoop_group {
	const struct snoop *snoop;
	struct snoop_key key;
	bool routers_only; /* reports: members must not hear each other (RFC 4541, 2.1.1) */
	uint32_t now_s;
	unsigned n_routers;
	uint16_t routers[SNOOP_ROUTERS_MAX];
};

struct snoop_entry {
	struct snoop_key key;
	uint16_t port;
	bool is_router;	  /* the key's addr means nothing */
	uint32_t until_s; /* when it ends */
};

/* NULL without memory; destroy takes NULL. */
struct snoop *snoop_create(bool fast_leave, uint64_t secret);
void snoop_destroy(struct snoop *s);

/*
 * Learns from a frame to a group address, from `port` on `vlan`, and says whom it is for. Returns
 * false when it is for all: then `g` is not filled. A trace's frame (`dry_run`) teaches nothing.
 * Any worker; bounded work.
 */
bool snoop_input(struct snoop *s, const struct frame *f, uint16_t vlan, uint16_t port,
		 uint32_t now_s, bool dry_run, struct snoop_group *g);

/* Whether the port is to get the frame of `g`. */
bool snoop_wants(const struct snoop_group *g, uint16_t port);

/* Adds or renews a membership; a leave ends it soon, or at once with fast leave. Workers. */
void snoop_join(struct snoop *s, struct snoop_key key, uint16_t port, uint32_t now_s);
void snoop_leave(struct snoop *s, struct snoop_key key, uint16_t port, uint32_t now_s);
/* A query was heard. Workers. */
void snoop_router(struct snoop *s, bool is_ip6, uint16_t vlan, uint16_t port, uint32_t now_s);
/* Fills in the router ports of g->key; returns their number. */
unsigned snoop_routers(const struct snoop *s, struct snoop_group *g);

/* Removes what has ended; about once a second. Control thread. */
void snoop_tick(struct snoop *s, uint32_t now_s);
/* Removes all of a port. Control thread. */
void snoop_flush(struct snoop *s, uint16_t port);
/* Calls `visit` for each router port and membership, in no order. */
void snoop_visit(const struct snoop *s, uint32_t now_s,
		 void (*visit)(const struct snoop_entry *, void *), void *arg);

#endif
