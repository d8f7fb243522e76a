/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_POOL_H
#define NAT_POOL_H

/*
 * The ports of an external address: for each class which are taken, and by which mapping.
 *
 * A port is claimed by setting its bit of a bitmap, which needs no lock. A second bitmap has a bit
 * for each word of the first that is full, so that a free port is found in at most 16 steps however
 * few there are. Which mapping has a port is an array by port: what comes from outside needs no
 * hash. Ports are in host order. An address costs 768 KiB, all of it at once, because a worker that
 * touches a page first would wait for the kernel.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "nat/nat_control.h"

#define PORTS_OF_ADDRESS 65536u
#define PORT_WORDS	 (PORTS_OF_ADDRESS / 64)
#define PORT_EVEN_BITS	 0x5555555555555555ull

struct port_space {
	_Atomic uint32_t *owner; /* the mapping of each port, 0: none */
	_Atomic uint64_t taken[PORT_WORDS];
	_Atomic uint64_t full[PORT_WORDS / 64]; /* words of `taken`; a hint when it is clear */
	_Atomic uint32_t used;
};

struct nat_pool {
	uint32_t addr; /* wire order */
	struct port_space spaces[NAT_CLASS_N];
};

struct nat_pool *pool_create(uint32_t addr);
void pool_destroy(struct nat_pool *p);

/* Takes the port; false when somebody has it. */
bool port_claim(struct port_space *s, uint16_t port);
void port_release(struct port_space *s, uint16_t port);

/* What to look for, and where. */
struct port_wish {
	uint16_t first, last;
	uint16_t start; /* where the search begins: random, in the range */
	uint16_t like;	/* its parity is preferred (RFC 4787 REQ-4) */
};

/* Takes a free port of the range. Returns 0 when there is none. */
uint16_t port_claim_any(struct port_space *s, const struct port_wish *wish);

/* The port that is likely to be taken for the wish, when its own is not free. */
static inline uint16_t port_likely(const struct port_space *s, const struct port_wish *wish)
{
	uint64_t open = ~atomic_load_explicit(&s->taken[wish->start / 64], memory_order_relaxed) &
			~0ull << wish->start % 64 &
			(wish->like & 1 ? ~PORT_EVEN_BITS : PORT_EVEN_BITS);

	if (!(atomic_load_explicit(&s->taken[wish->like / 64], memory_order_relaxed) >>
		      wish->like % 64 &
	      1))
		return wish->like;
	return open ? (uint16_t)(wish->start / 64 * 64 + (unsigned)__builtin_ctzll(open))
		    : wish->start;
}

#endif
