/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/packet.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "common/cksum.h"

#define FRAGMENT_MORE	0x2000
#define FRAGMENT_OFFSET 0x1fff
#define IPV6_FRAGMENT	44
#define IPV6_MORE	0x0001
#define IPV6_OFFSET	0xfff8
#define IPV6_EXT_MAX	8 /* as many as fit into frame.head anyway */
#define ICMP6_ERROR_MAX 127
#define ICMP6_ECHO	128
#define ICMP6_REPLY	129

/* ICMP types: RFC 792, RFC 950. Bit sets. */
#define ICMP_ERRORS (1u << 3 | 1u << 4 | 1u << 5 | 1u << 11 | 1u << 12)
#define ICMP_QUERIES                                                                               \
	(1u << 0 | 1u << 8 | 1u << 13 | 1u << 14 | 1u << 15 | 1u << 16 | 1u << 17 | 1u << 18)

static uint16_t be16_at(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return ntohs(v);
}

static bool in_set(uint32_t set, uint8_t type)
{
	return type < 32 && (set >> type & 1);
}

/* Whether `bytes` at the transport header lie in the packet and in the frame's head. */
static bool has_l4(const struct packet *p, unsigned bytes)
{
	return p->l4 + bytes <= p->frame->head_len && p->l4 + bytes <= (uint32_t)p->l3 + p->len;
}

static void take_ports(struct packet *p)
{
	memcpy(&p->sport, p->frame->head + p->l4, 2);
	memcpy(&p->dport, p->frame->head + p->l4 + 2, 2);
}

static void take_identifier(struct packet *p)
{
	memcpy(&p->sport, p->frame->head + p->l4 + offsetof(struct icmp_hdr, id), 2);
	p->dport = p->sport;
}

static enum drop_reason parse_icmp(struct packet *p)
{
	uint8_t type;

	if (!has_l4(p, sizeof(struct icmp_hdr)))
		return DROP_IP_HEADER;
	type = p->frame->head[p->l4];
	p->icmp_error = in_set(ICMP_ERRORS, type);
	if (in_set(ICMP_QUERIES, type))
		take_identifier(p);
	return DROP_NONE;
}

static enum drop_reason parse_icmp6(struct packet *p)
{
	uint8_t type;

	if (!has_l4(p, sizeof(struct icmp_hdr)))
		return DROP_IP_HEADER;
	type = p->frame->head[p->l4];
	p->icmp_error = type <= ICMP6_ERROR_MAX;
	if (type == ICMP6_ECHO || type == ICMP6_REPLY)
		take_identifier(p);
	return DROP_NONE;
}

static enum drop_reason parse_l4(struct packet *p)
{
	switch (p->proto) {
	case WIRE_PROTO_TCP:
		if (!has_l4(p, sizeof(struct tcp_hdr)) ||
		    p->frame->head[p->l4 + offsetof(struct tcp_hdr, data_off)] >> 4 < 5)
			return DROP_IP_HEADER;
		take_ports(p);
		return DROP_NONE;
	case WIRE_PROTO_UDP:
		if (!has_l4(p, sizeof(struct udp_hdr)))
			return DROP_IP_HEADER;
		take_ports(p);
		return DROP_NONE;
	case WIRE_PROTO_ICMP:
		return p->ipv6 ? DROP_NONE : parse_icmp(p);
	case WIRE_PROTO_ICMP6:
		return p->ipv6 ? parse_icmp6(p) : DROP_NONE;
	default:
		return DROP_NONE;
	}
}

/* The length that the headers say; it fits the frame, and a GSO frame has just that. */
static bool set_len(struct packet *p, uint32_t len)
{
	uint32_t room = p->frame->len - p->l3;

	if (p->frame->vnet.gso_type && room <= UINT16_MAX)
		len = room;
	p->len = (uint16_t)len;
	return len <= room && len <= UINT16_MAX;
}

/* A header without options is summed in registers. */
static bool ip4_csum_fits(const uint8_t *ip, unsigned len)
{
	uint64_t a, b, sum;
	uint32_t c;

	if (__builtin_expect(len != sizeof(struct ipv4_hdr), 0))
		return cksum_fold(cksum_add(0, ip, len)) == 0xffff;
	memcpy(&a, ip, 8);
	memcpy(&b, ip + 8, 8);
	memcpy(&c, ip + 16, 4);
	sum = (a >> 32) + (uint32_t)a + (b >> 32) + (uint32_t)b + c;
	return cksum_fold(cksum_add32((uint32_t)sum, (uint32_t)(sum >> 32))) == 0xffff;
}

static enum drop_reason parse_ip4(struct packet *p)
{
	const struct ipv4_hdr *ip = (const void *)(p->frame->head + p->l3);
	unsigned ihl, frag;

	if (p->l3 + sizeof(*ip) > p->frame->head_len)
		return DROP_IP_HEADER;
	ihl = (ip->version_ihl & 15) * 4u;
	if (ip->version_ihl >> 4 != 4 || ihl < sizeof(*ip) || p->l3 + ihl > p->frame->head_len ||
	    !set_len(p, ntohs(ip->total_len)) || p->len < ihl)
		return DROP_IP_HEADER;
	if (!ip4_csum_fits((const uint8_t *)ip, ihl))
		return DROP_IP_CSUM;
	p->l4 = (uint16_t)(p->l3 + ihl);
	p->proto = ip->proto;
	frag = ntohs(ip->frag_off);
	if (__builtin_expect(frag & (FRAGMENT_MORE | FRAGMENT_OFFSET), 0)) {
		p->fragment = frag & FRAGMENT_OFFSET ? PACKET_FRAGMENT_REST : PACKET_FRAGMENT_FIRST;
		if (p->fragment == PACKET_FRAGMENT_REST)
			return DROP_NONE;
	}
	return parse_l4(p);
}

static bool is_extension(uint8_t next)
{
	return next == WIRE_PROTO_HOP_BY_HOP || next == WIRE_PROTO_ROUTING ||
	       next == WIRE_PROTO_DEST_OPTIONS || next == IPV6_FRAGMENT;
}

/* Goes to the header behind the extension headers; returns false when that is out of sight. */
static bool skip_extensions(struct packet *p)
{
	for (unsigned n = 0; is_extension(p->proto); n++) {
		const uint8_t *ext;
		unsigned frag;

		if (n == IPV6_EXT_MAX || !has_l4(p, 8))
			return false;
		ext = p->frame->head + p->l4;
		if (p->proto != IPV6_FRAGMENT) {
			p->proto = ext[0];
			p->l4 = (uint16_t)(p->l4 + (ext[1] + 1u) * 8);
			continue;
		}
		frag = be16_at(ext + 2);
		p->proto = ext[0];
		p->l4 += 8;
		if (frag & (IPV6_OFFSET | IPV6_MORE))
			p->fragment =
				frag & IPV6_OFFSET ? PACKET_FRAGMENT_REST : PACKET_FRAGMENT_FIRST;
		if (p->fragment == PACKET_FRAGMENT_REST)
			return true;
	}
	return true;
}

static enum drop_reason parse_ip6(struct packet *p)
{
	const struct ipv6_hdr *ip = (const void *)(p->frame->head + p->l3);

	p->ipv6 = true;
	if (p->l3 + sizeof(*ip) > p->frame->head_len || p->frame->head[p->l3] >> 4 != 6 ||
	    !set_len(p, (uint32_t)sizeof(*ip) + ntohs(ip->payload_len)))
		return DROP_IP_HEADER;
	p->l4 = (uint16_t)(p->l3 + sizeof(*ip));
	p->proto = ip->next_header;
	if (!skip_extensions(p))
		return DROP_IP_HEADER;
	return p->fragment == PACKET_FRAGMENT_REST ? DROP_NONE : parse_l4(p);
}

enum drop_reason packet_parse(struct packet *p, struct frame *f)
{
	*p = (struct packet){.frame = f, .l3 = sizeof(struct eth_hdr)};
	if (f->head_len < sizeof(struct eth_hdr))
		return DROP_RUNT;
	switch (be16_at(f->head + offsetof(struct eth_hdr, type))) {
	case WIRE_ETHERTYPE_IPV4:
		return parse_ip4(p);
	case WIRE_ETHERTYPE_IPV6:
		return parse_ip6(p);
	default:
		return DROP_NAT_PROTO;
	}
}
