/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What bridges say of their gateways: that the uplink is there, and that forwards and rules name
 * what exists. A forward is of an uplink's port, so those of all bridges of the uplink are
 * compared.
 */
#include <errno.h>
#include <string.h>

#include "common/ipaddr.h"
#include "common/suggest.h"
#include "config/check.h"
#include "config/errors.h"
#include "config/nat_value.h"

static void check_uplink_name(struct check *k, const char *name, struct config_pos pos,
			      const char *path)
{
	struct config_error *e;
	struct suggest s;

	if (!name[0] || config_uplink_lookup(k->c, name))
		return;
	e = errors_add(k->errs, pos, "%s: there is no uplink '%s'", path, name);
	suggest_init(&s, name);
	suggest_offer(&s, "host");
	for (unsigned i = 0; i < k->c->n_uplinks; i++)
		suggest_offer(&s, k->c->uplinks[i].name);
	if (s.best)
		errors_help(e, "did you mean '%s'?", s.best);
	else
		errors_help(e, "add it below uplinks, or use host");
}

static void check_forward_mode(struct check *k, const struct config_bridge *b)
{
	enum config_forward mode = config_bridge_forward(b);

	if (mode == FORWARD_NAT && !b->nat.uplink[0])
		errors_help(errors_add(k->errs, b->forward_pos,
				       "bridges.%s.forward: nat needs to know the uplink", b->name),
			    "add nat: {uplink: host}");
	if (mode != FORWARD_NAT && b->forward == FORWARD_AUTO)
		return;
	if (mode == FORWARD_NAT && !b->has_address)
		errors_help(
			errors_add(k->errs, b->nat.pos, "bridges.%s.nat: the bridge has no address",
				   b->name),
			"add one, such as address: 10.10.0.1/24: guests use it as their gateway");
	else if (!b->has_address && !b->address6[0])
		errors_help(
			errors_add(k->errs, b->forward_pos,
				   "bridges.%s.forward: the bridge has no address", b->name),
			"add one, such as address: 10.10.0.1/24: guests use it as their gateway");
}

/*
 * What `nat` says of a bridge that translates nothing. The filter is the router's, so a routed
 * bridge has it too; everything else would do nothing.
 */
static void check_without_translation(struct check *k, const struct config_bridge *b)
{
	const struct config_nat *n = &b->nat;
	enum config_forward mode = config_bridge_forward(b);

	if (mode == FORWARD_NAT)
		return;
	if (n->n_forwards || n->prefix6[0]) {
		/* With an uplink it is a bridge whose translation is switched off for a while. */
		struct config_error *e = (n->uplink[0] ? errors_warn : errors_add)(
			k->errs, n->pos, "bridges.%s.nat.%s: the bridge translates nothing",
			b->name, n->n_forwards ? "forwards" : "prefix6");

		errors_help(e, n->uplink[0] ? "write forward: nat, or leave forward out"
					    : "add uplink: host to nat");
	}
	if (n->n_rules && b->forward == FORWARD_AUTO)
		errors_help(errors_add(k->errs, n->pos,
				       "bridges.%s.nat.filter: the bridge has no gateway, whose "
				       "packets it would filter",
				       b->name),
			    "add forward: route, or uplink: host to nat");
	else if (n->n_rules && mode == FORWARD_NONE)
		errors_help(errors_warn(k->errs, n->pos,
					"bridges.%s.nat.filter: an isolated bridge passes nothing "
					"on that it could filter",
					b->name),
			    "guests of one bridge are kept apart by isolated: on of their ports");
	if (mode == FORWARD_ROUTE && n->uplink[0] && !b->uplink[0])
		errors_help(errors_warn(k->errs, n->uplink_pos,
					"bridges.%s.nat.uplink is for forward: nat: the routed "
					"bridge has no way out",
					b->name),
			    "write uplink: %s beside forward, or leave it out", n->uplink);
}

/* A forward with its texts read. */
struct forward {
	const struct config_bridge *bridge;
	const struct config_nat_forward *f;
	unsigned number;
	uint16_t first, last, to_port;
	uint32_t to;
};

static void forward_path(const struct forward *w, const char *key, char *path, size_t size)
{
	snprintf(path, size, "bridges.%s.nat.forwards[%u].%s", w->bridge->name, w->number, key);
}

static bool read_forward(struct check *k, struct forward *w)
{
	const struct config_nat_forward *f = w->f;
	const char *key = f->proto == FORWARD_TCP ? "tcp" : "udp";
	char path[CONFIG_NAME_MAX + 48], text[IP4_TEXT_MAX], net[IP4_PREFIX_TEXT];
	int ret;

	forward_path(w, key, path, sizeof(path));
	if (nat_value_forward_ports(f, &w->first, &w->last)) {
		errors_help(errors_add(k->errs, f->pos, "%s: '%s' is no port and no range of ports",
				       path, f->proto == FORWARD_TCP ? f->tcp : f->udp),
			    "write a number from 1 to 65535, or two as 5000-5010");
		return false;
	}
	forward_path(w, "to", path, sizeof(path));
	w->to_port = w->first;
	ret = nat_value_target(k->c, w->bridge, f->to, &w->to, &w->to_port);
	if (ret == -EINVAL)
		errors_help(errors_add(k->errs, f->pos,
				       "%s: '%s' is no guest or address with a port", path, f->to),
			    "for example: to: \"alpha:22\" or to: \"10.10.0.7:22\"");
	else if (ret)
		errors_help(errors_add(k->errs, f->pos,
				       "%s: no guest '%.*s' has an address on bridge %s", path,
				       (int)strcspn(f->to, ":"), f->to, w->bridge->name),
			    "name a guest with a NIC on that bridge, or an address of its subnet");
	else if (!ip4_prefix_contains(&w->bridge->address, w->to))
		errors_help(errors_add(k->errs, f->pos, "%s: %s is outside %s of bridge %s", path,
				       ip4_format(w->to, text),
				       ip4_prefix_format(&w->bridge->address, net),
				       w->bridge->name),
			    "a forward leads to a guest of its own bridge");
	else if (w->to == w->bridge->address.addr)
		errors_help(errors_add(k->errs, f->pos,
				       "%s: %s is the address of the bridge itself", path,
				       ip4_format(w->to, text)),
			    "name a guest, or its address");
	else if (w->to_port + (unsigned)(w->last - w->first) > 65535)
		errors_help(
			errors_add(k->errs, f->pos, "%s: the range ends beyond port 65535", path),
			"begin at a lower port");
	else
		return true;
	return false;
}

static void check_external(struct check *k, const struct forward *w)
{
	const struct config_uplink *u = config_uplink_lookup(k->c, w->bridge->nat.uplink);
	uint32_t list[CONFIG_EXTERNAL_MAX], addr = nat_value_ip4(w->f->address);
	unsigned n = u ? nat_value_externals(u, list) : 0;
	char path[CONFIG_NAME_MAX + 48];

	if (!w->f->address[0] || !u)
		return;
	for (unsigned i = 0; i < n; i++)
		if (list[i] == addr)
			return;
	forward_path(w, "address", path, sizeof(path));
	errors_help(errors_add(k->errs, w->f->pos, "%s: %s is no address of uplink %s", path,
			       w->f->address, u->name),
		    u->kind == UPLINK_HOST ? "leave it out: a host uplink has one address only"
					   : "name one of its address and addresses");
}

static bool forwards_meet(const struct forward *a, const struct forward *b)
{
	if (a->f->proto != b->f->proto || a->first > b->last || b->first > a->last)
		return false;
	return !a->f->address[0] || !b->f->address[0] || strcmp(a->f->address, b->f->address) == 0;
}

/* All forwards of an uplink, whichever bridge they lead to. */
static void check_uplink_forwards(struct check *k, const char *uplink)
{
	const struct config *c = k->c;
	unsigned n = 0, room = 0;
	struct forward *all;

	for (unsigned i = 0; i < c->n_bridges; i++)
		if (strcmp(c->bridges[i].nat.uplink, uplink) == 0)
			room += c->bridges[i].nat.n_forwards;
	all = arena_array(k->scratch, room + 1, sizeof(*all));
	if (!all) {
		k->ret = -ENOMEM;
		return;
	}
	for (unsigned i = 0; i < c->n_bridges; i++) {
		const struct config_bridge *b = &c->bridges[i];

		if (strcmp(b->nat.uplink, uplink) != 0 || !b->has_address)
			continue;
		for (unsigned j = 0; j < b->nat.n_forwards; j++) {
			struct forward *w = &all[n];
			char path[CONFIG_NAME_MAX + 48], line[ERRORS_LINE_MAX];

			*w = (struct forward){.bridge = b, .f = &b->nat.forwards[j], .number = j};
			if (!read_forward(k, w))
				continue;
			check_external(k, w);
			n++;
			for (unsigned o = 0; o + 1 < n; o++) {
				if (!forwards_meet(&all[o], w))
					continue;
				forward_path(w, w->f->proto == FORWARD_TCP ? "tcp" : "udp", path,
					     sizeof(path));
				errors_help(
					errors_add(k->errs, w->f->pos,
						   "%s: uplink %s has a forward of the same port "
						   "to %s%s",
						   path, uplink, all[o].f->to,
						   errors_line(all[o].f->pos, line)),
					"use another port, or another external address");
				break;
			}
		}
	}
}

/* Whether a rule's `from` or `to` means something. */
static bool is_end(const struct check *k, const struct config_bridge *b, const char *text)
{
	struct ipaddr_prefix p6;
	struct ip4_prefix p;

	if (strchr(text, ':'))
		return nat_value_prefix6(text, &p6) == 0;
	return nat_value_prefix(k->c, b, text, &p) == 0;
}

/* The addresses that a guest makes for itself are not known. */
static void warn_of_name(struct check *k, const struct config_bridge *b, unsigned n,
			 const char *text)
{
	struct ip4_prefix p;
	uint32_t addr;

	if (!text[0] || strchr(text, ':') || ip4_prefix_parse(text, &p) == 0 ||
	    ip4_parse(text, &addr) == 0 || !b->address6[0] ||
	    !(b->nat.prefix6[0] || config_bridge_forward(b) == FORWARD_ROUTE))
		return;
	errors_help(errors_warn(k->errs, b->nat.rules[n].pos,
				"bridges.%s.nat.filter[%u]: '%s' is the guest's IPv4 address; its "
				"IPv6 packets do not fit the rule",
				b->name, n, text),
		    "add a rule with its IPv6 address, or without an address");
}

static void check_rule(struct check *k, const struct config_bridge *b, unsigned n)
{
	const struct config_nat_rule *r = &b->nat.rules[n];
	const struct {
		const char *key, *text;
	} ends[] = {{"from", r->from}, {"to", r->to}};
	uint16_t first, last;

	if (nat_value_family(r->from, r->to) < 0)
		errors_help(errors_add(k->errs, r->pos,
				       "bridges.%s.nat.filter[%u]: '%s' and '%s' are of different "
				       "families",
				       b->name, n, r->from, r->to),
			    "write a rule for IPv4 and one for IPv6");
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++)
		if (!is_end(k, b, ends[i].text))
			errors_help(errors_add(k->errs, r->pos,
					       "bridges.%s.nat.filter[%u].%s: '%s' is no address, "
					       "prefix or guest of the bridge",
					       b->name, n, ends[i].key, ends[i].text),
				    "for example: %s: 10.0.0.0/8", ends[i].key);
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++)
		warn_of_name(k, b, n, ends[i].text);
	if (r->port[0] && nat_value_ports(r->port, &first, &last))
		errors_help(errors_add(k->errs, r->pos,
				       "bridges.%s.nat.filter[%u].port: '%s' is no port and no "
				       "range of ports",
				       b->name, n, r->port),
			    "write a number from 1 to 65535, or two as 1-1023");
	if (r->port[0] && strcmp(r->proto, "tcp") != 0 && strcmp(r->proto, "udp") != 0)
		errors_help(
			errors_add(k->errs, r->pos,
				   "bridges.%s.nat.filter[%u].port: only TCP and UDP have ports",
				   b->name, n),
			"add proto: tcp or proto: udp");
}

static void check_algs(struct check *k, const struct config_bridge *b)
{
	char name[CONFIG_NAME_MAX + 4];
	const char *list = b->nat.alg;

	while (config_names_next(&list, name))
		if (strcmp(name, "ftp") != 0 && strcmp(name, "tftp") != 0)
			errors_help(errors_add(k->errs, b->nat.alg_pos,
					       "bridges.%s.nat.alg: there is no '%s'", b->name,
					       name),
				    "there are ftp and tftp");
}

static void check_address6(struct check *k, const struct config_bridge *b)
{
	const struct config *c = k->c;
	struct ipaddr_prefix own, other;

	if (!b->address6[0] || ipaddr_prefix_parse(b->address6, &own) < 0)
		return;
	for (const struct config_bridge *o = c->bridges; o < b; o++) {
		if (!o->address6[0] || ipaddr_prefix_parse(o->address6, &other) < 0 ||
		    !(ipaddr_prefix_contains(&own, &other.addr) ||
		      ipaddr_prefix_contains(&other, &own.addr)))
			continue;
		errors_help(errors_add(k->errs, b->address6_pos,
				       "bridges.%s.address6: %s overlaps with %s of bridge %s",
				       b->name, b->address6, o->address6, o->name),
			    "give each bridge a prefix of its own");
	}
}

static void check_prefix6(struct check *k, const struct config_bridge *b)
{
	struct ipaddr_prefix inside, outside;

	if (!b->nat.prefix6[0] || ipaddr_prefix_parse(b->nat.prefix6, &outside) < 0)
		return;
	if (!b->address6[0])
		errors_help(
			errors_add(k->errs, b->nat.prefix6_pos,
				   "bridges.%s.nat.prefix6: the bridge has no address6", b->name),
			"add one of the same length, such as address6: fd00:10::1/%u", outside.len);
	else if (ipaddr_prefix_parse(b->address6, &inside) == 0 && inside.len != outside.len)
		errors_help(errors_add(k->errs, b->nat.prefix6_pos,
				       "bridges.%s.nat.prefix6: %s is not as long as %s", b->name,
				       b->nat.prefix6, b->address6),
			    "one prefix stands for the other: give both the same length");
	else if (inside.len < 16 || inside.len > 64)
		errors_help(
			errors_add(k->errs, b->nat.prefix6_pos,
				   "bridges.%s.nat.prefix6: a prefix of %u bits is not translated",
				   b->name, inside.len),
			"use one of 16 to 64 bits");
}

void check_nat(struct check *k)
{
	const struct config *c = k->c;
	char path[CONFIG_NAME_MAX + 32];

	for (unsigned i = 0; i < c->n_bridges; i++) {
		const struct config_bridge *b = &c->bridges[i];

		snprintf(path, sizeof(path), "bridges.%s.nat.uplink", b->name);
		check_uplink_name(k, b->nat.uplink, b->nat.uplink_pos, path);
		snprintf(path, sizeof(path), "bridges.%s.uplink", b->name);
		check_uplink_name(k, b->uplink, b->bridge_uplink_pos, path);
		check_forward_mode(k, b);
		check_without_translation(k, b);
		check_address6(k, b);
		check_prefix6(k, b);
		check_algs(k, b);
		for (unsigned n = 0; n < b->nat.n_rules; n++)
			check_rule(k, b, n);
	}
	for (unsigned i = 0; i < c->n_uplinks; i++)
		check_uplink_forwards(k, c->uplinks[i].name);
}
