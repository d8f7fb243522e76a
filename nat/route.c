/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/route.h"

#include <string.h>

static const struct router_iface *iface_at(const struct router *r, unsigned number)
{
	return atomic_load_explicit(&r->ifaces[number], memory_order_acquire);
}

static rte_be32_t ip4_of(const struct ipaddr *a)
{
	rte_be32_t ip;

	memcpy(&ip, a->b + 12, sizeof(ip));
	return ip;
}

static bool is_uplink(const struct router_iface *i)
{
	return i->port_id != 0;
}

static bool is_own(const struct router_iface *i, const struct ipaddr *a)
{
	if (ipaddr_is_ip4(a))
		return i->address && ip4_of(a) == i->address;
	return i->params.has_address6 && memcmp(a, &i->params.address6.addr, sizeof(*a)) == 0;
}

static bool is_external(const struct router_iface *i, const struct ipaddr *a)
{
	return is_uplink(i) && i->params.outside && ipaddr_is_ip4(a) &&
	       nat_outside_has(i->params.outside, ip4_of(a));
}

/* The length of the interface's prefix that holds the address, -1: none does. */
static int fits(const struct router_iface *i, const struct ipaddr *a)
{
	const struct router_iface_params *p = &i->params;

	if (ipaddr_is_ip4(a))
		return i->address && ip4_prefix_contains(&p->address, rte_be_to_cpu_32(ip4_of(a)))
			       ? p->address.len
			       : -1;
	return p->has_address6 && ipaddr_prefix_contains(&p->address6, a) ? p->address6.len : -1;
}

static bool may_reach(const struct router_iface *from, const struct router_iface *to,
		      const struct ipaddr *dst, bool translated)
{
	const struct router_iface_params *f = &from->params, *t = &to->params;

	if (is_uplink(from)) {
		if (is_uplink(to) || t->uplink != from->number)
			return false;
		return translated || t->forward == ROUTER_ROUTE;
	}
	if (from == to)
		return true;
	if (is_uplink(to))
		return f->uplink == to->number &&
		       (f->forward == ROUTER_ROUTE ||
			(f->forward == ROUTER_NAT && (ipaddr_is_ip4(dst) || f->has_npt6)));
	return translated || (f->forward == ROUTER_ROUTE && t->forward == ROUTER_ROUTE);
}

static bool is_group(const struct ipaddr *a)
{
	return ipaddr_is_ip4(a) ? a->b[12] >= 224 : a->b[0] == 0xff;
}

static bool is_link_local(const struct ipaddr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* The bridge's own way out, for what is in no network of ours. */
static struct route by_default(const struct router *r, const struct router_iface *from,
			       const struct ipaddr *dst)
{
	const struct router_iface *up =
		from->params.uplink ? iface_at(r, from->params.uplink) : NULL;
	struct route to = {.kind = ROUTE_OUT, .out = up};
	rte_be32_t gateway;

	if (is_uplink(from) || !up)
		return (struct route){.kind = ROUTE_NONE};
	if (!may_reach(from, up, dst, false))
		return (struct route){.kind = ROUTE_PROHIBITED};
	if (ipaddr_is_ip4(dst)) {
		gateway = rte_cpu_to_be_32(up->params.gateway);
		to.next = ipaddr_from_ip4(&gateway);
		return up->params.gateway ? to : (struct route){.kind = ROUTE_NONE};
	}
	to.next = up->params.gateway6;
	return up->params.has_gateway6 ? to : (struct route){.kind = ROUTE_NONE};
}

struct route route_find(const struct router *r, const struct router_iface *from,
			const struct ipaddr *dst, bool translated)
{
	const struct router_iface *best = NULL;
	int longest = -1;

	if (memcmp(dst, &from->link_local, sizeof(*dst)) == 0)
		return (struct route){ROUTE_LOCAL, from, *dst};
	for (unsigned n = 1; n < r->n; n++) {
		const struct router_iface *i = iface_at(r, n);
		int len;

		if (!i)
			continue;
		if (is_external(i, dst))
			return (struct route){i == from || from->params.uplink == n
						      ? ROUTE_EXTERNAL
						      : ROUTE_PROHIBITED,
					      i, *dst};
		if (is_own(i, dst))
			return (struct route){may_reach(from, i, dst, false) || i == from
						      ? ROUTE_LOCAL
						      : ROUTE_PROHIBITED,
					      i, *dst};
		/* Another bridge's uplink is no network of this one. */
		if (is_uplink(i) && from->params.uplink != n)
			continue;
		len = fits(i, dst);
		if (len > longest) {
			longest = len;
			best = i;
		}
	}
	if (!best)
		return by_default(r, from, dst);
	if (!may_reach(from, best, dst, translated) || is_group(dst))
		return (struct route){ROUTE_PROHIBITED, best, *dst};
	return (struct route){ROUTE_OUT, best, *dst};
}

const struct router_iface *route_npt6(const struct router *r, const struct router_iface *uplink,
				      const struct ipaddr *dst)
{
	for (unsigned n = 1; n < r->n; n++) {
		const struct router_iface *i = iface_at(r, n);
		struct ipaddr inside = *dst;

		if (i && i->params.has_npt6 && i->params.uplink == uplink->number &&
		    npt6_address(&i->params.npt6, NAT_INBOUND, inside.b))
			return i;
	}
	return NULL;
}

bool route_source_fits(const struct router *r, const struct router_iface *from,
		       const struct ipaddr *src)
{
	if (is_group(src) || is_own(from, src))
		return false;
	if (ipaddr_is_ip4(src) && (src->b[12] == 0 || src->b[12] == 127))
		return false;
	if (!is_uplink(from))
		return fits(from, src) >= 0 || (!ipaddr_is_ip4(src) && is_link_local(src));
	for (unsigned n = 1; n < r->n; n++) {
		const struct router_iface *i = iface_at(r, n);

		if (i &&
		    (is_own(i, src) || is_external(i, src) || (!is_uplink(i) && fits(i, src) >= 0)))
			return false;
	}
	return true;
}
