/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/icmp_make.h"

#include <assert.h>
#include <string.h>

#include "common/cksum.h"
#include "common/util.h"

#define IP4_TOTAL_MAX 576
#define IP6_TOTAL_MAX 1280
#define TTL	      64
#define ICMP_HDR      ((unsigned)sizeof(struct icmp_hdr))
#define ETH_HDR	      ((unsigned)sizeof(struct eth_hdr))

enum { ECHO = 8, ECHO_REPLY = 0, ECHO6 = 128, ECHO6_REPLY = 129 };

static const struct {
	uint8_t type4, code4, type6, code6;
} kinds[] = {
	[ICMP_TTL] = {11, 0, 3, 0},	   [ICMP_TOO_BIG] = {3, 4, 2, 0},
	[ICMP_NO_ROUTE] = {3, 0, 1, 0},	   [ICMP_NO_HOST] = {3, 1, 1, 3},
	[ICMP_NO_PROTOCOL] = {3, 2, 1, 4}, [ICMP_NO_PORT] = {3, 3, 1, 4},
	[ICMP_PROHIBITED] = {3, 13, 1, 1},
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == ICMP_WHY_N, "a row for each error");

static bool is_host4(rte_be32_t addr)
{
	uint32_t net = rte_be_to_cpu_32(addr) >> 24;

	return net != 0 && net != 127 && net < 224;
}

static bool is_host6(const uint8_t *addr)
{
	static const uint8_t zero[16];

	return addr[0] != 0xff && memcmp(addr, zero, sizeof(zero)) != 0;
}

bool icmp_may_answer(const struct packet *p)
{
	const struct frame *f = p->frame;

	if (p->icmp_error || p->fragment == PACKET_FRAGMENT_REST ||
	    mac_is_multicast(&frame_eth(f)->dst))
		return false;
	if (p->ipv6) {
		const struct ipv6_hdr *ip = (const struct ipv6_hdr *)(f->head + p->l3);

		return is_host6(ip->src) && is_host6(ip->dst);
	} else {
		const struct ipv4_hdr *ip = (const struct ipv4_hdr *)(f->head + p->l3);

		return is_host4(ip->src) && is_host4(ip->dst);
	}
}

/* The Internet checksum of pieces, of which any may be odd. */
struct sum {
	uint32_t sum;
	bool odd;
};

static void sum_add(struct sum *s, const void *p, uint32_t len)
{
	uint32_t part = cksum_fold(cksum_add(0, p, len));

	s->sum = cksum_add32(s->sum, s->odd ? (uint16_t)(part << 8 | part >> 8) : part);
	s->odd ^= len & 1;
}

/*
 * Puts the first `want` bytes of the packet, whose beginning is in `old`, behind `hdr` bytes of new
 * headers. Returns how many there are: less when its segments are too many.
 */
static uint32_t quote(struct frame *f, const uint8_t *old, uint32_t old_len, unsigned hdr,
		      uint32_t want, struct frame_room *room)
{
	uint32_t in_head = MIN_OF(want, MIN_OF(old_len, FRAME_HEAD_MAX - hdr));
	uint32_t spilled = MIN_OF(want, old_len) - in_head, got = in_head + spilled;
	const struct seg *from = f->segs;
	unsigned n_from = f->n_segs, n = 0;

	memcpy(f->head + hdr, old, in_head);
	if (spilled) {
		memcpy(room->spill, old + in_head, spilled);
		room->segs[n++] = (struct seg){room->spill, spilled};
	}
	for (; n_from && got < want && n < FRAME_ROOM_SEGS_MAX; from++, n_from--) {
		room->segs[n] = (struct seg){from->p, MIN_OF(from->len, want - got)};
		got += room->segs[n++].len;
	}
	f->segs = room->segs;
	f->n_segs = (uint16_t)n;
	f->head_len = (uint16_t)(hdr + in_head);
	f->len = hdr + got;
	f->vnet = (struct vnet){0};
	return got;
}

static void complete_csum(struct frame *f, unsigned l4, uint32_t pseudo)
{
	struct icmp_hdr *icmp = (struct icmp_hdr *)(f->head + l4);
	struct sum s = {.sum = pseudo};

	icmp->csum = 0;
	sum_add(&s, icmp, f->head_len - l4);
	for (unsigned i = 0; i < f->n_segs; i++)
		sum_add(&s, f->segs[i].p, f->segs[i].len);
	icmp->csum = cksum_finish(s.sum);
}

static void make_error4(struct packet *p, const struct icmp_source *from, enum icmp_why why,
			unsigned mtu, const uint8_t *old, uint32_t old_len, struct frame_room *room)
{
	const unsigned l4 = ETH_HDR + sizeof(struct ipv4_hdr), hdr = l4 + ICMP_HDR;
	const struct ipv4_hdr *was = (const struct ipv4_hdr *)old;
	struct ipv4_hdr ip = {
		.version_ihl = 0x45,
		.tos = 0xc0, /* RFC 1812, 4.3.2.5: internetwork control */
		.ttl = TTL,
		.proto = WIRE_PROTO_ICMP,
		.src = from->ip4,
		.dst = was->src,
	};
	struct icmp_hdr icmp = {
		.type = kinds[why].type4,
		.code = kinds[why].code4,
		.seq = why == ICMP_TOO_BIG ? rte_cpu_to_be_16((uint16_t)mtu) : 0,
	};
	uint32_t want = MIN_OF((uint32_t)p->len, IP4_TOTAL_MAX - sizeof(ip) - ICMP_HDR);
	uint32_t got = quote(p->frame, old, old_len, hdr, want, room);

	ip.total_len = rte_cpu_to_be_16((uint16_t)(sizeof(ip) + ICMP_HDR + got));
	ip.csum = cksum_finish(cksum_add(0, &ip, sizeof(ip)));
	memcpy(p->frame->head + ETH_HDR, &ip, sizeof(ip));
	memcpy(p->frame->head + l4, &icmp, sizeof(icmp));
	complete_csum(p->frame, l4, 0);
}

static void make_error6(struct packet *p, const struct icmp_source *from, enum icmp_why why,
			unsigned mtu, const uint8_t *old, uint32_t old_len, struct frame_room *room)
{
	const unsigned l4 = ETH_HDR + sizeof(struct ipv6_hdr), hdr = l4 + ICMP_HDR;
	const struct ipv6_hdr *was = (const struct ipv6_hdr *)old;
	struct ipv6_hdr ip = {
		.version_class_flow = RTE_BE32(6u << 28),
		.next_header = WIRE_PROTO_ICMP6,
		.hop_limit = TTL,
	};
	struct icmp_hdr icmp = {
		.type = kinds[why].type6,
		.code = kinds[why].code6,
		.id = why == ICMP_TOO_BIG ? rte_cpu_to_be_16((uint16_t)(mtu >> 16)) : 0,
		.seq = why == ICMP_TOO_BIG ? rte_cpu_to_be_16((uint16_t)mtu) : 0,
	};
	uint32_t want = MIN_OF((uint32_t)p->len, IP6_TOTAL_MAX - sizeof(ip) - ICMP_HDR);
	uint32_t got = quote(p->frame, old, old_len, hdr, want, room), sum;

	memcpy(ip.src, from->ip6.b, 16);
	memcpy(ip.dst, was->src, 16);
	ip.payload_len = rte_cpu_to_be_16((uint16_t)(ICMP_HDR + got));
	memcpy(p->frame->head + ETH_HDR, &ip, sizeof(ip));
	memcpy(p->frame->head + l4, &icmp, sizeof(icmp));
	sum = cksum_add(0, ip.src, 32);
	sum = cksum_add32(sum, rte_cpu_to_be_32(ICMP_HDR + got + WIRE_PROTO_ICMP6));
	complete_csum(p->frame, l4, cksum_fold(sum));
}

static void turn_round(struct frame *f, const struct mac *from)
{
	struct eth_hdr *eth = (struct eth_hdr *)f->head;

	eth->dst = eth->src;
	eth->src = *from;
}

void icmp_make_error(struct packet *p, const struct icmp_source *from, enum icmp_why why,
		     unsigned mtu, struct frame_room *room)
{
	struct frame *f = p->frame;
	uint32_t old_len = f->head_len - p->l3;
	uint8_t old[FRAME_HEAD_MAX];

	memcpy(old, f->head + p->l3, old_len);
	turn_round(f, &from->mac);
	if (p->ipv6)
		make_error6(p, from, why, mtu, old, old_len, room);
	else
		make_error4(p, from, why, mtu, old, old_len, room);
}

/* The type changes; of the checksum only what that makes of it. A partial one does not know it. */
static void change_type(struct packet *p, struct icmp_hdr *icmp, uint8_t type)
{
	uint16_t was, is;

	memcpy(&was, icmp, sizeof(was));
	icmp->type = type;
	memcpy(&is, icmp, sizeof(is));
	if (p->frame->vnet.flags & VNET_NEEDS_CSUM)
		return;
	icmp->csum =
		cksum_finish(cksum_add16(cksum_add16((uint16_t)~icmp->csum, (uint16_t)~was), is));
}

static void swap_bytes(uint8_t *a, uint8_t *b, unsigned len)
{
	uint8_t was[16];

	memcpy(was, a, len);
	memcpy(a, b, len);
	memcpy(b, was, len);
}

bool icmp_make_echo_reply(struct packet *p, const struct mac *from)
{
	uint8_t *l3 = p->frame->head + p->l3;
	struct icmp_hdr *icmp;

	/* Only of ICMP is it known that its header lies within the head. */
	if (p->fragment != PACKET_WHOLE ||
	    p->proto != (p->ipv6 ? WIRE_PROTO_ICMP6 : WIRE_PROTO_ICMP))
		return false;
	icmp = (struct icmp_hdr *)(p->frame->head + p->l4);
	if (icmp->type != (p->ipv6 ? ECHO6 : ECHO) || icmp->code != 0)
		return false;
	if (p->ipv6) {
		struct ipv6_hdr *ip = (struct ipv6_hdr *)l3;

		swap_bytes(ip->src, ip->dst, sizeof(ip->src));
		ip->hop_limit = TTL;
		change_type(p, icmp, ECHO6_REPLY);
	} else {
		struct ipv4_hdr *ip = (struct ipv4_hdr *)l3;

		swap_bytes((uint8_t *)&ip->src, (uint8_t *)&ip->dst, sizeof(ip->src));
		ip->ttl = TTL;
		ip->csum = 0;
		ip->csum = cksum_finish(cksum_add(0, ip, (ip->version_ihl & 0xf) * 4u));
		change_type(p, icmp, ECHO_REPLY);
	}
	turn_round(p->frame, from);
	return true;
}
