/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/uplink.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "config/nat_value.h"
#include "daemon/gateways.h"
#include "nat/gateway.h"

const struct uplink_ops *const uplink_ops_of[UPLINK_KIND_N] = {
	[UPLINK_HOST] = &uplink_host,
	[UPLINK_NIC] = &uplink_nic,
	[UPLINK_VHOST_USER] = &uplink_vhost,
};

/* What the configuration says; the kind may know better. */
static struct uplink_link link_of(const struct config_uplink *c)
{
	struct uplink_link link = {
		.mtu = c->mtu,
		.has_address = c->has_address,
		.address = c->address,
		.gateway = nat_value_ip4(c->gateway),
	};
	struct ipaddr_prefix gateway6 = {0};
	char name[CONFIG_NAME_MAX + 16];

	/* No name has a blank: it is no guest's address. */
	snprintf(name, sizeof(name), "uplink %s", c->name);
	link.mac = mac_derive(name, 0);
	link.n_externals = nat_value_externals(c, link.externals);
	link.has_address6 = c->address6[0] && ipaddr_prefix_parse(c->address6, &link.address6) == 0;
	link.has_gateway6 = c->gateway6[0] && ipaddr_prefix_parse(c->gateway6, &gateway6) == 0;
	link.gateway6 = gateway6.addr;
	return link;
}

static struct router_iface_params iface_params(const struct gateways_uplink *u)
{
	const struct uplink_link *l = &u->link;

	return (struct router_iface_params){
		.name = u->name,
		.mac = l->mac,
		.mtu = l->mtu,
		.has_address = l->has_address,
		.address = l->address,
		.has_address6 = l->has_address6,
		.address6 = l->address6,
		.port = u->port,
		.gateway = l->gateway,
		.has_gateway6 = l->has_gateway6,
		.gateway6 = l->gateway6,
		.outside = u->outside,
	};
}

static struct nat_outside_params outside_params(const struct uplink_link *l)
{
	return (struct nat_outside_params){
		.addresses = l->externals,
		.n_addresses = l->n_externals,
		.mtu = (uint16_t)MIN_OF(l->mtu, 65535u),
	};
}

static void set_neighbours(struct gateways *g, const struct gateways_uplink *u,
			   const struct config_uplink *c)
{
	struct gateway *gw = g->router->ifaces[u->number]->gateway;
	struct ipaddr_prefix p;

	gateway_clear_statics(gw);
	for (unsigned i = 0; i < c->n_neighbours; i++)
		if (ipaddr_prefix_parse(c->neighbours[i].address, &p) == 0)
			gateway_set_static(gw, &p.addr, &c->neighbours[i].mac);
}

static int create_port(struct weftd *d, struct gateways_uplink *u, const struct config_uplink *c,
		       struct err *e)
{
	static const struct policy any;
	const struct port_kind *kind = NULL;

	u->port = u->ops->create(d, c, &u->link, &kind, e);
	if (!u->port)
		return errno ? -errno : -EIO;
	return vswitch_add_port(d->vswitch, NULL, kind, u->port, NULL, &any, e);
}

/* Translation to the uplink's addresses, and its place in the router. */
static int join_router(struct gateways *g, struct gateways_uplink *u, const struct config_uplink *c,
		       struct err *e)
{
	struct nat_outside_params outside = outside_params(&u->link);
	struct router_iface_params params;
	int number;

	if (outside.n_addresses) {
		u->outside = nat_outside_create(g->nat, &outside, e);
		if (!u->outside)
			return -ENOMEM;
	}
	params = iface_params(u);
	number = router_iface_add(g->router, &params, e);
	if (number < 0)
		goto err_outside;
	u->number = (unsigned)number;
	vswitch_note_port(g->d->vswitch, NULL, &port_kind_gateway,
			  &g->router->ifaces[number]->gateway->port);
	set_neighbours(g, u, c);
	return 0;

err_outside:
	nat_outside_destroy(g->nat, u->outside);
	return number;
}

int uplink_add(struct weftd *d, const struct config_uplink *c, struct err *e)
{
	struct gateways *g = gateways_get(d, e);
	struct gateways_uplink *u;
	int ret;

	if (!g)
		return -ENOMEM;
	if (!uplink_ops_of[c->kind])
		return err_set(e, ENOSYS,
			       "uplink %s: this build of weftd has no uplinks of its kind",
			       c->name);
	u = calloc(1, sizeof(*u));
	if (!u)
		return err_set(e, ENOMEM, "uplink %s: out of memory", c->name);
	snprintf(u->name, sizeof(u->name), "%s", c->name);
	u->ops = uplink_ops_of[c->kind];
	u->link = link_of(c);
	ret = create_port(d, u, c, e);
	if (ret < 0)
		goto err_free;
	ret = join_router(g, u, c, e);
	if (ret < 0)
		goto err_port;
	TAILQ_INSERT_TAIL(&g->uplinks, u, next);
	log_info(LOG_BRIDGE, "uplink added name=%s kind=%s", c->name, u->port->ops->kind);
	return 0;

err_port:
	vswitch_del_port(d->vswitch, u->name);
err_free:
	free(u);
	return ret;
}

void uplink_del(struct weftd *d, const char *name)
{
	struct gateways *g = d->gateways;
	struct gateways_uplink *u = g ? gateways_uplink_lookup(g, name) : NULL;

	if (!u)
		return;
	gateways_leave_uplink(g, u->number);
	vswitch_forget_port(d->vswitch, &g->router->ifaces[u->number]->gateway->port);
	router_iface_del(g->router, u->number);
	nat_outside_destroy(g->nat, u->outside);
	log_info(LOG_BRIDGE, "uplink removed name=%s", u->name);
	vswitch_del_port(d->vswitch, u->name);
	TAILQ_REMOVE(&g->uplinks, u, next);
	free(u->forwards);
	free(u);
}

/* The addresses change while packets pass: those that stay keep their sessions. */
static int update_outside(struct gateways *g, struct gateways_uplink *u, struct nat_outside **gone,
			  struct err *e)
{
	struct nat_outside_params params = outside_params(&u->link);

	*gone = NULL;
	if (!params.n_addresses) {
		*gone = u->outside;
		u->outside = NULL;
		u->n_forwards = 0;
		return 0;
	}
	if (u->outside)
		return nat_outside_update(g->nat, u->outside, &params, e);
	u->outside = nat_outside_create(g->nat, &params, e);
	return u->outside ? 0 : -ENOMEM;
}

static int update_in_place(struct gateways *g, struct gateways_uplink *u,
			   const struct config_uplink *c, struct err *e)
{
	struct uplink_link old = u->link, link = link_of(c);
	struct router_iface_params params;
	struct nat_outside *gone;
	int ret = u->ops->update ? u->ops->update(g->d, u->port, c, &link, e) : 0;

	if (ret < 0)
		return ret;
	u->link = link;
	ret = update_outside(g, u, &gone, e);
	if (ret < 0) {
		u->link = old;
		return ret;
	}
	params = iface_params(u);
	ret = router_iface_update(g->router, u->number, &params, e);
	nat_outside_destroy(g->nat, gone);
	set_neighbours(g, u, c);
	return ret;
}

int uplink_update(struct weftd *d, const struct config_uplink *old, const struct config_uplink *c,
		  bool anew, struct err *e)
{
	struct gateways *g = gateways_get(d, e);
	struct gateways_uplink *u = g ? gateways_uplink_lookup(g, c->name) : NULL;
	int ret = -EOPNOTSUPP;

	if (!g)
		return -ENOMEM;
	if (u && !anew && old->kind == c->kind)
		ret = update_in_place(g, u, c, e);
	if (ret != -EOPNOTSUPP)
		return ret;
	uplink_del(d, c->name);
	return uplink_add(d, c, e);
}
