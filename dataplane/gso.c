/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/gso.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/cksum.h"

static bool receiver_takes(const struct frame *f, struct offloads rx)
{
	uint8_t type = f->vnet.gso_type & (uint8_t)~VNET_GSO_ECN;

	if ((f->vnet.gso_type & VNET_GSO_ECN) && !rx.ecn)
		return false;
	return type == VNET_GSO_TCPV4 ? rx.tso4 : rx.tso6;
}

enum drop_reason gso_plan(struct gso_plan *plan, const struct frame *f, struct offloads rx)
{
	uint32_t payload;

	plan->frame = f;
	plan->n_slices = 1;
	plan->segment = f->vnet.gso_type != VNET_GSO_NONE && !receiver_takes(f, rx);
	plan->complete_csum = (f->vnet.flags & VNET_NEEDS_CSUM) && !rx.csum;

	if (plan->complete_csum &&
	    (uint32_t)f->vnet.csum_start + f->vnet.csum_offset + 2 > f->head_len)
		return DROP_CSUM_DEPTH;
	if (!plan->segment)
		return DROP_NONE;

	if (!frame_parse_tcp(f, &plan->layout))
		return DROP_BAD_GSO;
	payload = f->len - plan->layout.payload;
	if (payload > f->vnet.gso_size)
		plan->n_slices = (payload + f->vnet.gso_size - 1) / f->vnet.gso_size;
	return DROP_NONE;
}

static void rewrite_ipv4(uint8_t *hdr, const struct frame_layout *l, unsigned i, uint32_t total)
{
	struct ipv4_hdr *ip = (struct ipv4_hdr *)(hdr + l->l3);

	ip->total_len = htons((uint16_t)(total - l->l3));
	ip->id = htons((uint16_t)(ntohs(ip->id) + i));
	ip->csum = 0;
	ip->csum = cksum_finish(cksum_add(0, ip, (size_t)(l->l4 - l->l3)));
}

/* The pseudo-header's sum, RFC 9293 3.1 and RFC 8200 8.1: what a partial checksum field holds. */
static uint16_t pseudo_sum(const uint8_t *hdr, const struct frame_layout *l, uint32_t total)
{
	uint32_t sum = htonl(total - l->l4);

	sum = cksum_add16(sum, htons(WIRE_PROTO_TCP));
	if (l->ipv6)
		sum = cksum_add(sum, ((const struct ipv6_hdr *)(hdr + l->l3))->src, 32);
	else
		sum = cksum_add(sum, &((const struct ipv4_hdr *)(hdr + l->l3))->src, 8);
	return cksum_fold(sum);
}

static void rewrite_tcp(uint8_t *hdr, const struct gso_plan *plan, unsigned i, uint32_t total)
{
	const struct frame_layout *l = &plan->layout;
	struct tcp_hdr *tcp = (struct tcp_hdr *)(hdr + l->l4);

	tcp->seq = htonl(ntohl(tcp->seq) + i * plan->frame->vnet.gso_size);
	if (i + 1 < plan->n_slices)
		tcp->flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (i > 0)
		tcp->flags &= (uint8_t)~TCP_CWR;
	tcp->csum = pseudo_sum(hdr, l, total);
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

	memcpy(hdr, f->head, l->payload);
	if (l->ipv6)
		((struct ipv6_hdr *)(hdr + l->l3))->payload_len =
			htons((uint16_t)(total - l->l3 - sizeof(struct ipv6_hdr)));
	else
		rewrite_ipv4(hdr, l, i, total);
	rewrite_tcp(hdr, plan, i, total);
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
