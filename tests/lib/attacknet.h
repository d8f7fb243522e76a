/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_ATTACKNET_H
#define TESTS_LIB_ATTACKNET_H

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

enum { ATTACKNET_A, ATTACKNET_B, ATTACKNET_C, ATTACKNET_PORTS };

struct attacknet {
	char dir[64];
	struct dataplane *dp;
	struct vhost *vhost;
	struct bridge *bridge;
	struct vhost_port *ports[ATTACKNET_PORTS];
	struct driver guests[ATTACKNET_PORTS];
	bool has_guest[ATTACKNET_PORTS];
};

/* `bystanders`: with guests on b and c. */
struct attacknet *attacknet_create(bool bystanders);
void attacknet_destroy(struct attacknet *net);

const char *attacknet_path(const struct attacknet *net, int port);

/* A well-behaved guest comes to a port, and goes without a word. */
struct driver *attacknet_plug(struct attacknet *net, int port, uint64_t features,
			      unsigned n_regions);
void attacknet_unplug(struct attacknet *net, int port);

/* Waits until the port is at `step`; false after 3 s. */
bool attacknet_wait_step(struct attacknet *net, int port, enum vhost_step step);
/* Waits until port/show says `text` of the port; false after 3 s. */
bool attacknet_wait_error(struct attacknet *net, int port, const char *text);

/* Sends one frame of `len` bytes from guest to guest; false when it does not arrive whole. */
bool attacknet_delivers(struct attacknet *net, int from, int to, uint32_t len);

/* What may leak. */
unsigned attacknet_open_fds(void);
/* Waits until no more than `before` are open: the library closes some a moment later. */
bool attacknet_wait_fds(unsigned before);
long attacknet_rss_kb(void);

#endif
