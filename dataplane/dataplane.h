/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_DATAPLANE_H
#define DATAPLANE_DATAPLANE_H

/*
 * The switch as a whole: the workers, the table of ports, and the RCU that lets the control side
 * change both without stopping anybody.
 *
 * All functions here belong to the control side. They may be called from several threads (the
 * control thread, librte_vhost's event thread); `lock` serialises them. Never call into
 * librte_vhost with it held.
 */

#include <pthread.h>

#include <rte_rcu_qsbr.h>

#include "common/err.h"
#include "dataplane/capture.h"
#include "dataplane/port.h"
#include "dataplane/worker.h"

struct dataplane {
	pthread_mutex_t lock;
	struct port *_Atomic ports[PORTS_MAX]; /* w: control under lock; r: workers, through rcu */
	struct worker *workers[WORKERS_MAX];
	unsigned n_workers;
	struct rte_rcu_qsbr *rcu;
	struct capture *_Atomic captures[CAPTURES_MAX]; /* w: control; r: workers, through rcu */
	/* How long a worker polls without work before it sleeps. w: control; r: workers */
	_Atomic uint64_t idle_ns;
};

struct dataplane_params {
	unsigned n_workers;
	uint64_t idle_ns;   /* UINT64_MAX: never sleep */
	bool start_threads; /* false: tests call worker_poll themselves */
};

/* Returns NULL and the reason in `e`. dataplane_destroy stops the workers; ports must be retired.
 */
struct dataplane *dataplane_create(const struct dataplane_params *params, struct err *e);
void dataplane_destroy(struct dataplane *dp);

/*
 * Gives the port an id and the worker with the fewest ports, and makes it reachable.
 * Returns 0 or -ENOSPC. The port stays the caller's.
 */
int dataplane_port_add(struct dataplane *dp, struct port *p, struct err *e);

/*
 * Removal is three steps: the port leaves the table and its worker's poll list, every worker
 * passes a quiescent state, and only then does this return: nobody holds the port any more.
 */
void dataplane_port_retire(struct dataplane *dp, struct port *p);

/* Marks the rings of a reachable port as attached or not; `false` returns after a grace period. */
void dataplane_port_set_up(struct dataplane *dp, struct port *p, bool up);

/* Returns when every worker has passed a quiescent state since the call. */
void dataplane_synchronize(struct dataplane *dp);

#endif
