/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/dataplane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include "dataplane/balance.h"

static int rcu_create(struct dataplane *dp)
{
	size_t size = rte_rcu_qsbr_get_memsize(WORKERS_MAX);

	dp->rcu = rte_zmalloc("weft_rcu", size, RTE_CACHE_LINE_SIZE);
	if (!dp->rcu)
		return -ENOMEM;
	rte_rcu_qsbr_init(dp->rcu, WORKERS_MAX);
	return 0;
}

static int workers_create(struct dataplane *dp, const struct dataplane_params *params)
{
	for (unsigned i = 0; i < params->n_workers; i++) {
		struct worker *w = worker_create(dp, i);
		int ret;

		if (!w)
			return -ENOMEM;
		dp->workers[dp->n_workers++] = w;
		rte_rcu_qsbr_thread_register(dp->rcu, i);
		ret = params->start_threads ? worker_start(w) : 0;
		if (ret)
			return ret;
	}
	return 0;
}

struct dataplane *dataplane_create(const struct dataplane_params *params, struct err *e)
{
	struct dataplane *dp = calloc(1, sizeof(*dp));
	int ret;

	if (!dp) {
		err_set(e, ENOMEM, "out of memory for the data plane");
		return NULL;
	}
	pthread_mutex_init(&dp->lock, NULL);
	dp->idle_ns = params->idle_ns;
	dp->held = params->held;
	ret = rcu_create(dp);
	if (ret == 0)
		ret = workers_create(dp, params);
	if (ret < 0) {
		err_set(e, -ret, "cannot start %u workers: %s", params->n_workers, strerror(-ret));
		dataplane_destroy(dp);
		errno = -ret;
		return NULL;
	}
	return dp;
}

void dataplane_destroy(struct dataplane *dp)
{
	if (!dp)
		return;
	for (unsigned i = 0; i < dp->n_workers; i++)
		worker_stop(dp->workers[i]);
	for (unsigned i = 0; i < dp->n_workers; i++)
		worker_destroy(dp->workers[i]);
	rte_free(dp->rcu);
	pthread_mutex_destroy(&dp->lock);
	free(dp);
}

void dataplane_release(struct dataplane *dp)
{
	atomic_store_explicit(&dp->held, false, memory_order_release);
	for (unsigned i = 0; i < dp->n_workers; i++)
		worker_wake(dp->workers[i]);
}

void dataplane_synchronize(struct dataplane *dp)
{
	rte_rcu_qsbr_synchronize(dp->rcu, RTE_QSBR_THRID_INVALID);
}

static uint16_t free_id(struct dataplane *dp)
{
	for (uint16_t id = 1; id < PORTS_MAX; id++)
		if (!dp->ports[id])
			return id;
	return 0;
}

static struct worker *least_loaded(struct dataplane *dp)
{
	struct worker *best = dp->workers[0];

	for (unsigned i = 1; i < dp->n_workers; i++)
		if (dp->workers[i]->polls->n < best->polls->n)
			best = dp->workers[i];
	return best;
}

/* A copy of `old` with `add` or without `del`. */
static struct poll_list *polls_edit(struct dataplane *dp, const struct poll_list *old,
				    struct port_queue *add, const struct port_queue *del)
{
	struct poll_list *next;

	while (!(next = calloc(1, sizeof(*next) + (old->n + 1) * sizeof(next->queues[0]))))
		dataplane_synchronize(dp); /* out of memory for a few bytes: wait for some */
	for (unsigned i = 0; i < old->n; i++)
		if (old->queues[i] != del)
			next->queues[next->n++] = old->queues[i];
	if (add)
		next->queues[next->n++] = add;
	return next;
}

static void polls_publish(struct worker *w, struct poll_list *next)
{
	struct poll_list *old = atomic_exchange(&w->polls, next);

	worker_wake(w);
	dataplane_synchronize(w->dp);
	free(old);
}

int dataplane_port_add(struct dataplane *dp, struct port *p, struct err *e)
{
	int ret = 0;

	pthread_mutex_lock(&dp->lock);
	p->id = free_id(dp);
	if (p->id == 0)
		ret = err_set(e, ENOSPC, "port %s: no room for more than %d ports", p->name,
			      PORTS_MAX - 1);
	else
		atomic_store_explicit(&dp->ports[p->id], p, memory_order_release);
	pthread_mutex_unlock(&dp->lock);
	return ret;
}

/* --- queues; the lock is held ------------------------------------------------------------------
 */

static void watch(const struct port_queue *q, bool on)
{
	for (unsigned i = 0; i < ARRAY_SIZE(q->wake_fds); i++) {
		if (q->wake_fds[i] < 0)
			continue;
		if (on)
			worker_watch(q->worker, q->wake_fds[i]);
		else
			worker_unwatch(q->worker, q->wake_fds[i]);
	}
}

static void join(struct port_queue *q, struct worker *w)
{
	q->worker = w;
	polls_publish(w, polls_edit(w->dp, w->polls, q, NULL));
}

static void leave(struct port_queue *q)
{
	struct worker *w = q->worker;

	polls_publish(w, polls_edit(w->dp, w->polls, NULL, q));
	q->worker = NULL;
}

/* Returns without a grace period. */
static void stop_using(struct port_queue *q)
{
	if (!q->up)
		return;
	atomic_store_explicit(&q->up, false, memory_order_release);
	watch(q, false);
}

static void queue_down(struct port_queue *q)
{
	stop_using(q);
	if (!q->worker)
		return;
	atomic_fetch_and(&q->port->enabled, (uint16_t) ~(1u << q->index));
	leave(q);
}

static void move(struct port_queue *q, struct worker *to)
{
	if (q->up)
		watch(q, false);
	leave(q);
	join(q, to);
	if (q->up)
		watch(q, true);
	worker_wake(to);
}

/* --- queues ------------------------------------------------------------------------------------
 */

void dataplane_queue_up(struct dataplane *dp, struct port_queue *q)
{
	pthread_mutex_lock(&dp->lock);
	atomic_store_explicit(&q->up, true, memory_order_release);
	if (!q->worker) {
		q->load_base = balance_load(q->rx_packets, q->rx_bytes);
		join(q, least_loaded(dp));
	}
	watch(q, true);
	atomic_fetch_or(&q->port->enabled, (uint16_t)(1u << q->index));
	worker_wake(q->worker);
	pthread_mutex_unlock(&dp->lock);
}

void dataplane_queue_pause(struct dataplane *dp, struct port_queue *q)
{
	pthread_mutex_lock(&dp->lock);
	stop_using(q);
	dataplane_synchronize(dp);
	pthread_mutex_unlock(&dp->lock);
}

void dataplane_queue_down(struct dataplane *dp, struct port_queue *q)
{
	pthread_mutex_lock(&dp->lock);
	queue_down(q);
	pthread_mutex_unlock(&dp->lock);
}

void dataplane_port_set_up(struct dataplane *dp, struct port *p, bool up)
{
	for (unsigned i = 0; i < p->n_queues; i++) {
		if (up)
			dataplane_queue_up(dp, &p->queues[i]);
		else
			dataplane_queue_down(dp, &p->queues[i]);
	}
}

void dataplane_port_wake(struct dataplane *dp, struct port *p)
{
	pthread_mutex_lock(&dp->lock);
	for (unsigned i = 0; i < p->n_queues; i++)
		if (p->queues[i].worker)
			worker_wake(p->queues[i].worker);
	pthread_mutex_unlock(&dp->lock);
}

void dataplane_port_retire(struct dataplane *dp, struct port *p)
{
	pthread_mutex_lock(&dp->lock);
	/*
	 * After these stores a worker that begins a round finds the port neither in its poll list
	 * nor in the table; the grace period is for the rounds that had begun before.
	 */
	atomic_store_explicit(&dp->ports[p->id], NULL, memory_order_release);
	for (unsigned i = 0; i < p->n_queues; i++)
		queue_down(&p->queues[i]);
	dataplane_synchronize(dp);
	pthread_mutex_unlock(&dp->lock);
}

int dataplane_queue_worker(struct dataplane *dp, const struct port_queue *q)
{
	int id;

	pthread_mutex_lock(&dp->lock);
	id = q->worker ? (int)q->worker->id : -1;
	pthread_mutex_unlock(&dp->lock);
	return id;
}

/* --- rebalancing --------------------------------------------------------------------------------
 */

static unsigned collect(struct dataplane *dp, struct port_queue **queues,
			struct balance_item *items)
{
	unsigned n = 0;

	for (unsigned w = 0; w < dp->n_workers; w++) {
		const struct poll_list *polls = dp->workers[w]->polls;

		for (unsigned i = 0; i < polls->n; i++, n++) {
			struct port_queue *q = polls->queues[i];
			uint64_t done = balance_load(q->rx_packets, q->rx_bytes);

			queues[n] = q;
			items[n] = (struct balance_item){.load = done - q->load_base, .worker = w};
		}
	}
	return n;
}

static unsigned count_queues(const struct dataplane *dp)
{
	unsigned n = 0;

	for (unsigned w = 0; w < dp->n_workers; w++)
		n += dp->workers[w]->polls->n;
	return n;
}

unsigned dataplane_rebalance(struct dataplane *dp, bool dry_run)
{
	struct port_queue **queues;
	struct balance_item *items;
	unsigned n, moved = 0;

	pthread_mutex_lock(&dp->lock);
	n = count_queues(dp);
	queues = calloc(n + 1, sizeof(*queues));
	items = calloc(n + 1, sizeof(*items));
	if (!queues || !items)
		goto out;
	collect(dp, queues, items);
	moved = balance_plan(items, n, dp->n_workers);
	for (unsigned i = 0; i < n && !dry_run; i++) {
		queues[i]->load_base += items[i].load;
		if (queues[i]->worker != dp->workers[items[i].worker])
			move(queues[i], dp->workers[items[i].worker]);
	}
out:
	free(items);
	free(queues);
	pthread_mutex_unlock(&dp->lock);
	return moved;
}
