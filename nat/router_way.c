/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/router_slow.h"
#include "nat/way.h"

void router_remember(struct routing *x, const struct ipaddr *src, const struct ipaddr *dst)
{
	*way_at(x->router->ways[x->w->id], src, dst) = (struct way){
		.src = *src,
		.dst = *dst,
		.generation = x->generation,
		.adjacency = x->adjacency,
		.from = x->from->number,
	};
}

bool router_go_remembered(struct routing *x, unsigned i, const struct ipaddr *src,
			  const struct ipaddr *dst)
{
	const struct packet *p = &x->packets[i];
	const struct way *way = way_at(x->router->ways[x->w->id], src, dst);

	if (!way_is(way, x->from->number, x->generation, src, dst) || x->w->dry_run)
		return false;
	if (way->adjacency != x->adjacency && !router_follow(x, way->adjacency))
		return false;
	if (router_ttl(p) <= 1 || !router_fits(p, x->out->params.mtu))
		return false;
	router_send(x, i);
	return true;
}
