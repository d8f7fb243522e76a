/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_TAP_DEV_H
#define UPLINK_TAP_DEV_H

/*
 * A kernel tap device: an interface of the host whose other end is a file descriptor for each of
 * its queues. It lives as long as one of them is open, so it dies with weftd, however weftd ends.
 *
 * Each read and write is one frame with struct vnet before it. The device is always our own: one
 * of that name that exists already, even a tap that could be attached to, is refused.
 */

#include "common/err.h"
#include "dataplane/gso.h"

struct tap_dev_params {
	const char *name;
	unsigned queues;
	bool csum, tso, uso; /* which unfinished frames the host may exchange with us */
	int *fds;	     /* room for `queues` descriptors; they do not block */
};

/*
 * Makes the device, down. `takes` gets what it takes of what was asked for (older kernels know no
 * USO). Returns 0, or -errno with the reason and nothing left behind.
 */
int tap_dev_open(const struct tap_dev_params *p, struct offloads *takes, struct err *e);

#endif
