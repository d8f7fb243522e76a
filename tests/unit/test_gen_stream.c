/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cksum.h"
#include "common/wire.h"
#include "perf/gen/frame.h"
#include "perf/gen/stream.h"

/*
 * A sending and a receiving stream, and a device of a few lines between them that completes in the
 * order it is told to. Time stands still unless a test moves it: `now` is only an argument.
 */

#define RING 64

struct bench {
	struct driver sender, receiver;
	struct stream_tx tx;
	struct stream_rx rx;
	uint64_t now;
	uint16_t sent, posted;
	bool in_flight[RING];
	unsigned n_bursts;
	uint16_t held; /* a frame that the device keeps for longer than the ring goes round */
};

static void open_bench(struct bench *b, const struct stream_options *o, unsigned n_src,
		       unsigned n_dst)
{
	struct stream_peers peers = {.src_port = 0, .dst_port = 1, .n_src = n_src, .n_dst = n_dst};
	struct driver_options d;

	*b = (struct bench){.now = 1000000};
	driver_options_init(&d);
	d.ring_size = RING;
	assert_int_equal(driver_init(&b->sender, &d, NULL), 0);
	assert_int_equal(driver_init(&b->receiver, &d, NULL), 0);
	driver_start_alone(&b->sender);
	driver_start_alone(&b->receiver);
	assert_int_equal(stream_tx_init(&b->tx, &b->sender, 0, o, &peers, NULL), 0);
	stream_rx_init(&b->rx, &b->receiver, 0, o);
}

static void close_bench(struct bench *b)
{
	stream_tx_fini(&b->tx);
	driver_fini(&b->sender);
	driver_fini(&b->receiver);
}

static uint8_t pattern[FRAME_PATTERN_MAX];

static struct stream_options options(void)
{
	frame_pattern_fill(pattern);
	return (struct stream_options){
		.frame = {.bytes = 64}, .batch = 8, .tsc_hz = 1e9, .pattern = pattern};
}

static void *next_sent(struct bench *b, uint16_t *id)
{
	struct virtq *vq = b->tx.ring.vq;

	*id = vq->avail->ring[b->sent++ & (RING - 1)];
	assert_false(b->in_flight[*id]);
	b->in_flight[*id] = true;
	return guestmem_ptr(vq->mem, vq->desc[*id].addr);
}

static void complete(struct bench *b, uint16_t id)
{
	struct virtq *vq = b->tx.ring.vq;

	vq->used->ring[vq->used->idx & (RING - 1)] = (struct vring_used_elem){id, 0};
	vq->used->idx++;
	b->in_flight[id % RING] = false;
}

static void complete_all(struct bench *b)
{
	uint16_t id;

	while (b->sent != b->tx.ring.avail) {
		next_sent(b, &id);
		complete(b, id);
	}
}

/* Copies `len` bytes into the next receive buffer. */
static void deliver(struct bench *b, const void *slot, uint32_t len)
{
	struct virtq *vq = b->rx.ring.vq;
	uint16_t id = vq->avail->ring[b->posted & (RING - 1)];

	memcpy(guestmem_ptr(vq->mem, vq->desc[id].addr), slot, len);
	vq->used->ring[b->posted & (RING - 1)] = (struct vring_used_elem){id, len};
	vq->used->idx = ++b->posted;
}

/* Carries one burst over and completes it backwards; now and then its first frame much later. */
static unsigned carry_burst_backwards(struct bench *b)
{
	const unsigned keep = 20;
	uint16_t ids[RING];
	unsigned n;

	b->now += 1000000;
	n = stream_tx_burst(&b->tx, b->now);
	for (unsigned i = 0; i < n; i++)
		deliver(b, next_sent(b, &ids[i]), 64 + 12);
	while (--n)
		complete(b, ids[n]);
	if (b->n_bursts % keep == 0)
		b->held = ids[0];
	else
		complete(b, ids[0]);
	if (b->n_bursts++ % keep == keep - 1)
		complete(b, b->held);
	return stream_rx_burst(&b->rx, b->now);
}

static void buffers_go_round_when_completed_out_of_order(void **state)
{
	struct stream_options o = options();
	struct bench b;
	uint64_t received = 0;

	o.verify_every = 1;
	open_bench(&b, &o, 1, 1);
	for (unsigned i = 0; i < 20000; i++)
		received += carry_burst_backwards(&b);

	assert_int_equal(received, 160000);
	assert_int_equal(
		b.rx.check.lost + b.rx.check.late + b.rx.check.corrupt + b.rx.check.unstamped, 0);
	assert_false(b.tx.ring.broken || b.rx.ring.broken);
	close_bench(&b);
}

static void a_lost_a_late_and_a_corrupt_frame_are_counted_as_such(void **state)
{
	struct stream_options o = options();
	uint8_t *slots[8];
	struct bench b;
	uint16_t id;

	o.verify_every = 1;
	open_bench(&b, &o, 1, 1);
	assert_int_equal(stream_tx_burst(&b.tx, b.now), 8);
	for (unsigned i = 0; i < 8; i++)
		slots[i] = next_sent(&b, &id);
	slots[7][75] ^= 1;
	deliver(&b, slots[0], 76);
	deliver(&b, slots[3], 76);
	deliver(&b, slots[1], 76);
	deliver(&b, slots[7], 76);
	assert_int_equal(stream_rx_burst(&b.rx, b.now), 4);

	assert_int_equal(b.rx.check.lost, 2 + 3);
	assert_int_equal(b.rx.check.late, 1);
	assert_int_equal(b.rx.check.corrupt, 1);
	close_bench(&b);
}

static void a_rate_is_kept_and_what_was_missed_is_forgone(void **state)
{
	struct stream_options o = options();
	struct bench b;

	o.rate_pps = 1e6;
	open_bench(&b, &o, 1, 1);
	for (unsigned us = 0; us <= 10000; us++) {
		stream_tx_burst(&b.tx, b.now += 1000);
		complete_all(&b);
	}
	assert_in_range(b.tx.frames, 9990, 10001);

	b.now += 1000000000;
	for (unsigned us = 0; us < 100; us++) {
		stream_tx_burst(&b.tx, b.now += 1000);
		complete_all(&b);
	}
	assert_in_range(b.tx.frames, 10000 + RING, 10001 + RING + 100);
	close_bench(&b);
}

static void random_pairs_reach_every_station(void **state)
{
	struct stream_options o = options();
	bool seen_src[16] = {0}, seen_dst[4] = {0};
	struct bench b;
	uint16_t id;

	open_bench(&b, &o, 16, 4);
	for (unsigned i = 0; i < 100; i++) {
		b.now += 1000;
		assert_int_equal(stream_tx_burst(&b.tx, b.now), 8);
		for (unsigned k = 0; k < 8; k++) {
			const uint8_t *frame = (uint8_t *)next_sent(&b, &id) + 12;

			assert_int_equal(frame[2], 1);
			assert_int_equal(frame[8], 0);
			assert_in_range(frame[5], 0, 3);
			assert_in_range(frame[11], 0, 15);
			seen_dst[frame[5]] = seen_src[frame[11]] = true;
			complete(&b, id);
		}
	}
	for (unsigned i = 0; i < 16; i++)
		assert_true(seen_src[i] && seen_dst[i / 4]);
	close_bench(&b);
}

static void every_station_is_taught_once(void **state)
{
	struct stream_options o = options();
	struct bench b;
	unsigned k = 0, sent = 0;
	uint16_t id;

	open_bench(&b, &o, 300, 1);
	while (k < 300) {
		unsigned n = stream_tx_learn(&b.tx, b.now += 1000, &k);

		for (unsigned i = 0; i < n; i++, sent++) {
			const uint8_t *frame = (uint8_t *)next_sent(&b, &id) + 12;

			assert_int_equal(frame[10] << 8 | frame[11], sent);
			complete(&b, id);
		}
	}
	assert_int_equal(sent, 300);
	close_bench(&b);
}

static void a_backend_that_uses_what_was_not_offered_stops_the_stream(void **state)
{
	struct stream_options o = options();
	struct bench b;

	open_bench(&b, &o, 1, 1);
	for (unsigned i = 0; i < RING; i++)
		b.rx.ring.vq->used->ring[i] = (struct vring_used_elem){i, 76};
	b.rx.ring.vq->used->idx = RING + 1;
	assert_int_equal(stream_rx_burst(&b.rx, b.now), 0);
	assert_true(b.rx.ring.broken);

	assert_int_equal(stream_tx_burst(&b.tx, b.now), 8);
	complete(&b, 5000);
	stream_tx_settle(&b.tx, b.now);
	assert_true(b.tx.ring.broken);
	close_bench(&b);
}

static void an_idle_ring_is_looked_at_only_after_a_pause(void **state)
{
	struct stream_options o = options();
	uint8_t slot[76] = {0};
	struct bench b;

	open_bench(&b, &o, 1, 1);
	assert_int_equal(stream_rx_burst(&b.rx, b.now), 0);
	deliver(&b, slot, sizeof(slot));
	assert_int_equal(stream_rx_burst(&b.rx, b.now + 100), 0);
	assert_int_equal(stream_rx_burst(&b.rx, b.now + 400), 1);
	close_bench(&b);
}

static void frames_carry_valid_headers(void **state)
{
	struct frame_size sizes[] = {
		{.bytes = 64}, {.bytes = 1514}, {.mix = FRAME_TSO, .bytes = 65214}};
	const struct frame_ends ends = {0, 1, 0};
	static uint8_t frame[65600];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct virtio_net_hdr_mrg_rxbuf hdr;
		struct ipv4_hdr ip;

		frame_build(frame, &hdr, &sizes[i], sizes[i].bytes, &ends, pattern, 0);
		memcpy(&ip, frame + 14, sizeof(ip));

		assert_int_equal(cksum_fold(cksum_add(0, &ip, sizeof(ip))), 0xffff);
		assert_int_equal(ntohs(ip.total_len), sizes[i].bytes - 14);
		assert_int_equal(hdr.hdr.gso_type == VIRTIO_NET_HDR_GSO_TCPV4,
				 sizes[i].mix == FRAME_TSO);
	}
}

static void a_route_tells_flows_apart_by_addresses_and_port(void **state)
{
	const struct frame_size size = {.bytes = 64};
	const struct frame_ends ends = {0, 1, 0};
	struct virtio_net_hdr_mrg_rxbuf hdr;
	struct frame_route r;
	struct ipv4_hdr ip;
	struct udp_hdr udp;
	uint8_t frame[64];
	struct err e;

	assert_int_equal(frame_route_parse("gateway=02:67:01:00:00:00,inside=10.0.0.1,"
					   "outside=20.0.0.1,addresses=3,endpoints=6",
					   &r, &e),
			 0);
	frame_build(frame, &hdr, &size, 64, &ends, pattern, 0);
	frame_set_route(frame, &r, frame_route_sum(frame, &r), 6 + 4);
	memcpy(&ip, frame + 14, sizeof(ip));
	memcpy(&udp, frame + FRAME_L4_AT, sizeof(udp));

	assert_int_equal(cksum_fold(cksum_add(0, &ip, sizeof(ip))), 0xffff);
	assert_int_equal(ntohl(ip.src), 0x0a000002);
	assert_int_equal(ntohl(ip.dst), 0x14000002);
	assert_int_equal(ntohs(udp.src_port), FRAME_FLOW_PORT + 1);
}

static void a_route_is_of_one_kind_of_addresses(void **state)
{
	struct frame_route r;
	struct err e;

	assert_int_equal(frame_route_parse("gateway=02:67:01:00:00:00,inside=fd00::1,"
					   "outside=20.0.0.1",
					   &r, &e),
			 -EINVAL);
	assert_non_null(strstr(e.text, "both IPv6"));
}

/* Latency of probes among frames that carry nothing. */
static void probes_are_timed_and_the_other_frames_left_alone(void **state)
{
	struct stream_options o = options();
	unsigned shorter = 0, sent = 0;
	struct bench b;
	uint16_t id;

	o.latency_every = 200;
	o.latency = hist_create();
	open_bench(&b, &o, 1, 1);
	while (sent < 2000) {
		unsigned n = stream_tx_burst(&b.tx, b.now += 1000);

		for (unsigned i = 0; i < n; i++, sent++) {
			uint8_t *slot = next_sent(&b, &id);
			uint32_t len = b.tx.ring.vq->desc[id].len;

			shorter += len == 12 + 63;
			deliver(&b, slot, len);
			complete(&b, id);
		}
		stream_rx_burst(&b.rx, b.now += 500);
	}

	assert_in_range(shorter, 9, 10);
	assert_int_equal(hist_count(o.latency), shorter);
	assert_int_equal(hist_max(o.latency), 500);
	assert_int_equal(b.rx.frames, sent);
	hist_destroy(o.latency);
	close_bench(&b);
}

static void a_full_ring_is_handed_over_at_once(void **state)
{
	struct stream_options o = options();
	struct bench b;

	o.eager = true;
	o.rate_pps = 1;
	open_bench(&b, &o, 1, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(stream_tx_fill(&b.tx, b.now), RING);
		assert_true(stream_tx_is_busy(&b.tx));
		assert_int_equal(stream_tx_fill(&b.tx, b.now), 0);
		complete_all(&b);
		assert_false(stream_tx_is_busy(&b.tx));
	}
	close_bench(&b);
}

static void flows_differ_in_their_source_port(void **state)
{
	struct stream_options o = options();
	bool seen[10] = {0};
	struct bench b;
	uint16_t id;

	o.n_flows = 10;
	open_bench(&b, &o, 1, 1);
	for (unsigned i = 0; i < 50; i++) {
		stream_tx_burst(&b.tx, b.now += 1000);
		for (unsigned k = 0; k < 8; k++) {
			const uint8_t *frame = (uint8_t *)next_sent(&b, &id) + 12;
			unsigned flow = (unsigned)(frame[34] << 8 | frame[35]) - FRAME_FLOW_PORT;

			assert_in_range(flow, 0, 9);
			seen[flow] = true;
			complete(&b, id);
		}
	}
	for (unsigned i = 0; i < 10; i++)
		assert_true(seen[i]);
	close_bench(&b);
}

static void sizes_are_parsed_and_refused(void **state)
{
	static const char *const bad[] = {"", "63", "1515", "64x", "tso:1514", "tso:65550", "-64"};
	struct frame_size s;
	uint32_t bytes = 0;

	assert_int_equal(frame_size_parse("imix", &s, NULL), 0);
	for (unsigned i = 0; i < 12; i++)
		bytes += frame_size_at(&s, i);
	assert_int_equal(bytes, 7 * 64 + 4 * 590 + 1514);
	assert_int_equal(frame_size_parse("tso:9000", &s, NULL), 0);
	assert_int_equal(s.bytes, 9000);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(frame_size_parse(bad[i], &s, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_go_round_when_completed_out_of_order),
		cmocka_unit_test(a_lost_a_late_and_a_corrupt_frame_are_counted_as_such),
		cmocka_unit_test(a_rate_is_kept_and_what_was_missed_is_forgone),
		cmocka_unit_test(random_pairs_reach_every_station),
		cmocka_unit_test(every_station_is_taught_once),
		cmocka_unit_test(a_backend_that_uses_what_was_not_offered_stops_the_stream),
		cmocka_unit_test(an_idle_ring_is_looked_at_only_after_a_pause),
		cmocka_unit_test(probes_are_timed_and_the_other_frames_left_alone),
		cmocka_unit_test(a_full_ring_is_handed_over_at_once),
		cmocka_unit_test(flows_differ_in_their_source_port),
		cmocka_unit_test(frames_carry_valid_headers),
		cmocka_unit_test(a_route_tells_flows_apart_by_addresses_and_port),
		cmocka_unit_test(a_route_is_of_one_kind_of_addresses),
		cmocka_unit_test(sizes_are_parsed_and_refused),
	};

	return cmocka_run_group_tests_name("gen_stream", tests, NULL, NULL);
}
