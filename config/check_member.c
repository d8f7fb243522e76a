/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ports and NICs say of their part in a bridge, against what the bridge is, and mirrors.
 */
#include <errno.h>
#include <string.h>

#include "config/check.h"
#include "config/errors.h"

static const struct config_bridge *bridge_of(struct check *k, const char *name)
{
	return symtab_lookup(&k->bridges, name);
}

static bool has_trunk(const struct config_member *m)
{
	return !vlan_set_is_empty(&m->trunk);
}

/* The key by which a member asks for VLANs, "" when it does not. */
static const char *vlan_key(const struct config_member *m, struct config_pos *pos)
{
	if (m->has_vlan) {
		*pos = m->vlan_pos;
		return "vlan";
	}
	if (has_trunk(m)) {
		*pos = m->trunk_pos;
		return "trunk";
	}
	*pos = m->native_pos;
	return m->has_native_vlan ? "native-vlan" : "";
}

static void check_vlans(struct check *k, const struct config_member *m, const char *bridge,
			const char *path)
{
	const struct config_bridge *b = bridge_of(k, bridge);
	struct config_pos pos;
	const char *key = vlan_key(m, &pos);

	if (*key && b && !b->vlan_filtering)
		errors_help(errors_add(k->errs, pos, "%s.%s: bridge '%s' does not filter VLANs",
				       path, key, bridge),
			    "set `vlan-filtering: on` in bridges.%s", bridge);
	if (m->has_vlan && has_trunk(m))
		errors_help(errors_add(k->errs, m->trunk_pos,
				       "%s.trunk: the port is an access port by its vlan", path),
			    "keep one of the two; a trunk's untagged frames are in native-vlan");
	if (m->has_native_vlan && !has_trunk(m))
		errors_help(errors_add(k->errs, m->native_pos,
				       "%s.native-vlan: the port is no trunk", path),
			    "write `vlan: %u` for an access port, or add a trunk", m->native_vlan);
}

static bool is_member_used(const struct config_member *m)
{
	return m->has_vlan || has_trunk(m) || m->has_native_vlan || m->sticky || m->isolated ||
	       m->bpdu_guard || m->mac_limit || !m->learning;
}

static void check_nic(struct check *k, const struct config_guest *g, unsigned n)
{
	const struct config_nic *nic = &g->nics[n];
	const char *path = check_nic_path(k, g, n, "");

	if (!path)
		k->ret = -ENOMEM;
	else if (nic->kind == NIC_BRIDGE)
		check_vlans(k, &nic->member, nic->bridge, path);
	else if (is_member_used(&nic->member))
		errors_help(errors_add(k->errs, nic->pos,
				       "%s: only a NIC on a bridge has VLANs, limits and guards",
				       path),
			    "set them where the NIC is switched");
}

/* A static entry is in the VLAN of its port's untagged frames; there must be one. */
static void check_static_vlan(struct check *k, const struct config_bridge *b,
			      const struct config_static *s)
{
	const struct check_claim *port = symtab_lookup(&k->ports, s->port);
	const struct config_member *m = port ? port->member : NULL;
	char mac[MAC_TEXT_MAX];

	if (m && has_trunk(m) && !m->has_native_vlan)
		errors_help(errors_add(k->errs, s->pos,
				       "bridges.%s.static.%s: port '%s' is a trunk without a "
				       "native VLAN",
				       b->name, mac_format(&s->mac, mac), s->port),
			    "give the port a native-vlan, or use `weft fdb/add BRIDGE PORT VLAN "
			    "MAC`");
}

/* Returns whether `port` is on the mirror's bridge; says so when it is not. */
static bool check_mirror_port(struct check *k, const struct config_bridge *b, const char *port,
			      const char *path, struct config_pos pos)
{
	const struct check_claim *claim = symtab_lookup(&k->ports, port);

	if (claim && strcmp(claim->bridge, b->name) == 0)
		return true;
	if (claim)
		errors_help(errors_add(k->errs, pos, "%s: port '%s' is on bridge '%s'", path, port,
				       claim->bridge),
			    "a mirror copies between ports of its own bridge");
	else
		errors_help(errors_add(k->errs, pos, "%s: there is no port '%s'", path, port),
			    "name a port, or GUEST.N for NIC N of a guest");
	return false;
}

static void check_mirror(struct check *k, const struct config_bridge *b,
			 const struct config_mirror *m)
{
	char path[2 * CONFIG_NAME_MAX + 32], name[CONFIG_NAME_MAX + 4];
	const char *list = m->from;

	snprintf(path, sizeof(path), "bridges.%s.mirrors.%s.to", b->name, m->name);
	if (m->to[0])
		check_mirror_port(k, b, m->to, path, m->to_pos);
	snprintf(path, sizeof(path), "bridges.%s.mirrors.%s.from", b->name, m->name);
	while (config_names_next(&list, name)) {
		check_mirror_port(k, b, name, path, m->from_pos);
		for (unsigned i = 0; i < b->n_mirrors; i++)
			if (strcmp(name, b->mirrors[i].to) == 0)
				errors_help(errors_add(k->errs, m->from_pos,
						       "%s: port '%s' gets the copies of mirror "
						       "'%s'",
						       path, name, b->mirrors[i].name),
					    "use another port for the copies; it carries nothing "
					    "else");
	}
}

void check_members(struct check *k)
{
	const struct config *c = k->c;
	char path[CONFIG_NAME_MAX + 8];

	for (unsigned i = 0; i < c->n_ports; i++) {
		snprintf(path, sizeof(path), "ports.%s", c->ports[i].name);
		check_vlans(k, &c->ports[i].member, c->ports[i].bridge, path);
	}
	for (unsigned i = 0; i < c->n_guests; i++)
		for (unsigned n = 0; n < c->guests[i].n_nics; n++)
			check_nic(k, &c->guests[i], n);
	for (unsigned i = 0; i < c->n_bridges; i++) {
		const struct config_bridge *b = &c->bridges[i];

		for (unsigned n = 0; n < b->n_statics && b->vlan_filtering; n++)
			check_static_vlan(k, b, &b->statics[n]);
		for (unsigned n = 0; n < b->n_mirrors; n++)
			check_mirror(k, b, &b->mirrors[n]);
	}
}
