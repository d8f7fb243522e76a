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
};

/* Returns 0, or -ENODEV with the reason in `e` when there is no device of that name. */
int netdev_read(const char *name, struct netdev *d, struct err *e);

/* What a device does with received frames before anybody sees them. */
enum netdev_offload {
	NETDEV_VLAN_STRIP, /* takes VLAN tags off */
	NETDEV_GRO,	   /* makes large packets of small ones, in the kernel */
	NETDEV_LRO,	   /* the same, in the device */
	NETDEV_OFFLOAD_N
};

/* Returns true when the offload was on and is off now: who asked for it puts it back. */
bool netdev_switch_off(const char *name, enum netdev_offload which);
void netdev_switch_on(const char *name, enum netdev_offload which);

/*
 * Makes the device receive every frame on its wire as long as the returned descriptor is open, so
 * that this ends with the process. Returns it, or -errno.
 */
int netdev_promiscuous(unsigned ifindex);

#endif
