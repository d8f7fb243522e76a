/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_VHOSTNET_H
#define TESTS_LIB_VHOSTNET_H

/*
 * A switch in this process for those who attack it: three server ports on one bridge. Port a is
 * attacked; guests on b and c show that the attack stays there.
 *
 *	attacker --- a.sock ---+
 *	guest 1  --- b.sock ---+--- bridge (one worker thread)
 *	guest 2  --- c.sock ---+
 *
 * Failures end the process by abort(): fuzz targets have no test framework.
 */

#include "bridge/bridge.h"
#include "perf/gen/driver.h"
#include "vhost/vhost_port.h"

enum { VHOSTNET_A, VHOSTNET_B, VHOSTNET_C, VHOSTNET_PORTS };

struct vhostnet {
	char dir[64];
	struct dataplane *dp;
	struct vhost *vhost;
	struct bridge *bridge;
	struct vhost_port *ports[VHOSTNET_PORTS];
	struct driver guests[VHOSTNET_PORTS];
	bool has_guest[VHOSTNET_PORTS];
};

/* `bystanders`: with guests on b and c. */
struct vhostnet *vhostnet_create(bool bystanders);
void vhostnet_destroy(struct vhostnet *net);

const char *vhostnet_path(const struct vhostnet *net, int port);

/* A well-behaved guest comes to a port, and goes without a word. */
struct driver *vhostnet_plug(struct vhostnet *net, int port, uint64_t features, unsigned n_regions);
void vhostnet_unplug(struct vhostnet *net, int port);

/* Waits until the port is at `step`; false after 3 s. */
bool vhostnet_wait_step(struct vhostnet *net, int port, enum vhost_step step);
/* Waits until port/show says `text` of the port; false after 3 s. */
bool vhostnet_wait_error(struct vhostnet *net, int port, const char *text);

/* Sends one frame of `len` bytes from guest to guest; false when it does not arrive whole. */
bool vhostnet_delivers(struct vhostnet *net, int from, int to, uint32_t len);

/* What may leak. */
unsigned vhostnet_open_fds(void);
/* Waits until no more than `before` are open: the library closes some a moment later. */
bool vhostnet_wait_fds(unsigned before);
long vhostnet_rss_kb(void);

#endif
