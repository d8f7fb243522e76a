/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Uplinks: that each has the addresses its kind needs, and that no two networks of the file share
 * addresses.
 */
#include <errno.h>
#include <string.h>

#include "common/ipaddr.h"
#include "config/check.h"
#include "config/errors.h"
#include "config/nat_value.h"

#define PATH_MAX_TEXT (CONFIG_NAME_MAX + 32)

static char *path_of(const struct config_uplink *u, const char *key, char path[PATH_MAX_TEXT])
{
	snprintf(path, PATH_MAX_TEXT, "uplinks.%s%s%s", u->name, key[0] ? "." : "", key);
	return path;
}

static bool is_host_address(const struct ip4_prefix *p)
{
	uint32_t net = p->addr >> 24;

	if (net == 0 || net == 127 || net >= 224)
		return false;
	return p->len == 31 ||
	       (p->addr != ip4_network(p) && p->addr != (p->addr | ~ip4_mask(p->len)));
}

static void check_overlaps(struct check *k, const struct config_uplink *u)
{
	const struct config *c = k->c;
	char own[IP4_PREFIX_TEXT], other[IP4_PREFIX_TEXT], line[ERRORS_LINE_MAX],
		path[PATH_MAX_TEXT];

	for (unsigned i = 0; i < c->n_bridges; i++) {
		const struct config_bridge *b = &c->bridges[i];

		if (b->has_address && ip4_prefix_overlap(&b->address, &u->address))
			errors_help(errors_add(k->errs, u->address_pos,
					       "%s: %s overlaps with %s of bridge %s%s",
					       path_of(u, "address", path),
					       ip4_prefix_format(&u->address, own),
					       ip4_prefix_format(&b->address, other), b->name,
					       errors_line(b->address_pos, line)),
				    "give each bridge and uplink a subnet of its own");
	}
	for (const struct config_uplink *o = c->uplinks; o < u; o++)
		if (o->has_address && ip4_prefix_overlap(&o->address, &u->address))
			errors_help(errors_add(k->errs, u->address_pos,
					       "%s: %s overlaps with %s of uplink %s%s",
					       path_of(u, "address", path),
					       ip4_prefix_format(&u->address, own),
					       ip4_prefix_format(&o->address, other), o->name,
					       errors_line(o->address_pos, line)),
				    "give each bridge and uplink a subnet of its own");
}

static void check_gateway(struct check *k, const struct config_uplink *u)
{
	char own[IP4_PREFIX_TEXT], path[PATH_MAX_TEXT];
	uint32_t gateway;

	if (!u->gateway[0] || !u->has_address)
		return;
	gateway = nat_value_ip4(u->gateway);
	if (gateway == u->address.addr)
		errors_help(errors_add(k->errs, u->gateway_pos,
				       "%s: %s is the uplink's own address",
				       path_of(u, "gateway", path), u->gateway),
			    "name the router behind the uplink");
	else if (!ip4_prefix_contains(&u->address, gateway))
		errors_help(errors_add(k->errs, u->gateway_pos, "%s: %s is outside %s",
				       path_of(u, "gateway", path), u->gateway,
				       ip4_prefix_format(&u->address, own)),
			    "the next hop has to be in the uplink's own subnet");
}

static void check_gateway6(struct check *k, const struct config_uplink *u)
{
	struct ipaddr_prefix own, gateway;
	char path[PATH_MAX_TEXT];
	bool link_local;

	if (!u->gateway6[0] || ipaddr_prefix_parse(u->gateway6, &gateway) < 0)
		return;
	link_local = gateway.addr.b[0] == 0xfe && (gateway.addr.b[1] & 0xc0) == 0x80;
	if (!u->address6[0])
		errors_help(errors_add(k->errs, u->gateway6_pos, "%s: the uplink has no address6",
				       path_of(u, "gateway6", path)),
			    "add one, such as address6: 2001:db8::2/64");
	else if (ipaddr_prefix_parse(u->address6, &own) == 0 && !link_local &&
		 !ipaddr_prefix_contains(&own, &gateway.addr))
		errors_help(errors_add(k->errs, u->gateway6_pos, "%s: %s is outside %s",
				       path_of(u, "gateway6", path), u->gateway6, u->address6),
			    "the next hop has to be in the uplink's own prefix, or link-local");
}

/* No external address is used twice, nor lies in a bridge's subnet. */
static void check_externals(struct check *k, const struct config_uplink *u)
{
	const struct config *c = k->c;
	uint32_t list[CONFIG_EXTERNAL_MAX];
	unsigned n = nat_value_externals(u, list);
	char text[IP4_TEXT_MAX], path[PATH_MAX_TEXT];

	for (unsigned i = u->has_address; i < n; i++) {
		ip4_format(list[i], text);
		for (unsigned j = 0; j < i; j++)
			if (list[j] == list[i])
				errors_help(errors_add(k->errs, u->addresses_pos,
						       "%s: %s is there twice",
						       path_of(u, "addresses", path), text),
					    "name each address once; the uplink's own is one of "
					    "them already");
		for (unsigned j = 0; j < c->n_bridges; j++)
			if (c->bridges[j].has_address &&
			    ip4_prefix_contains(&c->bridges[j].address, list[i]))
				errors_help(errors_add(k->errs, u->addresses_pos,
						       "%s: %s is in the subnet of bridge %s",
						       path_of(u, "addresses", path), text,
						       c->bridges[j].name),
					    "external addresses are outside of all bridges");
		for (const struct config_uplink *o = c->uplinks; o < u; o++) {
			uint32_t others[CONFIG_EXTERNAL_MAX];
			unsigned n_others = nat_value_externals(o, others);

			for (unsigned j = 0; j < n_others; j++)
				if (others[j] == list[i])
					errors_help(errors_add(k->errs, u->addresses_pos,
							       "%s: %s belongs to uplink %s",
							       path_of(u, "addresses", path), text,
							       o->name),
						    "give each uplink addresses of its own");
		}
	}
}

static void check_neighbours(struct check *k, const struct config_uplink *u)
{
	struct ipaddr_prefix p;

	for (unsigned i = 0; i < u->n_neighbours; i++) {
		const struct config_neighbour *n = &u->neighbours[i];

		if (!n->address[0] || ipaddr_prefix_parse(n->address, &p) < 0 ||
		    !ipaddr_is_ip4(&p.addr) || !u->has_address ||
		    ip4_prefix_contains(&u->address, nat_value_ip4(n->address)))
			continue;
		errors_help(errors_add(k->errs, n->pos,
				       "uplinks.%s.neighbours[%u].address: %s is not in the "
				       "uplink's subnet",
				       u->name, i, n->address),
			    "only who is on the link itself is a neighbour");
	}
}

/* The host's side of a `host` uplink chooses the addresses. */
static void check_host_kind(struct check *k, const struct config_uplink *u)
{
	char path[PATH_MAX_TEXT];

	if (u->has_address || u->gateway[0] || u->addresses[0])
		errors_help(errors_add(k->errs, u->pos,
				       "%s: a host uplink takes its addresses from host.range",
				       path_of(u, "", path)),
			    "remove address, addresses and gateway");
}

static void check_uplink(struct check *k, const struct config_uplink *u)
{
	const struct check_claim *port = symtab_lookup(&k->ports, u->name);
	char path[PATH_MAX_TEXT], text[IP4_PREFIX_TEXT];

	if (port)
		errors_help(errors_add(k->errs, u->pos, "%s: the name belongs to %s",
				       path_of(u, "", path), port->path),
			    "give the uplink another name");
	if (strcmp(u->name, "host") == 0 && u->kind != UPLINK_HOST)
		errors_help(errors_add(k->errs, u->pos, "%s: the name is that of the host uplink",
				       path_of(u, "", path)),
			    "give the uplink another name");
	if (u->kind == UPLINK_HOST) {
		check_host_kind(k, u);
		return;
	}
	if (!u->has_address && !u->address6[0]) {
		errors_help(errors_add(k->errs, u->pos, "%s: the uplink has no address",
				       path_of(u, "", path)),
			    "add one, such as address: 192.0.2.2/24");
		return;
	}
	if (u->has_address && !is_host_address(&u->address))
		errors_help(errors_add(k->errs, u->address_pos,
				       "%s: %s is not an address for a host",
				       path_of(u, "address", path),
				       ip4_prefix_format(&u->address, text)),
			    "use an address of a host, such as 192.0.2.2/24");
	if (u->has_address)
		check_overlaps(k, u);
	check_gateway(k, u);
	check_gateway6(k, u);
	check_externals(k, u);
	check_neighbours(k, u);
	if (u->kind == UPLINK_VHOST_USER)
		check_claim(k, &k->sockets, u->vhost.path,
			    arena_printf(k->scratch, "uplinks.%s.vhost-user.path", u->name),
			    u->vhost.path_pos, "give each socket a path of its own");
}

void check_uplinks(struct check *k)
{
	for (unsigned i = 0; i < k->c->n_uplinks; i++)
		check_uplink(k, &k->c->uplinks[i]);
}
