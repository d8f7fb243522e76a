/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_SESSION6_H
#define NAT_SESSION6_H

/*
 * The sessions of IPv6, on which the stateful filter rides (nat/filter6.h). Nothing is translated,
 * so a session has one tuple, which its packets have one way round or the other.
 *
 * A record is a cache line, in a chain of its hash bucket. Buckets share SESSION6_STRIPES locks;
 * whoever reads or changes a session holds its bucket's (struct session6_place). The control thread
 * alone ends sessions: it takes those whose time is over out of a timing wheel, once a second, and
 * looks again under the lock. `pool_lock` guards the wheel and the free records and is taken inside
 * of a bucket's lock, for a few instructions.
 *
 * Memory is bounded: records are mapped for `sessions_max` and touched as they are used. Sessions
 * are counted by bridge, and by guest under a keyed hash of its address: two of 65536 guests may
 * share a count.
 */

#include <stdatomic.h>

#include <rte_spinlock.h>

#include "common/ipaddr.h"
#include "nat/nat_control.h"
#include "nat/wheel.h"

#define SESSION6_STRIPES 1024u
#define SESSION6_BRIDGES 256u /* numbers of the router's interfaces */
#define SESSION6_GUESTS	 65536u

enum {
	SESSION6_INBOUND = 1,  /* the other end began it */
	SESSION6_OUT_SEEN = 2, /* the guest has sent */
};

struct session6 {
	struct ipaddr guest, remote;
	uint16_t guest_port, remote_port; /* wire order; of an ICMP query both its identifier */
	uint16_t bridge;
	uint8_t proto; /* 0: a free record; of ESP and the like the ports are 0 */
	uint8_t tcp;   /* enum tcp_state */
	uint8_t flags;
	uint32_t next; /* in its bucket, or of the free records; 0: none */
	uint32_t opened_s, seen_s, due_s;
} __attribute__((aligned(64)));

/* A packet's addresses and ports. */
struct session6_key {
	struct ipaddr src, dst;
	uint16_t sport, dport;
	uint8_t proto;
};

struct session6_stripe {
	rte_spinlock_t lock;
} __attribute__((aligned(64)));

struct session6_table {
	uint64_t secret[4];
	uint32_t sessions_max, n_buckets;
	struct session6 *sessions; /* [0] is not used */
	uint32_t *buckets;
	struct wheel_node *nodes;
	struct session6_stripe *stripes;
	_Atomic uint32_t now;			      /* sessions that there are */
	_Atomic uint32_t by_bridge[SESSION6_BRIDGES]; /* of them */
	_Atomic uint32_t *by_guest;
	_Atomic uint64_t opened, expired, flushed;
	rte_spinlock_t pool_lock;
	uint32_t free, touched;
	struct wheel wheel;
};

/* `secret`: random. NULL without memory. Destroy when no worker holds a place; takes NULL. */
struct session6_table *session6_table_create(uint32_t sessions_max, const uint64_t secret[4]);
void session6_table_destroy(struct session6_table *t);

/* Where a key's session is or would be; locked from session6_begin to session6_end. */
struct session6_place {
	uint32_t *head;
	rte_spinlock_t *lock;
};

struct session6_place session6_begin(struct session6_table *t, const struct session6_key *k);
/* rte_spinlock_unlock is an exchange on x86, which waits for all stores before it. */
static inline void session6_end(const struct session6_place *at)
{
	__atomic_store_n(&at->lock->locked, 0, __ATOMIC_RELEASE);
}

/*
 * session6_begin in steps, for many keys at once: where it will be, which is being fetched; then
 * the session is; then it is locked.
 */
struct session6_place session6_expect(struct session6_table *t, const struct session6_key *k);
void session6_prefetch(const struct session6_table *t, const struct session6_place *at);
static inline void session6_lock(const struct session6_place *at)
{
	rte_spinlock_lock(at->lock);
}

/* The session that the packet belongs to, over or not, and which way it goes; NULL: none. */
struct session6 *session6_find(struct session6_table *t, const struct session6_place *at,
			       const struct session6_key *k, enum nat_direction *dir);

struct session6_quota {
	uint32_t bridge_max, guest_max; /* 0: no bound */
};

/*
 * A new session, begun by a guest of the bridge (OUTBOUND) or towards one. Its times are the
 * caller's to set: session6_queue then. What strangers begin has three quarters of each quota.
 * Returns NULL and which of them is used up.
 */
struct session6 *session6_add(struct session6_table *t, const struct session6_place *at,
			      const struct session6_key *k, enum nat_direction dir, uint16_t bridge,
			      const struct session6_quota *quota, enum drop_reason *why);
/* It is looked at again at `due_s`. With its place; also when it is queued for later. */
void session6_queue(struct session6_table *t, const struct session6 *s, uint32_t now_s);

/* Ends what is over. Control thread, about once a second. */
void session6_tick(struct session6_table *t, uint32_t now_s);
/* Ends the sessions of a bridge, 0: of all, with a guest, NULL: any. Returns their number. */
unsigned session6_flush(struct session6_table *t, uint16_t bridge, const struct ipaddr *guest);
/* Calls `visit` with a copy of each session until it returns false. Control thread. */
void session6_visit(struct session6_table *t, bool (*visit)(const struct session6 *, void *),
		    void *arg);

#endif
