/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_DHCP_PROCESS_H
#define DAEMON_DHCP_PROCESS_H

/* The life of a server's process, and what it writes to its log. */

#include "daemon/dhcp_server.h"

struct dhcp_user {
	uid_t uid;
	gid_t gid;
};

/* Who dnsmasq runs as: the user dnsmasq where there is one, else nobody. */
const struct dhcp_user *dhcp_user(void);

void dhcp_process_init(struct dhcp_server *s);
/* Kills it and waits for its end. */
void dhcp_process_fini(struct dhcp_server *s);

/* Starts it. Returns 0, or -errno with `e`; it is tried again later then. */
int dhcp_process_start(struct dhcp_server *s, struct err *e);

#endif
