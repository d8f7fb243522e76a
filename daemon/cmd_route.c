/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/gateway.h"

#include "common/clock.h"
#include "daemon/cmd.h"
#include "daemon/gateways.h"

static json_t *address_json(const struct ipaddr *a)
{
	struct ipaddr_prefix p = {*a, 128};
	char text[IPADDR_TEXT_MAX];

	return json_string(ipaddr_prefix_format(&p, text));
}

/* --- neigh/show --------------------------------------------------------------------------------
 */

struct listing {
	const struct router_iface *on;
	json_t *list;
};

static void add_neighbour(const struct neigh_info *n, void *arg)
{
	struct listing *l = arg;
	char mac[MAC_TEXT_MAX];

	json_array_append_new(l->list,
			      json_pack("{s:s, s:s, s:o, s:s*, s:s, s:i, s:i}", "interface",
					l->on->name, "kind", l->on->port_id ? "uplink" : "bridge",
					"address", address_json(&n->addr), "mac",
					n->known ? mac_format(&n->mac, mac) : NULL, "state",
					neigh_state_name(n->state), "heard_s", (int)n->heard_s,
					"used_s", (int)n->used_s));
}

void cmd_neigh_show(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	struct listing l = {.list = json_array()};
	const struct router *r = d->gateways ? d->gateways->router : NULL;

	for (unsigned n = 1; r && n < r->n; n++) {
		l.on = r->ifaces[n];
		if (l.on)
			gateway_visit_neighs(l.on->gateway, clock_now_ns(), add_neighbour, &l);
	}
	call_reply(call, l.list);
}

/* --- route/show --------------------------------------------------------------------------------
 */

static void add_route(json_t *list, const char *to, const struct router_iface *via,
		      const char *from, json_t *next)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s*}", "to", to, "interface", via->name, "kind",
			      via->port_id ? "uplink" : "bridge", "from", from);

	if (next)
		json_object_set_new(o, "next", next);
	json_array_append_new(list, o);
}

static void add_networks(json_t *list, const struct router_iface *i)
{
	struct ip4_prefix net = {ip4_network(&i->params.address), i->params.address.len};
	char text[IP4_PREFIX_TEXT], text6[IPADDR_TEXT_MAX];

	if (i->params.has_address)
		add_route(list, ip4_prefix_format(&net, text), i, NULL, NULL);
	if (i->params.has_address6)
		add_route(list, ipaddr_prefix_format(&i->params.address6, text6), i, NULL, NULL);
}

static void add_defaults(json_t *list, const struct router_iface *from,
			 const struct router_iface *up)
{
	rte_be32_t gateway = rte_cpu_to_be_32(up->params.gateway);
	struct ipaddr next = ipaddr_from_ip4(&gateway);

	if (up->params.gateway)
		add_route(list, "0.0.0.0/0", up, from->name, address_json(&next));
	if (up->params.has_gateway6 && from->params.forward == ROUTER_ROUTE)
		add_route(list, "::/0", up, from->name, address_json(&up->params.gateway6));
}

void cmd_route_show(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	const struct router *r = d->gateways ? d->gateways->router : NULL;
	json_t *list = json_array();

	for (unsigned n = 1; r && n < r->n; n++)
		if (r->ifaces[n])
			add_networks(list, r->ifaces[n]);
	for (unsigned n = 1; r && n < r->n; n++) {
		const struct router_iface *i = r->ifaces[n];

		if (i && i->params.uplink && r->ifaces[i->params.uplink] &&
		    i->params.forward != ROUTER_NONE)
			add_defaults(list, i, r->ifaces[i->params.uplink]);
	}
	call_reply(call, list);
}
