/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BRIDGE_BRIDGE_H
#define BRIDGE_BRIDGE_H

/*
 * A learning bridge: a set of member ports and their forwarding database.
 *
 * The set of members is immutable and replaced as a whole; workers read it through RCU. The
 * control thread adds and deletes members and runs the ageing; nothing here stops a worker.
 */

#include "bridge/fdb.h"
#include "bridge/snoop.h"
#include "dataplane/dataplane.h"

struct bridge_members {
	unsigned n;
	uint16_t ids[];
};

struct bridge {
	char name[PORT_NAME_MAX];
	struct dataplane *dp;
	struct fdb fdb;
	struct snoop *_Atomic snoop;		/* NULL: off; w: control; r: workers, through rcu */
	struct bridge_members *_Atomic members; /* w: control; r: workers, through rcu */
};

struct bridge_params {
	const char *name;
	uint32_t fdb_entries;
	uint32_t ageing_s;
};

/* NULL and the reason in `e` on failure. Destroy takes NULL; the bridge has no members by then. */
struct bridge *bridge_create(struct dataplane *dp, const struct bridge_params *params,
			     struct err *e);
void bridge_destroy(struct bridge *b);

/* Joins a reachable port to the bridge. Returns 0 or -ENOMEM. */
int bridge_add_port(struct bridge *b, struct port *p);
/* Returns when no worker can learn or flood for the port any more and its entries are gone. */
void bridge_del_port(struct bridge *b, struct port *p);

/* Turns IGMP and MLD snooping on or off in place. Returns 0 or -ENOMEM. Control thread. */
int bridge_set_snooping(struct bridge *b, bool on, bool fast_leave);

/* Ages the learned entries; about once a second. Control thread. */
void bridge_tick(struct bridge *b, uint64_t now_ns);

/* The FDB's clock: whole seconds of the monotonic clock. */
static inline uint32_t bridge_seconds(uint64_t now_ns)
{
	return (uint32_t)(now_ns / 1000000000u);
}

#endif
