/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BRIDGE_BRIDGE_PORT_H
#define BRIDGE_BRIDGE_PORT_H

/*
 * A port as a member of a bridge: its VLANs, what it may flood and learn, and what its guards saw.
 *
 * What is configured is immutable; a change makes a new bridge_port that takes the counters along
 * and is published in place of the old one. Counters of the data path are kept by worker.
 */

#include "bridge/storm.h"
#include "common/vlan_set.h"
#include "dataplane/port.h"

/* Classes of frames that go to more than one port. */
enum flood_class { FLOOD_UNKNOWN_UNICAST, FLOOD_MULTICAST, FLOOD_BROADCAST, FLOOD_CLASS_N };

#define BRIDGE_PVID_DEFAULT 1

struct bridge_port_params {
	/* Used while the bridge filters VLANs. */
	uint16_t pvid;	       /* VLAN of untagged frames; 0: they are not taken */
	bool trunk;	       /* frames leave tagged, else untagged */
	bool native_tagged;    /* on a trunk: also those of `pvid` */
	struct vlan_set vlans; /* member of these, `pvid` included */

	bool no_learning;
	bool sticky;		      /* what it learns neither ages nor moves */
	bool isolated;		      /* reaches only ports that are not */
	bool bpdu_guard;	      /* a BPDU from it shuts it */
	bool no_flood[FLOOD_CLASS_N]; /* frames of that class are not flooded to it */
	uint32_t mac_limit;	      /* stations learned at most; 0: no limit of its own */
	struct storm_rate storm[FLOOD_CLASS_N];
};

/* An access port in VLAN 1 that learns and floods without limits. */
struct bridge_port_params bridge_port_defaults(void);
/* Whether nothing but the VLAN keys differs from the defaults. */
bool bridge_port_is_plain(const struct bridge_port_params *params);

enum bridge_block { BLOCK_NONE, BLOCK_BPDU, BLOCK_LOOP, BLOCK_N };
/* "bpdu", "loop" */
const char *bridge_block_name(enum bridge_block why);

/* What one worker keeps for the port. */
struct bridge_port_local {
	uint64_t credit[FLOOD_CLASS_N];
} __attribute__((aligned(64)));

struct bridge_port {
	struct bridge_port_params params;
	uint32_t order; /* of joining: the younger port has the higher one */
	struct storm_bucket storm[FLOOD_CLASS_N];
	struct bridge_port_local local[WORKERS_MAX]; /* w, r: that worker */

	/* Stations that moved to and from the port in the second `moves_s`. w: workers, seldom */
	_Atomic uint32_t moves_s, moves_in, moves_out;
	/* Why and until when the port is shut. w: workers and control, seldom */
	_Atomic uint8_t blocked;
	_Atomic uint32_t blocked_until_s;
	_Atomic uint32_t blocks; /* how often it was */
	uint32_t reported;	 /* w, r: control: `blocks` when it last said so */
};

/* NULL when there is no memory. `old` (may be NULL) is the port's state so far. Free with free. */
struct bridge_port *bridge_port_create(const struct bridge_port_params *params,
				       const struct bridge_port *old, uint32_t order);

/*
 * Notes that a station moved from `from` to `to`. Returns the port to shut when stations go to and
 * fro between the two as in a loop: the younger one, else NULL. Any thread.
 */
struct bridge_port *bridge_port_moved(struct bridge_port *from, struct bridge_port *to,
				      uint32_t now_s);

#endif
