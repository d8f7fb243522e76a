/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/nic.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "uplink/af_xdp.h"
#include "uplink/ethdev.h"

#define RETRY_MS 1000

static const struct nic_driver *const drivers[] = {
	[NIC_DRIVER_AF_XDP] = &af_xdp_driver,
	[NIC_DRIVER_AF_PACKET] = &ethdev_driver,
	[NIC_DRIVER_DPDK] = &ethdev_driver,
};
static_assert(ARRAY_SIZE(drivers) == NIC_DRIVER_N, "an implementation for each driver");

/* --- opening and closing ---------------------------------------------------------------------- */

static bool has_netdev(const struct nic *n)
{
	return n->params.dev[0] != '\0';
}

static int look(const struct nic *n, struct netdev *d, struct err *e)
{
	int ret = netdev_read(n->params.dev, d, e);

	if (ret == 0 && !d->up)
		ret = err_set(e, ENETDOWN, "%s is down; `ip link set %s up`", d->name, d->name);
	return ret;
}

static int open_nic(struct nic *n, struct err *e)
{
	int ret = has_netdev(n) ? look(n, &n->dev, e) : 0;

	if (ret == 0)
		ret = n->driver->open(n, e);
	if (ret < 0)
		return ret;
	n->open = true;
	n->error[0] = '\0';
	log_info(LOG_UPLINK, "port is up port=%s dev=%s%s", n->port.name, n->params.dev,
		 n->params.pci);
	return 0;
}

static void note_error(struct nic *n, const struct err *e)
{
	if (strncmp(n->error, e->text, sizeof(n->error) - 1) == 0)
		return;
	snprintf(n->error, sizeof(n->error), "%.*s", (int)sizeof(n->error) - 1, e->text);
	log_warn(LOG_UPLINK, "port is down port=%s: %s", n->port.name, n->error);
}

static void close_nic(struct nic *n)
{
	n->driver->close(n);
	n->open = false;
}

/* Another device of the same name, or one that needs other memory, is opened anew. */
static bool is_same(const struct netdev *a, const struct netdev *b)
{
	return a->ifindex == b->ifindex && a->mtu == b->mtu && mac_eq(&a->mac, &b->mac);
}

static void follow_device(struct nic *n)
{
	struct netdev now, before = n->dev;
	struct err e;

	if (!has_netdev(n))
		return;
	if (look(n, &now, &e) < 0) {
		if (n->open)
			close_nic(n);
		note_error(n, &e);
		return;
	}
	if (n->open && is_same(&n->dev, &now)) {
		n->dev.carrier = now.carrier;
		return;
	}
	if (n->open)
		close_nic(n);
	if (open_nic(n, &e) < 0)
		note_error(n, &e);
	else if (n->all->changed && (before.mtu != now.mtu || !mac_eq(&before.mac, &now.mac)))
		n->all->changed(n, n->all->arg);
}

static void follow_all(struct nics *all)
{
	struct nic *n;
	bool waiting = false;

	TAILQ_FOREACH (n, &all->list, link) {
		follow_device(n);
		waiting |= !n->open && has_netdev(n);
	}
	if (waiting)
		loop_timer_start(all->loop, &all->retry, RETRY_MS, 0);
}

static void on_links(struct link_watch *w)
{
	follow_all(container_of(w, struct nics, watch));
}

static void on_retry(struct loop_timer *t, uint64_t now_ms)
{
	follow_all(container_of(t, struct nics, retry));
}

int nics_init(struct nics *all, struct dataplane *dp, struct loop *loop, struct err *e)
{
	*all = (struct nics){
		.dp = dp,
		.loop = loop,
		.watch.changed = on_links,
		.retry.expired = on_retry,
	};
	TAILQ_INIT(&all->list);
	return link_watch_init(&all->watch, loop, e);
}

void nics_fini(struct nics *all)
{
	loop_timer_stop(all->loop, &all->retry);
	link_watch_fini(&all->watch);
}

/* --- life of a port --------------------------------------------------------------------------- */

static void free_addresses(struct nic_addresses *a)
{
	free(a->macs);
	free(a->ipv4);
	free(a->ipv6);
	*a = (struct nic_addresses){0};
}

static void free_nic(struct nic *n)
{
	free_addresses(&n->addresses);
	free((char *)n->params.name);
	free((char *)n->params.dev);
	free((char *)n->params.pci);
	free(n);
}

static bool copy_params(struct nic *n, const struct nic_params *p)
{
	n->params = *p;
	n->params.name = strdup(p->name);
	n->params.dev = strdup(p->dev);
	n->params.pci = strdup(p->pci);
	return n->params.name && n->params.dev && n->params.pci;
}

static struct nic *alloc_nic(struct nics *all, const struct nic_params *params, struct err *e)
{
	const struct nic_driver *driver = drivers[params->driver];
	struct nic *n = aligned_alloc(64, (driver->size + 63) & ~(size_t)63);

	if (!n) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	memset(n, 0, driver->size);
	n->driver = driver;
	n->all = all;
	if (copy_params(n, params))
		return n;
	err_set(e, ENOMEM, "out of memory");
	free_nic(n);
	return NULL;
}

struct nic *nic_create(struct nics *all, const struct nic_params *params, struct err *e)
{
	struct nic *n = alloc_nic(all, params, e);
	unsigned queues;
	int ret = -ENOMEM;

	if (!n)
		goto err;
	ret = has_netdev(n) ? look(n, &n->dev, e) : 0;
	if (ret < 0)
		goto err_free;
	queues = n->driver->queues(n, e);
	ret = -EINVAL;
	if (!queues)
		goto err_free;
	port_init(&n->port, n->driver->ops, params->name, queues);
	ret = dataplane_port_add(all->dp, &n->port, e);
	if (ret < 0)
		goto err_free;
	ret = open_nic(n, e);
	if (ret < 0)
		goto err_retire;
	TAILQ_INSERT_TAIL(&all->list, n, link);
	return n;

err_retire:
	dataplane_port_retire(all->dp, &n->port);
err_free:
	free_nic(n);
err:
	err_prefix(e, ret, "port %s", params->name);
	errno = -ret;
	return NULL;
}

void nic_destroy(struct nic *n)
{
	if (!n)
		return;
	TAILQ_REMOVE(&n->all->list, n, link);
	if (n->open)
		close_nic(n);
	dataplane_port_retire(n->all->dp, &n->port);
	free_nic(n);
}

static void *copy(const void *from, size_t n, size_t size, bool *ok)
{
	void *to = calloc(n + 1, size);

	if (!to)
		*ok = false;
	else if (n)
		memcpy(to, from, n * size);
	return to;
}

int nic_set_addresses(struct nic *n, const struct nic_addresses *a, struct err *e)
{
	struct nic_addresses next = *a;
	bool ok = true;

	next.macs = copy(a->macs, a->n_macs, sizeof(*a->macs), &ok);
	next.ipv4 = copy(a->ipv4, a->n_ipv4, sizeof(*a->ipv4), &ok);
	next.ipv6 = copy(a->ipv6, a->n_ipv6, sizeof(*a->ipv6), &ok);
	if (!ok) {
		free_addresses(&next);
		return err_set(e, ENOMEM, "port %s: out of memory", n->port.name);
	}
	free_addresses(&n->addresses);
	n->addresses = next;
	return n->open ? n->driver->set_addresses(n, e) : 0;
}

void nic_info(struct nic *n, struct nic_info *info)
{
	*info = (struct nic_info){
		.up = n->open,
		.link = n->open && n->dev.carrier,
		.driver = n->driver->name,
		.mac = n->dev.mac,
		.mtu = n->dev.mtu,
		.queues = n->port.n_queues,
		.takes = n->takes,
	};
	snprintf(info->error, sizeof(info->error), "%s", n->error);
	snprintf(info->kernel_driver, sizeof(info->kernel_driver), "%s", n->dev.driver);
	if (n->open)
		n->driver->describe(n, info);
}

/* --- for drivers ------------------------------------------------------------------------------ */

void nic_queues_up(struct nic *n)
{
	for (unsigned k = 0; k < n->port.n_queues; k++) {
		struct port_queue *q = &n->port.queues[k];

		q->done_ahead = q->n_seen = 0;
		q->notify_due_ns = 0;
		q->full_since_ns = 0;
		dataplane_queue_up(n->all->dp, q);
	}
}

void nic_queues_down(struct nic *n)
{
	dataplane_port_set_up(n->all->dp, &n->port, false);
}
