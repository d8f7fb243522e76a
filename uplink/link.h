/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_LINK_H
#define UPLINK_LINK_H

/*
 * Network interfaces of the host, over rtnetlink: what `ip link` and `ip address` do.
 *
 * weftd trusts nobody behind an interface that it makes, so link_setup has the kernel ignore
 * router advertisements and redirects there: a guest on the bridge could otherwise give the host a
 * default route.
 */

#include <stdbool.h>

#include "common/err.h"
#include "common/ip.h"
#include "common/ipaddr.h"
#include "common/mac.h"

#define LINK_NAME_MAX	   15 /* IFNAMSIZ - 1 */
#define LINK_ADDRESSES_MAX 4

struct link_setup {
	const char *name;
	struct mac mac; /* all zero: as it is */
	unsigned mtu;	/* 0: as it is */
	int netns_fd;	/* where it is moved to; -1: stays here */
	struct ipaddr_prefix addresses[LINK_ADDRESSES_MAX];
	unsigned n_addresses;
};

/* Whether our namespace has an interface of that name. */
bool link_exists(const char *name);

/*
 * Configures an interface of our namespace that is down, moves it, and brings it up. Returns 0 or
 * -errno with the reason; the interface, which may be half configured then, is the caller's to
 * remove.
 */
int link_setup(const struct link_setup *s, struct err *e);

/* Sends a prefix to `via`, a neighbour on the interface; the route goes with the interface. */
int link_add_route(const char *name, const struct ipaddr_prefix *prefix, const struct ipaddr *via,
		   struct err *e);
int link_del_route(const char *name, const struct ipaddr_prefix *prefix, struct err *e);

/*
 * Looks for a route of our namespace, the default one aside, that has addresses in common with `p`.
 * Writes it to `text` ("100.64.0.0/10 by tailscale0"), or "" when there is none. Returns 0 or
 * -errno.
 */
int link_find_route(const struct ip4_prefix *p, char *text, size_t size, struct err *e);

/* An IPv4 prefix as link_setup takes it. */
struct ipaddr_prefix link_address4(const struct ip4_prefix *p);

#endif
