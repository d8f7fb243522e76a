/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_GATEWAYS_H
#define DAEMON_GATEWAYS_H

/*
 * The router as the configuration wants it: a gateway for each bridge that has one, the uplinks
 * (daemon/uplink.h makes their ports), translation between them, forwards.
 *
 * Bridges and uplinks come and go in the steps of apply. What lies between them - who uses which
 * uplink, forwards, rules - is settled after those steps by gateways_apply, which compares what is
 * with what shall be and changes only that; sessions that are not concerned go on. It does nothing
 * when all is as it should be. Control thread.
 */

#include <sys/queue.h>

#include "daemon/uplink.h"

struct gateways_uplink {
	char name[CONFIG_NAME_MAX + 1];
	const struct uplink_ops *ops;
	struct port *port;
	struct uplink_link link;
	unsigned number;	      /* of its interface */
	struct nat_outside *outside;  /* NULL: no IPv4 address */
	struct nat_forward *forwards; /* as they are in force */
	unsigned n_forwards;
	TAILQ_ENTRY(gateways_uplink) next;
};

struct gateways_bridge {
	char name[CONFIG_NAME_MAX + 1];
	unsigned number;		   /* 0: not yet */
	struct router_iface_params params; /* as they are in force; the name is not used */
	struct nat_inside *inside;	   /* NULL: nobody asks for sessions */
	struct ip4_prefix subnet;	   /* of `inside` */
	struct filter6_view *filter6;	   /* NULL: no rules for IPv6 */
	TAILQ_ENTRY(gateways_bridge) next;
};

struct gateways {
	struct weftd *d;
	struct nat *nat;
	struct router *router;
	struct loop_timer timer;
	uint64_t tick_at_ms; /* of the router */
	TAILQ_HEAD(, gateways_uplink) uplinks;
	TAILQ_HEAD(, gateways_bridge) bridges;
};

/* The router of `d`, made when it is first needed. NULL with the reason. */
struct gateways *gateways_get(struct weftd *d, struct err *e);
/* Takes all of it down; before the switch goes. Accepts NULL. */
void gateways_destroy(struct gateways *g);

struct gateways_uplink *gateways_uplink_lookup(struct gateways *g, const char *name);
struct gateways_bridge *gateways_bridge_lookup(struct gateways *g, const char *name);

/* The bridge's gateway goes; before the bridge does. */
void gateways_del_bridge(struct weftd *d, const char *name);
/* No bridge uses the uplink any more. */
void gateways_leave_uplink(struct gateways *g, unsigned number);

/* Settles what lies between bridges and uplinks. `failed` is called for each that could not be. */
void gateways_apply(struct weftd *d, const struct config *c,
		    void (*failed)(void *arg, const char *name, const struct err *e), void *arg);

#endif
