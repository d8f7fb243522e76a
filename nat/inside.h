/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_INSIDE_H
#define NAT_INSIDE_H

/*
 * An inside: a bridge's subnet, how it is translated, and what each of its addresses uses. Usage is
 * an array by host number, so it needs no hash, and a quota is one atomic addition; it costs memory
 * only where guests are. Settings are a view that is replaced as a whole, through RCU.
 */

#include <arpa/inet.h>
#include <stdatomic.h>

#include "nat/core.h"

struct inside_host {
	_Atomic uint32_t sessions;
	_Atomic uint32_t ports[NAT_CLASS_N];
};

struct inside_view {
	struct nat_inside_params params; /* defaults filled in; `rules` points behind it */
	struct nat_rule rules[];
};

struct nat_inside {
	uint16_t id;
	uint32_t network, mask;		  /* host order */
	atomic_bool gone;		  /* it is being destroyed: opens no more sessions */
	struct inside_view *_Atomic view; /* w: control; r: workers, through rcu */
	struct inside_host *hosts;
	_Atomic uint32_t sessions;
	_Atomic uint64_t refused[DROP_N];
};

static inline const struct inside_view *inside_view(const struct nat_inside *in)
{
	return atomic_load_explicit(&in->view, memory_order_acquire);
}

/* Addresses in wire order. */
static inline bool inside_has(const struct nat_inside *in, uint32_t addr)
{
	return (ntohl(addr) & in->mask) == in->network;
}

static inline struct inside_host *inside_host(const struct nat_inside *in, uint32_t addr)
{
	return &in->hosts[ntohl(addr) & ~in->mask];
}

/* The inside whose subnet has the address, or NULL. Control thread. */
struct nat_inside *inside_of(const struct nat *n, uint32_t addr);

/*
 * Counts a session of the address, if the quotas allow it; one from outside may use three quarters
 * of each, so that strangers cannot keep a guest from opening its own. Returns DROP_NONE or which
 * quota is used up.
 */
enum drop_reason inside_take_session(struct nat *n, struct nat_inside *in, uint32_t addr,
				     bool inbound);
void inside_give_session(struct nat *n, struct nat_inside *in, uint32_t addr);

/* The same for an external port. */
enum drop_reason inside_take_port(struct nat_inside *in, uint32_t addr, enum nat_class class);
void inside_give_port(struct nat_inside *in, uint32_t addr, enum nat_class class);

/* Whether the rules let a guest's session begin; `port`: destination, host order. */
bool inside_allows(const struct inside_view *view, enum nat_direction dir, uint8_t proto,
		   uint32_t guest, uint32_t remote, uint16_t port);

#endif
