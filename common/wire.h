/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

/*
 * What lies on the wire, by the names of its standards. All multi-byte fields are big endian and
 * typed so (__be16, __be32); structs are packed because frames start at any alignment.
 */

#include <assert.h>
#include <linux/types.h>
#include <stdint.h>

#include "common/mac.h"

enum {
	WIRE_ETHERTYPE_IPV4 = 0x0800,
	WIRE_ETHERTYPE_ARP = 0x0806,
	WIRE_ETHERTYPE_8021Q = 0x8100,
	WIRE_ETHERTYPE_8021AD = 0x88a8,
	WIRE_ETHERTYPE_IPV6 = 0x86dd,
};

struct eth_hdr {
	struct mac dst;
	struct mac src;
	__be16 type;
} __attribute__((packed));
static_assert(sizeof(struct eth_hdr) == 14, "IEEE 802.3");

/* Follows eth_hdr.src when the type before it is 8021Q or 8021AD. */
struct vlan_tag {
	__be16 tci; /* PCP 3, DEI 1, VID 12 */
	__be16 type;
} __attribute__((packed));

struct ipv4_hdr {
	uint8_t version_ihl;
	uint8_t tos;
	__be16 total_len;
	__be16 id;
	__be16 frag_off;
	uint8_t ttl;
	uint8_t proto;
	__be16 csum;
	__be32 src;
	__be32 dst;
} __attribute__((packed));
static_assert(sizeof(struct ipv4_hdr) == 20, "RFC 791");

struct ipv6_hdr {
	__be32 version_class_flow;
	__be16 payload_len;
	uint8_t next_header;
	uint8_t hop_limit;
	uint8_t src[16];
	uint8_t dst[16];
} __attribute__((packed));
static_assert(sizeof(struct ipv6_hdr) == 40, "RFC 8200");

/* ARP for IPv4 over Ethernet. */
struct arp_pkt {
	__be16 hw_type, proto_type;
	uint8_t hw_len, proto_len;
	__be16 op;
	struct mac sender_mac;
	__be32 sender_ip;
	struct mac target_mac;
	__be32 target_ip;
} __attribute__((packed));
static_assert(sizeof(struct arp_pkt) == 28, "RFC 826");

enum { ARP_REQUEST = 1, ARP_REPLY = 2 };

/* How the extension headers that are followed begin: RFC 8200, 4.3, 4.4 and 4.6. */
struct ipv6_ext_hdr {
	uint8_t next_header;
	uint8_t len; /* in units of 8 bytes, the first 8 not counted */
	uint8_t type;
	uint8_t segments_left; /* of a routing header */
} __attribute__((packed));
static_assert(sizeof(struct ipv6_ext_hdr) == 4, "RFC 8200");

struct tcp_hdr {
	__be16 src_port;
	__be16 dst_port;
	__be32 seq;
	__be32 ack;
	uint8_t data_off; /* upper four bits: 32-bit words */
	uint8_t flags;
	__be16 window;
	__be16 csum;
	__be16 urgent;
} __attribute__((packed));
static_assert(sizeof(struct tcp_hdr) == 20, "RFC 9293");

struct udp_hdr {
	__be16 src_port;
	__be16 dst_port;
	__be16 len;
	__be16 csum;
} __attribute__((packed));
static_assert(sizeof(struct udp_hdr) == 8, "RFC 768");

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_PSH = 0x08, TCP_ACK = 0x10 };
enum { TCP_CWR = 0x80 };
/* Echo, timestamp and address mask messages have an identifier and a number here. */
struct icmp_hdr {
	uint8_t type;
	uint8_t code;
	__be16 csum;
	__be16 id;
	__be16 seq;
} __attribute__((packed));
static_assert(sizeof(struct icmp_hdr) == 8, "RFC 792");

enum { WIRE_PROTO_ICMP = 1, WIRE_PROTO_TCP = 6, WIRE_PROTO_UDP = 17, WIRE_PROTO_ICMP6 = 58 };
enum { WIRE_PROTO_HOP_BY_HOP = 0, WIRE_PROTO_ROUTING = 43, WIRE_PROTO_DEST_OPTIONS = 60 };
enum { WIRE_PROTO_SCTP = 132, WIRE_SCTP_CSUM_OFFSET = 8 };

#endif
