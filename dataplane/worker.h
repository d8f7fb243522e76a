/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_WORKER_H
#define DATAPLANE_WORKER_H

/*
 * A worker: one thread that polls its queues, run to completion, until there is nothing to do.
 *
 * It polls while there is work, idle queues less often than busy ones. An empty round makes the
 * next one wait a little longer, because touching a guest's ring line again and again slows the
 * guest down. After `idle_ns` without work it arms the queues' notifications and sleeps in epoll;
 * asleep, it is offline for RCU, so a change of configuration never waits for it.
 */

#include <pthread.h>
#include <stdint.h>

#include "common/err.h"
#include "dataplane/active.h"
#include "dataplane/frame.h"
#include "dataplane/port.h"
#include "dataplane/stats.h"

/* The queues a worker polls; immutable, replaced as a whole. */
struct poll_list {
	unsigned n;
	struct port_queue *queues[];
};

/* Where the frames of the burst in hand go: for each port a mask of frames. */
struct egress {
	unsigned n;
	uint16_t touched[PORTS_MAX];
	uint64_t mask[PORTS_MAX]; /* all zero between bursts */
};

struct router_story;

struct worker {
	struct dataplane *dp;
	unsigned id;
	struct poll_list *_Atomic polls; /* w: control; r: the worker, through rcu */

	struct burst burst;
	struct egress egress;
	struct worker_perf perf;
	struct worker_perf perf_base; /* w, r: control: what `perf` was when it was last cleared */
	bool dry_run;		      /* a trace: stages decide and remember nothing */
	struct router_story *story;   /* of a dry run: what the router decided; may be NULL */
	bool blocked;		      /* frames wait for a receiver's room: wake up for room too */
	uint64_t now_ns;	      /* monotonic, read once a round */
	bool sat_out;		      /* a queue left this round to the others */
	uint64_t wake_ns;	      /* frames wait for their time: sleep until then at most */
	struct active active;	      /* places of the poll list */

	pthread_t thread;
	bool has_thread;
	atomic_bool stopping; /* w: control; r: the worker */
	int epoll_fd;
	int wake_fd;
};

/* Creates a worker; its thread is started apart. NULL and errno on failure; destroy takes NULL. */
struct worker *worker_create(struct dataplane *dp, unsigned id);
void worker_destroy(struct worker *w);

int worker_start(struct worker *w);
void worker_stop(struct worker *w);

/* One round over the worker's queues at time `now_ns`. Returns the frames taken. */
unsigned worker_poll(struct worker *w, uint64_t now_ns);

/* The same while there is work: idle ports are visited less often (struct active). */
unsigned worker_poll_busy(struct worker *w, uint64_t now_ns);

/* What the worker did since its counters were last cleared. Control thread. */
void worker_perf_get(const struct worker *w, struct worker_perf *perf);
void worker_perf_clear(struct worker *w);

/* Has the worker look again at `when_ns` at the latest. The worker's thread, in a round. */
static inline void worker_wake_at(struct worker *w, uint64_t when_ns)
{
	if (when_ns < w->wake_ns)
		w->wake_ns = when_ns;
}

/* Interrupts the worker's sleep. Any thread. */
void worker_wake(struct worker *w);

/* Lets an eventfd wake the worker (edge triggered: nobody needs to read it). Any thread. */
int worker_watch(struct worker *w, int fd);
void worker_unwatch(struct worker *w, int fd);

#endif
