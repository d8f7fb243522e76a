/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/gso.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/cksum.h"

static bool receiver_takes(const struct frame *f, struct offloads rx)
{
	uint16_t type = 0;

	if ((f->vnet.gso_type & VNET_GSO_ECN) && !rx.ecn)
		return false;
	switch (f->vnet.gso_type & ~VNET_GSO_ECN) {
	case VNET_GSO_TCPV4:
		return rx.tso4;
	case VNET_GSO_TCPV6:
		return rx.tso6;
	default:
		frame_parse_eth(f, &type);
		return type == WIRE_ETHERTYPE_IPV6 ? rx.uso6 : rx.uso4;
	}
}

/* Whether the checksum can be completed on the way. */
static enum drop_reason check_completion(const struct frame *f)
{
	struct frame_layout l;

	if ((uint32_t)f->vnet.csum_start + f->vnet.csum_offset + 2 > f->head_len)
		return DROP_CSUM_DEPTH;
	/* Its CRC32c is no sum of words, RFC 9260 6.8. */
	if (f->vnet.csum_offset == WIRE_SCTP_CSUM_OFFSET && frame_parse_ip(f, &l) == DROP_NONE &&
	    l.proto == WIRE_PROTO_SCTP)
		return DROP_CSUM_SCTP;
	return DROP_NONE;
}

/* Bytes of the packet that will be on the receiver's link: of one segment, of a GSO frame. */
static uint32_t packet_bytes(const struct frame *f)
{
	uint16_t type, l3 = frame_parse_eth(f, &type);
	uint32_t len = f->len;

	if (f->vnet.gso_type && (uint32_t)f->vnet.hdr_len + f->vnet.gso_size < len)
		len = (uint32_t)f->vnet.hdr_len + f->vnet.gso_size;
	return len - l3;
}

/* RFC 1624: what is taken out of a sum is added complemented. */
static uint32_t sum_without(uint32_t sum, uint16_t word)
{
	return cksum_add16(sum, (uint16_t)~word);
}

static uint32_t ipv4_base(const struct frame *f, const struct frame_layout *l)
{
	const struct ipv4_hdr *ip = (const struct ipv4_hdr *)(f->head + l->l3);
	uint32_t sum = cksum_add(0, ip, (size_t)(l->l4 - l->l3));

	return sum_without(sum_without(sum_without(sum, ip->total_len), ip->id), ip->csum);
}

/*
 * The pseudo-header without its length, RFC 9293 3.1 and RFC 8200 8.1. Where a routing header hides
 * the last destination, the sender's own field has it: the whole frame's pseudo-header.
 */
static uint32_t pseudo_base(const struct frame *f, const struct frame_layout *l)
{
	uint32_t field = (uint32_t)l->l4 + f->vnet.csum_offset;
	uint16_t sum;

	if (l->routed) {
		memcpy(&sum, f->head + field, sizeof(sum));
		return sum_without(sum, htons((uint16_t)(f->len - l->l4)));
	}
	if (l->ipv6)
		return cksum_add(htons(l->proto), ((const struct ipv6_hdr *)(f->head + l->l3))->src,
				 32);
	return cksum_add(htons(l->proto), &((const struct ipv4_hdr *)(f->head + l->l3))->src, 8);
}

static enum drop_reason plan_segments(struct gso_plan *plan, struct offloads rx)
{
	const struct frame *f = plan->frame;
	enum drop_reason reason = frame_parse_l4(f, &plan->layout);
	uint32_t payload;

	if (reason)
		return reason;
	payload = f->len - plan->layout.payload;
	if (payload > f->vnet.gso_size)
		plan->n_slices = (payload + f->vnet.gso_size - 1) / f->vnet.gso_size;
	if (plan->n_slices > FRAME_SEGMENTS_MAX || (rx.segs_max && plan->n_slices > rx.segs_max))
		return DROP_GSO_SEGMENTS;
	plan->ipv4_sum = plan->layout.ipv6 ? 0 : ipv4_base(f, &plan->layout);
	plan->pseudo_sum = pseudo_base(f, &plan->layout);
	return DROP_NONE;
}

enum drop_reason gso_plan(struct gso_plan *plan, const struct frame *f, struct offloads rx)
{
	enum drop_reason reason = DROP_NONE;

	plan->frame = f;
	plan->n_slices = 1;
	plan->segment = f->vnet.gso_type != VNET_GSO_NONE && !receiver_takes(f, rx);
	plan->complete_csum = (f->vnet.flags & VNET_NEEDS_CSUM) && !rx.csum;

	if (plan->complete_csum)
		reason = check_completion(f);
	if (!reason && rx.mtu && packet_bytes(f) > rx.mtu)
		reason = DROP_MTU;
	if (!reason && plan->segment)
		reason = plan_segments(plan, rx);
	return reason;
}

bool gso_plan_cut(struct gso_plan *plan, struct offloads rx)
{
	if (plan->segment || plan->frame->vnet.gso_type == VNET_GSO_NONE)
		return false;
	plan->segment = true;
	return plan_segments(plan, rx) == DROP_NONE;
}

static void rewrite_ip(uint8_t *hdr, const struct gso_plan *plan, unsigned i, uint32_t total)
{
	const struct frame_layout *l = &plan->layout;
	struct ipv6_hdr *ip6 = (struct ipv6_hdr *)(hdr + l->l3);
	struct ipv4_hdr *ip4 = (struct ipv4_hdr *)(hdr + l->l3);

	if (l->ipv6) {
		ip6->payload_len = htons((uint16_t)(total - l->l3 - sizeof(*ip6)));
		return;
	}
	ip4->total_len = htons((uint16_t)(total - l->l3));
	ip4->id = htons((uint16_t)(ntohs(ip4->id) + i));
	ip4->csum = cksum_finish(cksum_add16(cksum_add16(plan->ipv4_sum, ip4->total_len), ip4->id));
}

/* What a checksum field holds under NEEDS_CSUM: the pseudo-header's sum, not complemented. */
static uint16_t partial_csum(const struct gso_plan *plan, uint32_t total)
{
	return cksum_fold(
		cksum_add16(plan->pseudo_sum, htons((uint16_t)(total - plan->layout.l4))));
}

static void rewrite_tcp(uint8_t *hdr, const struct gso_plan *plan, unsigned i, uint32_t total)
{
	struct tcp_hdr *tcp = (struct tcp_hdr *)(hdr + plan->layout.l4);

	tcp->seq = htonl(ntohl(tcp->seq) + i * plan->frame->vnet.gso_size);
	if (i + 1 < plan->n_slices)
		tcp->flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (i > 0)
		tcp->flags &= (uint8_t)~TCP_CWR;
	tcp->csum = partial_csum(plan, total);
}

static void rewrite_udp(uint8_t *hdr, const struct gso_plan *plan, uint32_t total)
{
	struct udp_hdr *udp = (struct udp_hdr *)(hdr + plan->layout.l4);

	udp->len = htons((uint16_t)(total - plan->layout.l4));
	udp->csum = partial_csum(plan, total);
}

static void cut_segment(const struct gso_plan *plan, unsigned i, uint8_t *hdr, struct slice *s)
{
	const struct frame *f = plan->frame;
	const struct frame_layout *l = &plan->layout;
	uint32_t start = l->payload + i * (uint32_t)f->vnet.gso_size;
	uint32_t total;

	s->off = start;
	s->len = f->len - start < f->vnet.gso_size ? f->len - start : f->vnet.gso_size;
	s->hdr = hdr;
	s->hdr_len = l->payload;
	total = s->hdr_len + s->len;

	/* All of it: a length that the compiler knows is a few vector moves. */
	memcpy(hdr, f->head, FRAME_HEAD_MAX);
	rewrite_ip(hdr, plan, i, total);
	if (l->proto == WIRE_PROTO_TCP)
		rewrite_tcp(hdr, plan, i, total);
	else
		rewrite_udp(hdr, plan, total);
	s->vnet.gso_type = VNET_GSO_NONE;
	s->vnet.gso_size = 0;
	s->vnet.hdr_len = 0;
}

void gso_slice(const struct gso_plan *plan, unsigned i, uint8_t *hdr, struct slice *s)
{
	const struct frame *f = plan->frame;

	s->frame = f;
	s->plain = false;
	s->vnet = f->vnet;
	s->complete_csum = plan->complete_csum;
	if (plan->segment) {
		cut_segment(plan, i, hdr, s);
		return;
	}
	s->hdr = f->head;
	s->hdr_len = f->head_len;
	s->off = f->head_len;
	s->len = f->len - f->head_len;
}
