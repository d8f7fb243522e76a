/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/gateway_rules.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/wire.h"
#include "config/nat_value.h"

static uint8_t protocol_of(const char *word)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} protocols[] = {
		{"tcp", WIRE_PROTO_TCP}, {"udp", WIRE_PROTO_UDP}, {"icmp", WIRE_PROTO_ICMP}};

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (strcmp(protocols[i].name, word) == 0)
			return protocols[i].proto;
	return 0;
}

static struct nat_rule rule_of(const struct config *c, const struct config_bridge *b,
			       const struct config_nat_rule *r)
{
	const char *way = r->verdict == FILTER_ALLOW ? r->allow : r->deny;
	bool out = strcmp(way, "out") == 0;
	struct nat_rule rule = {
		.allow = r->verdict == FILTER_ALLOW,
		.direction = out ? NAT_OUTBOUND : NAT_INBOUND,
		.proto = protocol_of(r->proto),
	};

	nat_value_prefix(c, b, r->from, out ? &rule.guest : &rule.remote);
	nat_value_prefix(c, b, r->to, out ? &rule.remote : &rule.guest);
	if (r->port[0])
		nat_value_ports(r->port, &rule.port_first, &rule.port_last);
	return rule;
}

static bool is_of(const struct config_nat_rule *r, int family)
{
	int of = nat_value_family(r->from, r->to);

	return of == 0 || of == family;
}

bool gateway_rules_has(const struct config_bridge *b, int family)
{
	for (unsigned i = 0; i < b->nat.n_rules; i++)
		if (is_of(&b->nat.rules[i], family))
			return true;
	return false;
}

struct nat_rule *gateway_rules_create(const struct config *c, const struct config_bridge *b,
				      unsigned *n)
{
	struct nat_rule *rules = calloc(b->nat.n_rules + 1, sizeof(*rules));

	*n = 0;
	for (unsigned i = 0; rules && i < b->nat.n_rules; i++)
		if (is_of(&b->nat.rules[i], 4))
			rules[(*n)++] = rule_of(c, b, &b->nat.rules[i]);
	return rules;
}

static struct filter6_rule rule6_of(const struct config_nat_rule *r)
{
	const char *way = r->verdict == FILTER_ALLOW ? r->allow : r->deny;
	bool out = strcmp(way, "out") == 0;
	struct filter6_rule rule = {
		.allow = r->verdict == FILTER_ALLOW,
		.direction = out ? NAT_OUTBOUND : NAT_INBOUND,
		.proto = protocol_of(r->proto),
	};

	if (rule.proto == WIRE_PROTO_ICMP)
		rule.proto = WIRE_PROTO_ICMP6;
	nat_value_prefix6(r->from, out ? &rule.guest : &rule.remote);
	nat_value_prefix6(r->to, out ? &rule.remote : &rule.guest);
	if (r->port[0])
		nat_value_ports(r->port, &rule.port_first, &rule.port_last);
	return rule;
}

static struct nat_timeouts timeouts_of(const struct config_nat *nat)
{
	return (struct nat_timeouts){
		.udp_s = (uint32_t)(nat->udp_ns / NS_PER_S),
		.tcp_s = (uint32_t)(nat->tcp_ns / NS_PER_S),
		.tcp_opening_s = (uint32_t)(nat->tcp_opening_ns / NS_PER_S),
		.tcp_closing_s = (uint32_t)(nat->tcp_closing_ns / NS_PER_S),
		.icmp_s = (uint32_t)(nat->icmp_ns / NS_PER_S),
	};
}

static size_t filter6_bytes(unsigned n_rules)
{
	return sizeof(struct filter6_view) + n_rules * sizeof(struct filter6_rule);
}

struct filter6_view *gateway_filter6_create(const struct config_bridge *b)
{
	const struct config_nat *nat = &b->nat;
	struct filter6_view *v = calloc(1, filter6_bytes(nat->n_rules));

	if (!v)
		return NULL;
	v->timeouts = timeouts_of(nat);
	v->quota = (struct session6_quota){nat->sessions, nat->sessions_per_guest};
	v->tcp_strict = nat->tcp_strict;
	for (unsigned i = 0; i < nat->n_rules; i++)
		if (is_of(&nat->rules[i], 6))
			v->rules[v->n_rules++] = rule6_of(&nat->rules[i]);
	return v;
}

bool gateway_filter6_is(const struct filter6_view *a, const struct filter6_view *b)
{
	return a && b && a->n_rules == b->n_rules && memcmp(a, b, filter6_bytes(a->n_rules)) == 0;
}

static unsigned algs_of(const struct config_nat *nat)
{
	char name[CONFIG_NAME_MAX + 4];
	const char *list = nat->alg;
	unsigned algs = 0;

	while (config_names_next(&list, name))
		algs |= strcmp(name, "ftp") == 0 ? NAT_ALG_FTP : NAT_ALG_TFTP;
	return algs;
}

struct nat_inside_params gateway_inside_params(const struct config_bridge *b,
					       const struct nat_rule *rules, unsigned n_rules)
{
	static const enum nat_filtering filterings[] = {
		[FILTERING_ENDPOINT_INDEPENDENT] = NAT_FILTERING_ENDPOINT_INDEPENDENT,
		[FILTERING_ADDRESS_DEPENDENT] = NAT_FILTERING_ADDRESS_DEPENDENT,
		[FILTERING_ADDRESS_AND_PORT_DEPENDENT] = NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT,
	};
	static_assert(ARRAY_SIZE(filterings) == FILTERING_N, "a behaviour for each word");
	const struct config_nat *nat = &b->nat;
	struct nat_inside_params params = {
		.subnet = {ip4_network(&b->address), b->address.len},
		.timeouts = timeouts_of(nat),
		.sessions_max = nat->sessions,
		.guest_sessions_max = nat->sessions_per_guest,
		.guest_ports_max = nat->ports_per_guest,
		.tcp_strict = nat->tcp_strict,
		.algs = algs_of(nat),
		.rules = rules,
		.n_rules = n_rules,
	};

	for (unsigned i = 0; i < NAT_CLASS_N; i++)
		params.filtering[i] = filterings[nat->filtering];
	return params;
}

/* --- forwards -----------------------------------------------------------------------------------
 */

static bool same_forward(const struct nat_forward *a, const struct nat_forward *b)
{
	return a->class == b->class && a->address == b->address && a->first == b->first &&
	       a->last == b->last && a->to == b->to && a->to_port == b->to_port;
}

static bool is_among(const struct nat_forward *f, const struct nat_forward *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (same_forward(f, &list[i]))
			return true;
	return false;
}

static bool forwards_by(const struct config_bridge *b, const char *uplink)
{
	return config_bridge_forward(b) == FORWARD_NAT && strcmp(b->nat.uplink, uplink) == 0;
}

static bool read_forward(const struct config *c, const struct config_bridge *b,
			 const struct config_nat_forward *from, struct nat_forward *f)
{
	*f = (struct nat_forward){
		.class = from->proto == FORWARD_TCP ? NAT_TCP : NAT_UDP,
		.address = nat_value_ip4(from->address),
	};
	if (nat_value_forward_ports(from, &f->first, &f->last))
		return false;
	f->to_port = f->first;
	return nat_value_target(c, b, from->to, &f->to, &f->to_port) == 0;
}

/* All forwards of an uplink, whichever bridge they lead to; to be freed. NULL without memory. */
static struct nat_forward *wanted_forwards(const struct config *c, const char *uplink, unsigned *n)
{
	struct nat_forward *list;
	unsigned room = 0;

	for (unsigned i = 0; i < c->n_bridges; i++)
		room += forwards_by(&c->bridges[i], uplink) ? c->bridges[i].nat.n_forwards : 0;
	list = calloc(room + 1, sizeof(*list));
	*n = 0;
	for (unsigned i = 0; list && i < c->n_bridges; i++) {
		const struct config_bridge *b = &c->bridges[i];

		for (unsigned k = 0; forwards_by(b, uplink) && k < b->nat.n_forwards; k++)
			*n += read_forward(c, b, &b->nat.forwards[k], &list[*n]);
	}
	return list;
}

/* What could not be added leaves `wanted`. */
static int change_forwards(struct gateways *g, struct gateways_uplink *u,
			   struct nat_forward *wanted, unsigned *n_wanted, struct err *e)
{
	unsigned kept = 0;
	int ret = 0;

	for (unsigned i = 0; i < u->n_forwards; i++)
		if (!is_among(&u->forwards[i], wanted, *n_wanted))
			nat_forward_del(g->nat, u->outside, &u->forwards[i], &(struct err){0});
	for (unsigned i = 0; i < *n_wanted; i++) {
		struct err one = {0};
		int added = is_among(&wanted[i], u->forwards, u->n_forwards)
				    ? 0
				    : nat_forward_add(g->nat, u->outside, &wanted[i], &one);

		if (added == 0) {
			wanted[kept++] = wanted[i];
			continue;
		}
		if (ret == 0)
			*e = one;
		ret = added;
	}
	*n_wanted = kept;
	return ret;
}

static bool same_forwards(const struct gateways_uplink *u, const struct nat_forward *list,
			  unsigned n)
{
	if (n != u->n_forwards)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (!same_forward(&u->forwards[i], &list[i]))
			return false;
	return true;
}

int gateway_forwards_apply(struct gateways *g, struct gateways_uplink *u, const struct config *c,
			   struct err *e)
{
	unsigned n;
	struct nat_forward *wanted = wanted_forwards(c, u->name, &n);
	struct err refused = {0};
	int ret = 0, changed;

	if (!wanted)
		return err_set(e, ENOMEM, "uplink %s: out of memory", u->name);
	if (same_forwards(u, wanted, n) || !u->outside) {
		free(wanted);
		return 0;
	}
	/* What the uplink refuses is not translated either; it is asked again at the next change.
	 */
	if (u->ops->forwards)
		ret = u->ops->forwards(g->d, u->port, wanted, &n, &refused);
	changed = change_forwards(g, u, wanted, &n, e);
	free(u->forwards);
	u->forwards = wanted;
	u->n_forwards = n;
	if (changed == 0 && ret < 0)
		*e = refused;
	return changed < 0 ? changed : ret;
}

void gateway_rules_forget(struct gateways_uplink *u, const struct ip4_prefix *subnet)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < u->n_forwards; i++)
		if (!ip4_prefix_contains(subnet, u->forwards[i].to))
			u->forwards[kept++] = u->forwards[i];
	u->n_forwards = kept;
}
