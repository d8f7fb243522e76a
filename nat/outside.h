/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_OUTSIDE_H
#define NAT_OUTSIDE_H

/*
 * An outside: an uplink's external addresses, each with its pool of ports, and the forwards.
 *
 * A forwarded port is a mapping like any other, only that the configuration made it: each port of
 * each address of a forward has one, so what comes from outside finds it where guests' mappings are
 * found, and what the guest's server begins itself leaves by the same port.
 */

#include "nat/core.h"
#include "nat/pool.h"

struct outside_view {
	uint16_t port_first, port_last, mtu;
	bool low_ports;	 /* mappings may have 1 to 1023 for a guest's port of these */
	uint32_t hold_s; /* 0: not held */
	unsigned n;
	struct nat_pool *pools[]; /* by address */
};

struct outside_forward {
	struct nat_forward forward; /* `last` filled in */
	struct outside_forward *next;
};

struct nat_outside {
	uint8_t id;			   /* 1 to NAT_OUTSIDES_MAX */
	struct outside_view *_Atomic view; /* w: control; r: workers, through rcu */
	struct outside_forward *forwards;  /* control thread's */
	uint32_t forward_ports;		   /* mappings of forwards */
};

static inline const struct outside_view *outside_view(const struct nat_outside *out)
{
	return atomic_load_explicit(&out->view, memory_order_acquire);
}

/* The pool of an external address (wire order), or NULL. */
struct nat_pool *outside_pool(const struct outside_view *view, uint32_t addr);

#endif
