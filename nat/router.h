/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_ROUTER_H
#define NAT_ROUTER_H

/*
 * The router of a weftd: interfaces, and the ways between them.
 *
 * An interface is the gateway of a bridge or an uplink. Each has a port of its own (nat/gateway.h)
 * for what the router itself says and is told: on a bridge that port is a member and has the
 * interface's MAC address as a static entry of the FDB; of an uplink it is behind the uplink's
 * port. Packets that are only passed on never go through it: the stage (nat/router_input.h) takes
 * them in the burst in which they came and sends them to the port where they leave.
 *
 * Who reaches whom (route_lookup): a bridge reaches its own gateway always; with `forward: route`
 * all bridges that are routed too, and its uplink; with `nat` its uplink, translated. An uplink
 * reaches its own external addresses, and the routed bridges that have it as their uplink. Two
 * uplinks never reach each other through weft.
 *
 * All functions here belong to the control thread. What the stage reads is immutable and replaced
 * as a whole, through RCU: an interface that changes is another struct router_iface of the same
 * number, with the same gateway and neighbours.
 */

#include <rte_byteorder.h>

#include "common/err.h"
#include "common/ip.h"
#include "common/ipaddr.h"
#include "dataplane/dataplane.h"
#include "nat/icmp_make.h"
#include "nat/nat_control.h"
#include "nat/npt6.h"

#define ROUTER_IFACES_MAX 256 /* number 0 is none */
#define ROUTER_NAME_MAX	  PORT_NAME_MAX

struct bridge;
struct filter6;
struct filter6_view;
struct gateway;
struct neigh_table;
struct router;
struct way;

enum router_forward { ROUTER_NONE, ROUTER_ROUTE, ROUTER_NAT };

struct router_iface_params {
	const char *name; /* of the bridge or uplink */
	struct mac mac;
	unsigned mtu;
	bool has_address, has_address6;
	struct ip4_prefix address;
	struct ipaddr_prefix address6;

	/* A bridge: */
	struct bridge *bridge;
	uint16_t vlan; /* of the gateway, on a bridge that filters VLANs */
	enum router_forward forward;
	unsigned uplink;	   /* number of the interface its other packets leave by; 0: none */
	struct nat_inside *inside; /* of IPv4: behaviour and filter; NULL: none */
	const struct filter6_view *filter6; /* for IPv6; NULL: none. Stays the caller's */
	bool has_npt6;
	struct npt6 npt6;    /* with ROUTER_NAT: the bridge's IPv6 prefix as the uplink knows it */
	bool advertises;     /* itself as a router, where it routes IPv6 */
	bool advert_managed; /* addresses are had by DHCPv6, none are made of the prefix */
	uint32_t advert_valid_s; /* of the prefix; 0: the default of RFC 4861 */
	uint8_t advert_flags;	 /* RA_* */

	/* An uplink: */
	struct port *port;
	uint32_t gateway; /* host order; 0: none */
	bool has_gateway6;
	struct ipaddr gateway6;
	struct nat_outside *outside; /* NULL: nobody is translated to it */
};

/* As published; immutable but for what the pointers lead to. */
struct router_iface {
	struct router *router;
	struct gateway *gateway;
	struct neigh_table *neighs; /* the gateway's */
	uint16_t number;
	uint16_t port_id; /* an uplink's port; 0: a bridge */
	uint16_t gateway_id;
	struct router_iface_params params;
	char name[ROUTER_NAME_MAX];
	rte_be32_t address; /* 0: none */
	struct ipaddr link_local;
};

/* What a worker counts, by interface; w: that worker, r: anyone. */
struct router_counters {
	uint64_t routed;       /* packets passed on from this interface */
	uint64_t slow;	       /* of them: without a session that knew the way */
	uint64_t icmp_errors;  /* sent to this interface's side */
	uint64_t icmp_limited; /* not sent: too many */
	uint64_t echo_replies;
	uint64_t fragmented;
} __attribute__((aligned(64)));

struct router {
	struct dataplane *dp;
	struct nat *nat;
	struct filter6 *filter6;
	struct router_iface *_Atomic ifaces[ROUTER_IFACES_MAX]; /* w: control; r: workers, rcu */
	unsigned n;						/* numbers in use end below it */
	/* Of the interfaces together: what ways are remembered for. w: control; r: workers */
	_Atomic uint32_t generation;
	struct way *ways[WORKERS_MAX]; /* w, r: that worker */
};

/*
 * `nat` stays the caller's; as many sessions as it may have there may be of IPv6, for filters.
 * NULL and errno.
 * Destroy when all interfaces are gone; takes NULL.
 */
struct router *router_create(struct dataplane *dp, struct nat *nat);
void router_destroy(struct router *r);

/*
 * Adds an interface: its gateway port is reachable and joined to the bridge, and packets are routed
 * from now on. Returns its number, or -errno with the reason. `params` is copied.
 */
int router_iface_add(struct router *r, const struct router_iface_params *params, struct err *e);

/*
 * Makes it so for an interface that carries traffic; bridge and port stay those it has. Neighbours
 * stay; sessions ask for their way again. Returns 0 or -errno.
 */
int router_iface_update(struct router *r, unsigned number, const struct router_iface_params *params,
			struct err *e);

/*
 * Removal in three steps: workers find the interface neither by its bridge or port nor by its
 * number; every worker passes a quiescent state; it is freed. Its bridge and port stay.
 */
void router_iface_del(struct router *r, unsigned number);

/* In whose name the router speaks to the interface's link. */
static inline struct icmp_source router_icmp_source(const struct router_iface *r)
{
	return (struct icmp_source){
		.mac = r->params.mac,
		.ip4 = r->address,
		.ip6 = r->params.has_address6 ? r->params.address6.addr : r->link_local,
	};
}

/*
 * Puts the MAC address of a bridge's gateway into its FDB again, after that forgot all entries
 * (VLAN filtering was turned on or off). Returns 0 or -ENOSPC.
 */
int router_iface_station(struct router_iface *i);

/* The gateway of the bridge, or the uplink, of that name; NULL when there is none. */
struct router_iface *router_iface_lookup(struct router *r, const char *name, bool uplink);

void router_counters_get(const struct router_iface *i, struct router_counters *sum);

/* Once a second: neighbours age and are asked again. */
void router_tick(struct router *r, uint64_t now_ns);

#endif
