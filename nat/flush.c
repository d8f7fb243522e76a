/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/flush.h"

#include "nat/mapping.h"
#include "nat/session.h"

/* What a flush compares; 0 fits all. In wire order, ports in host order. */
struct match {
	uint16_t inside, outside;
	uint32_t guest, remote, external;
	uint8_t proto;
	uint16_t ext_first, ext_last;
};

static bool fits(const struct match *m, const struct nat_session *s)
{
	uint16_t ext_port = ntohs(s->ext_port);

	return (!m->inside || s->inside == m->inside) &&
	       (!m->outside || s->outside == m->outside) && (!m->guest || s->in_addr == m->guest) &&
	       (!m->remote || s->remote_addr == m->remote) &&
	       (!m->external || s->ext_addr == m->external) &&
	       (!m->proto || s->proto == m->proto) &&
	       (!m->ext_last || (ext_port >= m->ext_first && ext_port <= m->ext_last));
}

/*
 * A record is looked at without a lock first; what it says counts under the lock only, and only
 * while the session is in the flow table: session_end_locked sees to that.
 */
static unsigned flush(struct nat *n, const struct match *m)
{
	uint32_t touched = index_pool_touched(&n->session_indices);
	unsigned ended = 0;

	for (uint32_t i = 1; i <= touched; i++) {
		struct nat_session *s = session_at(n, i);

		if (s->proto && !(s->flags & SESSION_DEAD) && fits(m, s))
			ended += session_end_locked(n, n->n_workers, s);
	}
	n->workers[n->n_workers].flushed += ended;
	return ended;
}

unsigned nat_flush(struct nat *n, const struct nat_flush *which)
{
	const struct match m = {.inside = which->inside ? which->inside->id : 0,
				.outside = which->outside ? which->outside->id : 0,
				.guest = htonl(which->guest),
				.remote = htonl(which->remote),
				.proto = which->proto};

	return flush(n, &m);
}

void flush_address(struct nat *n, const struct nat_outside *out, uint32_t addr)
{
	const struct match m = {.outside = out->id, .external = addr};

	flush(n, &m);
}

void flush_forward(struct nat *n, const struct nat_forward *f, const struct nat_outside *out)
{
	const struct match m = {.outside = out->id,
				.external = htonl(f->address),
				.proto = f->class == NAT_TCP ? WIRE_PROTO_TCP : WIRE_PROTO_UDP,
				.ext_first = f->first,
				.ext_last = f->last};

	flush(n, &m);
}

void flush_forwards_to(struct nat *n, const struct nat_inside *in)
{
	for (unsigned id = 1; id <= NAT_OUTSIDES_MAX; id++) {
		struct nat_outside *out = n->outsides[id];
		struct outside_forward *f = out ? out->forwards : NULL, *next;

		for (; f; f = next) {
			next = f->next;
			if (inside_has(in, htonl(f->forward.to)))
				nat_forward_del(n, out, &f->forward, NULL);
		}
	}
}

void flush_mappings_of(struct nat *n, uint16_t inside, const struct nat_pool *pool)
{
	uint32_t touched = index_pool_touched(&n->mapping_indices);

	for (uint32_t i = 1; i <= touched; i++) {
		const struct nat_mapping *m = mapping_at(n, i);

		if (m->endpoint && (m->flags & MAPPING_HELD) && (!inside || m->inside == inside) &&
		    (!pool || m->pool == pool))
			mapping_drop(n, i);
	}
}

void nat_flush_adjacency(struct nat *n, uint32_t adjacency)
{
	uint32_t touched = index_pool_touched(&n->session_indices);

	for (uint32_t i = 1; i <= touched; i++) {
		struct nat_session *s = session_at(n, i);

		for (int d = 0; d < NAT_DIRECTION_N; d++) {
			uint32_t expected = adjacency;

			atomic_compare_exchange_strong(&s->adjacency[d], &expected, 0);
		}
	}
}
