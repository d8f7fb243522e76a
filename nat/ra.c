/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/ra.h"

#include <assert.h>
#include <rte_byteorder.h>
#include <string.h>

#include "common/cksum.h"

#define L3	      sizeof(struct eth_hdr)
#define L4	      (L3 + sizeof(struct ipv6_hdr))
#define SOLICIT	      133
#define ADVERTISE     134
#define SOLICIT_LEN   8 /* up to the options */
#define OPTION_SOURCE 1
#define OPTION_PREFIX 3
#define MAC_LEN	      8
#define HOP_LIMIT     64
#define SLAAC_LEN     64 /* RFC 4291, 2.5.1: interface identifiers have 64 bits */

enum { ON_LINK = 0x80, AUTONOMOUS = 0x40 };

struct body {
	struct icmp_hdr icmp; /* id: hop limit and flags; seq: the lifetime */
	uint32_t reachable_ms, retransmit_ms;
} __attribute__((packed));
static_assert(sizeof(struct body) == 16, "RFC 4861, 4.2");

struct prefix_option {
	uint8_t type, size, len, flags;
	uint32_t valid_s, preferred_s, reserved;
	uint8_t prefix[16];
} __attribute__((packed));
static_assert(sizeof(struct prefix_option) == 32, "RFC 4861, 4.6.2");
static_assert(L4 + sizeof(struct body) + MAC_LEN + sizeof(struct prefix_option) == RA_FRAME_MAX,
	      "with all options");

static uint32_t pseudo_sum(const struct ipv6_hdr *ip, unsigned len)
{
	return cksum_add32(cksum_add(0, ip->src, 32), rte_cpu_to_be_32(len + WIRE_PROTO_ICMP6));
}

/* RFC 4861, 4.6: no option is empty; of link-layer addresses the first counts. */
static bool read_options(const uint8_t *p, unsigned len, struct ra_solicit *s)
{
	while (len) {
		unsigned size = len >= 2 ? p[1] * 8u : 0;

		if (size == 0 || size > len)
			return false;
		if (p[0] == OPTION_SOURCE && size == MAC_LEN && !s->has_mac) {
			memcpy(s->mac.b, p + 2, sizeof(s->mac.b));
			s->has_mac = true;
		}
		p += size;
		len -= size;
	}
	return !s->has_mac || !(mac_is_multicast(&s->mac) || mac_is_zero(&s->mac));
}

bool ra_solicit_parse(const uint8_t *frame, unsigned len, struct ra_solicit *s)
{
	static const struct ipaddr unspecified;
	const struct eth_hdr *eth = (const struct eth_hdr *)frame;
	const struct ipv6_hdr *ip = (const struct ipv6_hdr *)(frame + L3);
	const struct icmp_hdr *icmp = (const struct icmp_hdr *)(frame + L4);
	unsigned size;

	if (len < L4 + SOLICIT_LEN || eth->type != RTE_BE16(WIRE_ETHERTYPE_IPV6) ||
	    ip->next_header != WIRE_PROTO_ICMP6 || ip->hop_limit != 255 || icmp->code != 0 ||
	    icmp->type != SOLICIT)
		return false;
	size = rte_be_to_cpu_16(ip->payload_len);
	if (size < SOLICIT_LEN || L4 + size > len ||
	    cksum_fold(cksum_add(pseudo_sum(ip, size), icmp, size)) != 0xffff)
		return false;
	*s = (struct ra_solicit){0};
	memcpy(s->src.b, ip->src, 16);
	if (s->src.b[0] == 0xff || !read_options(frame + L4 + SOLICIT_LEN, size - SOLICIT_LEN, s))
		return false;
	return !s->has_mac || memcmp(&s->src, &unspecified, sizeof(unspecified)) != 0;
}

static uint8_t *add_mac(uint8_t *p, const struct mac *mac)
{
	p[0] = OPTION_SOURCE;
	p[1] = 1;
	memcpy(p + 2, mac->b, sizeof(mac->b));
	return p + MAC_LEN;
}

static uint8_t *add_prefix(uint8_t *p, const struct ra_advert *a)
{
	const struct ipaddr_prefix net = ipaddr_network(&a->prefix);
	struct prefix_option option = {
		.type = OPTION_PREFIX,
		.size = sizeof(option) / 8,
		.len = net.len,
		.flags = ON_LINK | (a->autonomous && net.len == SLAAC_LEN ? AUTONOMOUS : 0),
		.valid_s = rte_cpu_to_be_32(a->valid_s),
		.preferred_s = rte_cpu_to_be_32(a->preferred_s),
	};

	memcpy(option.prefix, net.addr.b, sizeof(option.prefix));
	memcpy(p, &option, sizeof(option));
	return p + sizeof(option);
}

unsigned ra_build(uint8_t *frame, const struct mac *mac, const struct ipaddr *dst,
		  const struct ra_advert *a)
{
	struct eth_hdr eth = {*mac, a->mac, RTE_BE16(WIRE_ETHERTYPE_IPV6)};
	struct body body = {
		.icmp = {.type = ADVERTISE,
			 .id = rte_cpu_to_be_16((uint16_t)(HOP_LIMIT << 8 | a->flags)),
			 .seq = rte_cpu_to_be_16(a->lifetime_s)},
	};
	struct ipv6_hdr ip = {
		.version_class_flow = RTE_BE32(6u << 28),
		.next_header = WIRE_PROTO_ICMP6,
		.hop_limit = 255,
	};
	uint8_t *end = add_mac(frame + L4 + sizeof(body), &a->mac);
	unsigned size;
	uint16_t csum;

	if (a->has_prefix)
		end = add_prefix(end, a);
	size = (unsigned)(end - frame - L4);
	ip.payload_len = rte_cpu_to_be_16((uint16_t)size);
	memcpy(ip.src, a->src.b, 16);
	memcpy(ip.dst, dst->b, 16);
	memcpy(frame, &eth, sizeof(eth));
	memcpy(frame + L3, &ip, sizeof(ip));
	memcpy(frame + L4, &body, sizeof(body));
	csum = cksum_finish(cksum_add(pseudo_sum(&ip, size), frame + L4, size));
	memcpy(frame + L4 + offsetof(struct icmp_hdr, csum), &csum, sizeof(csum));
	return (unsigned)(end - frame);
}
