/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_VSWITCH_H
#define DAEMON_VSWITCH_H

/*
 * The named objects of the running switch: bridges and the ports on them.
 *
 * Everything that the control side does to the data path goes through here, by name, so that
 * commands, the application of a configuration and guests share one registry. Control thread.
 */

#include <sys/queue.h>

#include "bridge/bridge.h"
#include "common/err.h"
#include "common/loop.h"
#include "config/config.h"
#include "daemon/governor.h"
#include "daemon/policy.h"
#include "daemon/port_kind.h"
#include "uplink/nic.h"
#include "vhost/vhost_port.h"

struct vswitch_bridge {
	struct bridge *bridge;
	struct config_static *statics; /* as configured; their ports may not exist (yet) */
	unsigned n_statics;
	struct policy_bridge policy;
	struct config_mirror *mirrors; /* likewise */
	unsigned n_mirrors;
	TAILQ_ENTRY(vswitch_bridge) link;
};

struct vswitch_port {
	const struct port_kind *kind;
	struct port *port;	   /* made by its kind, which takes it away again */
	struct vswitch_bridge *on; /* NULL: an uplink, which is on none */
	struct policy policy;
	TAILQ_ENTRY(vswitch_port) link;
};

struct vswitch {
	struct loop *loop;
	struct dataplane *dp;
	struct vhost *vhost;
	struct nics nics;
	TAILQ_HEAD(, vswitch_bridge) bridges;
	TAILQ_HEAD(, vswitch_port) ports;
	struct loop_timer ageing_timer, vhost_timer, governor_timer, balance_timer, start_timer;
	struct governor governor; /* of the workers' polling, while the configuration says auto */
	struct governor_seen {
		uint64_t now_ns, idle_ns, busy_iterations;
	} governor_seen;    /* at its last tick */
	int proc_stat;	    /* -1: cannot be read, so polling stays short */
	uint64_t idle_base; /* ns to poll where the governor does not want more */
	struct loop_watch vhost_watch;
};

/* The data plane with its workers held. NULL and the reason in `e`. */
struct vswitch *vswitch_create(struct loop *loop, const struct dataplane_params *params,
			       struct err *e);
/*
 * Frames move from here on, or a moment later: when this weftd follows another one, guests come
 * back one after the other, and what the first sends (an ARP request, which it repeats only after a
 * second) shall find the last. Until all frontends that are connected have set up their rings, for
 * 100 ms at most, frames wait in the rings.
 */
void vswitch_start(struct vswitch *vs);
/*
 * How long a worker without packets is to poll, as configured, or by the number of vCPUs: with
 * `auto` this is the least, of which the governor makes more.
 */
uint64_t vswitch_idle_ns(const struct config *c, unsigned n_workers);
/* Makes it so for workers that run, also for those that sleep; starts or stops the governor. */
void vswitch_set_idle(struct vswitch *vs, const struct config *c);
/* Spreads queues over the workers as often as configured, or no more. */
void vswitch_set_rebalance(struct vswitch *vs, const struct config *c);
/* Removes every port and bridge, stops the workers. Accepts NULL. */
void vswitch_destroy(struct vswitch *vs);

int vswitch_add_bridge(struct vswitch *vs, const struct config_bridge *c, struct err *e);
/* Changes in place: everything but the name. */
int vswitch_update_bridge(struct vswitch *vs, const struct config_bridge *c, struct err *e);
/* The bridge's ports are removed before it. */
void vswitch_del_bridge(struct vswitch *vs, const char *name);

/*
 * A port of any origin and kind; `bridge` names where it goes, `member` how it takes part there;
 * NULL, both: it is on none, as uplinks are.
 * Its policy is in force before its first frame. Takes the port over in any case: when it cannot be
 * added it is destroyed. Returns 0 or -errno with the reason.
 */
int vswitch_add_port(struct vswitch *vs, const char *bridge, const struct port_kind *kind,
		     struct port *port, const struct config_member *member,
		     const struct policy *policy, struct err *e);
/*
 * A port that somebody else made and joined to bridge `on` (NULL: none) is there by its name, too;
 * it is forgotten before it goes. Returns 0 or -ENOMEM.
 */
int vswitch_note_port(struct vswitch *vs, struct bridge *on, const struct port_kind *kind,
		      struct port *port);
void vswitch_forget_port(struct vswitch *vs, const struct port *port);
/* Changes in place what a port does in its bridge and what it may; content when there is none. */
int vswitch_update_port(struct vswitch *vs, const char *name, const struct config_member *member,
			const struct policy *policy, struct err *e);
void vswitch_del_port(struct vswitch *vs, const char *name);

/* NULL when there is none of that name. */
struct vswitch_bridge *vswitch_bridge_lookup(struct vswitch *vs, const char *name);
struct vswitch_port *vswitch_port_lookup(struct vswitch *vs, const char *name);
/* The port with that id, NULL when it is gone. */
struct vswitch_port *vswitch_port_by_id(struct vswitch *vs, uint16_t id);

/* What the port has to tell of itself. */
static inline struct port_info vswitch_port_info(const struct vswitch_port *p)
{
	struct port_info info = {0};

	p->kind->info(p->port, &info);
	return info;
}

static inline const char *vswitch_port_name(const struct vswitch_port *p)
{
	return p->port->name;
}

static inline const char *vswitch_bridge_name(const struct vswitch_bridge *b)
{
	return b->bridge->name;
}

/* The bridge that the port is on, "" when it is on none. */
static inline const char *vswitch_port_bridge(const struct vswitch_port *p)
{
	return p->on ? vswitch_bridge_name(p->on) : "";
}

#endif
