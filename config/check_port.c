/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tap ports: interfaces of the host, which share names with guests' taps and addresses with guests.
 */
#include "config/check.h"
#include "config/errors.h"

static const char *path_of(struct check *k, const struct config_port *p, const char *key)
{
	return arena_printf(k->scratch, "ports.%s.tap.%s", p->name, key);
}

static void check_tap(struct check *k, const struct config_port *p)
{
	const char *path = path_of(k, p, "address");
	char mac[MAC_TEXT_MAX];

	if (p->tap.name[0])
		check_claim(k, &k->taps, p->tap.name, path_of(k, p, "name"), p->tap.name_pos,
			    "give each interface a name of its own");
	check_claim(k, &k->macs, arena_strdup(k->scratch, mac_format(&p->tap.mac, mac)),
		    path_of(k, p, "mac"), p->tap.mac_pos,
		    "give each interface a MAC address of its own, or none for a derived one");
	if (p->tap.has_address && path &&
	    check_host_address(k, &p->tap.address, p->tap.address_pos, path,
			       "use another address of that network"))
		check_member_address(k, p->bridge, &p->tap.address, p->tap.address_pos, path,
				     "use a free address of the bridge's subnet");
}

void check_taps(struct check *k)
{
	for (unsigned i = 0; i < k->c->n_ports; i++)
		if (k->c->ports[i].kind == PORT_TAP)
			check_tap(k, &k->c->ports[i]);
}
