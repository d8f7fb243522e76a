/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_TAP_PORT_H
#define UPLINK_TAP_PORT_H

/*
 * The tap port kind: a port whose other end is the host's IP stack.
 *
 * Receiving. A frame is read into a buffer of the port's own; its first bytes are copied to
 * frame.head as with any port, and the rest is borrowed from there until it is released. The
 * buffers of a queue are as many as a burst has frames, so what waits for a receiver's room waits
 * here, and behind it in the device's own queue, whose end drops. Those that were used last are
 * used next: a frame's bytes go through the processor's cache, not through memory.
 *
 * Sending. writev of header and payload, from wherever the payload lies: guest memory is read by
 * the kernel, in the one copy that there is. A frame goes as large as the device takes it; what it
 * does not take is cut or completed first.
 *
 * Sleeping. The device's descriptor is in the worker's epoll, edge triggered: each frame that the
 * kernel queues is an edge, which epoll keeps until it is asked. So a queue may sleep when its last
 * read found nothing, or when it has no buffer to read into; not when reading was broken off to
 * give what was read to its receivers first.
 */

#include "common/err.h"
#include "dataplane/dataplane.h"
#include "uplink/link.h"

struct tap_port;

struct tap_port_params {
	const char *name; /* of the port */
	void *user;	  /* for tap_port_user */
	struct link_setup link;
	unsigned queues; /* 0: one */
	bool csum, tso, uso;
};

/* What port/show tells of a port; a snapshot. */
struct tap_port_info {
	char interface[LINK_NAME_MAX + 1];
	unsigned mtu; /* 0: the kernel's default */
	struct mac mac;
	struct offloads takes;
	bool gone; /* somebody removed the device */
};

/*
 * Makes the interface, configures it as `link` says, and makes the port reachable, its queues up.
 * Returns NULL with the reason in `e`, errno, and nothing left behind. Control thread, as below.
 */
struct tap_port *tap_port_create(struct dataplane *dp, const struct tap_port_params *params,
				 struct err *e);
/* Takes it out of the data path; the interface goes with it. Accepts NULL. */
void tap_port_destroy(struct tap_port *tp);

void tap_port_info(const struct tap_port *tp, struct tap_port_info *info);

/* What the port was made for, as its creator said. */
void *tap_port_user(const struct tap_port *tp);

struct port *tap_port_port(struct tap_port *tp);
/* The tap port that `p` is part of. */
struct tap_port *tap_port_of(struct port *p);

#endif
