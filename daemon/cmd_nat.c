/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "nat/filter6.h"
#include "nat/gateway.h"
#include "nat/tcp_state.h"

#include "common/clock.h"
#include "common/wire.h"
#include "config/edit.h"
#include "config/nat_value.h"
#include "daemon/cmd.h"
#include "daemon/gateways.h"

#define SESSIONS_MAX 10000 /* that one answer lists */

static json_t *ip4_json(uint32_t addr)
{
	char text[IP4_TEXT_MAX];

	return json_string(ip4_format(addr, text));
}

static json_t *refused_json(const uint64_t refused[DROP_N])
{
	json_t *o = json_object();

	for (int i = DROP_NONE + 1; i < DROP_N; i++)
		if (refused[i])
			json_object_set_new(o, drop_reason_name((enum drop_reason)i),
					    json_integer((json_int_t)refused[i]));
	return o;
}

static const char *forward_name(enum config_forward mode)
{
	static const char *const names[] = {"auto", "none", "route", "nat"};

	return NAME_OF(names, mode);
}

/* --- nat/show ----------------------------------------------------------------------------------
 */

static bool add_guest(const struct nat_guest_usage *u, void *list)
{
	json_array_append_new(list,
			      json_pack("{s:o, s:I, s:I, s:I, s:I}", "address", ip4_json(u->guest),
					"sessions", (json_int_t)u->sessions, "udp_ports",
					(json_int_t)u->ports[NAT_UDP], "tcp_ports",
					(json_int_t)u->ports[NAT_TCP], "icmp_ids",
					(json_int_t)u->ports[NAT_ICMP]));
	return true;
}

static json_t *counters_json(const struct router_iface *i)
{
	struct router_counters c;

	router_counters_get(i, &c);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "routed", (json_int_t)c.routed, "slow",
			 (json_int_t)c.slow, "icmp_errors", (json_int_t)c.icmp_errors,
			 "icmp_limited", (json_int_t)c.icmp_limited, "echo_replies",
			 (json_int_t)c.echo_replies, "fragmented", (json_int_t)c.fragmented);
}

static void add_filter6(json_t *o, struct gateways *g, const struct gateways_bridge *b)
{
	uint64_t refused[DROP_N];
	uint64_t n = filter6_bridge_counters(g->router->filter6, (uint16_t)b->number, refused);

	json_object_set_new(o, "sessions6", json_integer((json_int_t)n));
	json_object_set_new(o, "refused6", refused_json(refused));
}

static json_t *bridge_json(struct gateways *g, struct gateways_bridge *b)
{
	const struct config_bridge *c = config_bridge_lookup(g->d->config, b->name);
	struct nat_inside_counters counters = {0};
	json_t *guests = json_array(), *o;

	if (b->inside) {
		nat_inside_counters_get(b->inside, &counters);
		nat_visit_guests(b->inside, add_guest, guests);
	}
	o = json_pack("{s:s, s:s, s:s*, s:I, s:o, s:o, s:o}", "bridge", b->name, "forward",
		      forward_name(c ? config_bridge_forward(c) : FORWARD_NONE), "uplink",
		      c && config_bridge_uplink(c)[0] ? config_bridge_uplink(c) : NULL, "sessions",
		      (json_int_t)counters.sessions, "guests", guests, "refused",
		      refused_json(counters.refused), "packets",
		      counters_json(g->router->ifaces[b->number]));
	if (counters.sessions_max)
		json_object_set_new(o, "sessions_max",
				    json_integer((json_int_t)counters.sessions_max));
	if (b->filter6)
		add_filter6(o, g, b);
	return o;
}

static json_t *ports_json(struct nat_outside *outside)
{
	struct nat_outside_counters c;
	json_t *o = json_object();

	nat_outside_counters_get(outside, &c);
	for (int i = 0; i < NAT_CLASS_N; i++)
		json_object_set_new(o, nat_class_name((enum nat_class)i),
				    json_pack("{s:I, s:I}", "used", (json_int_t)c.ports_used[i],
					      "of", (json_int_t)c.ports[i]));
	return o;
}

static json_t *uplink_json(struct gateways *g, struct gateways_uplink *u)
{
	struct vswitch_port *p = vswitch_port_lookup(g->d->vswitch, u->name);
	struct port_info info = p ? vswitch_port_info(p) : (struct port_info){0};
	json_t *externals = json_array(), *o;
	char address[IP4_PREFIX_TEXT];

	for (unsigned i = 0; i < u->link.n_externals; i++)
		json_array_append_new(externals, ip4_json(u->link.externals[i]));
	o = json_pack("{s:s, s:s, s:s, s:s*, s:s*, s:o, s:i, s:o}", "uplink", u->name, "kind",
		      u->port->ops->kind, "state", info.up ? "up" : "down", "waiting_for",
		      info.waiting_for[0] ? info.waiting_for : NULL, "address",
		      u->link.has_address ? ip4_prefix_format(&u->link.address, address) : NULL,
		      "externals", externals, "mtu", (int)u->link.mtu, "packets",
		      counters_json(g->router->ifaces[u->number]));
	if (u->link.gateway)
		json_object_set_new(o, "gateway", ip4_json(u->link.gateway));
	if (u->outside)
		json_object_set_new(o, "ports", ports_json(u->outside));
	return o;
}

void cmd_nat_show(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	struct gateways *g = d->gateways;
	json_t *bridges = json_array(), *uplinks = json_array();
	struct nat_counters c = {0};
	struct filter6_counters c6 = {0};
	struct gateways_bridge *b;
	struct gateways_uplink *u;

	if (g) {
		filter6_counters_get(g->router->filter6, &c6);
		nat_counters_get(g->nat, &c);
		TAILQ_FOREACH (b, &g->bridges, next)
			if (b->number)
				json_array_append_new(bridges, bridge_json(g, b));
		TAILQ_FOREACH (u, &g->uplinks, next)
			json_array_append_new(uplinks, uplink_json(g, u));
	}
	call_reply(
		call,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}",
			  "sessions", (json_int_t)c.sessions, "sessions_max",
			  (json_int_t)c.sessions_max, "sessions6", (json_int_t)c6.sessions,
			  "mappings", (json_int_t)c.mappings, "opened", (json_int_t)c.opened,
			  "expired", (json_int_t)c.expired, "flushed", (json_int_t)c.flushed,
			  "ports_shared", (json_int_t)c.ports_shared, "icmp_errors",
			  (json_int_t)c.icmp_errors, "fragments_held", (json_int_t)c.fragments_held,
			  "memory_bytes", (json_int_t)c.bytes, "refused", refused_json(c.refused),
			  "bridges", bridges, "uplinks", uplinks));
}

/* --- nat/sessions ------------------------------------------------------------------------------
 */

struct listing {
	struct gateways *g;
	const struct nat_inside *only; /* NULL: of all bridges */
	json_t *list;
};

static const char *bridge_of(struct gateways *g, const struct nat_inside *inside)
{
	struct gateways_bridge *b;

	TAILQ_FOREACH (b, &g->bridges, next)
		if (inside && b->inside == inside)
			return b->name;
	return "";
}

static const char *uplink_of(struct gateways *g, const struct nat_outside *outside)
{
	struct gateways_uplink *u;

	TAILQ_FOREACH (u, &g->uplinks, next)
		if (outside && u->outside == outside)
			return u->name;
	return "";
}

static const char *proto_name(uint8_t proto, char text[8])
{
	switch (proto) {
	case WIRE_PROTO_TCP:
		return "tcp";
	case WIRE_PROTO_UDP:
		return "udp";
	case WIRE_PROTO_ICMP:
	case WIRE_PROTO_ICMP6:
		return "icmp";
	default:
		snprintf(text, 8, "%u", proto);
		return text;
	}
}

static json_t *endpoint_json(uint32_t addr, uint16_t port)
{
	char text[IP4_TEXT_MAX];

	return json_sprintf("%s:%u", ip4_format(addr, text), port);
}

static bool add_session(const struct nat_session_info *s, void *arg)
{
	struct listing *l = arg;
	char proto[8];
	json_t *o;

	if (l->only && s->inside != l->only)
		return true;
	if (json_array_size(l->list) >= SESSIONS_MAX)
		return false;
	o = json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:i, s:i, s:i, s:b, s:b}", "bridge",
		      bridge_of(l->g, s->inside), "uplink", uplink_of(l->g, s->outside), "proto",
		      proto_name(s->proto, proto), "guest", endpoint_json(s->guest, s->guest_port),
		      "remote", endpoint_json(s->remote, s->remote_port), "state", s->state,
		      "age_s", (int)s->age_s, "idle_s", (int)s->idle_s, "expires_s",
		      (int)s->expires_s, "inbound", s->inbound, "hairpin", s->hairpin);
	if (s->external)
		json_object_set_new(o, "external", endpoint_json(s->external, s->external_port));
	json_array_append_new(l->list, o);
	return true;
}

/* --- the same of IPv6 --------------------------------------------------------------------------
 */

struct listing6 {
	struct gateways *g;
	const struct gateways_bridge *only; /* NULL: of all bridges */
	uint32_t now_s;
	json_t *list;
};

static json_t *endpoint6_json(const struct ipaddr *addr, uint16_t port)
{
	const struct ipaddr_prefix one = {*addr, 128};
	char text[IPADDR_TEXT_MAX];

	return json_sprintf("[%s]:%u", ipaddr_prefix_format(&one, text), ntohs(port));
}

static const char *bridge6_of(struct gateways *g, uint16_t number)
{
	struct gateways_bridge *b;

	TAILQ_FOREACH (b, &g->bridges, next)
		if (b->number == number)
			return b->name;
	return "";
}

static bool add_session6(const struct session6 *s, void *arg)
{
	struct listing6 *l = arg;
	int32_t left_s = (int32_t)(s->due_s - l->now_s);
	char proto[8];

	if (l->only && s->bridge != l->only->number)
		return true;
	if (json_array_size(l->list) >= SESSIONS_MAX)
		return false;
	json_array_append_new(l->list,
			      json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:i, s:i, s:i, s:b, s:b}",
					"bridge", bridge6_of(l->g, s->bridge), "uplink", "",
					"proto", proto_name(s->proto, proto), "guest",
					endpoint6_json(&s->guest, s->guest_port), "remote",
					endpoint6_json(&s->remote, s->remote_port), "state",
					tcp_state_name((enum tcp_state)s->tcp), "age_s",
					(int)(l->now_s - s->opened_s), "idle_s",
					(int)(l->now_s - s->seen_s), "expires_s",
					left_s > 0 ? (int)left_s : 0, "inbound",
					(s->flags & SESSION6_INBOUND) != 0, "hairpin", false));
	return true;
}

static void list_sessions6(struct gateways *g, const struct gateways_bridge *only, json_t *list)
{
	struct listing6 l = {g, only, (uint32_t)(clock_now_ns() / NS_PER_S), list};

	session6_visit(filter6_sessions(g->router->filter6), add_session6, &l);
}

/* The bridge that the call names, if it names one; false when the call is ended. */
static bool bridge_param(struct call *call, struct weftd *d, struct gateways_bridge **b)
{
	bool absent;
	struct vswitch_bridge *vb = cmd_bridge(call, d, CALL_OPTIONAL, &absent);

	*b = NULL;
	if (absent)
		return true;
	if (!vb)
		return false;
	*b = d->gateways ? gateways_bridge_lookup(d->gateways, vswitch_bridge_name(vb)) : NULL;
	if (!*b || !((*b)->inside || (*b)->filter6)) {
		call_fail(call, RPC_FAILED,
			  "bridge %s has no sessions: it neither translates nor filters",
			  vswitch_bridge_name(vb));
		return false;
	}
	return true;
}

void cmd_nat_sessions(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	struct listing l = {.g = d->gateways, .list = json_array()};
	struct gateways_bridge *b;

	if (!bridge_param(call, d, &b)) {
		json_decref(l.list);
		return;
	}
	l.only = b ? b->inside : NULL;
	if (l.g && (!b || b->inside))
		nat_visit_sessions(l.g->nat, clock_now_ns(), add_session, &l);
	if (l.g)
		list_sessions6(l.g, b, l.list);
	call_reply(call, l.list);
}

/* An address of either family; `p->len` 0: not given. */
static int address_param(struct call *call, const char *key, struct ipaddr_prefix *p)
{
	const char *text = NULL;

	if (call_param_string(call, key, CALL_OPTIONAL, &text) < 0)
		return -1;
	if (text && (ipaddr_prefix_parse(text, p) < 0 || p->len != 128)) {
		call_fail(call, RPC_INVALID_PARAMS, "'%s' is no address, such as 10.10.0.7", text);
		return -1;
	}
	return 0;
}

static unsigned flush4(struct gateways *g, const struct gateways_bridge *b,
		       const struct ipaddr_prefix *guest)
{
	struct nat_flush which = {.inside = b ? b->inside : NULL};

	if (b && !b->inside)
		return 0;
	if (guest->len) {
		memcpy(&which.guest, guest->addr.b + 12, sizeof(which.guest));
		which.guest = ntohl(which.guest);
	}
	return nat_flush(g->nat, &which);
}

static unsigned flush6(struct gateways *g, const struct gateways_bridge *b,
		       const struct ipaddr_prefix *guest)
{
	return session6_flush(filter6_sessions(g->router->filter6), b ? (uint16_t)b->number : 0,
			      guest->len ? &guest->addr : NULL);
}

void cmd_nat_flush(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	struct ipaddr_prefix guest = {.len = 0};
	struct gateways_bridge *b;
	unsigned n = 0;

	if (!bridge_param(call, d, &b) || address_param(call, "guest", &guest) < 0)
		return;
	if (d->gateways && (!guest.len || ipaddr_is_ip4(&guest.addr)))
		n += flush4(d->gateways, b, &guest);
	if (d->gateways && (!guest.len || !ipaddr_is_ip4(&guest.addr)))
		n += flush6(d->gateways, b, &guest);
	call_reply(call, json_pack("{s:i}", "sessions", (int)n));
}

/* --- forwards ----------------------------------------------------------------------------------
 */

void cmd_nat_list_forwards(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	json_t *list = json_array();

	for (unsigned i = 0; i < d->config->n_bridges; i++) {
		const struct config_bridge *b = &d->config->bridges[i];

		for (unsigned k = 0; k < b->nat.n_forwards; k++) {
			const struct config_nat_forward *f = &b->nat.forwards[k];
			bool tcp = f->proto == FORWARD_TCP;
			uint16_t port = 0, last;
			uint32_t to = 0;

			nat_value_forward_ports(f, &port, &last);
			nat_value_target(d->config, b, f->to, &to, &port);
			json_array_append_new(
				list,
				json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:o}", "bridge", b->name,
					  "uplink", b->nat.uplink, "proto", tcp ? "tcp" : "udp",
					  "ports", tcp ? f->tcp : f->udp, "to", f->to, "address",
					  f->address[0] ? f->address : NULL, "target",
					  endpoint_json(to, port)));
		}
	}
	call_reply(call, list);
}

void cmd_nat_add_forward(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	const char *bridge, *proto, *ports, *to;
	struct err e = {0};

	if (call_param_string(call, "bridge", CALL_REQUIRED, &bridge) < 0 ||
	    call_param_string(call, "proto", CALL_REQUIRED, &proto) < 0 ||
	    call_param_string(call, "ports", CALL_REQUIRED, &ports) < 0 ||
	    call_param_string(call, "to", CALL_REQUIRED, &to) < 0)
		return;
	cmd_change_to(call, d, config_with_forward(d->config, bridge, proto, ports, to, &e), &e);
}

void cmd_nat_del_forward(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	const char *bridge, *proto, *ports;
	struct err e = {0};

	if (call_param_string(call, "bridge", CALL_REQUIRED, &bridge) < 0 ||
	    call_param_string(call, "proto", CALL_REQUIRED, &proto) < 0 ||
	    call_param_string(call, "ports", CALL_REQUIRED, &ports) < 0)
		return;
	cmd_change_to(call, d, config_without_forward(d->config, bridge, proto, ports, &e), &e);
}
