/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_NETNS_H
#define UPLINK_NETNS_H

/*
 * The network namespace of the calling thread, changed for a few calls: sockets that are made and
 * files below /proc/sys/net that are opened meanwhile are those of the other namespace. A socket
 * stays where it was made. Workers, which are other threads, are not moved.
 */

#include "common/err.h"

struct netns_stay {
	int home; /* descriptor of the namespace to go back to; -1: nothing was changed */
};

/* Enters the namespace of descriptor `fd`; -1 stays where we are. Returns 0 or -errno. */
int netns_enter(struct netns_stay *stay, int fd, struct err *e);
void netns_leave(struct netns_stay *stay);

#endif
