/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DHCP_NETNS_H
#define DHCP_NETNS_H

/*
 * A network namespace without a name. It lives as long as somebody holds a descriptor of it or runs
 * in it: weftd and the dnsmasq that dies with weftd. So nothing of it is left behind, however weftd
 * ends, and there is nothing for the next one to find and remove. A name below /run/netns would be
 * a file that a killed weftd leaves. It is looked into with nsenter: weft dhcp/show tells the pid.
 */

#include "common/err.h"
#include "common/ip.h"

struct netns {
	int fd;	  /* of the namespace */
	int sock; /* a socket in it, for requests about its routes */
};

/* Returns 0, or -errno with `e`. */
int netns_create(struct netns *ns, struct err *e);
/* Accepts one that was not created, when its descriptors are -1. */
void netns_destroy(struct netns *ns);

/* Sends what goes elsewhere to `gateway`. Returns 0, or -errno with `e`; content when it is so. */
int netns_set_gateway(const struct netns *ns, uint32_t gateway, struct err *e);

#endif
