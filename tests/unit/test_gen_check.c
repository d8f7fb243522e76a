/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/cksum.h"
#include "common/wire.h"
#include "perf/gen/check.h"

/*
 * Frames as the generator makes them, segments as a switch makes them of a large one, and what the
 * receiver finds out when a byte, a checksum or a place is wrong.
 */

#define PHASE  77
#define STREAM 3

static uint8_t pattern[FRAME_PATTERN_MAX];
static const struct frame_ends ends = {0, 1, STREAM};
static const struct virtio_net_hdr plain;

static struct check checker(const struct frame_size *s)
{
	frame_pattern_fill(pattern);
	return (struct check){
		.pattern = pattern,
		.tcp_payload = s->bytes - FRAME_TCP_HEADERS,
		.verify_every = 1,
		.ns_per_tsc = 1,
	};
}

static void stamp(uint8_t *frame, const struct frame_size *s, uint32_t seq)
{
	struct frame_stamp stamp = {FRAME_STAMP_MAGIC, PHASE, seq, 0, STREAM, 0};

	stamp.sum = cksum_finish(cksum_add(0, &stamp, sizeof(stamp)));
	memcpy(frame + frame_headers(s), &stamp, sizeof(stamp));
	if (s->mix == FRAME_TSO)
		frame_set_number(frame, seq);
}

static void make_frame(uint8_t *frame, const struct frame_size *s, uint32_t seq)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;

	frame_build(frame, &hdr, s, s->bytes, &ends, pattern, PHASE);
	stamp(frame, s, seq);
}

static void receive(struct check *c, const uint8_t *frame, uint32_t len)
{
	check_first(c, &plain, frame, len, 0);
	check_last(c);
}

/* Segment `i` of a large frame, as RFC 9293 and RFC 1624 have it; returns its bytes. */
static uint32_t cut_segment(uint8_t *segment, const uint8_t *frame, const struct frame_size *s,
			    unsigned i)
{
	uint32_t offset = i * FRAME_TSO_SEGMENT;
	uint32_t payload = s->bytes - FRAME_TCP_HEADERS - offset, l4_bytes, sum;
	struct ipv4_hdr ip;
	struct tcp_hdr tcp;

	if (payload > FRAME_TSO_SEGMENT)
		payload = FRAME_TSO_SEGMENT;
	l4_bytes = (uint32_t)sizeof(tcp) + payload;
	memcpy(segment, frame, FRAME_TCP_HEADERS);
	memcpy(segment + FRAME_TCP_HEADERS, frame + FRAME_TCP_HEADERS + offset, payload);
	memcpy(&ip, frame + 14, sizeof(ip));
	ip.total_len = htons((uint16_t)(sizeof(ip) + l4_bytes));
	ip.id = htons((uint16_t)i);
	ip.csum = 0;
	ip.csum = cksum_finish(cksum_add(0, &ip, sizeof(ip)));
	memcpy(segment + 14, &ip, sizeof(ip));
	memcpy(&tcp, frame + FRAME_L4_AT, sizeof(tcp));
	tcp.seq = htonl(ntohl(tcp.seq) + offset);
	tcp.csum = 0;
	memcpy(segment + FRAME_L4_AT, &tcp, sizeof(tcp));
	sum = cksum_add(0, &ip.src, 8);
	sum = cksum_add16(cksum_add16(sum, htons(WIRE_PROTO_TCP)), htons((uint16_t)l4_bytes));
	tcp.csum = cksum_finish(cksum_add(sum, segment + FRAME_L4_AT, l4_bytes));
	memcpy(segment + FRAME_L4_AT, &tcp, sizeof(tcp));
	return FRAME_TCP_HEADERS + payload;
}

static void a_whole_frame_passes_in_any_pieces(void **state)
{
	const struct frame_size s = {.bytes = 1514};
	struct check c = checker(&s);
	uint8_t frame[1514];

	for (uint32_t piece = 64, seq = 0; piece < 1514; piece += 50, seq++) {
		make_frame(frame, &s, seq);
		check_first(&c, &plain, frame, piece, 0);
		check_more(&c, frame + piece, 1514 - piece);
		check_last(&c);
	}

	assert_int_equal(c.corrupt + c.lost + c.late + c.unstamped, 0);
}

/* IPv6 has no header checksum: UDP's covers the addresses. */
static void a_wrong_address_or_byte_of_an_ipv6_frame_is_found(void **state)
{
	const struct frame_size s = {.bytes = 512, .ipv6 = true};
	struct frame_route r;
	struct check c = checker(&s);
	uint8_t frame[512];
	struct err e;

	assert_int_equal(frame_route_parse("gateway=02:67:01:00:00:00,inside=fd00::1:1,"
					   "outside=2001:db8::1,addresses=3,endpoints=30",
					   &r, &e),
			 0);
	for (uint32_t flow = 0; flow < 100; flow++) {
		make_frame(frame, &s, flow);
		frame_set_route(frame, &r, frame_route_sum(frame, &r), flow);
		receive(&c, frame, 512);
	}
	assert_int_equal(c.corrupt + c.lost + c.late + c.unstamped, 0);

	for (uint32_t at = 22; at < 512; at++) {
		bool is_dst_port = at == FRAME_L4_AT6 + 2 || at == FRAME_L4_AT6 + 3;
		uint64_t before = c.corrupt + c.unstamped;

		make_frame(frame, &s, 100);
		frame_set_route(frame, &r, frame_route_sum(frame, &r), 100);
		frame[at] ^= 0x10;
		receive(&c, frame, 512);
		assert_true(c.corrupt + c.unstamped > before || is_dst_port);
	}
}

static void any_damaged_byte_of_what_is_not_rewritten_is_found(void **state)
{
	const struct frame_size s = {.bytes = 512};
	struct check c = checker(&s);
	uint64_t found = 0;
	uint8_t frame[512];

	for (uint32_t at = FRAME_UDP_HEADERS; at < 512; at++) {
		make_frame(frame, &s, 0);
		frame[at] ^= 0x10;
		c.next_seq[STREAM] = 0;
		receive(&c, frame, 512);
		found += c.corrupt + c.unstamped;
		c.corrupt = c.unstamped = 0;
	}

	assert_int_equal(found, 512 - FRAME_UDP_HEADERS);
}

static void a_frame_that_is_cut_off_or_has_anothers_tail_is_corrupt(void **state)
{
	const struct frame_size s = {.bytes = 1000};
	struct check c = checker(&s);
	uint8_t frame[1000];

	make_frame(frame, &s, 0);
	receive(&c, frame, 900);
	assert_int_equal(c.corrupt, 1);

	make_frame(frame, &s, 1);
	memcpy(frame + 600, pattern + 2 * PHASE + 600 - FRAME_UDP_HEADERS, 400);
	receive(&c, frame, 1000);
	assert_int_equal(c.corrupt, 2);
}

static void all_segments_of_large_frames_pass(void **state)
{
	const struct frame_size s = {.mix = FRAME_TSO, .bytes = FRAME_TSO_BYTES};
	static uint8_t frame[FRAME_TSO_BYTES];
	struct check c = checker(&s);
	uint8_t segment[1514];

	for (uint32_t seq = 65530; seq < 65540; seq++) {
		make_frame(frame, &s, seq);
		if (seq == 65530)
			c.next_seq[STREAM] = seq << 16;
		for (unsigned i = 0; i < frame_segments(&s); i++)
			receive(&c, segment, cut_segment(segment, frame, &s, i));
	}

	assert_int_equal(frame_segments(&s), 45);
	assert_int_equal(c.corrupt + c.lost + c.late + c.unstamped, 0);
}

/* What a switch gets wrong when it cuts: the place, the checksum, one byte, the virtio header. */
static void a_wrong_segment_is_found(void **state)
{
	const struct frame_size s = {.mix = FRAME_TSO, .bytes = 9000};
	struct virtio_net_hdr partial = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM};
	struct check c = checker(&s);
	uint8_t frame[9000], segment[1514];
	uint32_t len;

	make_frame(frame, &s, 0);
	len = cut_segment(segment, frame, &s, 2);
	memcpy(segment + FRAME_TCP_HEADERS, frame + FRAME_TCP_HEADERS, len - FRAME_TCP_HEADERS);
	receive(&c, segment, len);
	assert_int_equal(c.corrupt, 1);

	len = cut_segment(segment, frame, &s, 3);
	segment[FRAME_L4_AT + 17] ^= 1;
	receive(&c, segment, len);
	assert_int_equal(c.corrupt, 2);

	len = cut_segment(segment, frame, &s, 4);
	segment[700] ^= 1;
	receive(&c, segment, len);
	assert_int_equal(c.corrupt, 3);

	len = cut_segment(segment, frame, &s, 5);
	check_first(&c, &partial, segment, len, 0);
	check_last(&c);
	assert_int_equal(c.corrupt, 4);
}

static void missing_and_late_segments_are_counted(void **state)
{
	const struct frame_size s = {.mix = FRAME_TSO, .bytes = 9000};
	struct check c = checker(&s);
	uint8_t frame[9000], segment[1514];

	make_frame(frame, &s, 0);
	receive(&c, segment, cut_segment(segment, frame, &s, 0));
	receive(&c, segment, cut_segment(segment, frame, &s, 2));
	receive(&c, segment, cut_segment(segment, frame, &s, 1));
	assert_int_equal(c.lost, 1);
	assert_int_equal(c.late, 1);

	make_frame(frame, &s, 5);
	receive(&c, segment, cut_segment(segment, frame, &s, 0));
	assert_int_equal(c.lost, 1 + 4);
	assert_int_equal(c.corrupt, 0);
}

static void frames_of_others_are_counted_apart(void **state)
{
	const struct frame_size s = {.bytes = 64};
	struct check c = checker(&s);
	uint8_t arp[64] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 0x08, [13] = 0x06};

	receive(&c, arp, sizeof(arp));

	assert_int_equal(c.unstamped, 1);
	assert_int_equal(c.corrupt, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_frame_passes_in_any_pieces),
		cmocka_unit_test(a_wrong_address_or_byte_of_an_ipv6_frame_is_found),
		cmocka_unit_test(any_damaged_byte_of_what_is_not_rewritten_is_found),
		cmocka_unit_test(a_frame_that_is_cut_off_or_has_anothers_tail_is_corrupt),
		cmocka_unit_test(all_segments_of_large_frames_pass),
		cmocka_unit_test(a_wrong_segment_is_found),
		cmocka_unit_test(missing_and_late_segments_are_counted),
		cmocka_unit_test(frames_of_others_are_counted_apart),
	};

	return cmocka_run_group_tests_name("gen_check", tests, NULL, NULL);
}
