/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/opening.h"

#include "nat/mapping.h"
#include "nat/permit.h"
#include "nat/tcp_state.h"

enum { ICMP_ECHO = 8, ICMP_TIMESTAMP = 13, ICMP_INFO = 15, ICMP_MASK = 17 };

struct opening opening_make(struct nat *n, unsigned worker, const struct packet *p, uint64_t now_ns)
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
struct nat_session *opening_done(struct opening *o, struct nat_session *s, struct nat_inside *in,
				 enum drop_reason *why)
{
	*why = s ? DROP_NONE : o->why;
	if (!s)
		o->n->workers[o->worker].refused[o->why]++;
	if (!s && in)
		atomic_fetch_add_explicit(&in->refused[o->why], 1, memory_order_relaxed);
	return s;
}

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
enum drop_reason opening_may_begin(const struct opening *o, const struct nat_inside *in,
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

enum drop_reason opening_may_leave(const struct opening *o, const struct nat_inside *in)
{
	enum drop_reason why = opening_may_begin(o, in, NAT_OUTBOUND);

	if (why)
		return why;
	if (!inside_has(in, o->src))
		return DROP_NAT_SOURCE;
	if (!inside_allows(inside_view(in), NAT_OUTBOUND, o->p->proto, o->src, o->dst,
			   ntohs(o->p->dport)))
		return DROP_NAT_DENIED;
	return DROP_NONE;
}

/* A session of the guest, counted, with the packet's protocol and nothing else. */
struct nat_session *opening_take(struct opening *o, struct nat_inside *in, uint32_t guest,
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
	NAT_SET(s->flags, flags);
	return s;
}

void opening_give(struct opening *o, struct nat_inside *in, struct nat_session *s)
{
	inside_give_session(o->n, in, s->in_addr);
	session_discard(o->n, o->worker, s);
}

uint8_t opening_tcp_state(const struct opening *o, enum nat_direction dir)
{
	const struct tcp_hdr *tcp = (const void *)(o->p->frame->head + o->p->l4);

	if (o->p->proto != WIRE_PROTO_TCP)
		return TCP_STATE_NONE;
	if (dir == NAT_INBOUND)
		return TCP_STATE_OPENING_IN;
	return tcp->flags & TCP_SYN ? TCP_STATE_OPENING_OUT : TCP_STATE_PICKED_UP;
}

/* The guest has used the mapping: strangers may, and the remote whom it sent to. */
static void note_use(struct nat *n, unsigned worker, struct nat_session *s)
{
	const struct inside_view *view = inside_view(n->insides[s->inside]);
	struct nat_mapping *m = mapping_at(n, s->mapping);

	if (!s->mapping)
		return;
	NAT_SET(m->in_use, m->in_use + 1);
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

bool opening_publish(struct opening *o, struct nat_session *s)
{
	o->why = session_publish(o->n, o->worker, s, o->now_s);
	if (o->why)
		return false;
	if (s->flags & SESSION_OUT_SEEN)
		note_use(o->n, o->worker, s);
	return true;
}
