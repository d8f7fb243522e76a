/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/check.h"

#include <string.h>

#include "config/errors.h"

static bool is_network(const struct ip4_prefix *p)
{
	return p->addr == ip4_network(p);
}

static bool is_broadcast(const struct ip4_prefix *p)
{
	return p->addr == (p->addr | ~ip4_mask(p->len));
}

static bool is_unicast(uint32_t addr)
{
	uint32_t net = addr >> 24;

	return net != 0 && net != 127 && net < 224;
}

/* What is wrong with `p` as the address of a host, or NULL. */
static const char *host_problem(const struct ip4_prefix *p)
{
	if (!is_unicast(p->addr))
		return "not an address for a host";
	if (is_network(p))
		return "the address of the network itself";
	if (is_broadcast(p))
		return "the broadcast address of its network";
	return NULL;
}

bool check_host_address(struct check *k, const struct ip4_prefix *p, struct config_pos pos,
			const char *path, const char *help)
{
	const char *problem = host_problem(p);
	char text[IP4_PREFIX_TEXT];

	if (problem)
		errors_help(errors_add(k->errs, pos, "%s: %s is %s", path,
				       ip4_prefix_format(p, text), problem),
			    "%s", help);
	return !problem;
}

static void check_overlap(struct check *k, const struct config_bridge *a,
			  const struct config_bridge *b)
{
	char ta[IP4_PREFIX_TEXT], tb[IP4_PREFIX_TEXT], line[ERRORS_LINE_MAX];

	if (!a->has_address || !ip4_prefix_overlap(&a->address, &b->address))
		return;
	errors_help(errors_add(k->errs, b->address_pos,
			       "bridges.%s.address: %s overlaps with %s of bridge %s%s", b->name,
			       ip4_prefix_format(&b->address, tb),
			       ip4_prefix_format(&a->address, ta), a->name,
			       errors_line(a->address_pos, line)),
		    "give each bridge a subnet of its own");
}

static void check_bridges(struct check *k)
{
	const struct config *c = k->c;
	char path[CONFIG_NAME_MAX + 32];

	for (unsigned i = 0; i < c->n_bridges; i++) {
		const struct config_bridge *b = &c->bridges[i];

		if (!b->has_address)
			continue;
		snprintf(path, sizeof(path), "bridges.%s.address", b->name);
		check_host_address(k, &b->address, b->address_pos, path,
				   "use an address of a host, such as 10.10.0.1/24");
		for (unsigned j = 0; j < i; j++)
			check_overlap(k, &c->bridges[j], b);
	}
}

static void check_subnet(struct check *k, const struct config_bridge *b, const struct ip4_prefix *p,
			 struct config_pos pos, const char *path, const char *help)
{
	char own[IP4_PREFIX_TEXT], net[IP4_PREFIX_TEXT];
	struct config_error *e;

	ip4_prefix_format(p, own);
	ip4_prefix_format(&b->address, net);
	if (!ip4_prefix_contains(&b->address, p->addr))
		e = errors_add(k->errs, pos, "%s: %s is outside %s of bridge %s", path, own, net,
			       b->name);
	else if (p->len != b->address.len)
		e = errors_add(k->errs, pos,
			       "%s: %s has another prefix length than %s of bridge %s", path, own,
			       net, b->name);
	else if (p->addr == b->address.addr)
		e = errors_add(k->errs, pos, "%s: %s is the address of bridge %s itself", path, own,
			       b->name);
	else
		return;
	errors_help(e, "%s", help);
}

void check_member_address(struct check *k, const char *bridge, const struct ip4_prefix *p,
			  struct config_pos pos, const char *path, const char *help)
{
	const struct config_bridge *b = symtab_lookup(&k->bridges, bridge);
	char addr[IP4_TEXT_MAX];

	if (b && b->has_address)
		check_subnet(k, b, p, pos, path, help);
	ip4_format(p->addr, addr);
	check_claim(k, &k->addresses, arena_printf(k->scratch, "%s on %s", addr, bridge), path, pos,
		    "give each NIC an address of its own, or write auto");
}

static void check_nic(struct check *k, const struct config_guest *g, unsigned n)
{
	const struct config_nic *nic = &g->nics[n];
	const char *path = check_nic_path(k, g, n, ".mac");
	char mac[MAC_TEXT_MAX];

	check_claim(k, &k->macs, arena_strdup(k->scratch, mac_format(&nic->mac, mac)), path,
		    nic->mac_pos,
		    "give each NIC a MAC address of its own, or none for a derived one");
	if (!nic->has_address || nic->address_derived)
		return;
	path = check_nic_path(k, g, n, ".address");
	if (!path || !check_host_address(k, &nic->address, nic->address_pos, path,
					 "use another address of that network"))
		return;
	if (nic->kind == NIC_BRIDGE)
		check_member_address(k, nic->bridge, &nic->address, nic->address_pos, path,
				     "write auto for a free address of that subnet");
}

void check_addresses(struct check *k)
{
	const struct config *c = k->c;

	check_bridges(k);
	for (unsigned i = 0; i < c->n_guests; i++)
		for (unsigned n = 0; n < c->guests[i].n_nics; n++)
			check_nic(k, &c->guests[i], n);
}
