/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/dhcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/ipaddr.h"
#include "common/log.h"
#include "daemon/dhcp_server.h"
#include "dhcp/resolv.h"
#include "uplink/tap_port.h"

struct dhcp_server *dhcp_lookup(struct weftd *d, const char *bridge)
{
	struct dhcp_server *s;

	LIST_FOREACH (s, &d->dhcp, link)
		if (strcmp(s->name, bridge) == 0)
			return s;
	return NULL;
}

/* --- its port --------------------------------------------------------------------------------- */

static void port_name(const char *bridge, char name[PORT_NAME_MAX])
{
	snprintf(name, PORT_NAME_MAX, "%s.dhcp", bridge);
}

static void set_link(struct link_setup *link, const struct dhcp_server *s,
		     const struct dhcp_plan *plan)
{
	struct ip4_prefix own = {.addr = plan->bridge->dhcp.address,
				 .len = plan->bridge->address.len};

	link->name = s->interface;
	link->mac = plan->mac;
	link->netns_fd = s->netns.fd;
	link->addresses[link->n_addresses++] = link_address4(&own);
	if (plan->ip6)
		link->addresses[link->n_addresses++] =
			(struct ipaddr_prefix){plan->address6, plan->prefix6.len};
}

/*
 * Only what dnsmasq is: were it taken over, it could still not speak for somebody else. Neighbour
 * discovery is not looked into: advertisements of routers are longer than what guards see.
 */
static struct policy own_policy(const struct link_setup *link)
{
	struct policy p = {
		.trusted = true,
		.guard = {.mac = link->mac,
			  .check_mac = true,
			  .check_ipv4 = true,
			  .check_ipv6 = true,
			  .check_arp = true},
	};

	for (unsigned i = 0; i < link->n_addresses; i++) {
		p.addresses[i] = link->addresses[i];
		p.addresses[i].len = 128;
		p.n_addresses++;
	}
	return p;
}

static int add_port(struct weftd *d, const struct dhcp_server *s, const struct dhcp_plan *plan,
		    struct err *e)
{
	static const struct config_member member = {
		.learning = true,
		.flood = {.unknown_unicast = true, .multicast = true, .broadcast = true},
	};
	char name[PORT_NAME_MAX];
	/* Without csum the kernel completes checksums, and every client can read the replies: some
	 * that read raw frames do not know of partial ones, even where their device takes them. */
	struct tap_port_params params = {.name = name};
	struct vswitch_bridge *on = vswitch_bridge_lookup(d->vswitch, s->name);
	struct policy policy;
	struct tap_port *tap;
	int ret;

	port_name(s->name, name);
	set_link(&params.link, s, plan);
	policy = own_policy(&params.link);
	tap = tap_port_create(d->vswitch->dp, &params, e);
	if (!tap)
		return -errno;
	ret = vswitch_add_port(d->vswitch, s->name, &port_kind_tap, tap_port_port(tap), &member,
			       &policy, e);
	if (ret < 0)
		return ret;
	/* No guest takes the server's frames by sending from its MAC address. */
	fdb_add_static(&on->bridge->fdb, &plan->mac,
		       bridge_port_vlan(on->bridge, tap_port_port(tap)), tap_port_port(tap)->id,
		       bridge_seconds(clock_now_ns()));
	return netns_set_gateway(&s->netns, plan->bridge->address.addr, e);
}

/* Whether the port that is there has the addresses of the plan. */
static bool has_addresses(const struct config_bridge *old, const struct dhcp_plan *plan)
{
	const struct config_bridge *new = plan->bridge;

	return old && old->dhcp.address == new->dhcp.address &&
	       old->address.len == new->address.len &&
	       old->address.addr == new->address.addr &&strcmp(old->address6, new->address6) == 0;
}

/* The port is made anew when its address is another one. */
static int update_port(struct weftd *d, const struct dhcp_server *s, const struct dhcp_plan *plan,
		       struct err *e)
{
	const struct config_bridge *old =
		d->config ? config_bridge_lookup(d->config, s->name) : NULL;
	char name[PORT_NAME_MAX];

	port_name(s->name, name);
	if (vswitch_port_lookup(d->vswitch, name) && has_addresses(old, plan) &&
	    s->ip6 == plan->ip6)
		return 0;
	vswitch_del_port(d->vswitch, name);
	return err_prefix(e, add_port(d, s, plan, e), "bridge %s: dhcp", s->name);
}

static void del_server(struct weftd *d, struct dhcp_server *s, bool keep)
{
	char name[PORT_NAME_MAX];

	port_name(s->name, name);
	LIST_REMOVE(s, link);
	vswitch_del_port(d->vswitch, name);
	dhcp_server_destroy(s, keep);
}

/* --- who may use what it leased --------------------------------------------------------------- */

/* The monotonic time at which a lease ends; guards take "for ever" for what the file says. */
static uint64_t expiry_ns(const struct lease *l)
{
	int64_t left_s = l->expiry_s - (int64_t)time(NULL);

	if (!l->expiry_s)
		return GUARD_FOREVER - 1;
	return left_s > 0 ? clock_now_ns() + (uint64_t)left_s * NS_PER_S : 0;
}

static bool is_lessee(const struct vswitch_port *p, const char *bridge, const struct lease *l)
{
	return p->policy.leases && l->has_mac && strcmp(vswitch_port_bridge(p), bridge) == 0 &&
	       mac_eq(&p->policy.guard.mac, &l->mac);
}

static void bind_lease(struct weftd *d, const char *bridge, const struct lease *l, bool bind)
{
	struct ipaddr_prefix ip = {l->address, 128};
	uint64_t now_ns = clock_now_ns();
	struct vswitch_port *p;

	TAILQ_FOREACH (p, &d->vswitch->ports, link) {
		int ret = 0;

		if (!is_lessee(p, bridge, l))
			continue;
		if (bind)
			ret = guard_bind(d->vswitch->dp, p->port, &ip, &l->mac, expiry_ns(l),
					 now_ns);
		else
			ret = guard_unbind(d->vswitch->dp, p->port, &ip, &l->mac, now_ns);
		if (ret < 0)
			log_warn(LOG_DHCP, "a lease cannot be bound: %s port=%s bridge=%s",
				 strerror(-ret), vswitch_port_name(p), bridge);
	}
}

static void on_lease(struct dhcp_server *s, const struct lease *before, const struct lease *now,
		     void *arg)
{
	const struct lease *l = now ?: before;
	char address[IPADDR_TEXT_MAX], mac[MAC_TEXT_MAX];

	if (!l)
		return;
	if (before && (!now || !before->has_mac || !mac_eq(&before->mac, &now->mac)))
		bind_lease(arg, s->name, before, false);
	if (now)
		bind_lease(arg, s->name, now, true);
	if (!now || !before)
		log_info(LOG_DHCP, "lease %s address=%s mac=%s bridge=%s", now ? "begun" : "ended",
			 lease_address(l, address), l->has_mac ? mac_format(&l->mac, mac) : "?",
			 s->name);
}

void dhcp_bind_leases(struct weftd *d)
{
	struct dhcp_server *s;

	LIST_FOREACH (s, &d->dhcp, link)
		for (unsigned i = 0; i < s->store.n; i++)
			bind_lease(d, s->name, &s->store.leases[i], true);
}

/* --- from the configuration ------------------------------------------------------------------- */

static const char *upstream_of(const struct config_dhcp *c, char list[RESOLV_LIST_MAX])
{
	if (strcmp(c->upstream, "auto") == 0)
		return resolv_host(list);
	return strcmp(c->upstream, "none") == 0 ? "" : c->upstream;
}

static int apply_server(struct weftd *d, const struct config *wanted, const struct config_bridge *b,
			struct err *e)
{
	struct dhcp_server *s = dhcp_lookup(d, b->name);
	char list[RESOLV_LIST_MAX];
	struct dhcp_plan plan;
	int ret;

	if (!s) {
		s = dhcp_server_create(d->loop, d->run_dir, b->name, b->dhcp.lease_file, on_lease,
				       d, e);
		if (!s)
			return -errno;
		LIST_INSERT_HEAD(&d->dhcp, s, link);
	}
	if (dhcp_plan_init(&plan, wanted, b, s->interface) < 0)
		return err_set(e, ENOMEM, "bridge %s: dhcp: out of memory", b->name);
	ret = update_port(d, s, &plan, e);
	ret = ret ?: dhcp_server_apply(s, &plan, upstream_of(&b->dhcp, list), e);
	dhcp_plan_fini(&plan);
	return ret;
}

static bool is_served(const char *name, void *arg)
{
	return dhcp_lookup(arg, name);
}

void dhcp_apply(struct weftd *d, const struct config *wanted,
		void (*failed)(void *arg, const char *bridge, const struct err *e), void *arg)
{
	struct dhcp_server *s, *next;

	for (s = LIST_FIRST(&d->dhcp); s; s = next) {
		const struct config_bridge *b = config_bridge_lookup(wanted, s->name);

		next = LIST_NEXT(s, link);
		if (!b || !config_has_dhcp(b))
			del_server(d, s, false);
	}
	for (unsigned i = 0; i < wanted->n_bridges; i++) {
		const struct config_bridge *b = &wanted->bridges[i];
		struct err e = {0};

		if (config_has_dhcp(b) && apply_server(d, wanted, b, &e) < 0)
			failed(arg, b->name, &e);
	}
	if (!d->config)
		dhcp_server_sweep(d->run_dir, is_served, d);
	dhcp_bind_leases(d);
}

void dhcp_end_all(struct weftd *d, bool keep)
{
	while (!LIST_EMPTY(&d->dhcp))
		del_server(d, LIST_FIRST(&d->dhcp), keep);
}

/* --- for people ------------------------------------------------------------------------------- */

static unsigned release_from(struct weftd *d, struct dhcp_server *s, const struct ipaddr *address,
			     const struct mac *mac)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->store.n;) {
		struct lease *l = &s->store.leases[i];
		struct ipaddr gone = l->address;
		bool hit = address ? memcmp(&gone, address, sizeof(gone)) == 0
				   : l->has_mac && mac_eq(&l->mac, mac);

		if (!hit) {
			i++;
			continue;
		}
		bind_lease(d, s->name, l, false);
		lease_store_del(&s->store, &gone);
		n++;
	}
	if (n) {
		dhcp_server_save(s);
		dhcp_server_restart(s);
	}
	return n;
}

int dhcp_release(struct weftd *d, const char *client)
{
	struct ipaddr_prefix ip;
	bool is_ip = ipaddr_prefix_parse(client, &ip) == 0 && ip.len == 128;
	struct dhcp_server *s;
	struct mac mac;
	int n = 0;

	if (!is_ip && mac_parse(client, &mac) < 0)
		return -EINVAL;
	LIST_FOREACH (s, &d->dhcp, link)
		n += (int)release_from(d, s, is_ip ? &ip.addr : NULL, &mac);
	return n;
}
