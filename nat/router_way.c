/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/filter6.h"
#include "nat/router_slow.h"
#include "nat/way.h"

void router_remember(struct routing *x, struct way *way)
{
	way->generation = x->generation;
	way->adjacency = x->adjacency;
	way->from = x->from->number;
	*way_at(x->router->ways[x->w->id], &way->src, &way->dst) = *way;
}

static const struct way *find(const struct routing *x, const struct ipaddr *src,
			      const struct ipaddr *dst)
{
	const struct way *way = way_at(x->router->ways[x->w->id], src, dst);

	return way_is(way, x->from->number, x->generation, src, dst) ? way : NULL;
}

void router_expect6(struct routing *x, uint64_t mask)
{
	struct filter6 *f = x->router->filter6;
	for (; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);
		struct ipaddr src = router_source(&x->packets[i]);
		struct ipaddr dst = router_destination(&x->packets[i]);
		const struct way *way = find(x, &src, &dst);

		if (!way || !(way->does & WAY_FILTERED6) || !filter6_is_simple(&x->packets[i]))
			continue;
		x->places6[i] = filter6_expect(f, &x->packets[i],
					       way->does & WAY_PREFIX_IN ? &way->other : &dst);
		x->expected |= 1ull << i;
	}
	for (uint64_t left = x->expected; left; left &= left - 1)
		session6_prefetch(filter6_sessions(f), &x->places6[__builtin_ctzll(left)]);
}

static uint8_t *address6_at(const struct packet *p, bool is_source)
{
	return p->frame->head + p->l3 +
	       (is_source ? offsetof(struct ipv6_hdr, src) : offsetof(struct ipv6_hdr, dst));
}

/* False: it is as it came, and wants more than a look at its session. */
static bool filter_and_translate(struct routing *x, unsigned i, const struct way *way)
{
	const struct packet *p = &x->packets[i];
	const struct filter6_way ends = {
		.from = x->from->params.filter6,
		.to = x->out->params.filter6,
		.from_bridge = x->from->number,
		.to_bridge = x->out->number,
	};
	bool filtered = way->does & WAY_FILTERED6;

	if (p->icmp_error || (filtered && !(x->expected >> i & 1)))
		return false;
	if (way->does & WAY_PREFIX_IN)
		memcpy(address6_at(p, false), &way->other, sizeof(way->other));
	if (filtered && !filter6_goes_on(x->router->filter6, p, &ends, x->places6[i], x->now_s)) {
		memcpy(address6_at(p, false), &way->dst, sizeof(way->dst));
		return false;
	}
	if (way->does & WAY_PREFIX_OUT)
		memcpy(address6_at(p, true), &way->other, sizeof(way->other));
	return true;
}

bool router_go_remembered(struct routing *x, unsigned i, const struct ipaddr *src,
			  const struct ipaddr *dst)
{
	const struct packet *p = &x->packets[i];
	const struct way *way = find(x, src, dst);

	if (!way || x->w->dry_run)
		return false;
	if (way->adjacency != x->adjacency && !router_follow(x, way->adjacency))
		return false;
	if (router_ttl(p) <= 1 || !router_fits(p, x->out->params.mtu))
		return false;
	if (way->does && !filter_and_translate(x, i, way))
		return false;
	router_send(x, i);
	return true;
}
