/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Openings that are about to come: memory that nat_open_out will need for the packets of a burst is
 * asked for, for all of them at once. Nothing is changed and nothing is promised; whatever is
 * guessed wrong here costs time only.
 *
 * In three passes, each of which needs what the one before has asked for: where the endpoint's
 * mapping is listed; the mapping, or where a port for it will be looked for; and with the external
 * port, where the inbound tuple will be listed.
 */

#include "nat/mapping.h"
#include "nat/session.h"

#define EXPECT_MAX 64

struct expected {
	uint64_t endpoint, hash;
	struct nat_pool *pool;
	struct port_space *space;
	struct port_wish wish;
	uint32_t mapping; /* the candidate; 0: there is none */
};

static inline const struct ipv4_hdr *ip_of(const struct packet *p)
{
	return (const void *)(p->frame->head + p->l3);
}

static bool begin(const struct nat *n, const struct packet *p, const struct nat_inside *from,
		  const struct nat_outside *to, struct expected *e)
{
	enum nat_class class = nat_class_of(p->proto);
	uint32_t src = ip_of(p)->src;

	if (class == NAT_CLASS_N || !inside_has(from, src))
		return false;
	e->endpoint = nat_endpoint(src, p->sport, (uint8_t) class, to->id);
	e->hash = nat_endpoint_hash(n, e->endpoint);
	e->pool = mapping_pool(outside_view(to), from, src);
	e->space = &e->pool->spaces[class];
	nat_endpoint_prefetch(n, e->endpoint);
	__builtin_prefetch(nat_stripe(n, e->endpoint));
	__builtin_prefetch(inside_host(from, src));
	return true;
}

static void ask_for_mapping(const struct nat *n, const struct nat_outside *to, struct expected *e,
			    uint32_t now_s)
{
	unsigned slot = 0;

	e->mapping = flow_bucket_next(flow_table_first(&n->endpoints, e->hash), e->hash, &slot);
	if (e->mapping) {
		const struct nat_mapping *m = mapping_at(n, e->mapping);

		__builtin_prefetch(m);
		__builtin_prefetch((const char *)(m + 1) - 1);
		return;
	}
	e->wish = mapping_wish(n, outside_view(to), e->endpoint, now_s);
	__builtin_prefetch(&e->space->taken[e->wish.like / 64]);
	__builtin_prefetch(&e->space->taken[e->wish.start / 64]);
	__builtin_prefetch((const void *)&e->space->owner[e->wish.like]);
	__builtin_prefetch((const void *)&e->space->owner[e->wish.start]);
}

static void ask_for_tuple(const struct nat *n, const struct packet *p, const struct expected *e)
{
	const struct nat_mapping *m = mapping_at(n, e->mapping);
	struct flow_key key;
	uint16_t port;

	if (!e->mapping)
		port = htons(port_likely(e->space, &e->wish));
	else if (m->endpoint == e->endpoint)
		port = m->ext_port;
	else
		return;
	key = flow_key_make(ip_of(p)->dst, e->pool->addr,
			    p->proto == WIRE_PROTO_ICMP ? port : p->dport, port, p->proto);
	__builtin_prefetch(flow_table_first(&n->flows, flow_hash(n, &key)));
}

void nat_expect(struct nat *n, const struct packet *packets, uint64_t mask,
		const struct nat_inside *from, const struct nat_outside *to, uint64_t now_ns)
{
	struct expected e[EXPECT_MAX];
	uint32_t now_s = nat_seconds(now_ns);

	for (uint64_t left = mask; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);

		if (!begin(n, &packets[i], from, to, &e[i]))
			mask &= ~(1ull << i);
	}
	for (uint64_t left = mask; left; left &= left - 1)
		ask_for_mapping(n, to, &e[__builtin_ctzll(left)], now_s);
	for (uint64_t left = mask; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);

		ask_for_tuple(n, &packets[i], &e[i]);
	}
}
