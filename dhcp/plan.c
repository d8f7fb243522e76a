/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dhcp/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define LEASES_MAX   65536 /* dnsmasq keeps a list of them and walks it */
#define RESERVED_MAX 8192

static bool is_served(const struct config_nic *nic, const struct config_bridge *b)
{
	return nic->kind == NIC_BRIDGE && nic->has_address && strcmp(nic->bridge, b->name) == 0;
}

static unsigned count_hosts(const struct config *c, const struct config_bridge *b)
{
	unsigned n = b->dhcp.n_reservations;

	for (unsigned i = 0; i < c->n_guests; i++)
		for (unsigned k = 0; k < c->guests[i].n_nics; k++)
			n += is_served(&c->guests[i].nics[k], b);
	return n;
}

static void set_name(struct dhcp_host *h, const char *name, unsigned number)
{
	if (number > 1)
		snprintf(h->name, sizeof(h->name), "%s-%u", name, number);
	else
		snprintf(h->name, sizeof(h->name), "%s", name);
	for (char *p = h->name; *p; p++)
		if (*p == '.')
			*p = '-';
}

static void add_guest(struct dhcp_plan *p, const struct config_guest *g)
{
	unsigned number = 0;

	for (unsigned n = 0; n < g->n_nics; n++) {
		struct dhcp_host *h = &p->hosts[p->n_hosts];

		if (!is_served(&g->nics[n], p->bridge))
			continue;
		set_name(h, g->name, ++number);
		h->mac = g->nics[n].mac;
		h->address = g->nics[n].address.addr;
		p->n_hosts++;
	}
}

static void plan_ip6(struct dhcp_plan *p)
{
	const struct config_bridge *b = p->bridge;

	if (!b->address6[0] || ipaddr_prefix_parse(b->address6, &p->prefix6) < 0 ||
	    p->prefix6.len != 64)
		return;
	p->address6 = ipaddr_link_local(&p->mac);
	memcpy(p->address6.b, p->prefix6.addr.b, 8);
	memset(p->prefix6.addr.b + 8, 0, 8);
	p->ip6 = b->dhcp.ra || b->dhcp.range6[0];
}

int dhcp_plan_init(struct dhcp_plan *p, const struct config *c, const struct config_bridge *b,
		   const char *interface)
{
	*p = (struct dhcp_plan){
		.bridge = b,
		.interface = interface,
		.domain = b->dhcp.domain[0] ? b->dhcp.domain : b->name,
		.hosts = calloc(count_hosts(c, b) + 1, sizeof(*p->hosts)),
	};
	char port[CONFIG_NAME_MAX + 8];

	if (!p->hosts)
		return -ENOMEM;
	snprintf(port, sizeof(port), "%s.dhcp", b->name);
	p->mac = mac_derive(port, 0);
	plan_ip6(p);
	for (unsigned i = 0; i < b->dhcp.n_reservations; i++) {
		const struct config_reservation *r = &b->dhcp.reservations[i];
		struct dhcp_host *h = &p->hosts[p->n_hosts++];

		set_name(h, r->name, 1);
		h->mac = r->mac;
		h->address = r->address;
	}
	for (unsigned i = 0; i < c->n_guests; i++)
		add_guest(p, &c->guests[i]);
	return 0;
}

void dhcp_plan_fini(struct dhcp_plan *p)
{
	free(p->hosts);
	*p = (struct dhcp_plan){0};
}

unsigned dhcp_plan_leases(const struct dhcp_plan *p)
{
	uint64_t n = ip4_range_count(&p->bridge->dhcp.range) + RESERVED_MAX;

	return (unsigned)MIN_OF(n, (uint64_t)LEASES_MAX);
}
