/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/segment.h"

#include <stddef.h>
#include <string.h>

#include "common/util.h"

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t sum16(const uint8_t *p, uint32_t len)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (len & 1)
		sum += (uint32_t)p[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint8_t proto_of(const struct segment *s)
{
	return s->udp ? WIRE_PROTO_UDP : WIRE_PROTO_TCP;
}

static uint32_t build_eth(uint8_t *buf, const struct segment *s)
{
	uint32_t at = 12;

	memcpy(buf, &s->dst, 6);
	memcpy(buf + 6, &s->src, 6);
	for (unsigned i = 0; i < s->tags; i++, at += 4) {
		put16(buf + at, i + 1 < s->tags ? WIRE_ETHERTYPE_8021AD : WIRE_ETHERTYPE_8021Q);
		put16(buf + at + 2, 100 + i);
	}
	put16(buf + at, s->ipv6 ? WIRE_ETHERTYPE_IPV6 : WIRE_ETHERTYPE_IPV4);
	return at + 2;
}

/* Returns the offset of what IP carries; `pseudo` gets the sum of addresses and protocol. */
static uint32_t build_ipv4(uint8_t *buf, uint32_t l3, const struct segment *s, uint32_t l4_len,
			   uint32_t *pseudo)
{
	uint32_t ihl = 20 + s->options;
	uint8_t *p = buf + l3;

	memset(p, 0, 20);
	memset(p + 20, 1, s->options); /* no operation */
	p[0] = (uint8_t)(0x40 | ihl / 4);
	put16(p + 2, ihl + l4_len);
	put16(p + 4, s->id);
	put16(p + 6, 0x4000);
	p[8] = 64;
	p[9] = proto_of(s);
	put32(p + 12, 0x0a000001);
	put32(p + 16, 0x0a000002);
	put16(p + 10, (uint16_t)~sum16(p, ihl));
	*pseudo = sum16(p + 12, 8) + proto_of(s);
	return l3 + ihl;
}

/* Appends an extension header; `next` is where its type goes, and then where the next one's goes.
 */
static uint8_t *append_ext(uint8_t *at, uint8_t **next, uint8_t type, uint32_t len)
{
	**next = type;
	*next = at;
	memset(at, 0, len);
	at[1] = (uint8_t)(len / 8 - 1);
	return at + len;
}

static uint8_t *append_options(uint8_t *at, uint8_t **next, uint8_t type, uint32_t len)
{
	uint8_t *end = append_ext(at, next, type, len);

	at[2] = 1; /* PadN */
	at[3] = (uint8_t)(len - 4);
	return end;
}

static uint32_t build_ipv6(uint8_t *buf, uint32_t l3, const struct segment *s, uint32_t l4_len,
			   uint32_t *pseudo)
{
	static const uint8_t src[16] = {0xfd, [15] = 1}, dst[16] = {0xfd, [7] = 9, [15] = 2};
	static const uint8_t waypoint[16] = {0xfd, [3] = 77, [15] = 3};
	uint8_t *p = buf + l3, *next = p + 6, *at = p + 40;

	put32(p, 0x60000000);
	p[7] = 64;
	memcpy(p + 8, src, 16);
	memcpy(p + 24, s->routed ? waypoint : dst, 16);
	if (s->options)
		at = append_options(at, &next, WIRE_PROTO_HOP_BY_HOP, 8);
	if (s->routed) {
		at = append_ext(at, &next, WIRE_PROTO_ROUTING, 24);
		at[-24 + 3] = 1; /* segments left */
		memcpy(at - 16, dst, 16);
	}
	if (s->options > 8)
		at = append_options(at, &next, WIRE_PROTO_DEST_OPTIONS, s->options - 8);
	*next = proto_of(s);
	put16(p + 4, (uint32_t)(at - p) - 40 + l4_len);
	*pseudo = sum16(src, 16) + sum16(dst, 16) + proto_of(s);
	return (uint32_t)(at - buf);
}

/* Returns the offset of the checksum field. */
static uint32_t build_tcp(uint8_t *p, const struct segment *s)
{
	memset(p, 0, 20);
	memset(p + 20, 1, s->tcp_options);
	put16(p, 1000);
	put16(p + 2, 2000);
	put32(p + 4, s->seq);
	put32(p + 8, 77);
	p[12] = (uint8_t)((5 + s->tcp_options / 4) << 4);
	p[13] = s->tcp_flags;
	put16(p + 14, 500);
	return 16;
}

static uint32_t build_udp(uint8_t *p, uint32_t l4_len)
{
	put16(p, 1000);
	put16(p + 2, 2000);
	put16(p + 4, l4_len);
	put16(p + 6, 0);
	return 6;
}

uint32_t segment_build(uint8_t *buf, const struct segment *s, bool partial, struct frame_layout *l)
{
	uint32_t l4_hdr = s->udp ? 8 : 20 + s->tcp_options, l4_len = l4_hdr + s->len;
	uint32_t pseudo, field;
	uint16_t sum;

	l->l3 = (uint16_t)build_eth(buf, s);
	l->l4 = (uint16_t)(s->ipv6 ? build_ipv6(buf, l->l3, s, l4_len, &pseudo)
				   : build_ipv4(buf, l->l3, s, l4_len, &pseudo));
	l->payload = (uint16_t)(l->l4 + l4_hdr);
	l->proto = proto_of(s);
	l->ipv6 = s->ipv6;
	l->routed = s->routed;
	memcpy(buf + l->payload, s->payload, s->len);
	field = l->l4 + (s->udp ? build_udp(buf + l->l4, l4_len) : build_tcp(buf + l->l4, s));

	pseudo += l4_len;
	sum = partial ? fold(pseudo) : (uint16_t)~fold(pseudo + sum16(buf + l->l4, l4_len));
	put16(buf + field, s->udp && !partial && sum == 0 ? 0xffff : sum);
	return l->payload + s->len;
}

unsigned segment_parts(const struct segment *whole, uint32_t mss)
{
	return whole->len <= mss ? 1 : (whole->len + mss - 1) / mss;
}

struct segment segment_part(const struct segment *whole, unsigned i, uint32_t mss)
{
	struct segment s = *whole;

	s.payload += (size_t)i * mss;
	s.len = MIN_OF(mss, whole->len - i * mss);
	s.id = (uint16_t)(s.id + i);
	s.seq += i * mss;
	if (i + 1 < segment_parts(whole, mss))
		s.tcp_flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (i > 0)
		s.tcp_flags &= (uint8_t)~TCP_CWR;
	return s;
}

struct vnet segment_vnet(const struct segment *s, const struct frame_layout *l, uint32_t mss)
{
	struct vnet v = {
		.flags = VNET_NEEDS_CSUM,
		.csum_start = l->l4,
		.csum_offset = s->udp ? 6 : 16,
	};

	if (mss) {
		v.gso_type = s->udp ? VNET_GSO_UDP_L4 : s->ipv6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4;
		v.gso_size = (uint16_t)mss;
		v.hdr_len = l->payload;
	}
	return v;
}
