/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/inside.h"

#include <assert.h>
#include <stdlib.h>

#include "nat/flush.h"

#define SUBNET_LEN_MIN	  8
#define HOSTS_READY_BYTES (1u << 20) /* of a /16: memory is behind them at once */
#define TIMEOUT_MAX_S	  (30 * 86400u)

static const char *const filtering_names[] = {
	[NAT_FILTERING_ENDPOINT_INDEPENDENT] = "endpoint-independent",
	[NAT_FILTERING_ADDRESS_DEPENDENT] = "address-dependent",
	[NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT] = "address-and-port-dependent",
};
static_assert(ARRAY_SIZE(filtering_names) == NAT_FILTERING_N, "a name for each");

static const struct nat_timeouts default_timeouts = {
	.udp_s = 300, .tcp_s = 7440, .tcp_opening_s = 240, .tcp_closing_s = 240, .icmp_s = 60};

const char *nat_filtering_name(enum nat_filtering f)
{
	return NAME_OF(filtering_names, f);
}

static void set_timeout(uint32_t *value, uint32_t default_s)
{
	if (*value == 0)
		*value = default_s;
	*value = MIN_OF(*value, TIMEOUT_MAX_S);
}

static struct inside_view *view_create(const struct nat_inside_params *params)
{
	struct inside_view *v = malloc(sizeof(*v) + params->n_rules * sizeof(*v->rules));
	struct nat_timeouts *t;

	if (!v)
		return NULL;
	v->params = *params;
	v->params.rules = v->rules;
	if (params->n_rules)
		memcpy(v->rules, params->rules, params->n_rules * sizeof(*v->rules));
	t = &v->params.timeouts;
	set_timeout(&t->udp_s, default_timeouts.udp_s);
	set_timeout(&t->tcp_s, default_timeouts.tcp_s);
	set_timeout(&t->tcp_opening_s, default_timeouts.tcp_opening_s);
	set_timeout(&t->tcp_closing_s, default_timeouts.tcp_closing_s);
	set_timeout(&t->icmp_s, default_timeouts.icmp_s);
	return v;
}

static size_t hosts_bytes(uint32_t mask)
{
	return ((size_t)~mask + 1) * sizeof(struct inside_host);
}

static void inside_free(struct nat_inside *in)
{
	arena_unmap(in->hosts, hosts_bytes(in->mask));
	free(in->view);
	free(in);
}

static int check_params(const struct nat *n, const struct nat_inside_params *params, struct err *e)
{
	char text[IP4_PREFIX_TEXT], other[IP4_PREFIX_TEXT];

	ip4_prefix_format(&params->subnet, text);
	if (params->subnet.len < SUBNET_LEN_MIN || params->subnet.len > 32)
		return err_set(e, EINVAL, "subnet %s: between /%d and /32 is possible", text,
			       SUBNET_LEN_MIN);
	if (params->n_rules > NAT_RULES_MAX)
		return err_set(e, EINVAL, "%u filter rules: at most %u are possible; join some",
			       params->n_rules, NAT_RULES_MAX);
	for (unsigned id = 1; id <= NAT_INSIDES_MAX; id++) {
		const struct nat_inside *in = n->insides[id];

		if (!in || !ip4_prefix_overlap(&inside_view(in)->params.subnet, &params->subnet))
			continue;
		ip4_prefix_format(&inside_view(in)->params.subnet, other);
		return err_set(e, EEXIST,
			       "subnet %s overlaps %s of another bridge: give one of them another",
			       text, other);
	}
	return 0;
}

static uint16_t free_id(const struct nat *n)
{
	for (uint16_t id = 1; id <= NAT_INSIDES_MAX; id++) {
		if (!n->insides[id])
			return id;
	}
	return 0;
}

struct nat_inside *nat_inside_create(struct nat *n, const struct nat_inside_params *params,
				     struct err *e)
{
	uint16_t id = free_id(n);
	struct nat_inside *in;

	if (check_params(n, params, e) < 0)
		return NULL;
	if (!id) {
		err_set(e, ENOSPC, "more than %u bridges with NAT: remove one", NAT_INSIDES_MAX);
		return NULL;
	}
	in = calloc(1, sizeof(*in));
	if (!in)
		goto err_nomem;
	in->id = id;
	in->mask = ip4_mask(params->subnet.len);
	in->network = ip4_network(&params->subnet);
	in->hosts = arena_map(hosts_bytes(in->mask));
	in->view = view_create(params);
	if (!in->hosts || !in->view)
		goto err_free;
	if (hosts_bytes(in->mask) <= HOSTS_READY_BYTES)
		arena_populate(in->hosts, 0, hosts_bytes(in->mask));
	atomic_store_explicit(&n->insides[id], in, memory_order_release);
	return in;
err_free:
	inside_free(in);
err_nomem:
	err_set(e, ENOMEM,
		"no memory for a bridge with NAT: free some, or choose a smaller subnet");
	return NULL;
}

int nat_inside_update(struct nat *n, struct nat_inside *in, const struct nat_inside_params *params,
		      struct err *e)
{
	struct inside_view *old = in->view, *new;

	if (ip4_network(&params->subnet) != in->network ||
	    params->subnet.len != old->params.subnet.len)
		return err_set(e, EBUSY,
			       "the subnet of a bridge with NAT cannot change while it is "
			       "in use: remove the bridge and add it again");
	if (params->n_rules > NAT_RULES_MAX)
		return err_set(e, EINVAL, "%u filter rules: at most %u are possible; join some",
			       params->n_rules, NAT_RULES_MAX);
	new = view_create(params);
	if (!new)
		return err_set(e, ENOMEM, "no memory for the settings of a bridge: free some");
	atomic_store_explicit(&in->view, new, memory_order_release);
	nat_synchronize(n);
	free(old);
	return 0;
}

/*
 * Unpublished first; a grace period later no worker opens sessions for it any more, and those that
 * there are can be ended one by one.
 */
void nat_inside_destroy(struct nat *n, struct nat_inside *in)
{
	const struct nat_flush all = {.inside = in};

	if (!in)
		return;
	in->gone = true;
	nat_synchronize(n);
	flush_forwards_to(n, in);
	nat_flush(n, &all);
	nat_synchronize(n);
	flush_mappings_of(n, in->id, NULL);
	nat_synchronize(n);
	atomic_store(&n->insides[in->id], NULL);
	nat_synchronize(n);
	inside_free(in);
}

struct nat_inside *inside_of(const struct nat *n, uint32_t addr)
{
	for (unsigned id = 1; id <= NAT_INSIDES_MAX; id++) {
		struct nat_inside *in = n->insides[id];

		if (in && !in->gone && inside_has(in, addr))
			return in;
	}
	return NULL;
}

uint16_t nat_inside_realm(const struct nat_inside *in)
{
	return in->id;
}

/* Adds one unless that passes `max`; 0: there is no bound. */
static bool take(_Atomic uint32_t *count, uint32_t max)
{
	uint32_t before = atomic_fetch_add_explicit(count, 1, memory_order_relaxed);

	if (!max || before < max)
		return true;
	atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
	return false;
}

static void give(_Atomic uint32_t *count)
{
	atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
}

/* What strangers may use of a quota: never nothing. */
static uint32_t share(uint32_t max, bool inbound)
{
	return inbound && max > 1 ? max - max / 4 : max;
}

enum drop_reason inside_take_session(struct nat *n, struct nat_inside *in, uint32_t addr,
				     bool inbound)
{
	const struct nat_inside_params *p = &inside_view(in)->params;
	struct inside_host *host = inside_host(in, addr);

	if (!take(&host->sessions, share(p->guest_sessions_max, inbound)))
		return DROP_NAT_GUEST_SESSIONS;
	if (!take(&in->sessions, share(p->sessions_max, inbound)))
		goto err_host;
	if (take(&n->sessions_now, share(n->sessions_max, inbound)))
		return DROP_NONE;
	give(&in->sessions);
	give(&host->sessions);
	return DROP_NAT_SESSIONS;
err_host:
	give(&host->sessions);
	return DROP_NAT_BRIDGE_SESSIONS;
}

void inside_give_session(struct nat *n, struct nat_inside *in, uint32_t addr)
{
	give(&n->sessions_now);
	give(&in->sessions);
	give(&inside_host(in, addr)->sessions);
}

enum drop_reason inside_take_port(struct nat_inside *in, uint32_t addr, enum nat_class class)
{
	uint32_t max = inside_view(in)->params.guest_ports_max;

	return take(&inside_host(in, addr)->ports[class], max) ? DROP_NONE : DROP_NAT_GUEST_PORTS;
}

void inside_give_port(struct nat_inside *in, uint32_t addr, enum nat_class class)
{
	give(&inside_host(in, addr)->ports[class]);
}

static bool rule_fits(const struct nat_rule *r, enum nat_direction dir, uint8_t proto,
		      uint32_t guest, uint32_t remote, uint16_t port)
{
	return r->direction == dir && (!r->proto || r->proto == proto) &&
	       ip4_prefix_contains(&r->guest, guest) && ip4_prefix_contains(&r->remote, remote) &&
	       ((!r->port_first && !r->port_last) ||
		(port >= r->port_first && port <= r->port_last));
}

bool inside_allows(const struct inside_view *view, enum nat_direction dir, uint8_t proto,
		   uint32_t guest, uint32_t remote, uint16_t port)
{
	for (unsigned i = 0; i < view->params.n_rules; i++) {
		const struct nat_rule *r = &view->rules[i];

		if (rule_fits(r, dir, proto, ntohl(guest), ntohl(remote), port))
			return r->allow;
	}
	return true;
}

static bool host_used(const struct inside_host *h, struct nat_guest_usage *u)
{
	uint32_t any = u->sessions = h->sessions;

	for (int c = 0; c < NAT_CLASS_N; c++)
		any |= u->ports[c] = h->ports[c];
	return any;
}

void nat_visit_guests(struct nat_inside *in, bool (*visit)(const struct nat_guest_usage *, void *),
		      void *arg)
{
	struct nat_guest_usage u;

	for (uint64_t host = 0; host <= (uint32_t)~in->mask; host++) {
		u.guest = in->network | (uint32_t)host;
		if (host_used(&in->hosts[host], &u) && !visit(&u, arg))
			return;
	}
}

void nat_inside_counters_get(struct nat_inside *in, struct nat_inside_counters *c)
{
	c->sessions = in->sessions;
	c->sessions_max = inside_view(in)->params.sessions_max;
	for (int r = 0; r < DROP_N; r++)
		c->refused[r] = in->refused[r];
}
