/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_PORT_KIND_H
#define DAEMON_PORT_KIND_H

/*
 * What the control side needs of a port whatever its kind: to tell of it and to take it away. A
 * kind's own creator makes the port, because each needs something else for it; the vswitch then
 * holds `struct port *` and one of the kinds below. Control thread.
 */

#include <jansson.h>

#include "dataplane/port.h"

enum { PORT_RING_OUT, PORT_RING_IN, PORT_RINGS }; /* to whoever is at the port, and from it */

/* What there is to tell of a port of any kind; a snapshot. */
struct port_info {
	bool up;
	char waiting_for[200]; /* "" when up */
	char error[160];       /* why it does not work as it should; "" */
	struct offloads takes; /* valid while it is up */
	unsigned sessions;     /* frontends that came so far; 0 for kinds without */
	bool has_rings;	       /* the first pair is up and can be looked into */
	struct port_ring_info {
		unsigned size, posted;
		uint64_t interrupts;
	} rings[PORT_RINGS];
};

struct port_kind {
	/* Takes it out of the data path and frees it. */
	void (*destroy)(struct port *p);
	void (*info)(struct port *p, struct port_info *info); /* `info` comes zeroed */
	/* Add members to an object: what a list of ports shows, and what port/show does beside it.
	 * Either may be NULL. */
	void (*show_brief)(struct port *p, json_t *o);
	void (*show)(struct port *p, json_t *o);
	/* Whether whoever is at the port may send such a frame; NULL: any. */
	enum drop_reason (*check_offload)(struct port *p, const struct vnet *vnet);
};

/* All there are. */
extern const struct port_kind port_kind_vhost, port_kind_tap, port_kind_nic, port_kind_gateway;

#endif
