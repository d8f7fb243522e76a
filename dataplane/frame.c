/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/frame.h"

#include <arpa/inet.h>
#include <stddef.h>

#include "common/util.h"

/*
 * The parser of offloaded frames, and the check of what their guests claim. It reads the private
 * copy in `head` only, so nothing changes between check and use. Every offset is compared with
 * head_len before the bytes at it are read. Where head_len ends before the frame does, a header
 * may be there all the same, only deeper than weft looks: that is DROP_GSO_HEADERS, and not a lie.
 */

static uint16_t be16_at(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Why a header cannot be read that does not end within `head`. */
static enum drop_reason beyond_head(const struct frame *f)
{
	return f->head_len < f->len ? DROP_GSO_HEADERS : DROP_BAD_GSO;
}

static bool is_vlan(uint16_t type)
{
	return type == WIRE_ETHERTYPE_8021Q || type == WIRE_ETHERTYPE_8021AD;
}

uint16_t frame_parse_eth(const struct frame *f, uint16_t *type)
{
	unsigned off = offsetof(struct eth_hdr, type), tags = 0;

	if (f->head_len < sizeof(struct eth_hdr))
		return 0;
	*type = be16_at(f->head + off);
	while (is_vlan(*type) && tags++ < 2) {
		off += sizeof(struct vlan_tag);
		if (off + 2 > f->head_len)
			return 0;
		*type = be16_at(f->head + off);
	}
	return (uint16_t)(off + 2);
}

static enum drop_reason parse_ipv4(const struct frame *f, struct frame_layout *l)
{
	const struct ipv4_hdr *ip = (const struct ipv4_hdr *)(f->head + l->l3);
	unsigned ihl;

	if (l->l3 + sizeof(*ip) > f->head_len || ip->version_ihl >> 4 != 4)
		return DROP_BAD_GSO;
	ihl = (ip->version_ihl & 15u) * 4;
	if (ihl < sizeof(*ip) || (ntohs(ip->frag_off) & 0x3fff))
		return DROP_BAD_GSO;
	l->l4 = (uint16_t)(l->l3 + ihl);
	l->proto = ip->proto;
	return l->l4 <= f->head_len ? DROP_NONE : beyond_head(f);
}

static bool is_followed(uint8_t next_header)
{
	return next_header == WIRE_PROTO_HOP_BY_HOP || next_header == WIRE_PROTO_ROUTING ||
	       next_header == WIRE_PROTO_DEST_OPTIONS;
}

static enum drop_reason parse_ipv6(const struct frame *f, struct frame_layout *l)
{
	const struct ipv6_hdr *ip = (const struct ipv6_hdr *)(f->head + l->l3);
	unsigned off = l->l3 + (unsigned)sizeof(*ip);

	if (off > f->head_len || f->head[l->l3] >> 4 != 6)
		return DROP_BAD_GSO;
	l->proto = ip->next_header;
	while (is_followed(l->proto)) {
		const struct ipv6_ext_hdr *ext;

		if (off + sizeof(*ext) > f->head_len)
			return beyond_head(f);
		ext = (const struct ipv6_ext_hdr *)(f->head + off);
		l->routed |= l->proto == WIRE_PROTO_ROUTING && ext->segments_left > 0;
		l->proto = ext->next_header;
		off += (ext->len + 1u) * 8;
	}
	l->l4 = (uint16_t)off;
	return off <= f->head_len ? DROP_NONE : beyond_head(f);
}

enum drop_reason frame_parse_ip(const struct frame *f, struct frame_layout *l)
{
	uint16_t type = 0;

	l->routed = false;
	l->l3 = frame_parse_eth(f, &type);
	if (l->l3 == 0)
		return DROP_BAD_GSO;
	if (is_vlan(type))
		return DROP_GSO_HEADERS;
	l->ipv6 = type == WIRE_ETHERTYPE_IPV6;
	if (l->ipv6)
		return parse_ipv6(f, l);
	return type == WIRE_ETHERTYPE_IPV4 ? parse_ipv4(f, l) : DROP_BAD_GSO;
}

static enum drop_reason parse_tcp(const struct frame *f, struct frame_layout *l)
{
	const struct tcp_hdr *tcp = (const struct tcp_hdr *)(f->head + l->l4);
	unsigned data_off;

	if (l->l4 + sizeof(*tcp) > f->head_len)
		return beyond_head(f);
	data_off = (tcp->data_off >> 4) * 4u;
	if (data_off < sizeof(*tcp))
		return DROP_BAD_GSO;
	l->payload = (uint16_t)(l->l4 + data_off);
	return l->payload <= f->head_len ? DROP_NONE : beyond_head(f);
}

enum drop_reason frame_parse_l4(const struct frame *f, struct frame_layout *l)
{
	enum drop_reason reason = frame_parse_ip(f, l);

	if (reason)
		return reason;
	if (l->proto == WIRE_PROTO_TCP)
		return parse_tcp(f, l);
	if (l->proto != WIRE_PROTO_UDP)
		return l->ipv6 ? DROP_GSO_HEADERS : DROP_BAD_GSO;
	l->payload = (uint16_t)(l->l4 + sizeof(struct udp_hdr));
	return l->payload <= f->head_len ? DROP_NONE : beyond_head(f);
}

/* The lengths in the headers of a GSO frame are those of the whole frame. */
static bool lengths_agree(const struct frame *f, const struct frame_layout *l)
{
	const struct ipv4_hdr *ip4 = (const struct ipv4_hdr *)(f->head + l->l3);
	const struct ipv6_hdr *ip6 = (const struct ipv6_hdr *)(f->head + l->l3);
	const struct udp_hdr *udp = (const struct udp_hdr *)(f->head + l->l4);
	uint32_t l3_len = f->len - l->l3;

	if (l->ipv6 ? ntohs(ip6->payload_len) + sizeof(*ip6) != l3_len
		    : ntohs(ip4->total_len) != l3_len)
		return false;
	return l->proto != WIRE_PROTO_UDP || ntohs(udp->len) == f->len - l->l4;
}

/* The headers are those that the GSO type names, and the checksum is the one they have. */
static bool type_fits(const struct vnet *v, const struct frame_layout *l)
{
	bool tcp = l->proto == WIRE_PROTO_TCP;

	if (v->csum_start != l->l4 || v->csum_offset != (tcp ? offsetof(struct tcp_hdr, csum)
							     : offsetof(struct udp_hdr, csum)))
		return false;
	if (v->gso_type == VNET_GSO_UDP_L4)
		return !tcp;
	return tcp && l->ipv6 == ((v->gso_type & ~VNET_GSO_ECN) == VNET_GSO_TCPV6);
}

static bool type_is_known(uint8_t gso_type)
{
	return gso_type == VNET_GSO_UDP_L4 || (gso_type & ~VNET_GSO_ECN) == VNET_GSO_TCPV4 ||
	       (gso_type & ~VNET_GSO_ECN) == VNET_GSO_TCPV6;
}

/*
 * Hints are written only when they change: honest guests have them right, and a store of two bytes
 * makes whoever copies the whole of `vnet` next wait for it.
 */
static enum drop_reason check_gso(struct frame *f)
{
	struct vnet *v = &f->vnet;
	enum drop_reason reason;
	struct frame_layout l;

	if (!type_is_known(v->gso_type) || !(v->flags & VNET_NEEDS_CSUM) || v->gso_size == 0)
		return DROP_BAD_GSO;
	reason = frame_parse_l4(f, &l);
	if (reason)
		return reason;
	if (!type_fits(v, &l))
		return DROP_BAD_GSO;
	if (!lengths_agree(f, &l))
		return DROP_GSO_LENGTH;
	if (f->len - l.payload > (uint32_t)v->gso_size * FRAME_SEGMENTS_MAX)
		return DROP_GSO_SEGMENTS;
	if (v->hdr_len != l.payload)
		v->hdr_len = l.payload;
	return DROP_NONE;
}

/* The first byte that a checksum may cover, or len when none may. */
static uint32_t csum_floor(const struct frame *f)
{
	uint16_t type = 0, l3 = frame_parse_eth(f, &type);

	if (l3 == 0 || type == WIRE_ETHERTYPE_ARP || l3 >= f->head_len)
		return f->len;
	if (type == WIRE_ETHERTYPE_IPV4)
		return l3 + MAX_OF((f->head[l3] & 15u) * 4, (uint32_t)sizeof(struct ipv4_hdr));
	return l3 + (type == WIRE_ETHERTYPE_IPV6 ? (uint32_t)sizeof(struct ipv6_hdr) : 0);
}

enum drop_reason frame_check_offload(struct frame *f)
{
	struct vnet *v = &f->vnet;

	if ((v->flags & VNET_NEEDS_CSUM) &&
	    ((uint32_t)v->csum_start + v->csum_offset + 2 > f->len ||
	     v->csum_start < csum_floor(f)))
		return DROP_BAD_CSUM_RANGE;
	if (v->gso_type != VNET_GSO_NONE)
		return check_gso(f);
	if (v->hdr_len | v->gso_size)
		v->hdr_len = v->gso_size = 0;
	return DROP_NONE;
}
