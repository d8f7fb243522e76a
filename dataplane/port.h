/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_PORT_H
#define DATAPLANE_PORT_H

/*
 * A port: where frames come from and go to. A port kind (vhost-user, a test's collector) embeds
 * struct port and fills in the operations; the pipeline knows nothing else of it.
 *
 * Life of a port: port kind created -> dataplane_port_add (reachable) -> ... ->
 * dataplane_port_retire (unreachable; returns when no worker can still hold a reference) ->
 * destroyed by its kind.
 *
 * A port has one or more queues: pairs of rings, one to send and one to receive. A queue is what a
 * worker polls and what frames are sent to. While the port is reachable its queues come and go any
 * number of times. A queue is down, up, or paused: paused, its rings are away for a moment, and
 * senders keep the frames for it instead of losing them.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_spinlock.h>

#include "common/util.h"
#include "dataplane/frame.h"
#include "dataplane/gso.h"
#include "dataplane/stats.h"

#define PORTS_MAX	1024 /* ids 1 to PORTS_MAX - 1; 0 is "no port" */
#define WORKERS_MAX	16
#define PORT_NAME_MAX	40
#define PORT_QUEUES_MAX 16

struct bridge;
struct dataplane;
struct guard;
struct port;
struct port_queue;
struct router_iface;
struct shaper;
struct worker;

/* What became of a mask of frames; those in neither were dropped and counted by the port. */
struct tx_result {
	uint64_t sent;
	uint64_t no_room; /* the receiver has no buffers for them now */
};

struct port_ops {
	const char *kind; /* "vhost-user" */

	/*
	 * Fills `b` with up to BURST_MAX frames that wait at the queue, without consuming them: the
	 * same frames are seen again until they are released. Only the queue's worker calls it.
	 */
	unsigned (*rx_peek)(struct port_queue *q, struct burst *b);
	/* Gives back the first `n` frames of the last peek; borrowed memory is dead after it. */
	void (*rx_release)(struct port_queue *q, unsigned n);
	/* Tells the sender of what was released, when notify_due_ns has come. May be NULL. */
	void (*notify)(struct port_queue *q);

	/*
	 * Gives the frames of `mask` to the receiver, in order. Frames that it can never take are
	 * counted as drops in `st`. Serialised by the queue's tx_lock. Frames in `b->retag` go with
	 * their tag rewritten: vlan_tag_apply on each slice.
	 */
	struct tx_result (*tx)(struct port_queue *q, const struct burst *b, uint64_t mask,
			       struct port_stats *st);

	/*
	 * Before the worker sleeps: ask for a wake-up when frames arrive (and, with `want_room`,
	 * when the receiver makes room). Returns true when there is already something to do.
	 * disarm undoes it when the worker goes on polling.
	 */
	bool (*arm)(struct port_queue *q, bool want_room);
	void (*disarm)(struct port_queue *q);
};

/*
 * One pair of rings of a port. What its worker touches and what senders touch lie on lines of
 * their own. Fields without a mark are set before the port is reachable.
 */
struct port_queue {
	struct port *port;
	uint16_t index;
	atomic_bool up; /* its rings may be used; w: control; r: workers */
	/* w, r: the worker: frames beyond the first waiting one that are already done */
	uint64_t done_ahead;
	/* w, r: the worker: frames at the front that an earlier run has seen */
	uint8_t n_seen;
	/* w, r: the worker: when to call ops->notify; 0: nothing to tell */
	uint64_t notify_due_ns;
	uint64_t rx_packets, rx_bytes; /* w: the worker; r: anyone */
	/* w, r: the worker: does it wait while it has frames for others, how much of the time for
	 * that is spent, and until when that is accounted for; 0: nothing is spent */
	bool mixed_waits;
	uint32_t flood_debt; /* w, r: the worker: frames' worth of rounds owed to others */
	uint64_t mixed_spent_ns, mixed_at_ns;
	/* w, r: the worker: of the frames in done_ahead, those not for the receiver waited for */
	uint64_t went_elsewhere;

	/* polls it; NULL: nobody does. w: control, under dataplane.lock; r: the worker itself */
	struct worker *worker;
	/* eventfds that wake its worker while it is up; -1: none. w: the kind, while it is not up
	 */
	int wake_fds[2];

	/* several workers may send to one queue */
	rte_spinlock_t tx_lock __attribute__((aligned(64)));
	/* w: whoever holds tx_lock: since when the receiver had no room, in ns; 0: it has */
	_Atomic uint64_t full_since_ns;
	/* w, r: whoever holds tx_lock: what is spent of the time that senders wait for it, and
	 * until when that is accounted for */
	uint64_t wait_spent_ns, wait_at_ns;
	uint64_t load_base; /* w, r: dataplane_rebalance: what it had done by the last one */
};

struct port {
	const struct port_ops *ops;
	char name[PORT_NAME_MAX];
	uint16_t id; /* w: control, before the port is reachable */
	uint16_t n_queues;
	_Atomic uint16_t enabled; /* bit a queue that is up or paused; w: control; r: workers */
	struct bridge *_Atomic bridge; /* w: control; r: workers, through rcu */
	_Atomic uint8_t captures;      /* that look at it, a bit each; w: control; r: workers */
	/* What the port may send and how much both ways; NULL: anything. Published as bridge is. */
	struct guard *_Atomic guard;
	struct shaper *_Atomic shaper;
	/* The router's interface: of an uplink, and of its gateway port. Published as bridge is. */
	struct router_iface *_Atomic router;

	struct port_queue queues[PORT_QUEUES_MAX];
	struct port_stats stats[WORKERS_MAX]; /* w: that worker; r: anyone */
};

/*
 * Zeroes the embedded part; `name` is cut to PORT_NAME_MAX, `n_queues` is 1 to PORT_QUEUES_MAX.
 * The kind is destroyed by its owner.
 */
void port_init(struct port *p, const struct port_ops *ops, const char *name, unsigned n_queues);

/* Sums the workers' counters. Any thread. */
void port_stats_sum(const struct port *p, struct port_stats *sum);

#endif
