/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct policy from_config(const struct config_policy *c, const struct mac *mac)
{
	const struct config_spoof *s = &c->spoof;
	const struct config_rate *r = &c->rate;
	struct policy p = {
		.trusted = c->trusted,
		.in = {r->in_bps, r->in_pps, r->burst_bytes},
		.out = {r->out_bps, r->out_pps, r->burst_bytes},
	};
	int n;

	if (!s->enable)
		return p;
	p.leases = s->leases;
	p.guard = (struct guard_policy){
		.mac = mac_is_zero(&s->mac) ? *mac : s->mac,
		.check_mac = true,
		.check_ipv4 = s->ipv4,
		.check_ipv6 = s->ipv6,
		.check_arp = s->arp,
		.check_nd = s->nd,
	};
	n = ipaddr_list_parse(s->addresses, p.addresses, CONFIG_ADDRESSES_MAX);
	p.n_addresses = n < 0 ? 0 : (unsigned)n;
	return p;
}

struct policy policy_from_port(const struct config_port *c)
{
	return from_config(&c->policy, &c->policy.spoof.mac);
}

struct policy policy_from_nic(const struct config_nic *c)
{
	struct policy p = from_config(&c->policy, &c->mac);
	__be32 addr = htonl(c->address.addr);

	if (c->has_address && !p.leases)
		p.addresses[p.n_addresses++] = (struct ipaddr_prefix){ipaddr_from_ip4(&addr), 128};
	return p;
}

/* NULL without memory, and when the port needs none: then `needed` is false. */
static struct guard *create_guard(const struct policy *p, const struct policy_bridge *b,
				  const struct port *port, bool *needed)
{
	struct guard_policy policy = p->guard;
	struct guard *g;

	policy.no_dhcp = b->dhcp_guard && !p->trusted;
	policy.no_router = b->ra_guard && !p->trusted;
	*needed = policy.check_mac || policy.no_dhcp || policy.no_router;
	g = *needed ? guard_create(port, &policy) : NULL;
	for (unsigned i = 0; g && i < p->n_addresses; i++)
		guard_add(g, &p->addresses[i], &policy.mac, GUARD_FOREVER);
	return g;
}

static bool has_rate(const struct policy *p)
{
	return p->in.bits_ps || p->in.packets_ps || p->out.bits_ps || p->out.packets_ps;
}

int policy_apply(const struct policy *p, const struct policy_bridge *b, struct dataplane *dp,
		 struct port *port, struct err *e)
{
	bool needs_guard;
	struct guard *g = create_guard(p, b, port, &needs_guard);
	struct shaper *s = has_rate(p) ? shaper_create(&p->in, &p->out) : NULL;

	if ((needs_guard && !g) || (has_rate(p) && !s)) {
		free(g);
		free(s);
		return err_set(e, ENOMEM,
			       "port %s: out of memory for its policy; free some and "
			       "apply again",
			       port->name);
	}
	guard_publish(dp, port, g);
	shaper_publish(dp, port, s);
	return 0;
}

void policy_remove(struct dataplane *dp, struct port *port)
{
	guard_publish(dp, port, NULL);
	shaper_publish(dp, port, NULL);
}

static json_t *bindings_json(const struct guard *g)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < g->n; i++) {
		char ip[IPADDR_TEXT_MAX], mac[MAC_TEXT_MAX];

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:b}", "address",
						ipaddr_prefix_format(&g->bindings[i].ip, ip), "mac",
						mac_format(&g->bindings[i].mac, mac), "static",
						g->bindings[i].expiry_ns == GUARD_FOREVER));
	}
	return list;
}

static void append_guard(json_t *o, const struct guard *g)
{
	const struct guard_policy *p = &g->policy;
	char mac[MAC_TEXT_MAX];

	if (p->check_mac)
		json_object_set_new(o, "anti_spoof",
				    json_pack("{s:s, s:b, s:b, s:b, s:b, s:o}", "mac",
					      mac_format(&p->mac, mac), "ipv4", p->check_ipv4,
					      "ipv6", p->check_ipv6, "arp", p->check_arp, "nd",
					      p->check_nd, "bindings", bindings_json(g)));
	if (p->no_dhcp)
		json_object_set_new(o, "dhcp_guard", json_true());
	if (p->no_router)
		json_object_set_new(o, "ra_guard", json_true());
}

static void append_rate(json_t *o, const char *bps, const char *pps, const struct shaper_rate *r)
{
	if (r->bits_ps)
		json_object_set_new(o, bps, json_integer((json_int_t)r->bits_ps));
	if (r->packets_ps)
		json_object_set_new(o, pps, json_integer((json_int_t)r->packets_ps));
}

json_t *policy_json(const struct policy *p, const struct port *port)
{
	const struct guard *g = atomic_load(&port->guard);
	json_t *o = json_object();

	if (g)
		append_guard(o, g);
	if (p->trusted)
		json_object_set_new(o, "trusted", json_true());
	append_rate(o, "rate_in_bps", "rate_in_pps", &p->in);
	append_rate(o, "rate_out_bps", "rate_out_pps", &p->out);
	if (json_object_size(o) > 0)
		return o;
	json_decref(o);
	return NULL;
}
