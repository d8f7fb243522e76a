/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/router.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include "bridge/bridge.h"
#include "nat/filter6.h"
#include "nat/gateway.h"
#include "nat/way.h"

static_assert(SESSION6_BRIDGES == ROUTER_IFACES_MAX, "bridges are known by their interfaces");

static struct filter6 *create_filter(struct nat *nat)
{
	struct nat_counters c;
	uint64_t secret[4];

	nat_counters_get(nat, &c);
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return NULL;
	return filter6_create((uint32_t)c.sessions_max, secret);
}

static bool create_ways(struct router *r)
{
	for (unsigned w = 0; w < r->dp->n_workers; w++) {
		r->ways[w] = ways_create();
		if (!r->ways[w])
			return false;
	}
	return true;
}

static void free_parts(struct router *r)
{
	for (unsigned w = 0; w < WORKERS_MAX; w++)
		free(r->ways[w]);
	filter6_destroy(r->filter6);
	free(r);
}

struct router *router_create(struct dataplane *dp, struct nat *nat)
{
	struct router *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->dp = dp;
	r->nat = nat;
	r->n = 1;
	r->generation = 1;
	r->filter6 = create_filter(nat);
	if (!r->filter6 || !create_ways(r)) {
		free_parts(r);
		return NULL;
	}
	atomic_store(&dp->router, r);
	return r;
}

void router_destroy(struct router *r)
{
	if (!r)
		return;
	atomic_store(&r->dp->router, NULL);
	dataplane_synchronize(r->dp);
	free_parts(r);
}

static unsigned free_number(const struct router *r)
{
	for (unsigned n = 1; n < ROUTER_IFACES_MAX; n++)
		if (!r->ifaces[n])
			return n;
	return 0;
}

static struct router_iface *iface_create(struct router *r, struct gateway *gw, unsigned number,
					 const struct router_iface_params *params)
{
	struct router_iface *i = aligned_alloc(64, (sizeof(*i) + 63) & ~(size_t)63);

	if (!i)
		return NULL;
	*i = (struct router_iface){
		.router = r,
		.gateway = gw,
		.neighs = gw->neighs,
		.number = (uint16_t)number,
		.port_id = params->port ? params->port->id : 0,
		.gateway_id = gw->port.id,
		.params = *params,
		.address = params->has_address ? rte_cpu_to_be_32(params->address.addr) : 0,
		.link_local = ipaddr_link_local(&params->mac),
	};
	snprintf(i->name, sizeof(i->name), "%s", params->name);
	i->params.name = i->name;
	return i;
}

/* The gateway port becomes a member, and the station behind it known. */
static int join_bridge(struct router_iface *i, struct err *e)
{
	struct bridge *br = i->params.bridge;
	struct bridge_port_params as = bridge_port_defaults();

	if (i->params.vlan) {
		as.pvid = i->params.vlan;
		memset(&as.vlans, 0, sizeof(as.vlans));
		vlan_set_add(&as.vlans, as.pvid);
	}
	atomic_store(&br->gateway_vlan, as.pvid);
	if (bridge_add_port_as(br, &i->gateway->port, &as) < 0)
		return err_set(e, ENOMEM, "gateway of %s: out of memory", i->name);
	if (router_iface_station(i) < 0)
		return err_set(e, ENOSPC,
			       "gateway of %s: the FDB has no room for its MAC address; flush it",
			       i->name);
	return 0;
}

int router_iface_station(struct router_iface *i)
{
	struct bridge *br = i->params.bridge;

	return fdb_add_static(&br->fdb, &i->params.mac, bridge_port_vlan(br, &i->gateway->port),
			      i->gateway->port.id, 0);
}

/* Ways are asked for again. After what they were made of has changed; 0 is none. */
static void new_generation(struct router *r)
{
	if (atomic_fetch_add(&r->generation, 1) == UINT32_MAX)
		atomic_fetch_add(&r->generation, 1);
}

/* From here on workers find the interface. */
static void publish(struct router *r, struct router_iface *i)
{
	atomic_store(&i->gateway->iface, i);
	atomic_store(&r->ifaces[i->number], i);
	if (i->number >= r->n)
		r->n = i->number + 1u;
	if (i->params.bridge) {
		atomic_store(&i->params.bridge->gateway, i);
	} else {
		atomic_store(&i->gateway->port.router, i);
		atomic_store(&i->params.port->router, i);
	}
	new_generation(r);
}

int router_iface_add(struct router *r, const struct router_iface_params *params, struct err *e)
{
	unsigned number = free_number(r);
	char name[ROUTER_NAME_MAX];
	struct router_iface *i;
	struct gateway *gw;
	int ret = -ENOMEM;

	if (!number)
		return err_set(e, ENOSPC, "%s: no room for more than %d gateways and uplinks",
			       params->name, ROUTER_IFACES_MAX - 1);
	snprintf(name, sizeof(name), "%.*s.gateway", ROUTER_NAME_MAX - 9, params->name);
	gw = gateway_create(r->dp, name, e);
	if (!gw)
		return -ENOMEM;
	i = iface_create(r, gw, number, params);
	if (!i) {
		err_set(e, ENOMEM, "%s: out of memory", params->name);
		goto err_gateway;
	}
	publish(r, i);
	if (params->bridge)
		ret = join_bridge(i, e);
	else
		ret = 0;
	if (ret < 0) {
		router_iface_del(r, number);
		return ret;
	}
	dataplane_port_set_up(r->dp, &gw->port, true);
	gateway_announce(gw);
	if (gateway_advert(i, &(struct ra_advert){0}))
		gateway_advertise(gw);
	return (int)number;

err_gateway:
	gateway_destroy(r->dp, gw);
	return ret;
}

/* A gateway that moves to another VLAN or MAC address joins its bridge anew. */
static int rejoin(struct router_iface *i, const struct router_iface *old, struct err *e)
{
	struct bridge *br = i->params.bridge;

	if (!br || (i->params.vlan == old->params.vlan && mac_eq(&i->params.mac, &old->params.mac)))
		return 0;
	bridge_del_port(br, &i->gateway->port);
	return join_bridge(i, e);
}

/* Whether hosts have to hear something else of the interface as a router. */
static bool is_advertised_anew(const struct router_iface *old, const struct router_iface *next)
{
	struct ra_advert before = {0}, now = {0};
	bool did = gateway_advert(old, &before), does = gateway_advert(next, &now);

	return did != does || (does && memcmp(&before, &now, sizeof(now)) != 0);
}

int router_iface_update(struct router *r, unsigned number, const struct router_iface_params *params,
			struct err *e)
{
	struct router_iface *old = r->ifaces[number], *next;
	int ret;

	next = iface_create(r, old->gateway, number, params);
	if (!next)
		return err_set(e, ENOMEM, "%s: out of memory", params->name);
	publish(r, next);
	dataplane_synchronize(r->dp);
	ret = rejoin(next, old, e);
	/* Ways that led by what is gone now are asked for again. */
	for (unsigned n = 1; n < r->n; n++)
		if (r->ifaces[n])
			gateway_renew(r->ifaces[n]->gateway);
	if (old->address != next->address || !mac_eq(&old->params.mac, &next->params.mac))
		gateway_announce(next->gateway);
	if (is_advertised_anew(old, next))
		gateway_advertise(next->gateway);
	free(old);
	return ret;
}

void router_iface_del(struct router *r, unsigned number)
{
	struct router_iface *i = r->ifaces[number];

	if (!i)
		return;
	if (i->params.bridge) {
		atomic_store(&i->params.bridge->gateway, NULL);
		bridge_del_port(i->params.bridge, &i->gateway->port);
	} else {
		atomic_store(&i->params.port->router, NULL);
		atomic_store(&i->gateway->port.router, NULL);
	}
	atomic_store(&r->ifaces[number], NULL);
	while (r->n > 1 && !r->ifaces[r->n - 1])
		r->n--;
	new_generation(r);
	dataplane_synchronize(r->dp);
	filter6_forget(r->filter6, (uint16_t)number);
	gateway_destroy(r->dp, i->gateway);
	free(i);
}

struct router_iface *router_iface_lookup(struct router *r, const char *name, bool uplink)
{
	for (unsigned n = 1; n < r->n; n++) {
		struct router_iface *i = r->ifaces[n];

		if (i && (i->port_id != 0) == uplink && strcmp(i->name, name) == 0)
			return i;
	}
	return NULL;
}

void router_counters_get(const struct router_iface *i, struct router_counters *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned w = 0; w < WORKERS_MAX; w++) {
		const struct router_counters *c = &i->gateway->local[w].counters;

		sum->routed += c->routed;
		sum->slow += c->slow;
		sum->icmp_errors += c->icmp_errors;
		sum->icmp_limited += c->icmp_limited;
		sum->echo_replies += c->echo_replies;
		sum->fragmented += c->fragmented;
	}
}

/* Where groups go only to whom they interest, the gateway wants those of neighbour discovery. */
static void listen_to_groups(const struct router_iface *i, uint64_t now_ns)
{
	struct bridge *br = i->params.bridge;
	struct snoop *snoop = br ? atomic_load(&br->snoop) : NULL;

	if (snoop)
		snoop_router(snoop, true, bridge_port_vlan(br, &i->gateway->port), i->gateway_id,
			     bridge_seconds(now_ns));
}

void router_tick(struct router *r, uint64_t now_ns)
{
	for (unsigned n = 1; n < r->n; n++) {
		if (!r->ifaces[n])
			continue;
		gateway_tick(r->ifaces[n]->gateway, now_ns);
		listen_to_groups(r->ifaces[n], now_ns);
	}
	session6_tick(filter6_sessions(r->filter6), (uint32_t)(now_ns / NS_PER_S));
}
