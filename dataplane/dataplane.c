/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/dataplane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

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

/* A copy of `old` with `add` or without `del`; NULL when there is no memory. */
static struct poll_list *polls_edit(const struct poll_list *old, struct port *add,
				    const struct port *del)
{
	struct poll_list *next = calloc(1, sizeof(*next) + (old->n + 1) * sizeof(next->ports[0]));

	if (!next)
		return NULL;
	for (unsigned i = 0; i < old->n; i++)
		if (old->ports[i] != del)
			next->ports[next->n++] = old->ports[i];
	if (add)
		next->ports[next->n++] = add;
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
	struct poll_list *next;
	int ret = 0;

	pthread_mutex_lock(&dp->lock);
	p->id = free_id(dp);
	p->worker = least_loaded(dp);
	next = polls_edit(p->worker->polls, p, NULL);
	if (p->id == 0 || !next) {
		ret = err_set(e, ENOSPC, "port %s: no room for more than %d ports", p->name,
			      PORTS_MAX - 1);
		free(next);
		goto out;
	}
	atomic_store_explicit(&dp->ports[p->id], p, memory_order_release);
	polls_publish(p->worker, next);
out:
	pthread_mutex_unlock(&dp->lock);
	return ret;
}

void dataplane_port_retire(struct dataplane *dp, struct port *p)
{
	struct poll_list *next;

	pthread_mutex_lock(&dp->lock);
	/*
	 * After these two stores a worker that begins a round finds the port neither in its poll
	 * list nor in the table; polls_publish waits for the rounds that had begun before.
	 */
	atomic_store(&p->up, false);
	atomic_store_explicit(&dp->ports[p->id], NULL, memory_order_release);
	while (!(next = polls_edit(p->worker->polls, NULL, p)))
		dataplane_synchronize(dp); /* out of memory for a few bytes: wait for some */
	polls_publish(p->worker, next);
	pthread_mutex_unlock(&dp->lock);
}

void dataplane_port_set_up(struct dataplane *dp, struct port *p, bool up)
{
	atomic_store_explicit(&p->up, up, memory_order_release);
	if (up)
		worker_wake(p->worker);
	else
		dataplane_synchronize(dp);
}
