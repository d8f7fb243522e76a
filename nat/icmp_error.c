/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * ICMP errors on their way through the translator: RFC 5508, 4.2 and 5.
 *
 * An error carries the begin of the packet that it is about, as that packet was where the error was
 * made. It is that packet's session that tells how to rewrite: in the outer header the address that
 * the receiver of the error knows, in the inner one the packet as the receiver has sent it. Sums of
 * the inner headers are adjusted where they are there; the transport sum of the inner packet is not
 * checked, since most of what it covers is missing (REQ-3c).
 *
 * The session stays as it is: an error neither keeps it open nor ends it (REQ-6).
 */

#include "nat/outside.h"
#include "nat/rewrite.h"
#include "nat/session.h"

#define INNER_L4_MIN 8 /* RFC 792: what every error has of its packet's payload */

/* The packet within. */
struct inner {
	unsigned l3, l4; /* offsets in frame.head */
	unsigned end;	 /* of what is in frame.head */
	uint8_t proto;
	uint16_t sport, dport;
};

static bool icmp_sum_is_right(const struct packet *p)
{
	const struct frame *f = p->frame;
	uint32_t end = (uint32_t)p->l3 + p->len, at = f->head_len, sum;

	if (rewrite_is_partial(f, p->l4 + offsetof(struct icmp_hdr, csum)))
		return true;
	sum = cksum_add(0, f->head + p->l4, (end < at ? end : at) - p->l4);
	for (unsigned i = 0; i < f->n_segs && at < end; i++) {
		uint32_t len = f->segs[i].len < end - at ? f->segs[i].len : end - at;
		uint32_t part = cksum_add(0, f->segs[i].p, len);

		sum = cksum_add32(sum, (at - p->l4) & 1 ? cksum_swap(part) : part);
		at += len;
	}
	return cksum_fold(sum) == 0xffff;
}

static bool take_inner_ports(const struct packet *p, struct inner *in)
{
	const uint8_t *l4 = p->frame->head + in->l4;

	switch (in->proto) {
	case WIRE_PROTO_TCP:
	case WIRE_PROTO_UDP:
		memcpy(&in->sport, l4, 2);
		memcpy(&in->dport, l4 + 2, 2);
		return true;
	case WIRE_PROTO_ICMP:
		/* An error is never about an error, and only queries have sessions. */
		if (l4[0] != 0 && l4[0] != 8 && (l4[0] < 13 || l4[0] > 18))
			return false;
		memcpy(&in->sport, l4 + offsetof(struct icmp_hdr, id), 2);
		in->dport = in->sport;
		return true;
	default:
		return false;
	}
}

static enum drop_reason parse_inner(const struct packet *p, struct inner *in)
{
	const struct ipv4_hdr *ip;
	unsigned ihl;

	in->l3 = p->l4 + (unsigned)sizeof(struct icmp_hdr);
	in->end =
		p->l3 + p->len < p->frame->head_len ? (unsigned)p->l3 + p->len : p->frame->head_len;
	ip = (const void *)(p->frame->head + in->l3);
	if (in->l3 + sizeof(*ip) > in->end)
		return DROP_NAT_ICMP_BAD;
	ihl = (ip->version_ihl & 15) * 4u;
	in->l4 = in->l3 + ihl;
	in->proto = ip->proto;
	if (ip->version_ihl >> 4 != 4 || ihl < sizeof(*ip) || in->l4 + INNER_L4_MIN > in->end ||
	    cksum_fold(cksum_add(0, ip, ihl)) != 0xffff)
		return DROP_NAT_ICMP_BAD;
	if ((ntohs(ip->frag_off) & 0x1fff) || !take_inner_ports(p, in))
		return DROP_NAT_ICMP_STRAY;
	return DROP_NONE;
}

/* The tuple of a packet that would answer the inner one. */
static struct flow_key answer_key(const struct packet *p, const struct inner *in)
{
	const struct ipv4_hdr *ip = (const void *)(p->frame->head + in->l3);

	return flow_key_make(ip->dst, ip->src, in->dport, in->sport, in->proto);
}

static enum drop_reason find_session(struct nat *n, const struct packet *p, struct inner *in,
				     struct nat_found *found)
{
	enum drop_reason why;
	struct flow_key key;
	uint32_t value;

	if (p->ipv6 || !p->icmp_error)
		return DROP_NAT_PROTO;
	if (p->fragment != PACKET_WHOLE || !icmp_sum_is_right(p))
		return DROP_NAT_ICMP_BAD;
	why = parse_inner(p, in);
	if (why)
		return why;
	key = answer_key(p, in);
	value = session_find(n, &key);
	if (!value)
		return DROP_NAT_ICMP_STRAY;
	found->session = session_at(n, value & ~SESSION_INBOUND_BIT);
	found->direction = value & SESSION_INBOUND_BIT ? NAT_INBOUND : NAT_OUTBOUND;
	return DROP_NONE;
}

/* Puts a port of the inner packet in, and adjusts its sum, as far as it is there. */
static void rewrite_inner_l4(struct packet *p, const struct inner *in, bool source, uint16_t port,
			     uint32_t addr_delta)
{
	uint8_t *l4 = p->frame->head + in->l4;
	bool icmp = in->proto == WIRE_PROTO_ICMP;
	unsigned port_at = icmp ? offsetof(struct icmp_hdr, id) : source ? 0 : 2;
	unsigned sum_at = in->proto == WIRE_PROTO_TCP ? offsetof(struct tcp_hdr, csum)
			  : icmp		      ? offsetof(struct icmp_hdr, csum)
						      : offsetof(struct udp_hdr, csum);
	uint16_t old, sum;
	uint32_t delta;

	memcpy(&old, l4 + port_at, 2);
	memcpy(l4 + port_at, &port, 2);
	if (in->l4 + sum_at + 2 > in->end)
		return;
	delta = cksum_add32(icmp ? 0 : addr_delta, rewrite_delta16(old, port));
	memcpy(&sum, l4 + sum_at, 2);
	sum = in->proto == WIRE_PROTO_UDP ? rewrite_udp(sum, cksum_fold(delta))
					  : rewrite_whole(sum, cksum_fold(delta));
	memcpy(l4 + sum_at, &sum, 2);
}

static uint32_t replace_addr(struct ipv4_hdr *ip, bool source, uint32_t addr)
{
	uint32_t delta = cksum_fold(cksum_add32(~(source ? ip->src : ip->dst), addr));

	if (source)
		ip->src = addr;
	else
		ip->dst = addr;
	ip->csum = rewrite_whole(ip->csum, delta);
	return delta;
}

/*
 * One half of the way: `dir` is that of the error. Outbound, the inner packet was on its way to the
 * guest; inbound, it was the guest's.
 */
static void rewrite_error(struct packet *p, const struct inner *in, const struct nat_session *s,
			  enum nat_direction dir)
{
	bool out = dir == NAT_OUTBOUND;
	struct ipv4_hdr *ip = (void *)(p->frame->head + p->l3);
	struct ipv4_hdr *inner = (void *)(p->frame->head + in->l3);
	struct icmp_hdr *icmp = (void *)(p->frame->head + p->l4);
	uint32_t before = cksum_fold(cksum_add(0, inner, in->end - in->l3)), delta;
	uint32_t addr = out ? s->ext_addr : s->in_addr;

	delta = replace_addr(inner, !out, addr);
	rewrite_inner_l4(p, in, !out, out ? s->ext_port : s->in_port, delta);
	replace_addr(ip, out, addr);
	if (rewrite_is_partial(p->frame, p->l4 + offsetof(struct icmp_hdr, csum)))
		return;
	delta = (uint32_t)(uint16_t)~before + cksum_fold(cksum_add(0, inner, in->end - in->l3));
	icmp->csum = rewrite_whole(icmp->csum, delta);
}

static enum drop_reason done(struct nat *n, unsigned worker, enum drop_reason why)
{
	if (why)
		n->workers[worker].refused[why]++;
	else
		n->workers[worker].icmp_errors++;
	return why;
}

enum drop_reason nat_icmp_out(struct nat *n, unsigned worker, struct packet *p,
			      struct nat_inside *from)
{
	struct nat_found found;
	struct inner in;
	enum drop_reason why = find_session(n, p, &in, &found);
	struct nat_session *s = found.session;
	uint32_t peer;

	if (why || (s->flags & SESSION_ROUTED))
		return done(n, worker, why);
	if (found.direction != NAT_OUTBOUND || s->inside != nat_inside_realm(from))
		return done(n, worker, DROP_NAT_ICMP_STRAY);
	peer = s->flags & SESSION_HAIRPIN ? atomic_load(&s->peer) : 0;
	if ((s->flags & SESSION_HAIRPIN) && !peer)
		return done(n, worker, DROP_NAT_ICMP_STRAY);
	rewrite_error(p, &in, s, NAT_OUTBOUND);
	if (peer)
		rewrite_error(p, &in, session_at(n, peer), NAT_INBOUND);
	return done(n, worker, DROP_NONE);
}

enum drop_reason nat_icmp_in(struct nat *n, unsigned worker, struct packet *p,
			     struct nat_outside *from)
{
	struct nat_found found;
	struct inner in;
	enum drop_reason why = find_session(n, p, &in, &found);
	struct nat_session *s = found.session;

	if (why || (s->flags & SESSION_ROUTED))
		return done(n, worker, why);
	if (found.direction != NAT_INBOUND || (s->flags & SESSION_HAIRPIN) ||
	    s->outside != from->id)
		return done(n, worker, DROP_NAT_ICMP_STRAY);
	rewrite_error(p, &in, s, NAT_INBOUND);
	return done(n, worker, DROP_NONE);
}
