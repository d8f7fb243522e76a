/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/arp.h"

#include <string.h>

#define HW_ETHERNET 1

bool arp_parse(const uint8_t *frame, unsigned len, struct arp *a)
{
	const struct eth_hdr *eth = (const struct eth_hdr *)frame;
	const struct arp_pkt *p = (const struct arp_pkt *)(eth + 1);

	if (len < ARP_FRAME_LEN || eth->type != RTE_BE16(WIRE_ETHERTYPE_ARP) ||
	    p->hw_type != RTE_BE16(HW_ETHERNET) || p->proto_type != RTE_BE16(WIRE_ETHERTYPE_IPV4) ||
	    p->hw_len != 6 || p->proto_len != 4)
		return false;
	a->op = rte_be_to_cpu_16(p->op);
	a->sender_mac = p->sender_mac;
	a->target_mac = p->target_mac;
	a->sender_ip = p->sender_ip;
	a->target_ip = p->target_ip;
	return !mac_is_multicast(&a->sender_mac) && !mac_is_zero(&a->sender_mac);
}

unsigned arp_build(uint8_t *frame, const struct mac *dst, const struct arp *a)
{
	const struct eth_hdr eth = {*dst, a->sender_mac, RTE_BE16(WIRE_ETHERTYPE_ARP)};
	const struct arp_pkt p = {
		.hw_type = RTE_BE16(HW_ETHERNET),
		.proto_type = RTE_BE16(WIRE_ETHERTYPE_IPV4),
		.hw_len = 6,
		.proto_len = 4,
		.op = rte_cpu_to_be_16(a->op),
		.sender_mac = a->sender_mac,
		.sender_ip = a->sender_ip,
		.target_mac = a->target_mac,
		.target_ip = a->target_ip,
	};

	memcpy(frame, &eth, sizeof(eth));
	memcpy(frame + sizeof(eth), &p, sizeof(p));
	return ARP_FRAME_LEN;
}
