/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_MAPPING_H
#define NAT_MAPPING_H

/*
 * Mappings: which external port an inside endpoint has, whatever it talks to (endpoint-independent
 * mapping, RFC 4787 REQ-1). All of one is under the lock of its inside endpoint.
 *
 * A mapping lives as long as it has sessions, and lets strangers in as long as one of them was used
 * by the guest (`in_use`): what outside sends alone keeps no mapping open (RFC 4787 REQ-6). Then a
 * UDP port is held for a while, so that what is under way to its old owner does not reach another
 * (RFC 6888 REQ-8); should the owner come back meanwhile, it gets the same port. TCP needs no hold,
 * its sessions outlive the connection (RFC 6888 REQ-8 A).
 *
 * Records are never unmapped, so whoever reads one without the lock, by a port's number, reads an
 * old or a new mapping, and looks again under the lock.
 */

#include "nat/inside.h"
#include "nat/outside.h"

enum {
	MAPPING_LISTED = 1, /* found by its endpoint */
	MAPPING_OWNER = 2,  /* its external port is its own: `owner` of the pool names it */
	MAPPING_FORWARD = 4,
	MAPPING_HELD = 8,
	MAPPING_QUEUED = 16, /* in a worker's list of held ones, whatever became of it since */
};

struct nat_mapping {
	_Atomic uint64_t endpoint; /* nat_endpoint of it; 0: the record is free */
	struct nat_pool *pool;
	uint32_t next_held, held_until_s;
	_Atomic uint32_t sessions, in_use;
	uint32_t expected,
		expected_until_s; /* a remote address that may open a session, until then */
	uint16_t ext_port;	  /* wire order */
	uint16_t inside;
	uint8_t outside, class;
	_Atomic uint8_t flags;
};

static inline struct nat_mapping *mapping_at(const struct nat *n, uint32_t index)
{
	return &n->mappings[index];
}

static inline uint32_t mapping_addr(uint64_t endpoint)
{
	return (uint32_t)endpoint;
}

static inline uint16_t mapping_port(uint64_t endpoint)
{
	return (uint16_t)(endpoint >> 32);
}

static inline enum nat_class mapping_class(uint64_t endpoint)
{
	return (enum nat_class)(endpoint >> 48 & 0xff);
}

/* What asks for a mapping. */
struct mapping_request {
	struct nat_inside *inside;
	struct nat_outside *outside;
	uint64_t endpoint;
	uint32_t now_s;
};

/*
 * The mapping of an endpoint, found or made, with a reference for a session. Under the endpoint's
 * lock. Returns 0 and DROP_NAT_PORTS when no port is free (DROP_NAT_GUEST_PORTS,
 * DROP_NAT_SESSIONS).
 */
uint32_t mapping_get(struct nat *n, unsigned worker, const struct mapping_request *r,
		     enum drop_reason *why);
/* One session more, of a mapping that may be held. Returns DROP_NONE or DROP_NAT_GUEST_PORTS. */
enum drop_reason mapping_ref(struct nat *n, struct nat_inside *in, uint32_t index);
/* One session fewer. Under the lock. */
void mapping_put(struct nat *n, unsigned worker, uint32_t index, uint32_t now_s);

/*
 * The external port of an endpoint, for a session that `remote` will open before `until_s`,
 * whatever filters say: an application has announced it. Takes the lock. 0: none is free.
 */
uint16_t mapping_expect(struct nat *n, unsigned worker, const struct mapping_request *r,
			uint32_t remote, uint32_t until_s);

static inline bool mapping_expects(const struct nat_mapping *m, uint32_t remote, uint32_t now_s)
{
	return m->expected == remote && (int32_t)(m->expected_until_s - now_s) > 0;
}

/* The pool that an address's mappings are from: always the same one (RFC 4787 REQ-2). */
struct nat_pool *mapping_pool(const struct outside_view *view, const struct nat_inside *in,
			      uint32_t addr);

/* Which ports an endpoint may have, and where the search for one begins in that second. */
struct port_wish mapping_wish(const struct nat *n, const struct outside_view *view,
			      uint64_t endpoint, uint32_t now_s);

/* Frees held mappings whose time is over, a few. Returns true when there are more. */
bool mapping_tick(struct nat *n, unsigned worker, uint32_t now_s);

/*
 * Control thread. `mapping_forward` makes a forward's mapping; a guest's that has the port is put
 * aside. Returns -EEXIST when a forward has it, -ENOSPC. `mapping_unforward` removes it.
 */
int mapping_forward(struct nat *n, const struct mapping_request *r, struct nat_pool *pool,
		    uint16_t port);
void mapping_unforward(struct nat *n, struct nat_pool *pool, enum nat_class class, uint16_t port);
/* The mapping of another forward to the same endpoint is found by it from now on. */
void mapping_relist(struct nat *n, uint32_t index);

/* Frees a held or a forward's mapping without sessions at once. Control thread. */
void mapping_drop(struct nat *n, uint32_t index);

#endif
