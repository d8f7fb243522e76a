/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Derived addresses are hashes of the guest's name and the NIC's number, so that they depend on
 * nothing else: a guest added above or below in the file does not move them. Only when two hashes
 * meet does the order in the file decide: the later NIC goes on to the next free value. Written
 * values are entered first and are never given out.
 */
#include "config/derive.h"

#include <errno.h>
#include <string.h>

#include "common/hash.h"
#include "config/decode.h"
#include "config/errors.h"
#include "config/schema.h"
#include "config/symtab.h"

struct derive {
	struct config *c;
	struct arena *scratch;
	struct config_errors *errs;
	struct symtab bridges; /* name -> struct derive_subnet */
	struct symtab macs;
};

/* The addresses in use on a bridge: a hash table that is never more than half full. */
struct derive_subnet {
	const struct config_bridge *bridge;
	uint32_t *slots; /* 0: free */
	uint32_t mask;
	unsigned n_members;
	bool full;
};

static int trim_run_dir(struct config *c)
{
	const char *dir = c->sw.run_dir;
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	if (!dir[len])
		return 0;
	c->sw.run_dir = arena_strndup(c->arena, dir, len);
	return c->sw.run_dir ? 0 : -ENOMEM;
}

/* The uplink `host` is there as soon as a bridge uses it. */
static int derive_host_uplink(struct config *c)
{
	struct config_uplink *all;
	bool used = false;

	for (unsigned i = 0; i < c->n_bridges; i++)
		used |= strcmp(c->bridges[i].nat.uplink, "host") == 0 ||
			strcmp(c->bridges[i].uplink, "host") == 0;
	if (!used || config_uplink_lookup(c, "host"))
		return 0;
	all = arena_array(c->arena, c->n_uplinks + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	if (c->n_uplinks)
		memcpy(all, c->uplinks, c->n_uplinks * sizeof(*all));
	all[c->n_uplinks] = (struct config_uplink){.name = "host", .builtin = true};
	if (decode_defaults_of(&schema_uplink, &all[c->n_uplinks], c->arena) < 0)
		return -ENOMEM;
	c->uplinks = all;
	c->n_uplinks++;
	return 0;
}

static int derive_paths(struct config *c)
{
	for (unsigned i = 0; i < c->n_uplinks; i++) {
		struct config_uplink *u = &c->uplinks[i];

		if (u->kind != UPLINK_VHOST_USER || u->vhost.path[0])
			continue;
		u->vhost.path = arena_printf(c->arena, "%s/%s.sock", c->sw.run_dir, u->name);
		if (!u->vhost.path)
			return -ENOMEM;
		u->vhost.path_derived = true;
		u->vhost.path_pos = u->pos;
	}
	for (unsigned i = 0; i < c->n_ports; i++) {
		struct config_port *p = &c->ports[i];

		if (p->kind != PORT_VHOST_USER || p->vhost.path[0])
			continue;
		p->vhost.path = arena_printf(c->arena, "%s/%s.sock", c->sw.run_dir, p->name);
		if (!p->vhost.path)
			return -ENOMEM;
		p->vhost.path_derived = true;
		p->vhost.path_pos = p->pos;
	}
	return 0;
}

/* Enters `m`; returns 1 when it is taken already. */
static int mac_enter(struct derive *d, const struct mac *m)
{
	char text[MAC_TEXT_MAX];
	const char *key = arena_strdup(d->scratch, mac_format(m, text));

	if (!key)
		return -ENOMEM;
	return symtab_add(&d->macs, key, key) != NULL;
}

static int derive_mac(struct derive *d, const struct config_guest *g, unsigned n)
{
	struct config_nic *nic = &g->nics[n];
	char name[CONFIG_NAME_MAX + 16];
	int ret;

	nic->mac_derived = true;
	nic->mac_pos = nic->pos;
	nic->mac = mac_derive(g->name, n);
	for (unsigned again = 1; (ret = mac_enter(d, &nic->mac)) > 0; again++) {
		snprintf(name, sizeof(name), "%.*s#%u", CONFIG_NAME_MAX, g->name, again);
		nic->mac = mac_derive(name, n);
	}
	return ret;
}

static int derive_tap_mac(struct derive *d, struct config_port *p)
{
	char name[CONFIG_NAME_MAX + 16];
	int ret;

	p->tap.mac_derived = true;
	p->tap.mac_pos = p->pos;
	for (unsigned again = 0;; again++) {
		snprintf(name, sizeof(name), "%s#tap", p->name);
		p->tap.mac = mac_derive(name, again);
		ret = mac_enter(d, &p->tap.mac);
		if (ret <= 0)
			return ret;
	}
}

static unsigned count_macs(const struct config *c)
{
	unsigned n = c->n_ports;

	for (unsigned i = 0; i < c->n_guests; i++)
		n += c->guests[i].n_nics;
	return n;
}

static int enter_written_macs(struct derive *d)
{
	for (unsigned i = 0; i < d->c->n_guests; i++) {
		const struct config_guest *g = &d->c->guests[i];

		for (unsigned n = 0; n < g->n_nics; n++)
			if (!mac_is_zero(&g->nics[n].mac) && mac_enter(d, &g->nics[n].mac) < 0)
				return -ENOMEM;
	}
	for (unsigned i = 0; i < d->c->n_ports; i++) {
		const struct config_port *p = &d->c->ports[i];

		if (!mac_is_zero(&p->tap.mac) && mac_enter(d, &p->tap.mac) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int derive_macs(struct derive *d)
{
	int ret = symtab_init(&d->macs, d->scratch, count_macs(d->c));

	if (!ret)
		ret = enter_written_macs(d);
	for (unsigned i = 0; i < d->c->n_guests && !ret; i++) {
		const struct config_guest *g = &d->c->guests[i];

		for (unsigned n = 0; n < g->n_nics && !ret; n++)
			if (mac_is_zero(&g->nics[n].mac))
				ret = derive_mac(d, g, n);
	}
	for (unsigned i = 0; i < d->c->n_ports && !ret; i++) {
		struct config_port *p = &d->c->ports[i];

		if (p->kind == PORT_TAP && mac_is_zero(&p->tap.mac))
			ret = derive_tap_mac(d, p);
	}
	return ret;
}

/* The subnet that NIC `nic` gets its address from, or NULL. */
static struct derive_subnet *subnet_of(const struct derive *d, const struct config_nic *nic)
{
	if (nic->kind != NIC_BRIDGE)
		return NULL;
	return (struct derive_subnet *)symtab_lookup(&d->bridges, nic->bridge);
}

/* The subnet that a tap port's written address is in, or NULL. */
static struct derive_subnet *tap_subnet_of(const struct derive *d, const struct config_port *p)
{
	if (p->kind != PORT_TAP || !p->tap.has_address)
		return NULL;
	return (struct derive_subnet *)symtab_lookup(&d->bridges, p->bridge);
}

static uint32_t *address_slot(const struct derive_subnet *s, uint32_t addr)
{
	uint32_t i = addr * 2654435761u >> 7 & s->mask;

	while (s->slots[i] && s->slots[i] != addr)
		i = (i + 1) & s->mask;
	return &s->slots[i];
}

static bool address_is_taken(const struct derive_subnet *s, uint32_t addr)
{
	return *address_slot(s, addr) == addr;
}

static void address_enter(struct derive_subnet *s, uint32_t addr)
{
	*address_slot(s, addr) = addr;
}

static int addresses_init(struct derive *d, struct derive_subnet *s)
{
	uint32_t n = 8;

	while (n < (s->n_members + 1) * 2)
		n *= 2;
	s->slots = arena_array(d->scratch, n, sizeof(*s->slots));
	s->mask = n - 1;
	return s->slots ? 0 : -ENOMEM;
}

static void report_full(struct derive *d, struct derive_subnet *s, const struct config_guest *g,
			unsigned n)
{
	char subnet[IP4_PREFIX_TEXT];
	struct config_error *e;

	if (!s->full) {
		e = errors_add(d->errs, g->nics[n].pos,
			       "guests.%s.nics[%u].address: no address is left in %s of bridge %s",
			       g->name, n, ip4_prefix_format(&s->bridge->address, subnet),
			       s->bridge->name);
		errors_help(e, "give the bridge a larger subnet, such as a /16");
	}
	s->full = true;
}

static void derive_address(struct derive *d, struct derive_subnet *s, const struct config_guest *g,
			   unsigned n)
{
	uint32_t hosts = ~ip4_mask(s->bridge->address.len) - 1;
	uint32_t first = ip4_network(&s->bridge->address) + 1;
	struct config_nic *nic = &g->nics[n];
	char name[CONFIG_NAME_MAX + 16];
	uint32_t at, i;

	snprintf(name, sizeof(name), "%.*s/%u", CONFIG_NAME_MAX, g->name, n);
	at = (uint32_t)(hash_text(name) % hosts);
	for (i = 0; i < hosts && address_is_taken(s, first + at); i++)
		at = (at + 1) % hosts;
	if (i == hosts) {
		report_full(d, s, g, n);
		return;
	}
	nic->has_address = true;
	nic->address_derived = true;
	nic->address_pos = nic->pos;
	nic->address = (struct ip4_prefix){.addr = first + at, .len = s->bridge->address.len};
	address_enter(s, nic->address.addr);
}

/* The server of a bridge has the last address of the subnet, or the one before the bridge's. */
static void derive_servers(struct config *c)
{
	for (unsigned i = 0; i < c->n_bridges; i++) {
		struct config_bridge *b = &c->bridges[i];
		uint32_t last = ip4_network(&b->address) + ~ip4_mask(b->address.len) - 1;

		if (!config_has_dhcp(b) || !b->has_address || b->dhcp.address)
			continue;
		b->dhcp.address = last == b->address.addr ? last - 1 : last;
		b->dhcp.address_derived = true;
		b->dhcp.address_pos = b->dhcp.range_pos;
	}
}

/* What the bridge's server has and keeps is not for guests. */
static void enter_dhcp(struct derive_subnet *s)
{
	const struct config_dhcp *d = &s->bridge->dhcp;

	if (!config_has_dhcp(s->bridge))
		return;
	address_enter(s, d->address);
	for (unsigned i = 0; i < d->n_reservations; i++)
		if (d->reservations[i].address)
			address_enter(s, d->reservations[i].address);
}

/* A table for each bridge with an address, with room for the addresses that are used on it. */
static int subnets_init(struct derive *d)
{
	struct derive_subnet *subnets = arena_array(d->scratch, d->c->n_bridges, sizeof(*subnets));
	unsigned i, n;

	if (!subnets || symtab_init(&d->bridges, d->scratch, d->c->n_bridges))
		return -ENOMEM;
	for (i = 0; i < d->c->n_bridges; i++) {
		subnets[i].bridge = &d->c->bridges[i];
		if (d->c->bridges[i].has_address)
			symtab_add(&d->bridges, d->c->bridges[i].name, &subnets[i]);
	}
	for (i = 0; i < d->c->n_guests; i++) {
		for (n = 0; n < d->c->guests[i].n_nics; n++) {
			struct derive_subnet *s = subnet_of(d, &d->c->guests[i].nics[n]);

			if (s)
				s->n_members++;
		}
	}
	for (i = 0; i < d->c->n_ports; i++) {
		struct derive_subnet *s = tap_subnet_of(d, &d->c->ports[i]);

		if (s)
			s->n_members++;
	}
	for (i = 0; i < d->c->n_bridges; i++) {
		struct derive_subnet *s = &subnets[i];

		s->n_members += 1 + s->bridge->dhcp.n_reservations;
		if (addresses_init(d, s))
			return -ENOMEM;
		address_enter(s, s->bridge->address.addr);
		enter_dhcp(s);
	}
	return 0;
}

/* Written addresses (`written`) are only entered; the others are derived. */
static void derive_guest_addresses(struct derive *d, const struct config_guest *g, bool written)
{
	for (unsigned n = 0; n < g->n_nics; n++) {
		struct config_nic *nic = &g->nics[n];
		struct derive_subnet *s = subnet_of(d, nic);

		if (!s || s->full || nic->has_address != written)
			continue;
		if (written)
			address_enter(s, nic->address.addr);
		else
			derive_address(d, s, g, n);
	}
}

/* NICs on a bridge with a server; it keeps their addresses for them. */
static void derive_by_dhcp(struct derive *d)
{
	for (unsigned i = 0; i < d->c->n_guests; i++) {
		for (unsigned n = 0; n < d->c->guests[i].n_nics; n++) {
			struct config_nic *nic = &d->c->guests[i].nics[n];
			const struct derive_subnet *s = subnet_of(d, nic);

			nic->by_dhcp = s && config_has_dhcp(s->bridge);
		}
	}
}

static int derive_addresses(struct derive *d)
{
	int ret;

	derive_servers(d->c);
	ret = subnets_init(d);
	if (ret)
		return ret;
	for (unsigned i = 0; i < d->c->n_ports; i++) {
		struct derive_subnet *s = tap_subnet_of(d, &d->c->ports[i]);

		if (s)
			address_enter(s, d->c->ports[i].tap.address.addr);
	}
	for (unsigned i = 0; i < d->c->n_guests; i++)
		derive_guest_addresses(d, &d->c->guests[i], true);
	for (unsigned i = 0; i < d->c->n_guests; i++)
		derive_guest_addresses(d, &d->c->guests[i], false);
	derive_by_dhcp(d);
	return 0;
}

int derive_config(struct config *c, struct arena *scratch, struct config_errors *errs)
{
	struct derive d = {.c = c, .scratch = scratch, .errs = errs};
	int ret = trim_run_dir(c);

	c->sw.idle_auto = c->sw.idle_ns == SCHEMA_IDLE_AUTO;
	if (!ret)
		ret = derive_host_uplink(c);
	if (!ret)
		ret = derive_paths(c);
	if (!ret)
		ret = derive_macs(&d);
	if (!ret)
		ret = derive_addresses(&d);
	return ret ? errors_no_memory(errs) : 0;
}
