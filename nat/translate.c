/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What each packet of a session goes through: look-up, state and time, rewriting.
 *
 * No lock, and no write to shared memory but the session's time once a second and its state when
 * that changes. A packet that has to wait and comes again is translated from its original once
 * more, so nothing here may count on being done once.
 */

#include "nat/fragment.h"
#include "nat/ftp.h"
#include "nat/mss.h"
#include "nat/outside.h"
#include "nat/rewrite.h"
#include "nat/session.h"
#include "nat/tcp_state.h"

#define LOOKUP_MAX 64

struct lookup {
	struct flow_key key;
	uint64_t hash;
	uint32_t value; /* the candidate */
	bool absent;	/* nor is there one anywhere else, if the table was still */
};

static bool has_no_session(const struct packet *p)
{
	return p->ipv6 || p->icmp_error || p->fragment == PACKET_FRAGMENT_REST;
}

/* Computes the hashes and asks for the buckets. Returns the packets that can have sessions. */
static uint64_t prefetch_buckets(const struct nat *n, const struct packet *packets, uint64_t mask,
				 struct lookup *l)
{
	uint64_t known = 0;

	for (uint64_t left = mask; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		const struct packet *p = &packets[i];
		const struct ipv4_hdr *ip = (const void *)(p->frame->head + p->l3);

		if (__builtin_expect(has_no_session(p), 0))
			continue;
		l[i].key = flow_key_make(ip->src, ip->dst, p->sport, p->dport, p->proto);
		l[i].hash = flow_hash(n, &l[i].key);
		__builtin_prefetch(flow_table_first(&n->flows, l[i].hash));
		known |= 1ull << i;
	}
	return known;
}

/* Picks the candidate of each and asks for its record; without one, for the second bucket. */
static void prefetch_sessions(const struct nat *n, uint64_t mask, struct lookup *l)
{
	for (uint64_t left = mask; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left), slot = 0;
		const struct flow_bucket *first = flow_table_first(&n->flows, l[i].hash);

		l[i].value = flow_bucket_next(first, l[i].hash, &slot);
		l[i].absent = !l[i].value && !flow_bucket_spilled(first);
		if (__builtin_expect(l[i].value != 0, 1))
			__builtin_prefetch(session_at(n, l[i].value & ~SESSION_INBOUND_BIT));
		else if (!l[i].absent)
			__builtin_prefetch(flow_table_second(&n->flows, l[i].hash));
	}
}

static struct nat_found found_of(const struct nat *n, uint32_t value)
{
	return (struct nat_found){session_at(n, value & ~SESSION_INBOUND_BIT),
				  value & SESSION_INBOUND_BIT ? NAT_INBOUND : NAT_OUTBOUND};
}

/* The candidate is nearly always right; the whole search is for when it is not. */
static struct nat_found settle(const struct nat *n, const struct lookup *l)
{
	struct nat_found f = found_of(n, l->value);

	if (__builtin_expect(l->value && session_has(f.session, f.direction, &l->key), 1))
		return f;
	f = found_of(n, session_find(n, &l->key));
	if (f.session == session_at(n, 0))
		f.session = NULL;
	return f;
}

uint64_t nat_lookup(struct nat *n, unsigned worker, const struct packet *packets, uint64_t mask,
		    struct nat_found *found)
{
	struct lookup l[LOOKUP_MAX];
	uint64_t state = flow_table_state(&n->flows);
	uint64_t missing = 0, known = prefetch_buckets(n, packets, mask, l);
	bool still;

	prefetch_sessions(n, known, l);
	still = flow_table_was_still(&n->flows, state);
	for (uint64_t left = mask; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);

		if (__builtin_expect(!(known >> i & 1), 0)) {
			found[i] = (struct nat_found){0};
			continue;
		}
		found[i] = l[i].absent && still ? (struct nat_found){0} : settle(n, &l[i]);
		missing |= (uint64_t)!found[i].session << i;
	}
	return missing;
}

static uint8_t tcp_flags(const struct packet *p)
{
	return ((const struct tcp_hdr *)(p->frame->head + p->l4))->flags;
}

/* A state that another worker changes at the same time is looked at once more. */
static bool advance_tcp(struct nat_session *s, enum nat_direction dir, uint8_t flags)
{
	uint8_t now = atomic_load_explicit(&s->tcp, memory_order_relaxed), next;

	do {
		next = tcp_state_next(now, dir, flags);
		if (__builtin_expect(next == now, 1))
			return tcp_state_refreshes(now, dir, flags);
	} while (!atomic_compare_exchange_weak(&s->tcp, &now, next));
	return true;
}

/*
 * Whether the packet keeps the session from ageing. Outbound ones do; inbound ones do once the
 * guest has answered (RFC 4787 REQ-6): strangers keep nothing open.
 */
static bool refreshes(struct nat_session *s, enum nat_direction dir, const struct packet *p)
{
	if (s->proto == WIRE_PROTO_TCP && p->fragment != PACKET_FRAGMENT_REST)
		return advance_tcp(s, dir, tcp_flags(p));
	return dir == NAT_OUTBOUND || (atomic_load_explicit(&s->flags, memory_order_relaxed) &
				       (SESSION_OUT_SEEN | SESSION_HAIRPIN));
}

static void touch(struct nat *n, unsigned worker, struct nat_session *s, enum nat_direction dir,
		  const struct packet *p, uint32_t now_s)
{
	if (__builtin_expect(dir == NAT_OUTBOUND && !(s->flags & SESSION_OUT_SEEN), 0))
		session_note_use(n, worker, s);
	if (refreshes(s, dir, p) && atomic_load_explicit(&s->seen_s, memory_order_relaxed) != now_s)
		atomic_store_explicit(&s->seen_s, now_s, memory_order_relaxed);
}

/* What changes in a packet: one address and the port that goes with it. */
struct change {
	uint32_t addr;
	uint16_t port;
	uint16_t addr_delta, l4_delta;
};

static struct change change_of(const struct nat_session *s, enum nat_direction dir)
{
	if (dir == NAT_OUTBOUND)
		return (struct change){s->ext_addr, s->ext_port, s->addr_delta, s->l4_delta};
	return (struct change){s->in_addr, s->in_port, (uint16_t)~s->addr_delta,
			       (uint16_t)~s->l4_delta};
}

static void rewrite_tcp(struct packet *p, enum nat_direction dir, const struct change *c)
{
	struct tcp_hdr *tcp = (void *)(p->frame->head + p->l4);

	if (dir == NAT_OUTBOUND)
		tcp->src_port = c->port;
	else
		tcp->dst_port = c->port;
	if (rewrite_is_partial(p->frame, p->l4 + offsetof(struct tcp_hdr, csum)))
		tcp->csum = rewrite_partial(tcp->csum, c->addr_delta);
	else
		tcp->csum = rewrite_whole(tcp->csum, c->l4_delta);
}

static void rewrite_udp_hdr(struct packet *p, enum nat_direction dir, const struct change *c)
{
	struct udp_hdr *udp = (void *)(p->frame->head + p->l4);

	if (dir == NAT_OUTBOUND)
		udp->src_port = c->port;
	else
		udp->dst_port = c->port;
	if (rewrite_is_partial(p->frame, p->l4 + offsetof(struct udp_hdr, csum)))
		udp->csum = rewrite_partial(udp->csum, c->addr_delta);
	else
		udp->csum = rewrite_udp(udp->csum, c->l4_delta);
}

/* By the identifier that is there: in a hairpin both halves rewrite the same one. */
static void rewrite_icmp(struct packet *p, const struct change *c)
{
	struct icmp_hdr *icmp = (void *)(p->frame->head + p->l4);
	uint32_t delta = rewrite_delta16(icmp->id, c->port);

	icmp->id = c->port;
	if (!rewrite_is_partial(p->frame, p->l4 + offsetof(struct icmp_hdr, csum)))
		icmp->csum = rewrite_whole(icmp->csum, delta);
}

static void rewrite(struct packet *p, const struct nat_session *s, enum nat_direction dir)
{
	struct ipv4_hdr *ip = (void *)(p->frame->head + p->l3);
	const struct change c = change_of(s, dir);

	if (dir == NAT_OUTBOUND)
		ip->src = c.addr;
	else
		ip->dst = c.addr;
	ip->csum = rewrite_whole(ip->csum, c.addr_delta);
	if (p->fragment == PACKET_FRAGMENT_REST)
		return;
	if (p->proto == WIRE_PROTO_TCP)
		rewrite_tcp(p, dir, &c);
	else if (p->proto == WIRE_PROTO_UDP)
		rewrite_udp_hdr(p, dir, &c);
	else if (p->proto == WIRE_PROTO_ICMP)
		rewrite_icmp(p, &c);
	*(dir == NAT_OUTBOUND ? &p->sport : &p->dport) = c.port;
}

static void clamp(struct nat *n, const struct nat_session *s, struct packet *p)
{
	uint16_t mtu = s->outside ? outside_view(n->outsides[s->outside])->mtu : 0;

	if (mtu)
		mss_clamp(p, mtu);
}

static void translate_one(struct nat *n, unsigned worker, struct nat_session *s,
			  enum nat_direction dir, struct packet *p, uint32_t now_s)
{
	touch(n, worker, s, dir, p, now_s);
	if (!(s->flags & SESSION_ROUTED))
		rewrite(p, s, dir);
}

/* The other half of a hairpin: the destination becomes the receiver's own address. */
static enum drop_reason translate_peer(struct nat *n, unsigned worker, struct nat_session *s,
				       enum nat_direction dir, struct packet *p, uint32_t now_s)
{
	uint32_t peer = atomic_load(&s->peer);

	if (dir != NAT_OUTBOUND)
		return DROP_NAT_NO_MAPPING;
	if (!peer) {
		session_end_locked(n, worker, s);
		return DROP_NAT_NO_MAPPING;
	}
	translate_one(n, worker, s, NAT_OUTBOUND, p, now_s);
	translate_one(n, worker, session_at(n, peer), NAT_INBOUND, p, now_s);
	return DROP_NONE;
}

enum drop_reason nat_translate(struct nat *n, unsigned worker, struct nat_session *s,
			       enum nat_direction dir, struct packet *p, uint64_t now_ns)
{
	uint32_t now_s = nat_seconds(now_ns);

	if (__builtin_expect(p->fragment == PACKET_FRAGMENT_FIRST, 0))
		fragments_note_first(n, worker, p, (struct nat_found){s, dir}, now_ns);
	if (p->proto == WIRE_PROTO_TCP && p->fragment != PACKET_FRAGMENT_REST &&
	    (tcp_flags(p) & TCP_SYN))
		clamp(n, s, p);
	if (__builtin_expect(s->flags & SESSION_HAIRPIN, 0))
		return translate_peer(n, worker, s, dir, p, now_s);
	translate_one(n, worker, s, dir, p, now_s);
	if (__builtin_expect(s->alg, 0))
		ftp_translate(n, worker, s, dir, p, now_s);
	return DROP_NONE;
}
