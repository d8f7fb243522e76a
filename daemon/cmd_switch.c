/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "common/version.h"
#include "daemon/cmd.h"
#include "daemon/member.h"

json_t *cmd_port_brief(struct vswitch_port *p)
{
	struct port_info info = vswitch_port_info(p);
	json_t *o = json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "name", vswitch_port_name(p), "kind",
			      p->port->ops->kind, "state", info.up ? "up" : "down", "waiting_for",
			      info.waiting_for[0] ? info.waiting_for : NULL, "error",
			      info.error[0] ? info.error : NULL);

	if (p->kind->show_brief)
		p->kind->show_brief(p->port, o);
	if (p->on)
		json_object_set_new(o, "member", member_json(p->on->bridge, p->port));
	return o;
}

static json_t *ports_of(struct weftd *d, const struct vswitch_bridge *b)
{
	json_t *list = json_array();
	struct vswitch_port *p;

	TAILQ_FOREACH (p, &d->vswitch->ports, link)
		if (p->on == b)
			json_array_append_new(list, cmd_port_brief(p));
	return list;
}

static json_t *bridge_brief(struct weftd *d, const struct vswitch_bridge *b)
{
	const struct config_bridge *c = config_bridge_lookup(d->config, vswitch_bridge_name(b));
	char address[IP4_PREFIX_TEXT];

	return json_pack("{s:s, s:s*, s:s*, s:o}", "name", vswitch_bridge_name(b), "address",
			 c && c->has_address ? ip4_prefix_format(&c->address, address) : NULL,
			 "vlan-filtering", b->bridge->vlans_map ? "on" : NULL, "ports",
			 ports_of(d, b));
}

/* Ports on no bridge, but for the gateway ports that belong to them. */
static json_t *uplinks_of(struct weftd *d)
{
	json_t *list = json_array();
	struct vswitch_port *p;

	TAILQ_FOREACH (p, &d->vswitch->ports, link)
		if (!p->on && p->kind != &port_kind_gateway)
			json_array_append_new(list, cmd_port_brief(p));
	return list;
}

/* The running configuration as text. */
static void show_yaml(struct call *call, const struct weftd *d, bool effective)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f) {
		call_fail(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	config_print(d->config, effective, f);
	fclose(f);
	call_reply(call, json_pack("{s:s}", "yaml", text));
	free(text);
}

void cmd_show(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	bool running = false, effective = false;
	json_t *bridges, *guests;
	struct vswitch_bridge *b;

	if (call_param_bool(call, "running", CALL_OPTIONAL, &running) < 0 ||
	    call_param_bool(call, "effective", CALL_OPTIONAL, &effective) < 0)
		return;
	if (running || effective) {
		show_yaml(call, d, effective);
		return;
	}
	bridges = json_array();
	TAILQ_FOREACH (b, &d->vswitch->bridges, link)
		json_array_append_new(bridges, bridge_brief(d, b));
	guests = json_array();
	for (struct guest *g = guest_next(d->guests, NULL); g; g = guest_next(d->guests, g))
		json_array_append_new(guests, guest_json(g));
	call_reply(call, json_pack("{s:s, s:s, s:o, s:o, s:o}", "version", version_text, "config",
				   d->config_file, "bridges", bridges, "uplinks", uplinks_of(d),
				   "guests", guests));
}

void cmd_list_br(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	json_t *list = json_array();
	struct vswitch_bridge *b;

	TAILQ_FOREACH (b, &d->vswitch->bridges, link)
		json_array_append_new(list, json_string(vswitch_bridge_name(b)));
	call_reply(call, list);
}

void cmd_br_exists(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	const char *name;

	if (call_param_string(call, "bridge", CALL_REQUIRED, &name) == 0)
		call_reply(call, json_boolean(vswitch_bridge_lookup(d->vswitch, name) != NULL));
}

void cmd_list_ports(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	bool absent;
	struct vswitch_bridge *b = cmd_bridge(call, d, CALL_REQUIRED, &absent);
	struct vswitch_port *p;
	json_t *list;

	if (!b)
		return;
	list = json_array();
	TAILQ_FOREACH (p, &d->vswitch->ports, link)
		if (p->on == b)
			json_array_append_new(list, json_string(vswitch_port_name(p)));
	call_reply(call, list);
}

void cmd_port_to_br(struct call *call, void *ctx)
{
	bool absent;
	struct vswitch_port *p = cmd_port(call, ctx, CALL_REQUIRED, &absent);

	if (p)
		call_reply(call, json_string(vswitch_port_bridge(p)));
}
