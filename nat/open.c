/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Opening sessions: what happens to the first packet of a flow.
 *
 * May it begin one (protocol, TCP flags, rules)? May its guest have one more (quotas)? Which
 * external port does it have (mapping)? Then the session is published. All of that is under the
 * lock of the inside endpoint, where the session is looked for once more: another worker may have
 * opened it since the look-up.
 *
 * When no port is free, a session may share one with others as long as its inbound tuple is its own
 * (RFC 7857, 3). It is then no endpoint-independent mapping, and lets no strangers in.
 */

#include "nat/mapping.h"
#include "nat/opening.h"
#include "nat/permit.h"

#define SHARE_TRIES 32
#define FTP_PORT    21
#define TFTP_PORT   69
#define ANSWER_S    30 /* how long an answer of TFTP may take */

/* Whether the payload to a server's port is read. Hairpins speak of addresses that both know. */
static uint8_t alg_of(const struct nat_inside *in, uint8_t proto, uint16_t port, uint8_t flags)
{
	bool ftp = proto == WIRE_PROTO_TCP && port == htons(FTP_PORT) &&
		   (inside_view(in)->params.algs & NAT_ALG_FTP);

	return ftp && !(flags & SESSION_HAIRPIN) ? NAT_ALG_FTP : 0;
}

/* A TFTP server answers from another port (RFC 1350, 4), which a strict filter would not let in. */
static void expect_tftp(const struct opening *o, const struct nat_inside *from,
			const struct nat_session *s)
{
	struct nat_mapping *m = mapping_at(o->n, s->mapping);

	if (s->class != NAT_UDP || s->remote_port != htons(TFTP_PORT) || !s->mapping ||
	    !(inside_view(from)->params.algs & NAT_ALG_TFTP))
		return;
	m->expected = s->remote_addr;
	m->expected_until_s = o->now_s + ANSWER_S;
}

/* The half of a session that is its guest's: a record with an external endpoint. */
static struct nat_session *begin_out(struct opening *o, struct nat_inside *from,
				     struct nat_outside *to, uint8_t flags)
{
	struct nat_session *s = opening_take(o, from, o->src, flags);

	if (!s)
		return NULL;
	s->in_port = o->p->sport;
	s->outside = to->id;
	NAT_SET(s->tcp, opening_tcp_state(o, NAT_OUTBOUND));
	s->alg = alg_of(from, s->proto, o->p->dport, flags);
	opening_set_remote(s, o->dst, o->p->dport);
	return s;
}

/* Takes a reference of the endpoint's mapping. */
static bool map(struct opening *o, struct nat_inside *from, struct nat_outside *to,
		struct nat_session *s)
{
	const struct mapping_request r = {
		.inside = from,
		.outside = to,
		.endpoint = nat_endpoint(s->in_addr, s->in_port, s->class, to->id),
		.now_s = o->now_s};
	struct nat_mapping *m;

	s->mapping = mapping_get(o->n, o->worker, &r, &o->why);
	if (!s->mapping)
		return false;
	m = mapping_at(o->n, s->mapping);
	s->ext_addr = m->pool->addr;
	s->ext_port = m->ext_port;
	session_prefetch_inbound(o->n, s);
	return true;
}

static void unmap(struct opening *o, struct nat_session *s)
{
	if (s->mapping)
		mapping_put(o->n, o->worker, s->mapping, o->now_s);
	s->mapping = 0;
}

/* A port that others have, or could have, but not towards this remote. */
static bool publish_shared(struct opening *o, struct nat_inside *from, struct nat_outside *to,
			   struct nat_session *s)
{
	const struct outside_view *view = outside_view(to);
	struct nat_pool *pool = mapping_pool(view, from, s->in_addr);
	uint32_t range = view->port_last - view->port_first + 1u;
	struct nat_worker *w = &o->n->workers[o->worker];

	s->ext_addr = pool->addr;
	for (int i = 0; i < SHARE_TRIES; i++) {
		uint16_t port = (uint16_t)(view->port_first + nat_random(w) % range);
		uint32_t owner = pool->spaces[s->class].owner[port];

		if (mapping_at(o->n, owner)->flags & MAPPING_FORWARD)
			continue;
		s->ext_port = htons(port);
		if (opening_publish(o, s)) {
			w->ports_shared++;
			return true;
		}
		if (o->why != DROP_NAT_PORTS)
			return false;
	}
	return false;
}

static struct nat_session *open_plain(struct opening *o, struct nat_inside *from,
				      struct nat_outside *to)
{
	struct nat_session *s = session_find_as(o->n, &o->key, NAT_OUTBOUND);

	if (s)
		return s;
	s = begin_out(o, from, to, SESSION_OUT_SEEN);
	if (!s)
		return NULL;
	if (map(o, from, to, s) && opening_publish(o, s)) {
		expect_tftp(o, from, s);
		return s;
	}
	unmap(o, s);
	if (o->why == DROP_NAT_PORTS && publish_shared(o, from, to, s))
		return s;
	opening_give(o, from, s);
	return NULL;
}

/* Who wants in, by which mapping. */
struct entrance {
	struct nat_outside *outside;
	struct nat_pool *pool;
	uint32_t index; /* of the mapping */
	uint32_t remote_addr;
	uint16_t remote_port;
	uint16_t ext_port;
	uint32_t peer; /* of a hairpin, or 0 */
};

static enum drop_reason may_enter(const struct opening *o, const struct entrance *at,
				  const struct nat_mapping *m, const struct nat_inside *in)
{
	enum drop_reason why = opening_may_begin(o, in, NAT_INBOUND);
	const struct inside_view *view = inside_view(in);
	enum nat_filtering filtering = view->params.filtering[m->class];
	uint64_t endpoint = m->endpoint;

	if (!why && mapping_expects(m, at->remote_addr, o->now_s))
		return DROP_NONE;
	if (!(m->flags & MAPPING_FORWARD) && !m->in_use)
		return DROP_NAT_NO_MAPPING;
	if (why)
		return why;
	if (!(m->flags & MAPPING_FORWARD) && filtering != NAT_FILTERING_ENDPOINT_INDEPENDENT &&
	    !(filtering == NAT_FILTERING_ADDRESS_DEPENDENT &&
	      permit_has(o->n, at->index, at->remote_addr)))
		return DROP_NAT_FILTERED;
	if (!inside_allows(view, NAT_INBOUND, o->p->proto, mapping_addr(endpoint), at->remote_addr,
			   ntohs(mapping_port(endpoint))))
		return DROP_NAT_DENIED;
	return DROP_NONE;
}

static struct nat_session *enter(struct opening *o, const struct entrance *at,
				 struct nat_mapping *m, struct nat_inside *in)
{
	uint8_t flags = SESSION_INBOUND | (at->peer ? SESSION_HAIRPIN : 0);
	uint64_t endpoint = m->endpoint;
	struct nat_session *s = opening_take(o, in, mapping_addr(endpoint), flags);

	if (!s)
		return NULL;
	s->in_port = mapping_port(endpoint);
	s->ext_addr = m->pool->addr;
	s->ext_port = m->ext_port;
	s->outside = at->outside->id;
	NAT_SET(s->tcp, opening_tcp_state(o, NAT_INBOUND));
	s->alg = alg_of(in, s->proto, s->in_port, flags);
	NAT_SET(s->peer, at->peer);
	opening_set_remote(s, at->remote_addr, at->remote_port);
	o->why = mapping_ref(o->n, in, at->index);
	if (!o->why)
		s->mapping = at->index;
	if (!o->why && opening_publish(o, s))
		return s;
	unmap(o, s);
	opening_give(o, in, s);
	return NULL;
}

/* Under the lock of the endpoint that the mapping had when it was looked at. */
static struct nat_session *open_entrance_locked(struct opening *o, const struct entrance *at,
						uint64_t endpoint, struct nat_inside **in)
{
	struct nat_mapping *m = mapping_at(o->n, at->index);
	bool icmp = o->p->proto == WIRE_PROTO_ICMP;
	struct flow_key key =
		flow_key_make(at->remote_addr, at->pool->addr,
			      icmp ? at->ext_port : at->remote_port, at->ext_port, o->p->proto);
	struct nat_session *s;

	o->why = DROP_NAT_NO_MAPPING;
	if (m->endpoint != endpoint ||
	    ((m->flags & MAPPING_HELD) && !mapping_expects(m, at->remote_addr, o->now_s)) ||
	    at->pool->spaces[o->class].owner[ntohs(at->ext_port)] != at->index)
		return NULL;
	s = session_find_as(o->n, &key, NAT_INBOUND);
	if (s)
		return s;
	*in = o->n->insides[m->inside];
	o->why = may_enter(o, at, m, *in);
	return o->why ? NULL : enter(o, at, m, *in);
}

static struct nat_session *open_entrance(struct opening *o, struct entrance *at,
					 struct nat_inside **in)
{
	struct nat_session *s;
	rte_spinlock_t *lock;
	uint64_t endpoint;

	at->index = atomic_load_explicit(&at->pool->spaces[o->class].owner[ntohs(at->ext_port)],
					 memory_order_acquire);
	if (!at->index) {
		o->why = DROP_NAT_NO_MAPPING;
		return NULL;
	}
	endpoint = mapping_at(o->n, at->index)->endpoint;
	lock = nat_stripe(o->n, endpoint);
	rte_spinlock_lock(lock);
	s = open_entrance_locked(o, at, endpoint, in);
	rte_spinlock_unlock(lock);
	return s;
}

struct nat_session *nat_open_in(struct nat *n, unsigned worker, const struct packet *p,
				struct nat_outside *from, uint64_t now_ns, enum drop_reason *why)
{
	struct opening o = opening_make(n, worker, p, now_ns);
	struct entrance at = {.outside = from,
			      .pool = outside_pool(outside_view(from), o.dst),
			      .remote_addr = o.src,
			      .remote_port = p->sport,
			      .ext_port = p->dport};
	struct nat_inside *in = NULL;
	struct nat_session *s = NULL;

	/* Nobody outside has an address of ours. */
	if (!at.pool || outside_pool(outside_view(from), o.src))
		o.why = DROP_NAT_NO_MAPPING;
	else if (o.class == NAT_CLASS_N)
		o.why = DROP_NAT_PROTO;
	else
		s = open_entrance(&o, &at, &in);
	return opening_done(&o, s, in, why);
}

static uint64_t sender(const struct opening *o)
{
	return nat_endpoint(o->src, o->p->sport, (uint8_t)o->class, 0);
}

/*
 * The sender's half in three steps, because only one endpoint's lock is held at a time: its record
 * and mapping; the receiver's half, which names it as its peer; then it is published. Nobody
 * answers before the first packet has arrived, so the receiver's half, found before that, misleads
 * none.
 */
static struct nat_session *prepare_hairpin(struct opening *o, struct nat_inside *from,
					   struct nat_outside *to, bool *exists)
{
	rte_spinlock_t *lock = nat_stripe(o->n, sender(o));
	struct nat_session *s;

	rte_spinlock_lock(lock);
	s = session_find_as(o->n, &o->key, NAT_OUTBOUND);
	*exists = s;
	if (!s)
		s = begin_out(o, from, to, SESSION_OUT_SEEN | SESSION_HAIRPIN);
	if (s && !*exists && !map(o, from, to, s)) {
		opening_give(o, from, s);
		s = NULL;
	}
	rte_spinlock_unlock(lock);
	return s;
}

/* A receiver's half that there was may have lost its peer. */
static bool pair_with(struct opening *o, struct nat_session *receiver, struct nat_session *s)
{
	uint32_t self = session_index(o->n, s), none = 0;

	return (receiver->flags & SESSION_HAIRPIN) &&
	       (atomic_load(&receiver->peer) == self ||
		atomic_compare_exchange_strong(&receiver->peer, &none, self));
}

static bool finish_hairpin(struct opening *o, struct nat_inside *from, struct nat_session *s,
			   struct nat_session *receiver)
{
	rte_spinlock_t *lock = nat_stripe(o->n, sender(o));
	bool done;

	rte_spinlock_lock(lock);
	if (receiver)
		s->peer = session_index(o->n, receiver);
	done = receiver && pair_with(o, receiver, s) && opening_publish(o, s);
	if (!done) {
		unmap(o, s);
		inside_give_session(o->n, from, s->in_addr);
		session_retire(o->n, s);
	}
	rte_spinlock_unlock(lock);
	return done;
}

static struct nat_session *open_hairpin(struct opening *o, struct nat_inside *from,
					struct nat_outside *to, struct nat_pool *pool)
{
	struct nat_inside *in = NULL;
	struct nat_session *s, *receiver;
	struct entrance at;
	bool exists;

	s = prepare_hairpin(o, from, to, &exists);
	if (!s || exists)
		return s;
	at = (struct entrance){.outside = to,
			       .pool = pool,
			       .remote_addr = s->ext_addr,
			       .remote_port = s->ext_port,
			       .ext_port = o->p->dport,
			       .peer = session_index(o->n, s)};
	receiver = open_entrance(o, &at, &in);
	if (finish_hairpin(o, from, s, receiver))
		return s;
	if (receiver && atomic_load(&receiver->peer) == at.peer)
		session_end_locked(o->n, o->worker, receiver);
	if (!o->why)
		o->why = DROP_NAT_NO_MAPPING;
	return NULL;
}

struct nat_session *nat_open_out(struct nat *n, unsigned worker, const struct packet *p,
				 struct nat_inside *from, struct nat_outside *to, uint64_t now_ns,
				 enum drop_reason *why)
{
	struct opening o = opening_make(n, worker, p, now_ns);
	struct nat_pool *pool = outside_pool(outside_view(to), o.dst);
	struct nat_session *s = NULL;
	rte_spinlock_t *lock;

	o.why = o.class == NAT_CLASS_N ? DROP_NAT_PROTO : opening_may_leave(&o, from);
	if (!o.why && pool)
		s = open_hairpin(&o, from, to, pool);
	else if (!o.why) {
		lock = nat_stripe(n, sender(&o));
		rte_spinlock_lock(lock);
		s = open_plain(&o, from, to);
		rte_spinlock_unlock(lock);
	}
	return opening_done(&o, s, from, why);
}
