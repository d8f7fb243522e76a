/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/nd.h"

#include <rte_byteorder.h>
#include <string.h>

#include "common/cksum.h"

#define BODY_LEN      24 /* up to the options */
#define L3	      sizeof(struct eth_hdr)
#define L4	      (L3 + sizeof(struct ipv6_hdr))
#define OPTION_LEN    8
#define OPTION_SOURCE 1
#define OPTION_TARGET 2
#define GROUP_PREFIX  0xff

struct body {
	struct icmp_hdr icmp; /* id: the flags of an advertisement */
	uint8_t target[16];
} __attribute__((packed));
static_assert(sizeof(struct body) == BODY_LEN, "RFC 4861, 4.3 and 4.4");

static uint32_t pseudo_sum(const struct ipv6_hdr *ip, unsigned len)
{
	uint32_t sum = cksum_add(0, ip->src, 32);

	return cksum_add32(sum, rte_cpu_to_be_32(len + WIRE_PROTO_ICMP6));
}

static bool is_zero(const struct ipaddr *a)
{
	static const struct ipaddr zero;

	return memcmp(a, &zero, sizeof(zero)) == 0;
}

/* RFC 4861, 4.6: no option is empty; of link-layer addresses the first counts. */
static bool read_options(const uint8_t *p, unsigned len, struct nd *n)
{
	uint8_t wanted = n->type == ND_SOLICIT ? OPTION_SOURCE : OPTION_TARGET;

	while (len) {
		unsigned size = len >= 2 ? p[1] * 8u : 0;

		if (size == 0 || size > len)
			return false;
		if (p[0] == wanted && size == OPTION_LEN && !n->has_mac) {
			memcpy(n->mac.b, p + 2, sizeof(n->mac.b));
			n->has_mac = true;
		}
		p += size;
		len -= size;
	}
	return !n->has_mac || !(mac_is_multicast(&n->mac) || mac_is_zero(&n->mac));
}

static bool is_sound(const struct nd *n)
{
	if (n->target.b[0] == GROUP_PREFIX)
		return false;
	if (n->type == ND_ADVERTISE)
		return n->dst.b[0] != GROUP_PREFIX || !(n->flags & ND_SOLICITED);
	return !is_zero(&n->src) || (!n->has_mac && n->dst.b[0] == GROUP_PREFIX);
}

bool nd_parse(const uint8_t *frame, unsigned len, struct nd *n)
{
	const struct eth_hdr *eth = (const struct eth_hdr *)frame;
	const struct ipv6_hdr *ip = (const struct ipv6_hdr *)(frame + L3);
	const struct body *body = (const struct body *)(frame + L4);
	unsigned size;

	if (len < L4 + BODY_LEN || eth->type != RTE_BE16(WIRE_ETHERTYPE_IPV6) ||
	    ip->next_header != WIRE_PROTO_ICMP6 || ip->hop_limit != 255 || body->icmp.code != 0 ||
	    (body->icmp.type != ND_SOLICIT && body->icmp.type != ND_ADVERTISE))
		return false;
	size = rte_be_to_cpu_16(ip->payload_len);
	if (size < BODY_LEN || L4 + size > len)
		return false;
	if (cksum_fold(cksum_add(pseudo_sum(ip, size), body, size)) != 0xffff)
		return false;
	*n = (struct nd){.type = (enum nd_type)body->icmp.type};
	n->flags = (uint8_t)(rte_be_to_cpu_16(body->icmp.id) >> 8);
	memcpy(n->src.b, ip->src, 16);
	memcpy(n->dst.b, ip->dst, 16);
	memcpy(n->target.b, body->target, 16);
	return read_options(frame + L4 + BODY_LEN, size - BODY_LEN, n) && is_sound(n);
}

unsigned nd_build(uint8_t *frame, const struct mac *dst, const struct mac *src, const struct nd *n)
{
	unsigned size = BODY_LEN + (n->has_mac ? OPTION_LEN : 0);
	struct eth_hdr eth = {*dst, *src, RTE_BE16(WIRE_ETHERTYPE_IPV6)};
	struct ipv6_hdr ip = {
		.version_class_flow = RTE_BE32(6u << 28),
		.payload_len = rte_cpu_to_be_16((uint16_t)size),
		.next_header = WIRE_PROTO_ICMP6,
		.hop_limit = 255,
	};
	struct body body = {.icmp = {.type = (uint8_t)n->type,
				     .id = rte_cpu_to_be_16((uint16_t)(n->flags << 8))}};
	uint8_t *option = frame + L4 + BODY_LEN;

	memcpy(ip.src, n->src.b, 16);
	memcpy(ip.dst, n->dst.b, 16);
	memcpy(body.target, n->target.b, 16);
	memcpy(frame, &eth, sizeof(eth));
	memcpy(frame + L3, &ip, sizeof(ip));
	memcpy(frame + L4, &body, sizeof(body));
	if (n->has_mac) {
		option[0] = n->type == ND_SOLICIT ? OPTION_SOURCE : OPTION_TARGET;
		option[1] = 1;
		memcpy(option + 2, n->mac.b, sizeof(n->mac.b));
	}
	((struct body *)(frame + L4))->icmp.csum =
		cksum_finish(cksum_add(pseudo_sum(&ip, size), frame + L4, size));
	return (unsigned)L4 + size;
}

struct ipaddr nd_solicited_node(const struct ipaddr *a)
{
	return (struct ipaddr){
		{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a->b[13], a->b[14], a->b[15]}};
}

struct mac nd_group_mac(const struct ipaddr *group)
{
	return (struct mac){{0x33, 0x33, group->b[12], group->b[13], group->b[14], group->b[15]}};
}
