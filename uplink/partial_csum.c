/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/partial_csum.h"

#include <arpa/inet.h>
#include <stddef.h>

#include "common/cksum.h"
#include "common/util.h"

static size_t field_offset(uint8_t proto)
{
	return proto == WIRE_PROTO_TCP ? offsetof(struct tcp_hdr, csum)
				       : offsetof(struct udp_hdr, csum);
}

/* Bytes from l4 on, as the IP header says. */
static uint32_t l4_bytes(const struct frame *f, const struct frame_layout *l)
{
	const struct ipv4_hdr *ip4 = (const struct ipv4_hdr *)(f->head + l->l3);
	const struct ipv6_hdr *ip6 = (const struct ipv6_hdr *)(f->head + l->l3);

	if (l->ipv6)
		return ntohs(ip6->payload_len) + (uint32_t)sizeof(*ip6) - (l->l4 - l->l3);
	return (uint32_t)ntohs(ip4->total_len) - (l->l4 - l->l3);
}

static uint16_t pseudo_sum(const struct frame *f, const struct frame_layout *l, uint32_t bytes)
{
	const struct ipv4_hdr *ip4 = (const struct ipv4_hdr *)(f->head + l->l3);
	const struct ipv6_hdr *ip6 = (const struct ipv6_hdr *)(f->head + l->l3);
	uint32_t sum = l->ipv6 ? cksum_add(0, ip6->src, 32) : cksum_add(0, &ip4->src, 8);

	return cksum_fold(cksum_add16(cksum_add16(sum, htons(l->proto)), htons((uint16_t)bytes)));
}

void partial_csum_mark(struct frame *f)
{
	struct frame_layout l;
	uint32_t bytes;
	uint16_t field;

	if (f->bad || frame_parse_l4(f, &l) != DROP_NONE || l.routed)
		return;
	bytes = l4_bytes(f, &l);
	if (bytes > f->len - l.l4 || (bytes < f->len - l.l4 && f->len > f->head_len))
		return;
	memcpy(&field, f->head + l.l4 + field_offset(l.proto), sizeof(field));
	if (field != pseudo_sum(f, &l, bytes))
		return;
	/* What is completed is all of the frame from l4 on: Ethernet's padding goes. */
	f->len = l.l4 + bytes;
	f->head_len = (uint16_t)MIN_OF(f->len, (uint32_t)f->head_len);
	f->vnet.flags = VNET_NEEDS_CSUM;
	f->vnet.csum_start = l.l4;
	f->vnet.csum_offset = (uint16_t)field_offset(l.proto);
}
