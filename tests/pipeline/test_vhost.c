/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Frames between guests on vhost-user ports: layouts, offloads, sleep, back pressure. */

#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/eal.h"
#include "tests/lib/packet.h"
#include "tests/lib/vhostnet.h"

#include "common/clock.h"

/* --- frames ------------------------------------------------------------------------------------
 */

static void guests_exchange_frames_of_all_sizes(void **state)
{
	static const uint32_t lengths[] = {60, 128, 129, 1514, 9014, 60000};
	struct net *net = *state;

	net_plug_both(net, ALL_OFFLOAD, ALL_OFFLOAD);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		net_assert_delivers(net, 0, lengths[i]);
		net_assert_delivers(net, 1, lengths[i]);
	}
}

static void frames_of_every_descriptor_layout_arrive_whole(void **state)
{
	static const struct driver_shape shapes[] = {
		{.header_apart = true},
		{.piece_bytes = 100},
		{.header_apart = true, .piece_bytes = 37},
		{.indirect = true},
		{.indirect = true, .header_apart = true, .piece_bytes = 64},
	};
	struct mac dst = station(2), src = station(1);
	uint8_t sent[2000], got[FRAME_LEN_MAX];
	struct net *net = *state;

	net_plug_both(net, ALL_OFFLOAD | INDIRECT | EVENT_IDX, DRIVER_FEATURES_BASIC);
	packet_raw(sent, &dst, &src, sizeof(sent));
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		net_send(&net->drivers[0], NULL, sent, sizeof(sent), &shapes[i]);
		assert_int_equal(net_receive(&net->drivers[1], got, NULL, WAIT_MS), sizeof(sent));
		assert_memory_equal(sent, got, sizeof(sent));
	}
}

static void memory_in_many_regions_is_translated(void **state)
{
	struct net *net = *state;
	struct driver_options o = net_driver_options(ALL_OFFLOAD);

	o.n_regions = 8;
	for (int i = 0; i < 2; i++) {
		net_add_port(net, i, VHOST_MODE_SERVER);
		net_plug(net, i, &o);
	}
	for (uint32_t len = 60; len < 60000; len += 4999)
		net_assert_delivers(net, (int)(len & 1), len);
}

/* Each port has a worker of its own: a ring is filled by one of them and armed by the other. */
static void two_workers_send_to_each_others_ports(void **state)
{
	struct net *net = *state;

	net_plug_both(net, ALL_OFFLOAD | EVENT_IDX, ALL_OFFLOAD | EVENT_IDX);
	assert_ptr_not_equal(net->ports[0]->port.queues[0].worker,
			     net->ports[1]->port.queues[0].worker);
	for (uint32_t i = 0; i < 2000; i++)
		net_assert_delivers(net, (int)(i & 1), 60 + i * 7);
}

/* What a guest with those features may be given, and what came, checked as its stack would. */
static uint32_t check_received(const uint8_t *buf, uint32_t len,
			       const struct virtio_net_hdr_mrg_rxbuf *hdr, uint64_t features,
			       const struct frame_layout *l, uint32_t at)
{
	bool csum = features & DRIVER_F(VIRTIO_NET_F_GUEST_CSUM);
	bool tso = csum && (features &
			    DRIVER_F(l->ipv6 ? VIRTIO_NET_F_GUEST_TSO6 : VIRTIO_NET_F_GUEST_TSO4));

	if (hdr->hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		assert_true(tso);
	else
		assert_true(len - l->payload <= 1448);
	if (hdr->hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		assert_true(csum);
		assert_int_equal(hdr->hdr.csum_start, l->l4);
		assert_true(packet_tcp_is_partial(buf, len, l));
	} else {
		assert_true(packet_tcp_is_valid(buf, len, l));
	}
	for (uint32_t k = l->payload; k < len; k++)
		assert_int_equal(buf[k], packet_pattern(at + k - l->payload));
	return len - l->payload;
}

static void send_tso(struct net *net, uint64_t to, bool ipv6, uint32_t payload)
{
	static uint8_t sent[FRAME_LEN_MAX], got[FRAME_LEN_MAX];
	struct frame_layout l;
	uint32_t len = packet_tcp(sent, ipv6, 0, payload, &l), at = 0;
	struct virtio_net_hdr_mrg_rxbuf hdr = {
		.hdr = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.gso_type = ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
			.gso_size = 1448,
			.hdr_len = l.payload,
			.csum_start = l.l4,
			.csum_offset = 16}};

	net_send(&net->drivers[0], &hdr, sent, len, NULL);
	while (at < payload) {
		uint32_t n = net_receive(&net->drivers[1], got, &hdr, WAIT_MS);

		assert_true(n > l.payload);
		at += check_received(got, n, &hdr, to, &l, at);
	}
	assert_int_equal(at, payload);
}

/* One sender with all offloads; every combination of what the receiver takes. */
static void tso_frames_arrive_right_whatever_the_receiver_takes(void **state)
{
	static const uint64_t bits[] = {
		DRIVER_F(VIRTIO_NET_F_MRG_RXBUF),
		DRIVER_F(VIRTIO_NET_F_GUEST_CSUM),
		DRIVER_F(VIRTIO_NET_F_GUEST_TSO4),
		DRIVER_F(VIRTIO_NET_F_GUEST_TSO6),
		INDIRECT,
		EVENT_IDX,
	};
	struct net *net = *state;

	for (unsigned mask = 0; mask < 1u << ARRAY_SIZE(bits); mask++) {
		uint64_t to = DRIVER_F(VIRTIO_F_VERSION_1);

		for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
			to |= mask >> i & 1 ? bits[i] : 0;
		net_plug_both(net, ALL_OFFLOAD | INDIRECT | EVENT_IDX, to);
		send_tso(net, to, false, 20000);
		send_tso(net, to, true, 1449);
		net_unplug_both(net);
	}
}

static void an_offload_that_was_not_negotiated_costs_the_frame(void **state)
{
	struct virtio_net_hdr_mrg_rxbuf hdr = {
		.hdr = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16}};
	uint64_t deadline = clock_now_ms() + WAIT_MS;
	struct net *net = *state;
	struct port_stats s;
	uint8_t buf[FRAME_LEN_MAX];
	struct frame_layout l;

	net_plug_both(net, DRIVER_FEATURES_BASIC, ALL_OFFLOAD);
	net_send(&net->drivers[0], &hdr, buf, packet_tcp(buf, false, 0, 100, &l), NULL);
	net_assert_delivers(net, 0, 100);

	/* A burst is counted after its frames were delivered. */
	do {
		port_stats_sum(&net->ports[0]->port, &s);
	} while (s.rx_packets < 2 && clock_now_ms() < deadline);
	assert_int_equal(s.drops[DROP_NOT_NEGOTIATED], 1);
}

/* --- sleep and back pressure --------------------------------------------------------------------
 */

static void a_sleeping_worker_is_woken_by_the_first_frame(void **state)
{
	struct net *net = *state;

	for (int event_idx = 0; event_idx < 2; event_idx++) {
		uint64_t features = DRIVER_FEATURES_BASIC | (event_idx ? EVENT_IDX : 0);

		net_plug_both(net, features, features);
		for (int i = 0; i < 20; i++) {
			uint64_t sleeps = net->dp->workers[0]->perf.sleeps;
			uint64_t deadline = clock_now_ms() + WAIT_MS;

			while (net->dp->workers[0]->perf.sleeps == sleeps &&
			       clock_now_ms() < deadline && i > 0)
				usleep(100);
			net_assert_delivers(net, i & 1, 64);
		}
		net_unplug_both(net);
	}
}

static void frames_wait_for_a_receiver_that_is_slow_for_a_moment(void **state)
{
	struct net *net = *state;
	struct mac dst = station(2), src = station(1);
	uint8_t frame[64], got[FRAME_LEN_MAX];
	struct port_stats s;

	net_plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
	net_assert_delivers(net, 1, 64);
	for (unsigned i = 0; i < 128; i++) {
		packet_raw(frame, &dst, &src, sizeof(frame));
		frame[20] = (uint8_t)i;
		assert_int_equal(driver_tx(&net->drivers[0], 0, NULL, frame, sizeof(frame), NULL),
				 0);
	}
	driver_tx_kick(&net->drivers[0], 0);
	assert_int_equal(driver_tx_drain(&net->drivers[0], 0, WAIT_MS), 0);
	for (unsigned i = 0; i < 60; i++) {
		packet_raw(frame, &dst, &src, sizeof(frame));
		frame[20] = (uint8_t)(128 + i);
		assert_int_equal(driver_tx(&net->drivers[0], 0, NULL, frame, sizeof(frame), NULL),
				 0);
	}
	driver_tx_kick(&net->drivers[0], 0);
	for (unsigned i = 0; i < 188; i++) {
		assert_int_equal(net_receive(&net->drivers[1], got, NULL, WAIT_MS), 64);
		assert_int_equal(got[20], (uint8_t)i);
	}

	port_stats_sum(&net->ports[1]->port, &s);
	assert_int_equal(s.drops[DROP_RING_FULL], 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, net_setup, net_teardown)
	const struct CMUnitTest tests[] = {
		T(guests_exchange_frames_of_all_sizes),
		T(frames_of_every_descriptor_layout_arrive_whole),
		T(memory_in_many_regions_is_translated),
		cmocka_unit_test_setup_teardown(two_workers_send_to_each_others_ports,
						net_setup_two_workers, net_teardown),
		T(tso_frames_arrive_right_whatever_the_receiver_takes),
		T(an_offload_that_was_not_negotiated_costs_the_frame),
		T(a_sleeping_worker_is_woken_by_the_first_frame),
		T(frames_wait_for_a_receiver_that_is_slow_for_a_moment),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("vhost", tests, NULL, NULL);
}
