/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/port.h"

#include <stdio.h>
#include <string.h>

void port_init(struct port *p, const struct port_ops *ops, const char *name, unsigned n_queues)
{
	memset(p, 0, sizeof(*p));
	p->ops = ops;
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->n_queues = (uint16_t)n_queues;
	for (unsigned i = 0; i < n_queues; i++) {
		struct port_queue *q = &p->queues[i];

		q->port = p;
		q->index = (uint16_t)i;
		q->wake_fds[0] = q->wake_fds[1] = -1;
		rte_spinlock_init(&q->tx_lock);
	}
}

void port_stats_sum(const struct port *p, struct port_stats *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned w = 0; w < WORKERS_MAX; w++)
		port_stats_add(sum, &p->stats[w]);
}
