/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/cmd.h"

#include <errno.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/vlan_set.h"

struct listing {
	struct weftd *d;
	const struct vswitch_bridge *bridge;
	json_t *list;
};

static bool add_entry(const struct fdb_entry *entry, void *arg)
{
	struct listing *l = arg;
	struct vswitch_port *p = vswitch_port_by_id(l->d->vswitch, entry->port);
	char mac[MAC_TEXT_MAX];

	json_array_append_new(l->list,
			      json_pack("{s:s, s:i, s:s, s:s, s:o, s:b, s:b}", "bridge",
					vswitch_bridge_name(l->bridge), "vlan", entry->vlan, "mac",
					mac_format(&entry->mac, mac), "port",
					p ? vswitch_port_name(p) : "?", "age_s",
					entry->is_static ? json_null() : json_integer(entry->age_s),
					"static", entry->is_static, "sticky", entry->is_sticky));
	return true;
}

/* Calls `each` for the bridge that the call names, or for all. Returns false if it named a wrong
 * one. */
static bool for_bridges(struct call *call, struct weftd *d,
			void (*each)(struct vswitch_bridge *b, void *arg), void *arg)
{
	bool absent;
	struct vswitch_bridge *b = cmd_bridge(call, d, CALL_OPTIONAL, &absent);

	if (b)
		each(b, arg);
	if (absent)
		TAILQ_FOREACH (b, &d->vswitch->bridges, link)
			each(b, arg);
	return b || absent;
}

static void list_entries(struct vswitch_bridge *b, void *arg)
{
	struct listing *l = arg;

	l->bridge = b;
	fdb_visit(&b->bridge->fdb, bridge_seconds(clock_now_ns()), add_entry, l);
}

void cmd_fdb_show(struct call *call, void *ctx)
{
	struct listing l = {.d = ctx, .list = json_array()};

	if (for_bridges(call, ctx, list_entries, &l))
		call_reply(call, l.list);
	else
		json_decref(l.list);
}

static void add_membership(const struct snoop_entry *entry, void *arg)
{
	struct listing *l = arg;
	struct vswitch_port *p = vswitch_port_by_id(l->d->vswitch, entry->port);
	uint32_t a = entry->key.addr;
	struct mac mac = {{0x33, 0x33, (uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8),
			   (uint8_t)a}};
	char text[MAC_TEXT_MAX];

	if (entry->is_router)
		snprintf(text, sizeof(text), "router");
	else if (entry->key.is_ip6)
		mac_format(&mac, text);
	else
		ip4_format(a, text);
	json_array_append_new(
		l->list, json_pack("{s:s, s:s, s:i, s:s, s:s, s:I}", "bridge",
				   vswitch_bridge_name(l->bridge), "group", text, "vlan",
				   entry->key.vlan, "family", entry->key.is_ip6 ? "ipv6" : "ipv4",
				   "port", p ? vswitch_port_name(p) : "?", "expires_s",
				   (json_int_t)entry->until_s - bridge_seconds(clock_now_ns())));
}

static void list_memberships(struct vswitch_bridge *b, void *arg)
{
	struct snoop *snoop = atomic_load(&b->bridge->snoop);
	struct listing *l = arg;

	l->bridge = b;
	if (snoop)
		snoop_visit(snoop, bridge_seconds(clock_now_ns()), add_membership, l);
}

void cmd_mdb_show(struct call *call, void *ctx)
{
	struct listing l = {.d = ctx, .list = json_array()};

	if (for_bridges(call, ctx, list_memberships, &l))
		call_reply(call, l.list);
	else
		json_decref(l.list);
}

static int mac_param(struct call *call, struct mac *mac)
{
	const char *text;

	if (call_param_string(call, "mac", CALL_REQUIRED, &text) < 0)
		return -EINVAL;
	if (mac_parse(text, mac) < 0 || mac_is_multicast(mac) || mac_is_zero(mac)) {
		call_fail(call, RPC_INVALID_PARAMS,
			  "'%s' is not a station's MAC address, such as 52:54:00:12:34:56", text);
		return -EINVAL;
	}
	return 0;
}

/*
 * The VLAN of an entry: as given, or `otherwise`. A bridge that does not filter has only VLAN 0.
 * Returns 0 or -EINVAL after an answer.
 */
static int vlan_param(struct call *call, const struct vswitch_bridge *b, uint16_t otherwise,
		      uint16_t *vlan)
{
	int64_t v = otherwise;

	if (call_param_int(call, "vlan", CALL_OPTIONAL, 0, VLAN_ID_MAX, &v) < 0)
		return -EINVAL;
	*vlan = (uint16_t)v;
	if (!b->bridge->vlans_map == !v)
		return 0;
	if (v)
		call_fail(call, RPC_FAILED, "bridge %s does not filter VLANs; leave the VLAN out",
			  vswitch_bridge_name(b));
	else
		call_fail(call, RPC_FAILED, "bridge %s filters VLANs; name the VLAN before the MAC",
			  vswitch_bridge_name(b));
	return -EINVAL;
}

void cmd_fdb_add(struct call *call, void *ctx)
{
	bool absent;
	struct vswitch_bridge *b = cmd_bridge(call, ctx, CALL_REQUIRED, &absent);
	struct vswitch_port *p = b ? cmd_port(call, ctx, CALL_REQUIRED, &absent) : NULL;
	uint16_t vlan;
	struct mac mac;

	if (!p || mac_param(call, &mac) < 0)
		return;
	if (p->on == b && vlan_param(call, b, bridge_port_vlan(b->bridge, p->port), &vlan) < 0)
		return;
	if (p->on != b)
		call_fail(call, RPC_FAILED, "port %s is on bridge %s, not on %s",
			  vswitch_port_name(p), vswitch_port_bridge(p), vswitch_bridge_name(b));
	else if (fdb_add_static(&b->bridge->fdb, &mac, vlan, p->port->id,
				bridge_seconds(clock_now_ns())) < 0)
		call_fail(call, RPC_FAILED, "the FDB of %s has no room for it; flush it first",
			  vswitch_bridge_name(b));
	else
		call_reply(call, json_object());
}

void cmd_fdb_del(struct call *call, void *ctx)
{
	bool absent, if_exists = false;
	struct vswitch_bridge *b = cmd_bridge(call, ctx, CALL_REQUIRED, &absent);
	uint16_t vlan;
	struct mac mac;

	if (!b || vlan_param(call, b, 0, &vlan) < 0 || mac_param(call, &mac) < 0 ||
	    call_param_bool(call, "if_exists", CALL_OPTIONAL, &if_exists) < 0)
		return;
	if (!fdb_del(&b->bridge->fdb, &mac, vlan) && !if_exists)
		call_fail(call, RPC_FAILED, "bridge %s does not know that address",
			  vswitch_bridge_name(b));
	else
		call_reply(call, json_object());
}

static void flush_bridge(struct vswitch_bridge *b, void *arg)
{
	fdb_flush(&b->bridge->fdb, 0, false);
}

void cmd_fdb_flush(struct call *call, void *ctx)
{
	if (for_bridges(call, ctx, flush_bridge, NULL))
		call_reply(call, json_object());
}

static void list_stats(struct vswitch_bridge *b, void *arg)
{
	struct fdb *t = &b->bridge->fdb;
	json_t *list = arg;

	json_array_append_new(list,
			      json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "bridge",
					vswitch_bridge_name(b), "entries", (json_int_t)t->entries,
					"limit", (json_int_t)t->limit, "learned",
					(json_int_t)t->learned, "moved", (json_int_t)t->moved,
					"aged", (json_int_t)t->aged, "full", (json_int_t)t->full));
}

void cmd_fdb_stats_show(struct call *call, void *ctx)
{
	json_t *list = json_array();

	if (for_bridges(call, ctx, list_stats, list))
		call_reply(call, list);
	else
		json_decref(list);
}

/* "vm7, alpha.0 (tagged)": the members of a VLAN. */
static json_t *vlan_json(struct weftd *d, const struct vswitch_bridge *b, uint16_t vid)
{
	json_t *tagged = json_array(), *untagged = json_array();
	struct vswitch_port *p;

	TAILQ_FOREACH (p, &d->vswitch->ports, link) {
		const struct bridge_port_params *m;

		if (p->on != b)
			continue;
		m = &bridge_port_of(b->bridge, p->port->id)->params;
		if (vlan_set_has(&m->vlans, vid))
			json_array_append_new(m->trunk && (vid != m->pvid || m->native_tagged)
						      ? tagged
						      : untagged,
					      json_string(vswitch_port_name(p)));
	}
	if (json_array_size(tagged) + json_array_size(untagged) == 0) {
		json_decref(tagged);
		json_decref(untagged);
		return NULL;
	}
	return json_pack("{s:i, s:o, s:o}", "vlan", vid, "untagged", untagged, "tagged", tagged);
}

void cmd_vlan_show(struct call *call, void *ctx)
{
	bool absent;
	struct vswitch_bridge *b = cmd_bridge(call, ctx, CALL_REQUIRED, &absent);
	json_t *list;

	if (!b)
		return;
	if (!b->bridge->vlans_map) {
		call_fail(call, RPC_FAILED,
			  "bridge %s does not filter VLANs; `weft set bridge %s vlan-filtering=on` "
			  "makes it",
			  vswitch_bridge_name(b), vswitch_bridge_name(b));
		return;
	}
	list = json_array();
	for (uint16_t vid = 1; vid <= VLAN_ID_MAX; vid++) {
		json_t *vlan = vlan_json(ctx, b, vid);

		if (vlan)
			json_array_append_new(list, vlan);
	}
	call_reply(call, list);
}
