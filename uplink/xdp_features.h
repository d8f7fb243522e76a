/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_XDP_FEATURES_H
#define UPLINK_XDP_FEATURES_H

/*
 * What a device's driver says it can do with XDP, by the generic netlink family `netdev` of Linux
 * 6.3. Asking changes nothing, where attaching a program to find out resets some devices.
 */

#include <stdbool.h>

struct xdp_features {
	bool native; /* runs programs that redirect, as ours */
	bool zero_copy;
};

/* Returns 0, or -errno: -ENOENT with a kernel that does not tell. */
int xdp_features_read(unsigned ifindex, struct xdp_features *f);

#endif
