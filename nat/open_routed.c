/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Sessions of packets that are routed as they are: between bridges, or out of one without
 * translation. The filters of both ends ride on them, and quotas are those of the end that is a
 * bridge; of two, the one that begins.
 */

#include "nat/opening.h"

static enum drop_reason may_route(const struct opening *o, const struct nat_inside *from,
				  const struct nat_inside *to)
{
	enum drop_reason why =
		from ? opening_may_leave(o, from) : opening_may_begin(o, to, NAT_INBOUND);

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
	s = opening_take(o, in, out ? o->src : o->dst,
			 SESSION_ROUTED | (out ? SESSION_OUT_SEEN : SESSION_INBOUND));
	if (!s)
		return NULL;
	s->in_port = out ? o->p->sport : o->p->dport;
	s->ext_addr = s->in_addr;
	s->ext_port = s->in_port;
	NAT_SET(s->tcp, opening_tcp_state(o, dir));
	opening_set_remote(s, out ? o->dst : o->src, out ? o->p->dport : o->p->sport);
	if (opening_publish(o, s))
		return s;
	opening_give(o, in, s);
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
	return opening_done(&o, s, in, why);
}
