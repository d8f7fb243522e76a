/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_HOST_PORTS_H
#define UPLINK_HOST_PORTS_H

/*
 * Ports of the host that are forwarded to guests. A rule that takes packets away from a program of
 * the host that listens would break that program in silence. So each port is tried by binding to
 * it, and stays bound by a socket that never listens: a program that wants it later is refused, and
 * the kernel gives it to no outgoing connection.
 */

#include "uplink/host_rules.h"

/* More are only tried, and not held. */
#define HOST_PORTS_HELD_MAX 1024

struct host_ports;

/* NULL without memory. Destroy frees all ports; takes NULL. */
struct host_ports *host_ports_create(void);
void host_ports_destroy(struct host_ports *h);

/* Whether the ports could be held. Returns 0 or as host_ports_hold. */
int host_ports_try(const struct host_ports *h, const struct host_forward *f, struct err *e);

/*
 * Holds these ports and no others. On -EADDRINUSE, with the program that uses the port in `e` where
 * it can be found, everything is as it was.
 */
int host_ports_hold(struct host_ports *h, const struct host_forward *forwards, unsigned n,
		    struct err *e);

#endif
