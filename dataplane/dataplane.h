/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_DATAPLANE_H
#define DATAPLANE_DATAPLANE_H

/*
 * The switch as a whole: the workers, the table of ports, and the RCU that lets the control side
 * change both without stopping anybody.
 *
 * All functions here belong to the control side. They may be called from several threads (the
 * control thread, librte_vhost's event thread); `lock` serialises them. Never call into
 * librte_vhost with it held, nor take a port kind's lock; the other way round is allowed.
 *
 * A queue is in the poll list of one worker as long as it is enabled. It moves to another worker in
 * three steps: it leaves the first one's list, a grace period passes, it joins the second one's. So
 * never two workers poll it, what it remembers of its ring (`done_ahead`) moves with it, and the
 * frames that come meanwhile wait in the ring: none is lost or overtakes another.
 */

#include <pthread.h>

#include <rte_rcu_qsbr.h>

#include "common/err.h"
#include "dataplane/capture.h"
#include "dataplane/port.h"
#include "dataplane/worker.h"

struct router;

struct dataplane {
	pthread_mutex_t lock;
	struct port *_Atomic ports[PORTS_MAX]; /* w: control under lock; r: workers, through rcu */
	struct worker *workers[WORKERS_MAX];
	unsigned n_workers;
	struct rte_rcu_qsbr *rcu;
	struct capture *_Atomic captures[CAPTURES_MAX]; /* w: control; r: workers, through rcu */
	struct router *_Atomic router; /* NULL: none; w: control; r: workers, through rcu */
	/* How long a worker polls without work before it sleeps. w: control; r: workers */
	_Atomic uint64_t idle_ns;
	atomic_bool held; /* w: control; r: workers */
};

struct dataplane_params {
	unsigned n_workers;
	uint64_t idle_ns;   /* UINT64_MAX: never sleep */
	bool start_threads; /* false: tests call worker_poll themselves */
	bool held;	    /* the threads do nothing before dataplane_release */
};

/* Returns NULL and the reason in `e`. dataplane_destroy stops the workers; ports must be retired.
 */
struct dataplane *dataplane_create(const struct dataplane_params *params, struct err *e);
void dataplane_destroy(struct dataplane *dp);

/* Lets workers that were created `held` begin. Once. */
void dataplane_release(struct dataplane *dp);

/*
 * Gives the port an id and makes it reachable; its queues are down.
 * Returns 0 or -ENOSPC. The port stays the caller's.
 */
int dataplane_port_add(struct dataplane *dp, struct port *p, struct err *e);

/*
 * Removal is three steps: the port leaves the table and its workers' poll lists, every worker
 * passes a quiescent state, and only then does this return: nobody holds the port any more.
 */
void dataplane_port_retire(struct dataplane *dp, struct port *p);

/*
 * The rings of a queue of a reachable port are there: a worker polls them (the one with the fewest
 * queues, or the one that did before a pause) and frames are sent to them.
 */
void dataplane_queue_up(struct dataplane *dp, struct port_queue *q);
/*
 * The rings are away for a moment. On return no worker uses them. Frames for them wait, for as long
 * as they would for a receiver without room.
 */
void dataplane_queue_pause(struct dataplane *dp, struct port_queue *q);
/* The rings are gone. On return no worker uses them, and frames for the port go elsewhere. */
void dataplane_queue_down(struct dataplane *dp, struct port_queue *q);

/* All queues of a port up or down. */
void dataplane_port_set_up(struct dataplane *dp, struct port *p, bool up);

/* Interrupts the sleep of the workers that poll the port. */
void dataplane_port_wake(struct dataplane *dp, struct port *p);

/*
 * Spreads the enabled queues over the workers by what each did since the last call (or since it was
 * enabled), if the busiest worker gains at least a tenth by it. Returns the number of queues that
 * moved. With `dry_run` nothing moves.
 */
unsigned dataplane_rebalance(struct dataplane *dp, bool dry_run);

/* The worker that polls the queue, or -1. */
int dataplane_queue_worker(struct dataplane *dp, const struct port_queue *q);

/* Returns when every worker has passed a quiescent state since the call. */
void dataplane_synchronize(struct dataplane *dp);

#endif
