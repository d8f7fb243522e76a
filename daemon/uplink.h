/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_UPLINK_H
#define DAEMON_UPLINK_H

/*
 * Uplinks: the ways out of the bridges. An uplink is a port on no bridge that the router has
 * (nat/router.h); what kind of port it is, is its kind's matter. Control thread.
 *
 * A kind is one file, daemon/uplink_KIND.c, with a `struct uplink_ops` that stands in the table of
 * daemon/uplink.c. It makes the port and says which addresses weft has on the link; uplink.c does
 * the rest: the registry of ports, the router, neighbours, changes, removal.
 */

#include "config/config.h"
#include "daemon/weftd.h"
#include "nat/router.h"

/*
 * What the link is, on weft's side. uplink.c fills it in from the configuration before it asks the
 * kind, which changes what it knows better (the host kind: all addresses; NICs: MAC and MTU).
 */
struct uplink_link {
	struct mac mac; /* source of frames; derived from the name */
	unsigned mtu;
	bool has_address;
	struct ip4_prefix address; /* weft's own, the first external one */
	uint32_t gateway;	   /* 0: none */
	uint32_t externals[CONFIG_EXTERNAL_MAX];
	unsigned n_externals; /* `address` included */
	bool has_address6, has_gateway6;
	struct ipaddr_prefix address6;
	struct ipaddr gateway6;
};

struct port_kind; /* daemon/port_kind.h */

struct uplink_ops {
	/*
	 * Makes the port of uplink `c`, named as the uplink, reachable (dataplane_port_add) and on
	 * no bridge. `port_kind` gets what daemon/vswitch needs to show and to destroy it, and
	 * which also destroys it. Returns NULL with the reason in `e`, nothing left behind.
	 */
	struct port *(*create)(struct weftd *d, const struct config_uplink *c,
			       struct uplink_link *link, const struct port_kind **port_kind,
			       struct err *e);
	/*
	 * Changes what can be changed while it carries traffic. Returns 0, or -EOPNOTSUPP to have
	 * the port destroyed and created again. NULL: the kind has nothing of its own to change.
	 */
	int (*update)(struct weftd *d, struct port *port, const struct config_uplink *c,
		      struct uplink_link *link, struct err *e);
	/*
	 * The forwards of the uplink are to be these (config order, all bridges); for the host
	 * kind, which has the host let them in. Those that cannot be leave the list; then -errno is
	 * returned, with the reason of the first. May be NULL.
	 */
	int (*forwards)(struct weftd *d, struct port *port, struct nat_forward *forwards,
			unsigned *n, struct err *e);
	/*
	 * The configuration has changed: other bridges may be behind the uplink, or other prefixes.
	 * Does nothing when they are not. Returns 0 or -errno. May be NULL.
	 */
	int (*settle)(struct weftd *d, struct port *port, const struct config *c, struct err *e);
	/* Once a second. May be NULL. */
	void (*tick)(struct port *port);
};

/* A row a kind: NULL, a kind that is not there in this build. */
extern const struct uplink_ops *const uplink_ops_of[UPLINK_KIND_N];
extern const struct uplink_ops uplink_vhost, uplink_host, uplink_nic;

/* Makes, changes and removes an uplink as the configuration says. Return 0 or -errno. */
int uplink_add(struct weftd *d, const struct config_uplink *c, struct err *e);
/* `anew`: not in place, whatever the kind says. */
int uplink_update(struct weftd *d, const struct config_uplink *old, const struct config_uplink *c,
		  bool anew, struct err *e);
void uplink_del(struct weftd *d, const char *name);

#endif
