/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/gateways.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "nat/gateway.h"

#include "common/clock.h"
#include "daemon/gateway_rules.h"
#include "daemon/port_kind.h"

#define PREPARE_MS  100	 /* as nat_prepare wants it */
#define TICK_MS	    1000 /* of the router */
#define FAREWELL_MS 20	 /* a worker has to send a packet in */

static void on_tick(struct loop_timer *t, uint64_t now_ms)
{
	struct gateways *g = container_of(t, struct gateways, timer);
	struct gateways_uplink *u;

	nat_prepare(g->nat);
	if (now_ms < g->tick_at_ms)
		return;
	g->tick_at_ms = now_ms + TICK_MS;
	router_tick(g->router, now_ms * NS_PER_MS);
	TAILQ_FOREACH (u, &g->uplinks, next)
		if (u->ops->tick)
			u->ops->tick(u->port);
}

static struct nat *create_nat(struct weftd *d, struct err *e)
{
	struct nat_params params = {
		.n_workers = d->vswitch->dp->n_workers,
		.sessions_max = (d->wanted ?: d->config)->sw.nat_sessions,
		.rcu = d->vswitch->dp->rcu,
	};

	if (getrandom(params.secret, sizeof(params.secret), 0) != sizeof(params.secret)) {
		err_set(e, EIO, "no random numbers");
		return NULL;
	}
	return nat_create(&params, e);
}

struct gateways *gateways_get(struct weftd *d, struct err *e)
{
	struct gateways *g = d->gateways;

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	g->d = d;
	TAILQ_INIT(&g->uplinks);
	TAILQ_INIT(&g->bridges);
	g->nat = create_nat(d, e);
	if (!g->nat)
		goto err_free;
	g->router = router_create(d->vswitch->dp, g->nat);
	if (!g->router) {
		err_set(e, ENOMEM, "out of memory");
		goto err_nat;
	}
	g->timer.expired = on_tick;
	nat_prepare(g->nat);
	loop_timer_start(d->loop, &g->timer, PREPARE_MS, PREPARE_MS);
	d->gateways = g;
	return g;

err_nat:
	nat_destroy(g->nat);
err_free:
	free(g);
	return NULL;
}

void gateways_destroy(struct gateways *g)
{
	struct weftd *d;

	if (!g)
		return;
	d = g->d;
	while (!TAILQ_EMPTY(&g->bridges))
		gateways_del_bridge(d, TAILQ_FIRST(&g->bridges)->name);
	while (!TAILQ_EMPTY(&g->uplinks))
		uplink_del(d, TAILQ_FIRST(&g->uplinks)->name);
	loop_timer_stop(d->loop, &g->timer);
	router_destroy(g->router);
	nat_destroy(g->nat);
	free(g);
	d->gateways = NULL;
}

struct gateways_uplink *gateways_uplink_lookup(struct gateways *g, const char *name)
{
	struct gateways_uplink *u;

	TAILQ_FOREACH (u, &g->uplinks, next)
		if (strcmp(u->name, name) == 0)
			return u;
	return NULL;
}

struct gateways_bridge *gateways_bridge_lookup(struct gateways *g, const char *name)
{
	struct gateways_bridge *b;

	TAILQ_FOREACH (b, &g->bridges, next)
		if (strcmp(b->name, name) == 0)
			return b;
	return NULL;
}

void gateways_leave_uplink(struct gateways *g, unsigned number)
{
	struct gateways_bridge *b;
	struct err e;

	TAILQ_FOREACH (b, &g->bridges, next) {
		if (!b->number || b->params.uplink != number)
			continue;
		b->params.uplink = 0;
		router_iface_update(g->router, b->number, &b->params, &e);
	}
}

/* --- one bridge ---------------------------------------------------------------------------------
 */

/* Sessions are needed for translation, and for a filter. */
static bool wants_inside(const struct config_bridge *c)
{
	enum config_forward mode = config_bridge_forward(c);

	return c->has_address &&
	       (mode == FORWARD_NAT || (mode == FORWARD_ROUTE && gateway_rules_has(c, 4)));
}

static bool wants_filter6(const struct config_bridge *c)
{
	enum config_forward mode = config_bridge_forward(c);

	return c->address6[0] && gateway_rules_has(c, 6) &&
	       (mode == FORWARD_ROUTE || (mode == FORWARD_NAT && c->nat.prefix6[0]));
}

/*
 * Where the bridge's DHCP server serves IPv6 (struct dhcp_plan says when), both say the same of
 * DHCPv6 and of the prefix.
 */
static void set_advert(struct router_iface_params *p, const struct config_bridge *c)
{
	const struct config_dhcp *d = &c->dhcp;

	p->advertises = c->ra && (!config_has_dhcp(c) || d->ra);
	if (!config_has_dhcp(c) || !p->has_address6 || p->address6.len != 64)
		return;
	p->advert_managed = d->range6[0];
	p->advert_flags = d->range6[0] ? RA_MANAGED | RA_OTHER : RA_OTHER;
	p->advert_valid_s =
		d->lease_ns == UINT64_MAX ? UINT32_MAX : (uint32_t)(d->lease_ns / NS_PER_S);
}

static struct router_iface_params bridge_iface(struct gateways *g, const struct gateways_bridge *b,
					       const struct config_bridge *c)
{
	static const enum router_forward modes[FORWARD_N] = {
		[FORWARD_NONE] = ROUTER_NONE,
		[FORWARD_ROUTE] = ROUTER_ROUTE,
		[FORWARD_NAT] = ROUTER_NAT,
	};
	struct gateways_uplink *u = gateways_uplink_lookup(g, config_bridge_uplink(c));
	struct router_iface_params params;
	struct ipaddr_prefix outside;
	char name[CONFIG_NAME_MAX + 16];
	struct err e;

	/* Compared as bytes. */
	memset(&params, 0, sizeof(params));
	params.name = b->name;
	params.mtu = c->mtu;
	params.has_address = c->has_address;
	params.address.addr = c->address.addr;
	params.address.len = c->address.len;
	params.bridge = vswitch_bridge_lookup(g->d->vswitch, c->name)->bridge;
	params.vlan = c->vlan_filtering ? (uint16_t)c->gateway_vlan : 0;
	params.forward = modes[config_bridge_forward(c)];
	params.uplink = u ? u->number : 0;
	params.inside = b->inside;
	params.filter6 = b->filter6;
	/* No name has a blank: it is no guest's address. */
	snprintf(name, sizeof(name), "bridge %s", c->name);
	params.mac = mac_derive(name, 0);
	params.has_address6 =
		c->address6[0] && ipaddr_prefix_parse(c->address6, &params.address6) == 0;
	params.has_npt6 = c->nat.prefix6[0] && params.has_address6 &&
			  ipaddr_prefix_parse(c->nat.prefix6, &outside) == 0 &&
			  npt6_init(&params.npt6, &params.address6, &outside, &e) == 0;
	set_advert(&params, c);
	return params;
}

static int set_iface(struct gateways *g, struct gateways_bridge *b, const struct config_bridge *c,
		     struct err *e)
{
	struct router_iface_params params = bridge_iface(g, b, c);
	int ret;

	if (!b->number) {
		ret = router_iface_add(g->router, &params, e);
		if (ret < 0)
			return ret;
		b->number = (unsigned)ret;
		vswitch_note_port(g->d->vswitch, params.bridge, &port_kind_gateway,
				  &g->router->ifaces[b->number]->gateway->port);
	} else if (memcmp(&params, &b->params, sizeof(params)) != 0) {
		ret = router_iface_update(g->router, b->number, &params, e);
		if (ret < 0)
			return ret;
	}
	b->params = params;
	/* A bridge that begins or stops to filter VLANs has forgotten its stations. */
	router_iface_station(g->router->ifaces[b->number]);
	return 0;
}

/* The interface does without `inside` before that goes. */
static int drop_inside(struct gateways *g, struct gateways_bridge *b, struct err *e)
{
	struct nat_inside *gone = b->inside;
	struct gateways_uplink *u;
	int ret = 0;

	if (!gone)
		return 0;
	b->inside = b->params.inside = NULL;
	if (b->number)
		ret = router_iface_update(g->router, b->number, &b->params, e);
	TAILQ_FOREACH (u, &g->uplinks, next)
		gateway_rules_forget(u, &b->subnet);
	nat_inside_destroy(g->nat, gone);
	return ret;
}

static int set_inside(struct gateways *g, struct gateways_bridge *b, const struct config *all,
		      const struct config_bridge *c, struct err *e)
{
	struct nat_inside_params params;
	struct nat_rule *rules;
	unsigned n_rules;
	int ret = 0;

	if (!wants_inside(c))
		return drop_inside(g, b, e);
	rules = gateway_rules_create(all, c, &n_rules);
	if (!rules)
		return err_set(e, ENOMEM, "bridge %s: out of memory", c->name);
	params = gateway_inside_params(c, rules, n_rules);
	if (b->inside &&
	    (b->subnet.addr != params.subnet.addr || b->subnet.len != params.subnet.len))
		ret = drop_inside(g, b, e);
	if (ret == 0 && b->inside) {
		ret = nat_inside_update(g->nat, b->inside, &params, e);
	} else if (ret == 0) {
		b->inside = nat_inside_create(g->nat, &params, e);
		ret = b->inside ? 0 : -ENOMEM;
		b->subnet = params.subnet;
	}
	free(rules);
	return ret;
}

/* The interface with the filter of the configuration. The one that it does without then goes. */
static int set_iface_filtered(struct gateways *g, struct gateways_bridge *b,
			      const struct config_bridge *c, struct err *e)
{
	struct filter6_view *before = b->filter6, *next = NULL;
	const struct filter6_view *in_force = NULL;
	int ret;

	if (wants_filter6(c)) {
		next = gateway_filter6_create(c);
		if (!next)
			return err_set(e, ENOMEM, "bridge %s: out of memory", c->name);
	}
	if (gateway_filter6_is(next, before)) {
		free(next);
		return set_iface(g, b, c, e);
	}
	b->filter6 = next;
	ret = set_iface(g, b, c, e);
	if (b->number)
		in_force = g->router->ifaces[b->number]->params.filter6;
	if (in_force == before)
		b->filter6 = before;
	b->params.filter6 = b->filter6;
	free(in_force == before ? next : before);
	return ret;
}

static int apply_bridge(struct gateways *g, const struct config *all, const struct config_bridge *c,
			struct err *e)
{
	struct gateways_bridge *b = gateways_bridge_lookup(g, c->name);
	int ret;

	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b)
			return err_set(e, ENOMEM, "bridge %s: out of memory", c->name);
		snprintf(b->name, sizeof(b->name), "%s", c->name);
		TAILQ_INSERT_TAIL(&g->bridges, b, next);
	}
	ret = set_inside(g, b, all, c, e);
	return ret < 0 ? ret : set_iface_filtered(g, b, c, e);
}

/* Its hosts have to look for another router at once, not when the lifetime of this one ends. */
static void say_farewell(struct gateway *gw)
{
	if (!gateway_advertise_end(gw))
		return;
	for (int i = 0; i < 10 * FAREWELL_MS && !gateway_has_spoken(gw); i++)
		usleep(100);
}

void gateways_del_bridge(struct weftd *d, const char *name)
{
	struct gateways *g = d->gateways;
	struct gateways_bridge *b = g ? gateways_bridge_lookup(g, name) : NULL;
	struct err e;

	if (!b)
		return;
	if (b->number) {
		say_farewell(g->router->ifaces[b->number]->gateway);
		vswitch_forget_port(d->vswitch, &g->router->ifaces[b->number]->gateway->port);
		router_iface_del(g->router, b->number);
		b->number = 0;
	}
	drop_inside(g, b, &e);
	free(b->filter6);
	TAILQ_REMOVE(&g->bridges, b, next);
	free(b);
}

/* --- all ----------------------------------------------------------------------------------------
 */

static void drop_stale(struct gateways *g, const struct config *c)
{
	struct gateways_bridge *b, *next;

	for (b = TAILQ_FIRST(&g->bridges); b; b = next) {
		const struct config_bridge *wanted = config_bridge_lookup(c, b->name);

		next = TAILQ_NEXT(b, next);
		if (!wanted || !config_bridge_has_gateway(wanted))
			gateways_del_bridge(g->d, b->name);
	}
}

void gateways_apply(struct weftd *d, const struct config *c,
		    void (*failed)(void *arg, const char *name, const struct err *e), void *arg)
{
	struct gateways *g = d->gateways;
	struct gateways_uplink *u;

	if (g)
		drop_stale(g, c);
	for (unsigned i = 0; i < c->n_bridges; i++) {
		struct err e = {0};

		if (!config_bridge_has_gateway(&c->bridges[i]) ||
		    !vswitch_bridge_lookup(d->vswitch, c->bridges[i].name))
			continue;
		g = gateways_get(d, &e);
		if (!g || apply_bridge(g, c, &c->bridges[i], &e) < 0)
			failed(arg, c->bridges[i].name, &e);
	}
	if (!g)
		return;
	TAILQ_FOREACH (u, &g->uplinks, next) {
		struct err e = {0};

		if (gateway_forwards_apply(g, u, c, &e) < 0)
			failed(arg, u->name, &e);
		if (u->ops->settle && u->ops->settle(d, u->port, c, &e) < 0)
			failed(arg, u->name, &e);
	}
}
