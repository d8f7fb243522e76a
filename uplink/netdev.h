/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_NETDEV_H
#define UPLINK_NETDEV_H

/*
 * What the kernel knows of a network device, and the little that weft changes about one. Looked up
 * by name in the network namespace of the process. Control thread; no state.
 */

#include <net/if.h>
#include <stdbool.h>

#include "common/err.h"
#include "common/mac.h"

struct netdev {
	char name[IFNAMSIZ];
	unsigned ifindex;
	struct mac mac;
	unsigned mtu;
	bool up;	    /* administratively */
	bool carrier;	    /* and it has a link */
	unsigned rx_queues; /* in use */
	char driver[32];    /* "ixgbe", "veth"; "" when it does not say */
	bool partial_csums; /* may hand over frames whose checksums are left to hardware */
	bool strips_vlan;   /* takes VLAN tags off received frames */
};

/* Returns 0, or -ENODEV with the reason in `e` when there is no device of that name. */
int netdev_read(const char *name, struct netdev *d, struct err *e);

/* Has the device leave VLAN tags in received frames, or take them off. 0 or -errno. */
int netdev_strip_vlan(const char *name, bool on);

/*
 * Makes the device receive every frame on its wire as long as the returned descriptor is open, so
 * that this ends with the process. Returns it, or -errno.
 */
int netdev_promiscuous(unsigned ifindex);

#endif
