/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_ARP_H
#define NAT_ARP_H

/* ARP (RFC 826) for IPv4 over Ethernet: messages read and made. Pure functions. */

#include <rte_byteorder.h>

#include "common/wire.h"

#define ARP_FRAME_LEN (sizeof(struct eth_hdr) + sizeof(struct arp_pkt))

struct arp {
	uint16_t op; /* ARP_REQUEST, ARP_REPLY */
	struct mac sender_mac, target_mac;
	rte_be32_t sender_ip, target_ip;
};

/* Reads an untagged frame. False when it is none, or no station could have sent it. */
bool arp_parse(const uint8_t *frame, unsigned len, struct arp *a);

/* Makes a frame of ARP_FRAME_LEN bytes from `a->sender_mac` to `dst`. Returns its length. */
unsigned arp_build(uint8_t *frame, const struct mac *dst, const struct arp *a);

#endif
