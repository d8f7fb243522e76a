/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/gen/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cksum.h"
#include "common/ip.h"
#include "common/mac.h"
#include "common/wire.h"

#define TSO_BYTES_MAX 65549 /* IPv4's total length, and the Ethernet header */

static const uint16_t imix[] = {64, 590, 64, 64, 590, 64, 1514, 64, 590, 64, 590, 64};

int frame_size_parse(const char *text, struct frame_size *s, struct err *e)
{
	bool tso = strncmp(text, "tso", 3) == 0;
	const char *digits = tso && text[3] == ':' ? text + 4 : text;
	unsigned long min = tso ? FRAME_BYTES_MAX + 1 : FRAME_BYTES_MIN;
	unsigned long max = tso ? TSO_BYTES_MAX : FRAME_BYTES_MAX;
	unsigned long bytes;
	char *end;

	if (!strcmp(text, "imix")) {
		*s = (struct frame_size){.mix = FRAME_IMIX, .bytes = FRAME_BYTES_MAX};
		return 0;
	}
	if (!strcmp(text, "tso")) {
		*s = (struct frame_size){.mix = FRAME_TSO, .bytes = FRAME_TSO_BYTES};
		return 0;
	}
	bytes = strtoul(digits, &end, 10);
	if (end == digits || *end || bytes < min || bytes > max)
		return err_set(e, EINVAL,
			       "frame size '%s': give %d to %d, imix, tso, or tso:BYTES up to %d",
			       text, FRAME_BYTES_MIN, FRAME_BYTES_MAX, TSO_BYTES_MAX);
	*s = (struct frame_size){.mix = tso ? FRAME_TSO : FRAME_FIXED, .bytes = (uint32_t)bytes};
	return 0;
}

char *frame_size_format(const struct frame_size *s, char *text, size_t size)
{
	if (s->mix == FRAME_IMIX)
		snprintf(text, size, "imix");
	else
		snprintf(text, size, "%s%u", s->mix == FRAME_TSO ? "tso:" : "", s->bytes);
	return text;
}

static int parse_mac(const char *text, uint64_t *number)
{
	struct mac mac;

	if (mac_parse(text, &mac))
		return -EINVAL;
	*number = 0;
	memcpy(number, mac.b, sizeof(mac.b));
	return 0;
}

static int parse_number(const char *text, unsigned max, unsigned *n)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	*n = (unsigned)v;
	return end == text || *end || !v || v > max ? -EINVAL : 0;
}

/* Of either kind; IPv6's first 12 bytes go to `upper`. Both addresses have to be of one kind. */
static int parse_address(const char *text, struct frame_route *r, uint32_t *last, uint8_t upper[12])
{
	bool is_second = r->inside || r->outside, was_ipv6 = r->ipv6;
	uint8_t b[16];

	r->ipv6 = strchr(text, ':') != NULL;
	if (is_second && r->ipv6 != was_ipv6)
		return -EINVAL;
	if (!r->ipv6)
		return ip4_parse(text, last);
	if (inet_pton(AF_INET6, text, b) != 1)
		return -EINVAL;
	memcpy(upper, b, 12);
	memcpy(last, b + 12, 4);
	*last = ntohl(*last);
	return 0;
}

static int parse_part(const char *key, const char *value, struct frame_route *r)
{
	if (!strcmp(key, "gateway"))
		return parse_mac(value, &r->gateway);
	if (!strcmp(key, "inside"))
		return parse_address(value, r, &r->inside, r->inside6);
	if (!strcmp(key, "outside"))
		return parse_address(value, r, &r->outside, r->outside6);
	if (!strcmp(key, "addresses"))
		return parse_number(value, 1u << 24, &r->addresses);
	if (!strcmp(key, "endpoints"))
		return parse_number(value, 1u << 30, &r->endpoints);
	r->fresh = !strcmp(key, "new") && !*value;
	return r->fresh ? 0 : -EINVAL;
}

int frame_route_parse(const char *text, struct frame_route *r, struct err *e)
{
	char copy[256], *rest = NULL;
	int ret = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	*r = (struct frame_route){.on = true, .addresses = 1, .endpoints = 1};
	for (char *part = strtok_r(copy, ",", &rest); part && !ret;
	     part = strtok_r(NULL, ",", &rest)) {
		char *value = strchr(part, '=');

		if (value)
			*value++ = '\0';
		ret = parse_part(part, value ? value : "", r);
	}
	if (ret || !r->gateway || !r->inside || !r->outside)
		return err_set(e, EINVAL,
			       "--route %s: give gateway=MAC,inside=ADDRESS,outside=ADDRESS, both "
			       "IPv4 or both IPv6, and addresses=N, endpoints=N or new",
			       text);
	if (r->endpoints / r->addresses >= FRAME_FLOWS_MAX)
		return err_set(e, EINVAL, "--route %s: more than %d source ports an address", text,
			       FRAME_FLOWS_MAX);
	return 0;
}

/* A stamp sums to nothing. */
static uint32_t route_sum6(const uint8_t *frame, const struct frame_route *r)
{
	uint32_t sum = cksum_add(0, r->inside6, sizeof(r->inside6));
	struct ipv6_hdr ip;

	memcpy(&ip, frame + sizeof(struct eth_hdr), sizeof(ip));
	sum = cksum_add(sum, r->outside6, sizeof(r->outside6));
	sum = cksum_add16(sum, htons(WIRE_PROTO_UDP));
	sum = cksum_add16(sum, ip.payload_len);
	sum = cksum_add(sum, frame + FRAME_L4_AT6 + 2, 4);
	return cksum_fold(cksum_add(sum, frame + FRAME_UDP6_HEADERS,
				    ntohs(ip.payload_len) - sizeof(struct udp_hdr)));
}

uint32_t frame_route_sum(const uint8_t *frame, const struct frame_route *r)
{
	struct ipv4_hdr ip;

	if (r->ipv6)
		return route_sum6(frame, r);

	memcpy(&ip, frame + sizeof(struct eth_hdr), sizeof(ip));
	ip.csum = 0;
	ip.src = ip.dst = 0;
	return cksum_fold(cksum_add(0, &ip, sizeof(ip)));
}

uint32_t frame_size_at(const struct frame_size *s, unsigned i)
{
	return s->mix == FRAME_IMIX ? imix[i % ARRAY_SIZE(imix)] : s->bytes;
}

static void build_ipv4(struct ipv4_hdr *ip, uint32_t bytes, uint8_t proto, unsigned src_port,
		       unsigned dst_port)
{
	*ip = (struct ipv4_hdr){
		.version_ihl = 0x45,
		.total_len = htons((uint16_t)bytes),
		.frag_off = htons(0x4000),
		.ttl = 64,
		.proto = proto,
		.src = htonl(0xc6120001 + (src_port << 8)),
		.dst = htonl(0xc6120001 + (dst_port << 8)),
	};
	ip->csum = cksum_finish(cksum_add(0, ip, sizeof(*ip)));
}

static void build_ipv6(uint8_t *at, uint32_t bytes)
{
	struct ipv6_hdr ip = {
		.version_class_flow = htonl(6u << 28),
		.payload_len = htons((uint16_t)(bytes - sizeof(ip))),
		.next_header = WIRE_PROTO_UDP,
		.hop_limit = 64,
	};

	memcpy(at, &ip, sizeof(ip));
}

static void build_udp(uint8_t *at, uint32_t bytes)
{
	struct udp_hdr udp = {htons(FRAME_FLOW_PORT), htons(FRAME_DST_PORT), htons((uint16_t)bytes),
			      0};

	memcpy(at, &udp, sizeof(udp));
}

/* The checksum field holds the pseudo-header only, as a sender leaves it to the device. */
static void build_tcp(uint8_t *at, const struct ipv4_hdr *ip, uint32_t bytes, uint16_t stream,
		      uint16_t phase)
{
	uint32_t sum = cksum_add(0, &ip->src, 8);
	struct tcp_hdr tcp = {
		.src_port = htons(FRAME_FLOW_PORT),
		.dst_port = htons(FRAME_DST_PORT),
		.ack = htonl((uint32_t)stream << 16 | phase),
		.data_off = 0x50,
		.flags = 0x10,
		.window = htons(65535),
	};

	sum = cksum_add16(sum, htons(WIRE_PROTO_TCP));
	sum = cksum_add16(sum, htons((uint16_t)bytes));
	tcp.csum = cksum_fold(sum);
	memcpy(at, &tcp, sizeof(tcp));
}

void frame_pattern_fill(uint8_t *pattern)
{
	uint64_t x = 0x2545f4914f6cdd1dull;

	for (size_t i = 0; i < FRAME_PATTERN_MAX; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		pattern[i] = (uint8_t)(x >> 56);
	}
}

void frame_build(uint8_t *frame, struct virtio_net_hdr_mrg_rxbuf *hdr, const struct frame_size *s,
		 uint32_t bytes, const struct frame_ends *ends, const uint8_t *pattern,
		 uint16_t phase)
{
	const uint32_t ip_at = sizeof(struct eth_hdr), l4_at = FRAME_L4_AT;
	const uint32_t headers = frame_headers(s);
	const uint16_t ethertype = htons(s->ipv6 ? WIRE_ETHERTYPE_IPV6 : WIRE_ETHERTYPE_IPV4);
	bool tso = s->mix == FRAME_TSO;
	struct ipv4_hdr ip;

	memset(hdr, 0, sizeof(*hdr));
	frame_set_addresses(frame, frame_station(ends->dst_port, 0),
			    frame_station(ends->src_port, 0));
	memcpy(frame + 12, &ethertype, sizeof(ethertype));
	memcpy(frame + headers, pattern + phase, bytes - headers);
	memset(frame + headers, 0, sizeof(struct frame_stamp));
	if (s->ipv6) {
		build_ipv6(frame + ip_at, bytes - ip_at);
		build_udp(frame + FRAME_L4_AT6, bytes - FRAME_L4_AT6);
		return;
	}
	build_ipv4(&ip, bytes - ip_at, tso ? WIRE_PROTO_TCP : WIRE_PROTO_UDP, ends->src_port,
		   ends->dst_port);
	memcpy(frame + ip_at, &ip, sizeof(ip));
	if (!tso) {
		build_udp(frame + l4_at, bytes - l4_at);
		return;
	}
	build_tcp(frame + l4_at, &ip, bytes - l4_at, ends->stream, phase);
	hdr->hdr = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = FRAME_TCP_HEADERS,
		.gso_size = FRAME_TSO_SEGMENT,
		.csum_start = (uint16_t)l4_at,
		.csum_offset = offsetof(struct tcp_hdr, csum),
	};
}
