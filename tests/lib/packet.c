/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/packet.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

/* Checksums here are the naive textbook ones, so that they can disagree with those under test. */

struct mac station(uint8_t n)
{
	return (struct mac){{0x02, 0, 0, 0, 0, n}};
}

uint8_t packet_pattern(uint32_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + 3);
}

uint32_t packet_raw(uint8_t *buf, const struct mac *dst, const struct mac *src, uint32_t len)
{
	struct eth_hdr eth = {.dst = *dst, .src = *src, .type = htons(0x88b5)};

	for (uint32_t i = 0; i < len; i++)
		buf[i] = packet_pattern(i);
	memcpy(buf, &eth, len < sizeof(eth) ? len : sizeof(eth));
	return len;
}

static uint32_t naive_sum(const uint8_t *p, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static uint16_t naive_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t naive_pseudo(const uint8_t *buf, uint32_t len, const struct frame_layout *l)
{
	uint32_t tcp_len = len - l->l4;

	if (l->ipv6)
		return naive_sum(buf + l->l3 + 8, 32) + tcp_len + WIRE_PROTO_TCP;
	return naive_sum(buf + l->l3 + 12, 8) + tcp_len + WIRE_PROTO_TCP;
}

static uint16_t ip_put4(uint8_t *p, uint32_t l4_len)
{
	struct ipv4_hdr ip = {.version_ihl = 0x45,
			      .total_len = htons((uint16_t)(20 + l4_len)),
			      .id = htons(0x1234),
			      .frag_off = htons(0x4000),
			      .ttl = 64,
			      .proto = WIRE_PROTO_TCP,
			      .src = htonl(0x0a000001),
			      .dst = htonl(0x0a000002)};

	ip.csum = htons((uint16_t)~naive_fold(naive_sum((uint8_t *)&ip, 20)));
	memcpy(p, &ip, sizeof(ip));
	return sizeof(ip);
}

static uint16_t ip_put6(uint8_t *p, uint32_t l4_len)
{
	struct ipv6_hdr ip = {.version_class_flow = htonl(0x60000000),
			      .payload_len = htons((uint16_t)l4_len),
			      .next_header = WIRE_PROTO_TCP,
			      .hop_limit = 64,
			      .src = {0xfd, [15] = 1},
			      .dst = {0xfd, [15] = 2}};

	memcpy(p, &ip, sizeof(ip));
	return sizeof(ip);
}

uint32_t packet_tcp(uint8_t *buf, bool ipv6, unsigned tags, uint32_t payload,
		    struct frame_layout *l)
{
	struct mac src = station(1), dst = station(2);
	struct tcp_hdr tcp = {.src_port = htons(1000),
			      .dst_port = htons(2000),
			      .seq = htonl(0xfffffff0),
			      .ack = htonl(77),
			      .data_off = 8 << 4,
			      .flags = TCP_FIN | TCP_PSH | TCP_CWR | 0x10,
			      .window = htons(500)};
	uint32_t l4_len = 32 + payload, len;
	uint16_t off = 12, sum;

	memcpy(buf, &dst, 6);
	memcpy(buf + 6, &src, 6);
	for (unsigned i = 0; i < tags; i++, off += 4)
		memcpy(buf + off, "\x81\x00\x00\x0a", 4);
	memcpy(buf + off, ipv6 ? "\x86\xdd" : "\x08\x00", 2);
	l->l3 = off + 2;
	l->ipv6 = ipv6;
	l->l4 = l->l3 + (ipv6 ? ip_put6(buf + l->l3, l4_len) : ip_put4(buf + l->l3, l4_len));
	l->payload = l->l4 + 32;
	memcpy(buf + l->l4, &tcp, sizeof(tcp));
	memset(buf + l->l4 + 20, 1, 12);
	for (uint32_t i = 0; i < payload; i++)
		buf[l->payload + i] = packet_pattern(i);

	len = l->payload + payload;
	sum = htons(naive_fold(naive_pseudo(buf, len, l)));
	memcpy(buf + l->l4 + offsetof(struct tcp_hdr, csum), &sum, 2);
	return len;
}

static bool ip_is_valid(const uint8_t *buf, uint32_t len, const struct frame_layout *l)
{
	uint16_t field;

	memcpy(&field, buf + l->l3 + (l->ipv6 ? 4 : 2), 2);
	if (l->ipv6)
		return ntohs(field) == len - l->l4;
	return ntohs(field) == len - l->l3 &&
	       naive_fold(naive_sum(buf + l->l3, (uint32_t)(l->l4 - l->l3))) == 0xffff;
}

bool packet_tcp_is_valid(const uint8_t *buf, uint32_t len, const struct frame_layout *l)
{
	return ip_is_valid(buf, len, l) &&
	       naive_fold(naive_pseudo(buf, len, l) + naive_sum(buf + l->l4, len - l->l4)) ==
		       0xffff;
}

bool packet_tcp_is_partial(const uint8_t *buf, uint32_t len, const struct frame_layout *l)
{
	uint16_t field;

	memcpy(&field, buf + l->l4 + offsetof(struct tcp_hdr, csum), 2);
	return ip_is_valid(buf, len, l) && ntohs(field) == naive_fold(naive_pseudo(buf, len, l));
}
