/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Looking on from the control thread: what is read may change meanwhile, so it is copied first. */

#include "nat/mapping.h"
#include "nat/permit.h"
#include "nat/session.h"
#include "nat/tcp_state.h"

static const char *state_of(const struct nat_session *s)
{
	if (s->proto == WIRE_PROTO_TCP)
		return tcp_state_name(s->tcp);
	return s->flags & SESSION_OUT_SEEN ? "open" : "unanswered";
}

static void describe(const struct nat *n, uint32_t index, const struct nat_session *s,
		     uint32_t now_s, struct nat_session_info *i)
{
	uint32_t timeout_s = session_timeout(n, s);
	bool routed = s->flags & SESSION_ROUTED;

	*i = (struct nat_session_info){
		.inside = n->insides[s->inside],
		.outside = s->outside ? n->outsides[s->outside] : NULL,
		.proto = s->proto,
		.guest = ntohl(s->in_addr),
		.remote = ntohl(s->remote_addr),
		.external = routed ? 0 : ntohl(s->ext_addr),
		.guest_port = ntohs(s->in_port),
		.remote_port = ntohs(s->remote_port),
		.external_port = routed ? 0 : ntohs(s->ext_port),
		.state = state_of(s),
		.age_s = now_s - n->cold[index].opened_s,
		.idle_s = now_s - s->seen_s,
		.inbound = s->flags & SESSION_INBOUND,
		.hairpin = s->flags & SESSION_HAIRPIN,
	};
	i->expires_s = i->idle_s < timeout_s ? timeout_s - i->idle_s : 0;
}

/* A record is of a session when the flow table has it. */
static bool is_published(const struct nat *n, const struct nat_session *s, uint32_t index)
{
	struct flow_key key = session_key(s, NAT_OUTBOUND);

	return s->proto && !(s->flags & SESSION_DEAD) && n->insides[s->inside] &&
	       session_find_as(n, &key, NAT_OUTBOUND) == session_at(n, index);
}

void nat_visit_sessions(struct nat *n, uint64_t now_ns,
			bool (*visit)(const struct nat_session_info *, void *), void *arg)
{
	uint32_t touched = index_pool_touched(&n->session_indices);
	struct nat_session_info info;
	struct nat_session copy;

	for (uint32_t i = 1; i <= touched; i++) {
		memcpy(&copy, session_at(n, i), sizeof(copy));
		if (!is_published(n, &copy, i))
			continue;
		describe(n, i, &copy, nat_seconds(now_ns), &info);
		if (!visit(&info, arg))
			return;
	}
}

static bool describe_mapping(const struct nat *n, const struct nat_mapping *m,
			     struct nat_mapping_info *i)
{
	uint64_t endpoint = m->endpoint;
	uint8_t flags = m->flags;
	struct nat_pool *pool = m->pool;

	if (!endpoint || !(flags & MAPPING_OWNER) || !n->insides[m->inside] ||
	    !n->outsides[m->outside])
		return false;
	*i = (struct nat_mapping_info){.inside = n->insides[m->inside],
				       .outside = n->outsides[m->outside],
				       .class = m->class,
				       .guest = ntohl(mapping_addr(endpoint)),
				       .external = ntohl(pool->addr),
				       .guest_port = ntohs(mapping_port(endpoint)),
				       .external_port = ntohs(m->ext_port),
				       .sessions = m->sessions,
				       .forward = flags & MAPPING_FORWARD,
				       .held = flags & MAPPING_HELD};
	return true;
}

void nat_visit_mappings(struct nat *n, bool (*visit)(const struct nat_mapping_info *, void *),
			void *arg)
{
	uint32_t touched = index_pool_touched(&n->mapping_indices);
	struct nat_mapping_info info;

	for (uint32_t i = 1; i <= touched; i++) {
		if (describe_mapping(n, mapping_at(n, i), &info) && !visit(&info, arg))
			return;
	}
}

static uint64_t table_bytes(const struct flow_table *t)
{
	return ((uint64_t)flow_table_mask(t) + 1) * sizeof(struct flow_bucket);
}

static uint64_t touched_bytes(const struct nat *n)
{
	uint64_t sessions = index_pool_touched(&n->session_indices);
	uint64_t mappings = index_pool_touched(&n->mapping_indices);
	uint64_t permits = index_pool_touched(&n->permit_indices);

	return sessions * (sizeof(struct nat_session) + sizeof(struct session_cold)) +
	       mappings * sizeof(struct nat_mapping) + permits * sizeof(struct nat_permit) +
	       table_bytes(&n->flows) + table_bytes(&n->endpoints) +
	       (permits ? table_bytes(&n->permitted) : 0);
}

static void add_worker(struct nat_counters *c, const struct nat_worker *w)
{
	c->opened += w->opened;
	c->expired += w->expired;
	c->flushed += w->flushed;
	c->ports_preserved += w->ports_preserved;
	c->ports_random += w->ports_random;
	c->ports_shared += w->ports_shared;
	c->holds_cut += w->holds_cut;
	c->icmp_errors += w->icmp_errors;
	c->fragments_held += w->fragments_held;
	c->fragments_expired += w->fragments_expired;
	for (int r = 0; r < DROP_N; r++)
		c->refused[r] += w->refused[r];
}

static bool count_mapping(const struct nat_mapping_info *m, void *arg)
{
	++*(uint64_t *)arg;
	return true;
}

void nat_counters_get(struct nat *n, struct nat_counters *c)
{
	*c = (struct nat_counters){.sessions = n->sessions_now, .sessions_max = n->sessions_max};
	for (unsigned i = 0; i <= n->n_workers; i++)
		add_worker(c, &n->workers[i]);
	nat_visit_mappings(n, count_mapping, &c->mappings);
	c->bytes = touched_bytes(n);
}

static uint64_t ports_there_are(const struct outside_view *view, int class)
{
	if (class == NAT_ICMP)
		return PORTS_OF_ADDRESS;
	return view->port_last - view->port_first + 1u + (view->low_ports ? 1023 : 0);
}

void nat_outside_counters_get(struct nat_outside *out, struct nat_outside_counters *c)
{
	const struct outside_view *view = outside_view(out);

	*c = (struct nat_outside_counters){.addresses = view->n};
	for (unsigned i = 0; i < view->n; i++) {
		for (int class = 0; class < NAT_CLASS_N; class ++) {
			c->ports_used[class] += view->pools[i]->spaces[class].used;
			c->ports[class] += ports_there_are(view, class);
		}
	}
}
