/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The pipeline with three collecting ports on one bridge, a worker without a thread, and time that
 * the test makes:
 *
 *	a ---+
 *	b ---+--- bridge
 *	c ---+
 */

#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/bridge.h"
#include "dataplane/eal.h"
#include "tests/lib/packet.h"
#include "tests/lib/testport.h"

#define SECOND 1000000000ull
#define MS     1000000ull

enum { A, B, C, PORTS };

struct net {
	struct dataplane *dp;
	struct bridge *bridge;
	struct testport *ports[PORTS];
	uint64_t now_ns;
};

static int setup(void **state)
{
	struct bridge_params bridge = {.name = "br", .fdb_entries = 1000, .ageing_s = 300};
	struct net *net = calloc(1, sizeof(*net));

	net->bridge = testports_create(&net->dp, &bridge, net->ports, PORTS);
	net->now_ns = 1000 * SECOND;
	*state = net;
	return 0;
}

static struct port_stats total(const struct net *net)
{
	struct port_stats sum = {0}, one;

	for (int i = 0; i < PORTS; i++) {
		port_stats_sum(&net->ports[i]->port, &one);
		port_stats_add(&sum, &one);
	}
	return sum;
}

/* Every pipeline test ends by checking that no frame was lost without a reason. */
static int teardown(void **state)
{
	struct net *net = *state;
	struct port_stats s = total(net);

	assert_int_equal(s.rx_packets, s.tx_packets + s.punted + port_stats_dropped(&s) - s.copies);
	testports_destroy(net->dp, net->bridge, net->ports, PORTS);
	free(net);
	return 0;
}

static unsigned run(struct net *net)
{
	return worker_poll(net->dp->workers[0], net->now_ns);
}

static struct testframe *put(struct net *net, int port, uint8_t dst, uint8_t src, uint32_t len)
{
	struct mac d = station(dst), s = station(src);
	uint8_t buf[FRAME_LEN_MAX];

	return testport_put(net->ports[port], buf, packet_raw(buf, &d, &s, len));
}

/* Station n+1 talks once from port n, so that the bridge knows where everybody is. */
static void introduce(struct net *net)
{
	for (int i = 0; i < PORTS; i++)
		put(net, i, 99, (uint8_t)(i + 1), 64);
	run(net);
	for (int i = 0; i < PORTS; i++)
		testport_clear(net->ports[i]);
}

static uint64_t drops(const struct net *net, enum drop_reason reason)
{
	return total(net).drops[reason];
}

/* B wakes up beside A, which always has frames. */
static void a_busy_worker_visits_idle_ports_in_time(void **state)
{
	struct net *net = *state;
	struct worker *w = net->dp->workers[0];
	uint64_t start_ns = net->now_ns;

	introduce(net);
	put(net, A, 2, 1, 64);
	run(net);
	put(net, A, 2, 1, 64);
	put(net, B, 3, 2, 64);
	assert_int_equal(worker_poll_busy(w, start_ns + 1000), 1);
	assert_int_equal(net->ports[C]->n_out, 0);
	put(net, A, 2, 1, 64);
	assert_int_equal(worker_poll_busy(w, start_ns + ACTIVE_NS), 2);
	assert_int_equal(net->ports[C]->n_out, 1);

	put(net, A, 2, 1, 64);
	put(net, B, 3, 2, 64);
	assert_int_equal(worker_poll_busy(w, start_ns + ACTIVE_NS + 1), 2);
}

static void bridge_floods_a_frame_to_an_unknown_station(void **state)
{
	struct net *net = *state;

	put(net, A, 2, 1, 100);
	run(net);

	assert_int_equal(net->ports[A]->n_out, 0);
	assert_int_equal(net->ports[B]->n_out, 1);
	assert_int_equal(net->ports[C]->n_out, 1);
	assert_int_equal(total(net).copies, 1);
}

static void bridge_sends_to_the_one_port_of_a_known_station(void **state)
{
	struct net *net = *state;

	introduce(net);
	put(net, A, 2, 1, 100);
	run(net);

	assert_int_equal(net->ports[B]->n_out, 1);
	assert_int_equal(net->ports[C]->n_out, 0);
}

static void bridge_delivers_every_byte_of_small_and_large_frames(void **state)
{
	static const uint32_t lengths[] = {14, 60, 64, 127, 128, 129, 1500, 9014, 65000};
	struct net *net = *state;

	introduce(net);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint8_t want[FRAME_LEN_MAX];

		memcpy(want, put(net, A, 2, 1, lengths[i])->bytes, lengths[i]);
		run(net);

		assert_int_equal(net->ports[B]->n_out, 1);
		assert_int_equal(net->ports[B]->out[0]->len, lengths[i]);
		assert_memory_equal(net->ports[B]->out[0]->bytes, want, lengths[i]);
		testport_clear(net->ports[B]);
	}
}

static void bridge_follows_a_station_that_moves(void **state)
{
	struct net *net = *state;

	introduce(net);
	put(net, C, 99, 2, 64);
	run(net);
	testport_clear(net->ports[A]);
	testport_clear(net->ports[B]);
	put(net, A, 2, 1, 64);
	run(net);

	assert_int_equal(net->ports[C]->n_out, 1);
	assert_int_equal(net->ports[B]->n_out, 0);
}

static void bridge_floods_again_when_a_station_has_aged(void **state)
{
	struct net *net = *state;

	introduce(net);
	net->now_ns += 302 * SECOND;
	bridge_tick(net->bridge, net->now_ns);
	put(net, A, 2, 1, 64);
	run(net);

	assert_int_equal(net->ports[B]->n_out, 1);
	assert_int_equal(net->ports[C]->n_out, 1);
}

static void bridge_floods_broadcast_in_order_with_unicast(void **state)
{
	struct mac all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, src = station(1);
	struct net *net = *state;
	uint8_t buf[64];

	introduce(net);
	put(net, A, 2, 1, 61);
	testport_put(net->ports[A], buf, packet_raw(buf, &all, &src, 62));
	put(net, A, 2, 1, 63);
	run(net);

	assert_int_equal(net->ports[B]->n_out, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(net->ports[B]->out[i]->len, 61 + i);
	assert_int_equal(net->ports[C]->n_out, 1);
}

static void bridge_drops_what_must_not_be_forwarded_and_says_why(void **state)
{
	struct mac reserved = {{0x01, 0x80, 0xc2, 0, 0, 0x0e}}, group = {{0x01, 0, 0x5e, 0, 0, 1}};
	struct mac zero = {0}, one = station(1), two = station(2);
	struct net *net = *state;
	uint8_t buf[64];

	introduce(net);
	testport_put(net->ports[A], buf, packet_raw(buf, &reserved, &one, 64));
	testport_put(net->ports[A], buf, packet_raw(buf, &two, &group, 64));
	testport_put(net->ports[A], buf, packet_raw(buf, &two, &zero, 64));
	put(net, A, 1, 1, 64);
	testport_put(net->ports[A], buf, 13);
	run(net);

	assert_int_equal(net->ports[B]->n_out + net->ports[C]->n_out, 0);
	assert_int_equal(drops(net, DROP_RESERVED_DST), 1);
	assert_int_equal(drops(net, DROP_SRC_MULTICAST), 2);
	assert_int_equal(drops(net, DROP_HAIRPIN), 1);
	assert_int_equal(drops(net, DROP_RUNT), 1);
}

static void bridge_drops_frames_when_nobody_else_is_up(void **state)
{
	struct net *net = *state;

	dataplane_port_set_up(net->dp, &net->ports[B]->port, false);
	dataplane_port_set_up(net->dp, &net->ports[C]->port, false);
	put(net, A, 2, 1, 64);
	run(net);

	assert_int_equal(drops(net, DROP_NO_TARGET), 1);
}

static void bridge_drops_frames_to_a_port_that_went_down(void **state)
{
	struct net *net = *state;

	introduce(net);
	dataplane_port_set_up(net->dp, &net->ports[B]->port, false);
	put(net, A, 2, 1, 64);
	run(net);

	assert_int_equal(drops(net, DROP_PORT_DOWN), 1);
}

static void bridge_forgets_the_stations_of_a_port_that_leaves(void **state)
{
	struct net *net = *state;

	introduce(net);
	bridge_del_port(net->bridge, &net->ports[B]->port);
	put(net, A, 2, 1, 64);
	put(net, B, 1, 2, 64);
	run(net);

	assert_int_equal(net->ports[B]->n_out, 0);
	assert_int_equal(net->ports[C]->n_out, 1);
	assert_int_equal(drops(net, DROP_NO_BRIDGE), 1);
	bridge_add_port(net->bridge, &net->ports[B]->port);
}

/* --- back pressure ---------------------------------------------------------------------------- */

static void pipeline_leaves_frames_with_the_sender_while_the_receiver_is_full(void **state)
{
	struct net *net = *state;

	introduce(net);
	net->ports[B]->room = 1;
	for (uint32_t i = 0; i < 3; i++)
		put(net, A, 2, 1, 60 + i);
	run(net);
	assert_int_equal(net->ports[B]->n_out, 1);
	assert_int_equal(net->ports[A]->n_in, 2);

	net->ports[B]->room = 2;
	run(net);

	assert_int_equal(net->ports[B]->n_out, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(net->ports[B]->out[i]->len, 60 + i);
	assert_int_equal(net->ports[A]->n_in, 0);
	assert_int_equal(drops(net, DROP_RING_FULL), 0);
}

static void pipeline_lets_other_receivers_have_their_frames_meanwhile(void **state)
{
	struct net *net = *state;

	introduce(net);
	net->ports[B]->room = 0;
	put(net, A, 2, 1, 60);
	put(net, A, 3, 1, 61);
	put(net, A, 2, 1, 62);
	put(net, A, 3, 1, 63);
	run(net);
	run(net);
	assert_int_equal(net->ports[C]->n_out, 2);
	assert_int_equal(net->ports[A]->n_in, 4);

	net->ports[B]->room = 10;
	run(net);

	assert_int_equal(net->ports[B]->n_out, 2);
	assert_int_equal(net->ports[C]->n_out, 2);
	assert_int_equal(net->ports[A]->n_in, 0);
}

static void pipeline_drops_for_a_receiver_that_stalls_until_it_moves_again(void **state)
{
	struct net *net = *state;

	introduce(net);
	net->ports[B]->room = 0;
	put(net, A, 2, 1, 60);
	run(net);
	assert_int_equal(net->ports[A]->n_in, 1);

	net->now_ns += 20 * MS;
	run(net);
	assert_int_equal(net->ports[A]->n_in, 0);
	put(net, A, 2, 1, 61);
	run(net);
	assert_int_equal(drops(net, DROP_RING_FULL), 2);

	net->ports[B]->room = 1;
	put(net, A, 2, 1, 62);
	put(net, A, 2, 1, 63);
	run(net);

	assert_int_equal(net->ports[B]->n_out, 1);
	assert_int_equal(net->ports[A]->n_in, 1);
}

static void pipeline_never_holds_a_flooded_frame(void **state)
{
	struct net *net = *state;

	net->ports[B]->room = 0;
	put(net, A, 50, 1, 60);
	run(net);

	assert_int_equal(net->ports[A]->n_in, 0);
	assert_int_equal(net->ports[C]->n_out, 1);
	assert_int_equal(drops(net, DROP_RING_FULL), 1);
}

/* --- offloads --------------------------------------------------------------------------------- */

static void pipeline_drops_only_the_frame_whose_offload_fields_lie(void **state)
{
	static const struct vnet lies[] = {
		{.flags = VNET_NEEDS_CSUM, .csum_start = 99, .csum_offset = 0},
		{.flags = VNET_NEEDS_CSUM, .csum_start = 65535, .csum_offset = 65535},
		{.flags = VNET_NEEDS_CSUM, .csum_start = 0, .csum_offset = 16},
		{.gso_type = VNET_GSO_TCPV4, .gso_size = 1448},
		{.flags = VNET_NEEDS_CSUM,
		 .gso_type = VNET_GSO_TCPV4,
		 .csum_start = 34,
		 .csum_offset = 16},
		{.flags = VNET_NEEDS_CSUM,
		 .gso_type = VNET_GSO_TCPV4,
		 .gso_size = 1448,
		 .csum_start = 34,
		 .csum_offset = 16},
		{.flags = VNET_NEEDS_CSUM,
		 .gso_type = 3,
		 .gso_size = 1448,
		 .csum_start = 34,
		 .csum_offset = 6},
		{.flags = VNET_NEEDS_CSUM,
		 .gso_type = 0x7f,
		 .gso_size = 1,
		 .csum_start = 34,
		 .csum_offset = 16},
	};
	struct net *net = *state;

	introduce(net);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		put(net, A, 2, 1, 100)->vnet = lies[i];
		put(net, A, 2, 1, 100);
	}
	run(net);

	assert_int_equal(net->ports[B]->n_out, ARRAY_SIZE(lies));
	assert_int_equal(drops(net, DROP_BAD_CSUM_RANGE) + drops(net, DROP_BAD_GSO),
			 ARRAY_SIZE(lies));
}

struct tcp_case {
	bool ipv6;
	unsigned tags;
	uint32_t payload, gso_size;
	bool rx_csum, rx_tso;
};

/* Sends one TSO frame to a receiver with the case's offloads and reassembles what comes out. */
static void check_segmentation(struct net *net, const struct tcp_case *c)
{
	uint32_t expected = c->rx_tso ? 1 : (c->payload + c->gso_size - 1) / c->gso_size, at = 0;
	uint8_t buf[FRAME_LEN_MAX];
	struct frame_layout l;
	struct testframe *f;

	f = testport_put(net->ports[A], buf, packet_tcp(buf, c->ipv6, c->tags, c->payload, &l));
	f->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM,
				.gso_type = c->ipv6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4,
				.gso_size = (uint16_t)c->gso_size,
				.hdr_len = l.payload,
				.csum_start = l.l4,
				.csum_offset = 16};
	net->ports[B]->takes = (struct offloads){
		.csum = c->rx_csum, .tso4 = c->rx_tso, .tso6 = c->rx_tso, .ecn = c->rx_tso};
	run(net);

	assert_int_equal(net->ports[B]->n_out, expected);
	for (unsigned i = 0; i < expected; i++) {
		const struct testframe *out = net->ports[B]->out[i];
		struct tcp_hdr tcp;

		memcpy(&tcp, out->bytes + l.l4, sizeof(tcp));
		assert_int_equal(ntohl(tcp.seq), 0xfffffff0u + at);
		assert_int_equal(!!(tcp.flags & TCP_FIN), i + 1 == expected);
		assert_int_equal(!!(tcp.flags & TCP_CWR), i == 0);
		if (c->rx_csum)
			assert_true(packet_tcp_is_partial(out->bytes, out->len, &l));
		else
			assert_true(packet_tcp_is_valid(out->bytes, out->len, &l));
		for (uint32_t k = 0; k < out->len - l.payload; k++)
			assert_int_equal(out->bytes[l.payload + k], packet_pattern(at + k));
		at += out->len - l.payload;
	}
	assert_int_equal(at, c->payload);
	testport_clear(net->ports[B]);
}

static void gso_is_right_for_every_pairing_of_receiver_offloads(void **state)
{
	static const uint32_t payloads[] = {1, 1447, 1448, 1449, 2896, 4097, 65000};
	struct net *net = *state;

	introduce(net);
	for (unsigned bits = 0; bits < 16; bits++) {
		for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
			struct tcp_case c = {.ipv6 = bits & 1,
					     .tags = bits & 2 ? 1 : 0,
					     .rx_csum = bits & 4,
					     .rx_tso = (bits & 8) && (bits & 4),
					     .payload = payloads[i],
					     .gso_size = bits & 2 ? 1439 : 1448};

			check_segmentation(net, &c);
		}
	}
}

static void checksum_is_completed_for_a_receiver_without_the_offload(void **state)
{
	struct net *net = *state;

	introduce(net);
	net->ports[B]->takes = (struct offloads){0};
	net->ports[B]->room = 1000;
	for (uint32_t payload = 0; payload < 300; payload++) {
		uint8_t buf[2048];
		struct frame_layout l;
		struct testframe *f;

		f = testport_put(net->ports[A], buf, packet_tcp(buf, payload & 1, 0, payload, &l));
		f->vnet = (struct vnet){
			.flags = VNET_NEEDS_CSUM, .csum_start = l.l4, .csum_offset = 16};
		run(net);

		assert_int_equal(net->ports[B]->n_out, 1);
		assert_true(packet_tcp_is_valid(net->ports[B]->out[0]->bytes,
						net->ports[B]->out[0]->len, &l));
		assert_int_equal(net->ports[B]->out[0]->vnet.flags, 0);
		testport_clear(net->ports[B]);
	}
}

static void ecn_frames_are_segmented_for_a_receiver_without_ecn(void **state)
{
	struct net *net = *state;
	uint8_t buf[FRAME_LEN_MAX];
	struct frame_layout l;
	struct testframe *f;

	introduce(net);
	f = testport_put(net->ports[A], buf, packet_tcp(buf, false, 0, 5000, &l));
	f->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM,
				.gso_type = VNET_GSO_TCPV4 | VNET_GSO_ECN,
				.gso_size = 1448,
				.csum_start = l.l4,
				.csum_offset = 16};
	net->ports[B]->takes = (struct offloads){.csum = true, .tso4 = true, .tso6 = true};
	run(net);

	assert_int_equal(net->ports[B]->n_out, 4);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_busy_worker_visits_idle_ports_in_time),
		T(bridge_floods_a_frame_to_an_unknown_station),
		T(bridge_sends_to_the_one_port_of_a_known_station),
		T(bridge_delivers_every_byte_of_small_and_large_frames),
		T(bridge_follows_a_station_that_moves),
		T(bridge_floods_again_when_a_station_has_aged),
		T(bridge_floods_broadcast_in_order_with_unicast),
		T(bridge_drops_what_must_not_be_forwarded_and_says_why),
		T(bridge_drops_frames_when_nobody_else_is_up),
		T(bridge_drops_frames_to_a_port_that_went_down),
		T(bridge_forgets_the_stations_of_a_port_that_leaves),
		T(pipeline_leaves_frames_with_the_sender_while_the_receiver_is_full),
		T(pipeline_lets_other_receivers_have_their_frames_meanwhile),
		T(pipeline_drops_for_a_receiver_that_stalls_until_it_moves_again),
		T(pipeline_never_holds_a_flooded_frame),
		T(pipeline_drops_only_the_frame_whose_offload_fields_lie),
		T(gso_is_right_for_every_pairing_of_receiver_offloads),
		T(checksum_is_completed_for_a_receiver_without_the_offload),
		T(ecn_frames_are_segmented_for_a_receiver_without_ecn),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
