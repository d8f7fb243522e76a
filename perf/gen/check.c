/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/gen/check.h"

#include <arpa/inet.h>

#include "common/cksum.h"
#include "common/util.h"
#include "common/wire.h"

#define IP_AT	    sizeof(struct eth_hdr)
#define STAMP_BYTES sizeof(struct frame_stamp)

static void record_latency(struct check *c, uint64_t sent_tsc, uint64_t now)
{
	if (c->latency && sent_tsc && now >= sent_tsc)
		hist_record(c->latency, (uint64_t)((double)(now - sent_tsc) * c->ns_per_tsc));
}

static bool stamp_read(struct frame_stamp *stamp, const uint8_t *at)
{
	memcpy(stamp, at, STAMP_BYTES);
	return stamp->magic == FRAME_STAMP_MAGIC &&
	       cksum_fold(cksum_add(0, stamp, STAMP_BYTES)) == 0xffff;
}

/* `unit`: what a number is apart from the next frame's. */
static void check_order(struct check *c, unsigned stream, uint32_t seq, uint32_t next,
			unsigned unit_bits)
{
	uint32_t *expected = &c->next_seq[stream % CHECK_SENDERS_MAX];
	int32_t ahead = (int32_t)(seq - *expected);

	if (ahead < 0) {
		c->late++;
		return;
	}
	if (ahead > 0)
		c->lost += MAX_OF((uint32_t)ahead >> unit_bits, 1u);
	*expected = next;
}

/* Compares `len` bytes at `at` with what is expected next. */
static void compare(struct check *c, const uint8_t *at, uint32_t len)
{
	if (!c->expected)
		return;
	if (len > c->left || memcmp(at, c->expected, len) != 0) {
		c->damaged = true;
		c->expected = NULL;
		return;
	}
	c->expected += len;
	c->left -= len;
}

/* From here on the payload, `total` bytes of which `len` are at hand, has to be the pattern's. */
static void begin_payload(struct check *c, uint16_t phase, uint32_t offset, uint32_t total,
			  const uint8_t *at, uint32_t len)
{
	uint32_t skip = offset < STAMP_BYTES ? (uint32_t)STAMP_BYTES - offset : 0;

	if (phase >= FRAME_PHASES || skip > len || len > total ||
	    offset + total + phase > FRAME_PATTERN_MAX) {
		c->damaged = true;
		return;
	}
	c->expected = c->pattern + phase + offset + skip;
	c->left = total - skip;
	compare(c, at + skip, len - skip);
}

static bool is_sampled(const struct check *c, uint32_t number)
{
	return c->verify_every && number % c->verify_every == 0;
}

static bool is_ipv6(const uint8_t *frame)
{
	const uint16_t ethertype = htons(WIRE_ETHERTYPE_IPV6);

	return !memcmp(frame + 12, &ethertype, sizeof(ethertype));
}

static uint32_t udp_headers(const uint8_t *frame)
{
	return is_ipv6(frame) ? FRAME_UDP6_HEADERS : FRAME_UDP_HEADERS;
}

static void check_udp(struct check *c, const uint8_t *frame, uint32_t len, uint32_t total,
		      uint64_t now)
{
	const uint32_t headers = udp_headers(frame);
	const uint8_t *payload = frame + headers;
	struct frame_stamp stamp;

	if (len < headers + STAMP_BYTES || total < headers + STAMP_BYTES) {
		c->unstamped++;
		return;
	}
	if (!stamp_read(&stamp, payload)) {
		if (stamp.magic == FRAME_STAMP_MAGIC)
			c->damaged = true;
		else
			c->unstamped++;
		return;
	}
	check_order(c, stamp.stream, stamp.seq, stamp.seq + 1, 0);
	record_latency(c, stamp.time_tsc, now);
	if (is_sampled(c, stamp.seq))
		begin_payload(c, stamp.phase, 0, total - headers, payload, len - headers);
}

/* The checksum is seen to where the datagram lies in one buffer. */
static void check_udp6(struct check *c, const uint8_t *frame, uint32_t len, uint64_t now)
{
	uint32_t total, bytes, sum;
	struct ipv6_hdr ip;

	memcpy(&ip, frame + IP_AT, sizeof(ip));
	bytes = ntohs(ip.payload_len);
	total = bytes + FRAME_L4_AT6;
	sum = cksum_add16(cksum_add(0, ip.src, 32), htons(WIRE_PROTO_UDP));
	sum = cksum_add16(sum, ip.payload_len);
	if (total < len || (c->verify_every && total == len &&
			    cksum_fold(cksum_add(sum, frame + FRAME_L4_AT6, bytes)) != 0xffff))
		c->damaged = true;
	else
		check_udp(c, frame, len, total, now);
}

static uint16_t tcp_sum(const struct ipv4_hdr *ip, const uint8_t *l4, uint32_t len)
{
	uint32_t sum = cksum_add(0, &ip->src, 8);

	sum = cksum_add16(sum, htons(WIRE_PROTO_TCP));
	sum = cksum_add16(sum, htons((uint16_t)len));
	return cksum_fold(cksum_add(sum, l4, len));
}

/* Segments lie in one buffer: a larger frame may not be without a partial checksum here. */
static bool tcp_checksum_is_good(const struct check *c, const struct virtio_net_hdr *hdr,
				 const struct ipv4_hdr *ip, const uint8_t *l4, uint32_t len,
				 uint32_t total)
{
	if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE && !c->takes_large)
		return false;
	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		return c->takes_partial;
	if (hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		return c->takes_partial;
	return len < total || tcp_sum(ip, l4, total) == 0xffff;
}

static void check_tcp(struct check *c, const struct virtio_net_hdr *hdr, const uint8_t *frame,
		      uint32_t len, uint32_t total, uint64_t now)
{
	const uint8_t *payload = frame + FRAME_TCP_HEADERS;
	uint32_t bytes = total - FRAME_TCP_HEADERS, seq, ack, offset, next;
	struct frame_stamp stamp;
	struct ipv4_hdr ip;
	struct tcp_hdr tcp;

	if (len < FRAME_TCP_HEADERS || total < FRAME_TCP_HEADERS) {
		c->unstamped++;
		return;
	}
	memcpy(&ip, frame + IP_AT, sizeof(ip));
	memcpy(&tcp, frame + FRAME_L4_AT, sizeof(tcp));
	seq = ntohl(tcp.seq);
	ack = ntohl(tcp.ack);
	offset = seq & 0xffff;
	next = offset + bytes < c->tcp_payload ? seq + bytes : (seq | 0xffff) + 1;
	check_order(c, ack >> 16, seq, next, 16);
	if (offset == 0 && len >= FRAME_TCP_HEADERS + STAMP_BYTES) {
		if (stamp_read(&stamp, payload))
			record_latency(c, stamp.time_tsc, now);
		else
			c->damaged = true;
	}
	if (!is_sampled(c, seq >> 16))
		return;
	if (!tcp_checksum_is_good(c, hdr, &ip, frame + FRAME_L4_AT, len - FRAME_L4_AT,
				  total - FRAME_L4_AT))
		c->damaged = true;
	begin_payload(c, ack & 0xffff, offset, bytes, payload, len - FRAME_TCP_HEADERS);
}

static bool is_ours(const uint8_t *frame, uint32_t len)
{
	const uint16_t ethertype = htons(WIRE_ETHERTYPE_IPV4), port = htons(FRAME_DST_PORT);

	if (len < FRAME_UDP_HEADERS || frame[0] != 0x02 || frame[1] != 0x67)
		return false;
	if (is_ipv6(frame))
		return len >= FRAME_UDP6_HEADERS && !memcmp(frame + FRAME_L4_AT6 + 2, &port, 2);
	return !memcmp(frame + 12, &ethertype, 2) && !memcmp(frame + FRAME_L4_AT + 2, &port, 2);
}

void check_first(struct check *c, const struct virtio_net_hdr *hdr, const uint8_t *frame,
		 uint32_t len, uint64_t now)
{
	struct ipv4_hdr ip;
	uint32_t total;

	c->expected = NULL;
	c->damaged = false;
	c->left = 0;
	if (!is_ours(frame, len)) {
		c->unstamped++;
		return;
	}
	if (is_ipv6(frame)) {
		check_udp6(c, frame, len, now);
		return;
	}
	memcpy(&ip, frame + IP_AT, sizeof(ip));
	total = ntohs(ip.total_len) + (uint32_t)IP_AT;
	if (cksum_fold(cksum_add(0, &ip, sizeof(ip))) != 0xffff || total < len)
		c->damaged = true;
	else if (ip.proto == WIRE_PROTO_TCP)
		check_tcp(c, hdr, frame, len, total, now);
	else
		check_udp(c, frame, len, total, now);
}

void check_more(struct check *c, const uint8_t *at, uint32_t len)
{
	compare(c, at, len);
}

void check_last(struct check *c)
{
	if (c->damaged || (c->expected && c->left))
		c->corrupt++;
	c->expected = NULL;
	c->damaged = false;
}

void check_probe(struct check *c, const uint8_t *frame, uint32_t len, uint64_t now)
{
	struct frame_stamp stamp;

	if (is_ours(frame, len) && len >= udp_headers(frame) + STAMP_BYTES &&
	    stamp_read(&stamp, frame + udp_headers(frame)))
		record_latency(c, stamp.time_tsc, now);
}
