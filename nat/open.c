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
#include "nat/permit.h"
#include "nat/session.h"
#include "nat/tcp_state.h"

#define SHARE_TRIES 32

enum { ICMP_ECHO = 8, ICMP_TIMESTAMP = 13, ICMP_INFO = 15, ICMP_MASK = 17 };

struct opening {
	struct nat *n;
	unsigned worker;
	const struct packet *p;
	struct flow_key key; /* of the packet */
	enum nat_class class;
	uint32_t src, dst;
	uint32_t now_s;
	enum drop_reason why;
};

static struct opening opening_make(struct nat *n, unsigned worker, const struct packet *p,
				   uint64_t now_ns)
{
	const struct ipv4_hdr *ip = (const void *)(p->frame->head + p->l3);
	struct opening o = {.n = n,
			    .worker = worker,
			    .p = p,
			    .class = nat_class_of(p->proto),
			    .src = ip->src,
			    .dst = ip->dst,
			    .now_s = nat_seconds(now_ns)};

	o.key = flow_key_make(o.src, o.dst, p->sport, p->dport, p->proto);
	return o;
}

/* Counts why it was refused. */
static struct nat_session *opened(struct opening *o, struct nat_session *s, struct nat_inside *in,
				  enum drop_reason *why)
{
	*why = s ? DROP_NONE : o->why;
	if (!s)
		o->n->workers[o->worker].refused[o->why]++;
	if (!s && in)
		atomic_fetch_add_explicit(&in->refused[o->why], 1, memory_order_relaxed);
	return s;
}

/* --- may it? ------------------------------------------------------------------------------------
 */

static enum drop_reason tcp_may_begin(uint8_t flags, enum nat_direction dir, bool strict)
{
	if ((flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
		return DROP_NONE;
	return strict || dir == NAT_INBOUND || (flags & TCP_RST) ? DROP_NAT_TCP_STATE : DROP_NONE;
}

static bool icmp_may_begin(uint8_t type)
{
	return type == ICMP_ECHO || type == ICMP_TIMESTAMP || type == ICMP_INFO ||
	       type == ICMP_MASK;
}

/* By the packet alone. */
static enum drop_reason may_begin(const struct opening *o, const struct nat_inside *in,
				  enum nat_direction dir)
{
	const uint8_t *l4 = o->p->frame->head + o->p->l4;

	if (in->gone || o->p->ipv6 || o->p->icmp_error || o->p->fragment == PACKET_FRAGMENT_REST)
		return DROP_NAT_PROTO;
	if (o->p->proto == WIRE_PROTO_TCP)
		return tcp_may_begin(((const struct tcp_hdr *)l4)->flags, dir,
				     inside_view(in)->params.tcp_strict);
	if (o->p->proto == WIRE_PROTO_ICMP && !icmp_may_begin(l4[0]))
		return DROP_NAT_ICMP_STRAY;
	return DROP_NONE;
}

static enum drop_reason may_leave(const struct opening *o, const struct nat_inside *in)
{
	enum drop_reason why = may_begin(o, in, NAT_OUTBOUND);

	if (why)
		return why;
	if (!inside_has(in, o->src))
		return DROP_NAT_SOURCE;
	if (!inside_allows(inside_view(in), NAT_OUTBOUND, o->p->proto, o->src, o->dst,
			   ntohs(o->p->dport)))
		return DROP_NAT_DENIED;
	return DROP_NONE;
}

/* --- records ------------------------------------------------------------------------------------
 */

/* A session of the guest, counted, with the packet's protocol and nothing else. */
static struct nat_session *take_session(struct opening *o, struct nat_inside *in, uint32_t guest,
					uint8_t flags)
{
	struct nat_session *s;

	o->why = inside_take_session(o->n, in, guest, flags & SESSION_INBOUND);
	if (o->why)
		return NULL;
	s = session_alloc(o->n, o->worker, o->now_s);
	if (!s) {
		inside_give_session(o->n, in, guest);
		o->why = DROP_NAT_SESSIONS;
		return NULL;
	}
	s->proto = o->p->proto;
	s->class = (uint8_t)o->class;
	s->inside = in->id;
	s->in_addr = guest;
	s->flags = flags;
	return s;
}

static void give_session(struct opening *o, struct nat_inside *in, struct nat_session *s)
{
	inside_give_session(o->n, in, s->in_addr);
	session_discard(o->n, o->worker, s);
}

static uint8_t tcp_begin(const struct opening *o, enum nat_direction dir)
{
	const struct tcp_hdr *tcp = (const void *)(o->p->frame->head + o->p->l4);

	if (o->p->proto != WIRE_PROTO_TCP)
		return TCP_STATE_NONE;
	if (dir == NAT_INBOUND)
		return TCP_STATE_OPENING_IN;
	return tcp->flags & TCP_SYN ? TCP_STATE_OPENING_OUT : TCP_STATE_PICKED_UP;
}

static void set_remote(struct nat_session *s, uint32_t addr, uint16_t port)
{
	s->remote_addr = addr;
	s->remote_port = s->proto == WIRE_PROTO_ICMP ? 0 : port;
}

/* --- outbound -----------------------------------------------------------------------------------
 */

/* The half of a session that is its guest's: a record with an external endpoint. */
static struct nat_session *begin_out(struct opening *o, struct nat_inside *from,
				     struct nat_outside *to, uint8_t flags)
{
	struct nat_session *s = take_session(o, from, o->src, flags);

	if (!s)
		return NULL;
	s->in_port = o->p->sport;
	s->outside = to->id;
	s->tcp = tcp_begin(o, NAT_OUTBOUND);
	set_remote(s, o->dst, o->p->dport);
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
	return true;
}

static void unmap(struct opening *o, struct nat_session *s)
{
	if (s->mapping)
		mapping_put(o->n, o->worker, s->mapping, o->now_s);
	s->mapping = 0;
}

/* The guest has used the mapping: strangers may, and the remote whom it sent to. */
static void note_use(struct nat *n, unsigned worker, struct nat_session *s)
{
	const struct inside_view *view = inside_view(n->insides[s->inside]);

	if (!s->mapping)
		return;
	mapping_at(n, s->mapping)->in_use++;
	if (view->params.filtering[s->class] == NAT_FILTERING_ADDRESS_DEPENDENT && !s->permit)
		s->permit = permit_get(n, worker, s->mapping, s->remote_addr);
}

void session_note_use(struct nat *n, unsigned worker, struct nat_session *s)
{
	rte_spinlock_t *lock = nat_stripe(n, nat_endpoint(s->in_addr, s->in_port, s->class, 0));

	rte_spinlock_lock(lock);
	if (!(s->flags & (SESSION_DEAD | SESSION_OUT_SEEN))) {
		note_use(n, worker, s);
		s->flags |= SESSION_OUT_SEEN;
	}
	rte_spinlock_unlock(lock);
}

static bool publish(struct opening *o, struct nat_session *s)
{
	o->why = session_publish(o->n, o->worker, s, o->now_s);
	if (o->why)
		return false;
	if (s->flags & SESSION_OUT_SEEN)
		note_use(o->n, o->worker, s);
	return true;
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
		if (publish(o, s)) {
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
	if (map(o, from, to, s) && publish(o, s))
		return s;
	unmap(o, s);
	if (o->why == DROP_NAT_PORTS && publish_shared(o, from, to, s))
		return s;
	give_session(o, from, s);
	return NULL;
}

/* --- inbound ------------------------------------------------------------------------------------
 */

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
	enum drop_reason why = may_begin(o, in, NAT_INBOUND);
	const struct inside_view *view = inside_view(in);
	enum nat_filtering filtering = view->params.filtering[m->class];
	uint64_t endpoint = m->endpoint;

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
	struct nat_session *s = take_session(o, in, mapping_addr(endpoint), flags);

	if (!s)
		return NULL;
	s->in_port = mapping_port(endpoint);
	s->ext_addr = m->pool->addr;
	s->ext_port = m->ext_port;
	s->outside = at->outside->id;
	s->tcp = tcp_begin(o, NAT_INBOUND);
	s->peer = at->peer;
	set_remote(s, at->remote_addr, at->remote_port);
	s->mapping = at->index;
	m->sessions++;
	if (publish(o, s))
		return s;
	unmap(o, s);
	give_session(o, in, s);
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
	if (m->endpoint != endpoint || (m->flags & MAPPING_HELD) ||
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
	return opened(&o, s, in, why);
}

/* --- both: hairpins -----------------------------------------------------------------------------
 */

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
		give_session(o, from, s);
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
	done = receiver && pair_with(o, receiver, s) && publish(o, s);
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

	o.why = o.class == NAT_CLASS_N ? DROP_NAT_PROTO : may_leave(&o, from);
	if (!o.why && pool)
		s = open_hairpin(&o, from, to, pool);
	else if (!o.why) {
		lock = nat_stripe(n, sender(&o));
		rte_spinlock_lock(lock);
		s = open_plain(&o, from, to);
		rte_spinlock_unlock(lock);
	}
	return opened(&o, s, from, why);
}

/* --- neither: routed ----------------------------------------------------------------------------
 */

static enum drop_reason may_route(const struct opening *o, const struct nat_inside *from,
				  const struct nat_inside *to)
{
	enum drop_reason why = from ? may_leave(o, from) : may_begin(o, to, NAT_INBOUND);

	if (!why && to &&
	    !inside_allows(inside_view(to), NAT_INBOUND, o->p->proto, o->dst, o->src,
			   ntohs(o->p->dport)))
		why = DROP_NAT_DENIED;
	return why;
}

static struct nat_session *open_routed(struct opening *o, struct nat_inside *in,
				       enum nat_direction dir)
{
	bool out = dir == NAT_OUTBOUND;
	struct nat_session *s = session_find_as(o->n, &o->key, dir);

	if (s)
		return s;
	s = take_session(o, in, out ? o->src : o->dst,
			 SESSION_ROUTED | (out ? SESSION_OUT_SEEN : SESSION_INBOUND));
	if (!s)
		return NULL;
	s->in_port = out ? o->p->sport : o->p->dport;
	s->ext_addr = s->in_addr;
	s->ext_port = s->in_port;
	s->tcp = tcp_begin(o, dir);
	set_remote(s, out ? o->dst : o->src, out ? o->p->dport : o->p->sport);
	if (publish(o, s))
		return s;
	give_session(o, in, s);
	return NULL;
}

struct nat_session *nat_open_routed(struct nat *n, unsigned worker, const struct packet *p,
				    struct nat_inside *from, struct nat_inside *to, uint64_t now_ns,
				    enum drop_reason *why)
{
	enum nat_direction dir = from ? NAT_OUTBOUND : NAT_INBOUND;
	struct opening o = opening_make(n, worker, p, now_ns);
	struct nat_inside *in = from ? from : to;
	struct nat_session *s = NULL;
	rte_spinlock_t *lock;

	o.why = may_route(&o, from, to);
	if (!o.why) {
		lock = nat_stripe(n, nat_endpoint(from ? o.src : o.dst, from ? p->sport : p->dport,
						  (uint8_t)o.class, 0));
		rte_spinlock_lock(lock);
		s = open_routed(&o, in, dir);
		rte_spinlock_unlock(lock);
	}
	return opened(&o, s, in, why);
}
