/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BRIDGE_GUARD_H
#define BRIDGE_GUARD_H

/*
 * What a port's guest may claim to be: the stage in front of the bridge.
 *
 * A guard is an immutable table of bindings (this IP address belongs to this MAC address) and of
 * switches; a change makes a new one and publishes it with one pointer store, the old one is freed
 * after a grace period. A port without guard has a NULL pointer, which is all that it costs.
 *
 * Static bindings come from the configuration and never expire; leases come and go by guard_bind
 * and guard_unbind, and survive a change of the configuration. All of it on the control thread,
 * save guard_input.
 */

#include "common/ipaddr.h"
#include "dataplane/dataplane.h"
#include "dataplane/verdict.h"

#define GUARD_BINDINGS_MAX 64
#define GUARD_FOREVER	   UINT64_MAX

struct guard_policy {
	struct mac mac;	 /* the guest's; zero: as its bindings say */
	bool check_mac;	 /* source MAC address */
	bool check_ipv4; /* IPv4 source */
	bool check_ipv6; /* IPv6 source; the MAC's link-local address is always the guest's */
	bool check_arp;	 /* ARP sender */
	bool check_nd;	 /* ND targets and link-layer options (RFC 4861) */
	bool no_dhcp;	 /* drops what DHCP servers say (RFC 7610 for IPv6) */
	bool no_router;	 /* drops router advertisements and redirects (RFC 6105, RFC 7113) */
};

struct guard_binding {
	struct ipaddr_prefix ip;
	struct mac mac;
	uint64_t expiry_ns; /* monotonic; GUARD_FOREVER: static */
};

struct guard {
	struct guard_policy policy;
	unsigned n;
	struct guard_binding bindings[GUARD_BINDINGS_MAX];
};

/* A guard of that policy with the leases of the port, not published. NULL without memory. */
struct guard *guard_create(const struct port *p, const struct guard_policy *policy);

/* Adds a binding or renews it. Returns 0 or -ENOSPC. For guards that are not published. */
int guard_add(struct guard *g, const struct ipaddr_prefix *ip, const struct mac *mac,
	      uint64_t expiry_ns);

/* Publishes `g` (NULL: none) and frees the port's old guard after a grace period. Owns `g`. */
void guard_publish(struct dataplane *dp, struct port *p, struct guard *g);

/*
 * One binding of a port that has a guard: `mac` may use `ip` until `expiry_ns`. Expired ones make
 * room. Returns 0, -ENOENT when the port has no guard, -ENOSPC, -ENOMEM.
 */
int guard_bind(struct dataplane *dp, struct port *p, const struct ipaddr_prefix *ip,
	       const struct mac *mac, uint64_t expiry_ns, uint64_t now_ns);
/* Returns 0, also when there was none; -ENOMEM. */
int guard_unbind(struct dataplane *dp, struct port *p, const struct ipaddr_prefix *ip,
		 const struct mac *mac, uint64_t now_ns);

/* Drops the open frames that the guard does not let through. The port's worker. */
void guard_input(const struct guard *g, const struct burst *b, struct verdicts *v, uint64_t now_ns);

/* What the guard says to one frame; DROP_NONE lets it through. */
enum drop_reason guard_check(const struct guard *g, const struct frame *f, uint64_t now_ns);

#endif
