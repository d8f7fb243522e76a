/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BRIDGE_BRIDGE_H
#define BRIDGE_BRIDGE_H

/*
 * A learning bridge: a set of member ports and their forwarding database.
 *
 * The set of members is immutable and replaced as a whole; workers read it through RCU. The
 * control thread adds and deletes members and runs the ageing; nothing here stops a worker.
 *
 * A bridge on which nothing but learning and flooding is asked for is plain: `filter` is false, and
 * no frame looks at what follows it in the struct. Otherwise who may send what to whom is kept in
 * sets of ports, a bit a port: one for each VLAN (512 KiB of address space, of which the pages of
 * VLANs in use are touched), one for each class of frames that is flooded, and so on. A port that
 * changes its VLANs leaves those it had, workers finish their bursts, and then it joins the others,
 * so no frame is delivered by one half of each.
 */

#include "bridge/bridge_port.h"
#include "bridge/fdb.h"
#include "bridge/port_set.h"
#include "bridge/snoop.h"
#include "dataplane/dataplane.h"
#include "dataplane/verdict.h"

struct bridge_members {
	unsigned n;
	uint16_t ids[];
};

/* Copies of frames that ports of `in` send and ports of `out` get go to port `to`. */
struct bridge_mirror {
	struct port_set in, out;
	uint16_t to;
};

struct bridge_mirrors {
	unsigned n; /* up to MIRRORS_MAX */
	struct bridge_mirror list[];
};

struct bridge_options {
	atomic_bool forward_bpdu; /* forward 01:80:c2:00:00:0x */
	atomic_bool loop_guard;	  /* shut a port on which stations go to and fro */
};

struct router_iface;

struct bridge {
	char name[PORT_NAME_MAX];
	struct dataplane *dp;
	struct fdb fdb;
	struct snoop *_Atomic snoop;		/* NULL: off; w: control; r: workers, through rcu */
	struct bridge_members *_Atomic members; /* w: control; r: workers, through rcu */
	struct router_iface *_Atomic gateway;	/* NULL: none; w: control; r: workers, rcu */
	_Atomic uint16_t gateway_vlan; /* while VLANs are filtered; w: control; r: workers */
	atomic_bool filter;	       /* w: control; r: workers */

	struct bridge_options options;		      /* w: control; r: workers */
	struct bridge_port *_Atomic ports[PORTS_MAX]; /* w: control; r: workers, through rcu */
	struct port_set *_Atomic vlans; /* VLAN_N of them; NULL: VLANs are not looked at */
	struct port_set joined, isolated, no_flood[FLOOD_CLASS_N];
	struct port_set blocked;		/* by guards; w: workers, control */
	struct port_set reserved;		/* outputs of mirrors */
	struct bridge_mirrors *_Atomic mirrors; /* w: control; r: workers, through rcu */
	struct port_set *vlans_map;		/* w, r: control: what `vlans` is while filtering */
	uint32_t joins;				/* w, r: control */
};

struct bridge_params {
	const char *name;
	uint32_t fdb_entries;
	uint32_t ageing_s;
	bool vlan_filtering, forward_bpdu, loop_guard;
};

/* NULL and the reason in `e` on failure. Destroy takes NULL; the bridge has no members by then. */
struct bridge *bridge_create(struct dataplane *dp, const struct bridge_params *params,
			     struct err *e);
void bridge_destroy(struct bridge *b);

/*
 * Makes it so for a bridge that carries traffic: limits, ageing and options of `params`, its name
 * aside. Turning vlan_filtering on or off forgets all entries of the FDB. Returns 0 or -ENOMEM.
 */
int bridge_update(struct bridge *b, const struct bridge_params *params);

/* Joins a reachable port to the bridge; the short form with default parameters. 0 or -ENOMEM. */
int bridge_add_port_as(struct bridge *b, struct port *p, const struct bridge_port_params *params);
int bridge_add_port(struct bridge *b, struct port *p);
/* Changes a member. With other VLANs it forgets all the port's entries. Returns 0 or -ENOMEM. */
int bridge_update_port(struct bridge *b, struct port *p, const struct bridge_port_params *params);
/*
 * Returns when no worker can learn or flood for the port any more and its entries are gone; at once
 * when it is no member.
 */
void bridge_del_port(struct bridge *b, struct port *p);

/* Turns IGMP and MLD snooping on or off in place. Returns 0 or -ENOMEM. Control thread. */
int bridge_set_snooping(struct bridge *b, bool on, bool fast_leave);

/* Replaces all mirrors. Takes `mirrors` (malloc'ed, NULL: none) over. */
void bridge_set_mirrors(struct bridge *b, struct bridge_mirrors *mirrors);

/* The member's state, NULL when the port is none. Control thread, or a worker within a burst. */
static inline struct bridge_port *bridge_port_of(const struct bridge *b, uint16_t id)
{
	return atomic_load_explicit(&b->ports[id], memory_order_acquire);
}

/* Shuts the member for BRIDGE_BLOCK_S. Any thread. */
#define BRIDGE_BLOCK_S 60
void bridge_block(struct bridge *b, uint16_t id, enum bridge_block why, uint32_t now_s);

/* The VLAN of the port's untagged frames in the FDB: 0 while VLANs are not filtered. */
uint16_t bridge_port_vlan(const struct bridge *b, const struct port *p);

/* Ages the learned entries, opens ports whose time is over; about once a second. Control thread. */
void bridge_tick(struct bridge *b, uint64_t now_ns);

/* The FDB's clock: whole seconds of the monotonic clock. */
static inline uint32_t bridge_seconds(uint64_t now_ns)
{
	return (uint32_t)(now_ns / 1000000000u);
}

#endif
