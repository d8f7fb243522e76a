/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/frame.h"

#include <arpa/inet.h>
#include <stddef.h>

static uint16_t be16_at(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool parse_ipv4(const struct frame *f, struct frame_layout *l)
{
	const struct ipv4_hdr *ip = (const struct ipv4_hdr *)(f->head + l->l3);
	unsigned ihl;

	if (l->l3 + sizeof(*ip) > f->head_len || ip->version_ihl >> 4 != 4)
		return false;
	ihl = (ip->version_ihl & 15u) * 4;
	if (ihl < sizeof(*ip) || ip->proto != WIRE_PROTO_TCP || (ntohs(ip->frag_off) & 0x3fff))
		return false;
	l->l4 = (uint16_t)(l->l3 + ihl);
	l->ipv6 = false;
	return true;
}

static bool parse_ipv6(const struct frame *f, struct frame_layout *l)
{
	const struct ipv6_hdr *ip = (const struct ipv6_hdr *)(f->head + l->l3);

	if (l->l3 + sizeof(*ip) > f->head_len || f->head[l->l3] >> 4 != 6)
		return false;
	if (ip->next_header != WIRE_PROTO_TCP)
		return false;
	l->l4 = (uint16_t)(l->l3 + sizeof(*ip));
	l->ipv6 = true;
	return true;
}

bool frame_parse_tcp(const struct frame *f, struct frame_layout *l)
{
	const struct tcp_hdr *tcp;
	unsigned off = 12, tags = 0, data_off;
	uint16_t type;

	if (f->head_len < sizeof(struct eth_hdr))
		return false;
	type = be16_at(f->head + off);
	while ((type == WIRE_ETHERTYPE_8021Q || type == WIRE_ETHERTYPE_8021AD) && tags++ < 2) {
		off += sizeof(struct vlan_tag);
		if (off + 2 > f->head_len)
			return false;
		type = be16_at(f->head + off);
	}
	l->l3 = (uint16_t)(off + 2);
	if (!(type == WIRE_ETHERTYPE_IPV4 && parse_ipv4(f, l)) &&
	    !(type == WIRE_ETHERTYPE_IPV6 && parse_ipv6(f, l)))
		return false;

	tcp = (const struct tcp_hdr *)(f->head + l->l4);
	if (l->l4 + sizeof(*tcp) > f->head_len)
		return false;
	data_off = (tcp->data_off >> 4) * 4u;
	if (data_off < sizeof(*tcp) || l->l4 + data_off > f->head_len)
		return false;
	l->payload = (uint16_t)(l->l4 + data_off);
	return true;
}

enum drop_reason frame_check_offload(const struct frame *f)
{
	const struct vnet *v = &f->vnet;
	uint8_t type = v->gso_type & (uint8_t)~VNET_GSO_ECN;
	struct frame_layout l;

	if ((v->flags & VNET_NEEDS_CSUM) &&
	    ((uint32_t)v->csum_start + v->csum_offset + 2 > f->len ||
	     v->csum_start < sizeof(struct eth_hdr)))
		return DROP_BAD_CSUM_RANGE;
	if (v->gso_type == VNET_GSO_NONE)
		return DROP_NONE;

	if (type != VNET_GSO_TCPV4 && type != VNET_GSO_TCPV6)
		return DROP_BAD_GSO;
	if (!(v->flags & VNET_NEEDS_CSUM) || v->gso_size == 0 || !frame_parse_tcp(f, &l))
		return DROP_BAD_GSO;
	if (l.ipv6 != (type == VNET_GSO_TCPV6) || v->csum_start != l.l4 ||
	    v->csum_offset != offsetof(struct tcp_hdr, csum))
		return DROP_BAD_GSO;
	return DROP_NONE;
}
