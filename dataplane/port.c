/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/port.h"

#include <stdio.h>
#include <string.h>

void port_init(struct port *p, const struct port_ops *ops, const char *name)
{
	memset(p, 0, sizeof(*p));
	p->ops = ops;
	snprintf(p->name, sizeof(p->name), "%s", name);
	rte_spinlock_init(&p->tx_lock);
}

void port_stats_sum(const struct port *p, struct port_stats *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned w = 0; w < WORKERS_MAX; w++)
		port_stats_add(sum, &p->stats[w]);
}
