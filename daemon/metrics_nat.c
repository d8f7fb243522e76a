/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/metrics_nat.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "nat/gateway.h"

#include "daemon/gateways.h"
#include "nat/filter6.h"

/* What is asked once for all metrics. */
struct totals {
	struct nat_counters ip4;
	struct filter6_counters ip6;
};

/* --- sessions ----------------------------------------------------------------------------------
 */

#define IP4(field) offsetof(struct totals, ip4.field)
#define IP6(field) offsetof(struct totals, ip6.field)

static const struct {
	const char *name, *type, *help;
	size_t ip4, ip6;
} by_family[] = {
	{"weft_nat_sessions", "gauge", "Sessions of NAT and the filter.", IP4(sessions),
	 IP6(sessions)},
	{"weft_nat_sessions_limit", "gauge", "Sessions that there may be.", IP4(sessions_max),
	 IP6(sessions_max)},
	{"weft_nat_sessions_opened_total", "counter", "Sessions opened.", IP4(opened), IP6(opened)},
	{"weft_nat_sessions_expired_total", "counter", "Sessions that ended by silence.",
	 IP4(expired), IP6(expired)},
	{"weft_nat_sessions_flushed_total", "counter",
	 "Sessions that were ended by a flush or a change.", IP4(flushed), IP6(flushed)},
};

static const struct {
	const char *name, *type, *help;
	size_t offset;
} of_ip4[] = {
	{"weft_nat_mappings", "gauge", "Endpoints of guests that have an external port.",
	 IP4(mappings)},
	{"weft_nat_memory_bytes", "gauge",
	 "Memory that sessions, mappings and tables have touched.", IP4(bytes)},
	{"weft_nat_icmp_errors_total", "counter", "ICMP errors translated.", IP4(icmp_errors)},
	{"weft_nat_fragments_held_total", "counter", "Fragments that waited for their first one.",
	 IP4(fragments_held)},
	{"weft_nat_fragments_expired_total", "counter", "Fragments whose first one never came.",
	 IP4(fragments_expired)},
	{"weft_nat_holds_cut_total", "counter", "Ports given out before their hold-down was over.",
	 IP4(holds_cut)},
};

static const struct {
	const char *how;
	size_t offset;
} assignments[] = {
	{"preserved", IP4(ports_preserved)},
	{"random", IP4(ports_random)},
	{"shared", IP4(ports_shared)},
};

static uint64_t value_at(const struct totals *t, size_t offset)
{
	return *(const uint64_t *)((const char *)t + offset);
}

static void put_sessions(FILE *f, const struct totals *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(by_family); i++) {
		metrics_heading(f, by_family[i].name, by_family[i].type, by_family[i].help);
		fprintf(f, "%s{family=\"ipv4\"} %" PRIu64 "\n", by_family[i].name,
			value_at(t, by_family[i].ip4));
		fprintf(f, "%s{family=\"ipv6\"} %" PRIu64 "\n", by_family[i].name,
			value_at(t, by_family[i].ip6));
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_ip4); i++) {
		metrics_heading(f, of_ip4[i].name, of_ip4[i].type, of_ip4[i].help);
		fprintf(f, "%s %" PRIu64 "\n", of_ip4[i].name, value_at(t, of_ip4[i].offset));
	}
	metrics_heading(f, "weft_nat_ports_assigned_total", "counter",
			"Ports given to mappings, by how they were chosen.");
	for (size_t i = 0; i < ARRAY_SIZE(assignments); i++)
		fprintf(f, "weft_nat_ports_assigned_total{how=\"%s\"} %" PRIu64 "\n",
			assignments[i].how, value_at(t, assignments[i].offset));
}

/* --- what was refused --------------------------------------------------------------------------
 */

static_assert(DROP_NAT_SESSIONS < DROP_NAT_FRAGMENT_BAD, "the reasons of NAT are in a row");

/* `labels`: what stands before the family, with a comma, or "". */
static void put_reasons(FILE *f, const char *name, const char *labels, const char *family,
			const uint64_t refused[DROP_N])
{
	for (int r = DROP_NAT_SESSIONS; r <= DROP_NAT_FRAGMENT_BAD; r++)
		fprintf(f, "%s{%sfamily=\"%s\",reason=\"%s\"} %" PRIu64 "\n", name, labels, family,
			drop_reason_name((enum drop_reason)r), refused[r]);
}

static void put_refused(FILE *f, const struct totals *t)
{
	static const char name[] = "weft_nat_refused_total";

	metrics_heading(f, name, "counter", "Packets that opened no session, by reason.");
	put_reasons(f, name, "", "ipv4", t->ip4.refused);
	put_reasons(f, name, "", "ipv6", t->ip6.refused);
}

static void put_bridge_refused(FILE *f, struct gateways *g)
{
	static const char name[] = "weft_nat_bridge_refused_total";
	struct gateways_bridge *b;

	metrics_heading(f, name, "counter",
			"Packets of or to the bridge that opened no session, by reason.");
	TAILQ_FOREACH (b, &g->bridges, next) {
		char labels[CONFIG_NAME_MAX + 16];
		struct nat_inside_counters c;
		uint64_t refused[DROP_N];

		snprintf(labels, sizeof(labels), "bridge=\"%s\",", b->name);
		if (b->inside) {
			nat_inside_counters_get(b->inside, &c);
			put_reasons(f, name, labels, "ipv4", c.refused);
		}
		if (b->filter6) {
			filter6_bridge_counters(g->router->filter6, (uint16_t)b->number, refused);
			put_reasons(f, name, labels, "ipv6", refused);
		}
	}
}

static void put_bridge_sessions(FILE *f, struct gateways *g)
{
	static const char name[] = "weft_nat_bridge_sessions";
	struct gateways_bridge *b;

	metrics_heading(f, name, "gauge", "Sessions of the bridge's guests.");
	TAILQ_FOREACH (b, &g->bridges, next) {
		struct nat_inside_counters c;
		uint64_t refused[DROP_N];

		if (b->inside) {
			nat_inside_counters_get(b->inside, &c);
			fprintf(f, "%s{bridge=\"%s\",family=\"ipv4\"} %" PRIu64 "\n", name, b->name,
				c.sessions);
		}
		if (b->filter6)
			fprintf(f, "%s{bridge=\"%s\",family=\"ipv6\"} %" PRIu64 "\n", name, b->name,
				filter6_bridge_counters(g->router->filter6, (uint16_t)b->number,
							refused));
	}
}

/* --- uplinks -----------------------------------------------------------------------------------
 */

static void put_ports(FILE *f, struct gateways *g, const char *name, const char *help, bool used)
{
	struct gateways_uplink *u;

	metrics_heading(f, name, "gauge", help);
	TAILQ_FOREACH (u, &g->uplinks, next) {
		struct nat_outside_counters c;

		if (!u->outside)
			continue;
		nat_outside_counters_get(u->outside, &c);
		for (int i = 0; i < NAT_CLASS_N; i++)
			fprintf(f, "%s{uplink=\"%s\",protocol=\"%s\"} %" PRIu64 "\n", name, u->name,
				nat_class_name((enum nat_class)i),
				used ? c.ports_used[i] : c.ports[i]);
	}
}

/* --- the router --------------------------------------------------------------------------------
 */

static const struct {
	const char *name, *help;
	size_t offset;
} packets[] = {
	{"weft_router_packets_total", "Packets from the interface that were for others.",
	 offsetof(struct router_counters, routed)},
	{"weft_router_slow_packets_total", "Those of them that had to be asked about.",
	 offsetof(struct router_counters, slow)},
	{"weft_router_icmp_errors_total", "ICMP errors sent to the interface's side.",
	 offsetof(struct router_counters, icmp_errors)},
	{"weft_router_icmp_limited_total", "ICMP errors not sent, because of their rate.",
	 offsetof(struct router_counters, icmp_limited)},
	{"weft_router_echo_replies_total", "Answers to pings of the router.",
	 offsetof(struct router_counters, echo_replies)},
	{"weft_router_fragmented_packets_total", "Packets that were cut into fragments.",
	 offsetof(struct router_counters, fragmented)},
};

static const struct {
	const char *name, *help;
	size_t offset;
} links[] = {
	{"weft_router_waited_packets_total", "Packets that waited for a neighbour's answer.",
	 offsetof(struct gateway_counters, waited)},
	{"weft_router_unreachable_packets_total", "Packets whose neighbour did not answer.",
	 offsetof(struct gateway_counters, failed)},
	{"weft_router_address_conflicts_total", "Times that somebody had an address of ours.",
	 offsetof(struct gateway_counters, conflicts)},
};

static void put_packets(FILE *f, const struct router *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		metrics_heading(f, packets[i].name, "counter", packets[i].help);
		for (unsigned n = 1; n < r->n; n++) {
			struct router_counters c;

			if (!r->ifaces[n])
				continue;
			router_counters_get(r->ifaces[n], &c);
			fprintf(f, "%s{interface=\"%s\"} %" PRIu64 "\n", packets[i].name,
				r->ifaces[n]->gateway->port.name,
				*(const uint64_t *)((const char *)&c + packets[i].offset));
		}
	}
}

static void put_links(FILE *f, const struct router *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		metrics_heading(f, links[i].name, "counter", links[i].help);
		for (unsigned n = 1; n < r->n; n++)
			if (r->ifaces[n])
				fprintf(f, "%s{interface=\"%s\"} %" PRIu64 "\n", links[i].name,
					r->ifaces[n]->gateway->port.name,
					*(const uint64_t *)((const char *)&r->ifaces[n]
								    ->gateway->counters +
							    links[i].offset));
	}
}

void metrics_nat(struct weftd *d, FILE *f)
{
	struct gateways *g = d->gateways;
	struct totals t;

	if (!g)
		return;
	nat_counters_get(g->nat, &t.ip4);
	filter6_counters_get(g->router->filter6, &t.ip6);
	put_sessions(f, &t);
	put_refused(f, &t);
	put_bridge_sessions(f, g);
	put_bridge_refused(f, g);
	put_ports(f, g, "weft_nat_ports", "External ports that mappings may have.", false);
	put_ports(f, g, "weft_nat_ports_used", "Those in use, by forwards or held too.", true);
	put_packets(f, g->router);
	put_links(f, g->router);
}
