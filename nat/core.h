/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_CORE_H
#define NAT_CORE_H

/*
 * What the files of translation share: the tables, the locks and what each worker has of its own.
 *
 * Locks. Everything about one inside endpoint (address, port, class) is under one of `stripes`,
 * chosen by a hash of the endpoint: its mapping, and opening and ending its sessions. So two
 * workers that open flows of one endpoint at once agree on its mapping (RFC 4787 REQ-1), and others
 * do not wait for them. `tuple_stripes`, by external endpoint, are taken inside of the former, for
 * the moment in which an inbound tuple is looked for and added. Nobody ever holds two of a kind,
 * but by trylock. Packets of sessions that exist take no lock.
 *
 * Secrets. Hashes are keyed, so that nobody can choose addresses and ports which collide.
 */

#include <arpa/inet.h>
#include <stdatomic.h>

#include <rte_rcu_qsbr.h>
#include <rte_spinlock.h>

#include "common/clock.h"
#include "nat/arena.h"
#include "nat/flow_table.h"
#include "nat/nat_control.h"
#include "nat/wheel.h"

#define NAT_STRIPES	1024
#define NAT_ID_OUTSIDES 1024u /* realms: insides below, outsides from here on */

struct session_cold;
struct nat_mapping;
struct nat_permit;
struct fragments;

struct stripe {
	rte_spinlock_t lock;
} __attribute__((aligned(64)));

/*
 * Sessions that have ended, until no worker can hold them: they are taken from the wheel one by one
 * (`ended`), gather, and wait for the grace period that begins then. Linked by next_dead.
 */
struct grace {
	uint32_t ended, gathering, waiting;
	uint64_t token; /* of `waiting` */
};

/* What a thread has of its own; the control thread's is the last one. */
struct nat_worker {
	struct index_cache sessions, mappings, permits;
	struct wheel wheel;
	struct grace grace;
	uint32_t holds_first, holds_last; /* mappings that are held, the oldest first */
	uint64_t random;
	uint32_t now_s; /* of its last tick */
	struct fragments *fragments;
	uint64_t opened, expired, flushed;
	uint64_t ports_preserved, ports_random, ports_shared, holds_cut;
	uint64_t icmp_errors, fragments_held, fragments_expired;
	uint64_t refused[DROP_N];
	/* w: whoever ends a session of this worker; r: the worker */
	_Atomic uint32_t dead __attribute__((aligned(64)));
} __attribute__((aligned(64)));

struct nat {
	struct flow_table flows;      /* sessions, by both tuples */
	struct nat_session *sessions; /* [0] is not used */
	uint64_t secret[4];
	struct rte_rcu_qsbr *rcu;
	struct stripe *stripes, *tuple_stripes;
	struct nat_worker *workers;
	unsigned n_workers;
	uint32_t sessions_max;
	struct session_cold *cold;
	struct index_pool session_indices;

	struct flow_table endpoints; /* mappings, by inside endpoint */
	struct nat_mapping *mappings;
	struct index_pool mapping_indices;
	uint32_t mappings_max;
	uint32_t sessions_ready, mappings_ready; /* nat_prepare's */

	struct flow_table permitted; /* permits, by mapping and remote address */
	struct nat_permit *permits;
	struct index_pool permit_indices;

	_Atomic uint32_t sessions_now;
	struct nat_inside *_Atomic insides[NAT_INSIDES_MAX + 1];    /* by id; w: control */
	struct nat_outside *_Atomic outsides[NAT_OUTSIDES_MAX + 1]; /* the same */
};

/*
 * Writes what others may read at any time and only the caller may write now: it holds the lock, or
 * nobody knows the record yet. A plain assignment would be a locked instruction.
 */
#define NAT_SET(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)

/* Two keyed multiplications of 64 to 128 bits, each folded. */
static inline uint64_t nat_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t nat_hash(const struct nat *n, uint64_t a, uint64_t b)
{
	return nat_mix(nat_mix(a ^ n->secret[0], b ^ n->secret[1]) ^ n->secret[2], n->secret[3]);
}

/* An inside endpoint in one word, wire order; `realm` makes room for several outsides. */
static inline uint64_t nat_endpoint(uint32_t addr, uint16_t port, uint8_t class, uint8_t outside)
{
	return addr | (uint64_t)port << 32 | (uint64_t) class << 48 | (uint64_t)outside << 56;
}

/* Where an endpoint's mappings are listed, whichever their outsides are. */
static inline uint64_t nat_endpoint_hash(const struct nat *n, uint64_t endpoint)
{
	return nat_hash(n, endpoint & (~0ull >> 8), 1);
}

/* The lock of an endpoint, whichever its outside is. */
static inline rte_spinlock_t *nat_stripe(const struct nat *n, uint64_t endpoint)
{
	return &n->stripes[(nat_endpoint_hash(n, endpoint) >> 16) % NAT_STRIPES].lock;
}

/* Asks for the cache line in which the endpoint's mappings are listed. */
static inline void nat_endpoint_prefetch(const struct nat *n, uint64_t endpoint)
{
	__builtin_prefetch(flow_table_first(&n->endpoints, nat_endpoint_hash(n, endpoint)));
}

static inline rte_spinlock_t *nat_tuple_stripe(const struct nat *n, uint64_t endpoint)
{
	return &n->tuple_stripes[nat_hash(n, endpoint, 2) % NAT_STRIPES].lock;
}

/* The class of a protocol; NAT_CLASS_N: it is not translated. */
static inline enum nat_class nat_class_of(uint8_t proto)
{
	switch (proto) {
	case WIRE_PROTO_UDP:
		return NAT_UDP;
	case WIRE_PROTO_TCP:
		return NAT_TCP;
	case WIRE_PROTO_ICMP:
		return NAT_ICMP;
	default:
		return NAT_CLASS_N;
	}
}

/* xorshift64*: of the worker, seeded from the secret. For ports, not for keys. */
static inline uint32_t nat_random(struct nat_worker *w)
{
	uint64_t x = w->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	w->random = x;
	return (uint32_t)(x * 0x2545f4914f6cdd1dull >> 32);
}

static inline uint32_t nat_seconds(uint64_t now_ns)
{
	return (uint32_t)(now_ns / NS_PER_S);
}

/* Waits until no worker holds what was unpublished before. Control thread. */
static inline void nat_synchronize(const struct nat *n)
{
	if (n->rcu)
		rte_rcu_qsbr_synchronize(n->rcu, RTE_QSBR_THRID_INVALID);
}

#endif
