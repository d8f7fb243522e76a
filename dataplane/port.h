/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_PORT_H
#define DATAPLANE_PORT_H

/*
 * A port: where frames come from and go to. A port kind (vhost-user, a test's collector) embeds
 * struct port and fills in the operations; the pipeline knows nothing else of it.
 *
 * Life of a port: port kind created -> dataplane_port_add (reachable) -> ... ->
 * dataplane_port_retire (unreachable; returns when no worker can still hold a reference) ->
 * destroyed by its kind. While it is reachable its rings may come and go any number of times:
 * that is what `up` says.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_spinlock.h>

#include "common/util.h"
#include "dataplane/frame.h"
#include "dataplane/gso.h"
#include "dataplane/stats.h"

#define PORTS_MAX     1024 /* ids 1 to PORTS_MAX - 1; 0 is "no port" */
#define WORKERS_MAX   16
#define PORT_NAME_MAX 40

struct bridge;
struct dataplane;
struct port;
struct worker;

/* What became of a mask of frames; those in neither were dropped and counted by the port. */
struct tx_result {
	uint64_t sent;
	uint64_t no_room; /* the receiver has no buffers for them now */
};

struct port_ops {
	const char *kind; /* "vhost-user" */

	/*
	 * Fills `b` with up to BURST_MAX frames that wait at the port, without consuming them: the
	 * same frames are seen again until they are released. Only the port's worker calls it.
	 */
	unsigned (*rx_peek)(struct port *p, struct burst *b);
	/* Gives back the first `n` frames of the last peek; borrowed memory is dead after it. */
	void (*rx_release)(struct port *p, unsigned n);
	/* Tells the sender of what was released, when port.notify_due_ns has come. May be NULL. */
	void (*notify)(struct port *p);

	/*
	 * Gives the frames of `mask` to the receiver, in order. Frames that it can never take are
	 * counted as drops in `st`. Serialised by port->tx_lock. Frames in `b->retag` go with their
	 * tag rewritten: vlan_tag_apply on each slice.
	 */
	struct tx_result (*tx)(struct port *p, const struct burst *b, uint64_t mask,
			       struct port_stats *st);

	/*
	 * Before the worker sleeps: ask for a wake-up when frames arrive (and, with `want_room`,
	 * when the receiver makes room). Returns true when there is already something to do.
	 * rx_disarm undoes it when the worker goes on polling.
	 */
	bool (*arm)(struct port *p, bool want_room);
	void (*disarm)(struct port *p);
};

struct port {
	const struct port_ops *ops;
	char name[PORT_NAME_MAX];
	uint16_t id;		       /* w: control, before the port is reachable */
	struct worker *worker;	       /* polls it; w: control, before the port is reachable */
	struct bridge *_Atomic bridge; /* w: control; r: workers, through rcu */
	atomic_bool up;		       /* rings are attached; w: the port kind; r: workers */

	rte_spinlock_t tx_lock; /* several workers may send to one port */
	/* w: whoever holds tx_lock: since when the receiver had no room, in ns; 0: it has */
	_Atomic uint64_t full_since_ns;

	/* w, r: the port's worker: frames beyond the first waiting one that are already done */
	uint64_t done_ahead;
	/* w, r: the port's worker: when to call ops->notify; 0: nothing to tell */
	uint64_t notify_due_ns;

	struct port_stats stats[WORKERS_MAX]; /* w: that worker; r: anyone */
};

/* Zeroes the embedded part; `name` is cut to PORT_NAME_MAX. The kind is destroyed by its owner. */
void port_init(struct port *p, const struct port_ops *ops, const char *name);

/* Sums the workers' counters. Any thread. */
void port_stats_sum(const struct port *p, struct port_stats *sum);

#endif
