/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Rates on virtual time: station n+1 is behind port n, a worker without a thread polls as often as
 * the test says.
 *
 *	a ---+
 *	b ---+--- bridge
 *	c ---+
 */

#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/bridge.h"
#include "dataplane/eal.h"
#include "dataplane/shaper.h"
#include "tests/lib/packet.h"
#include "tests/lib/testport.h"

#define SECOND 1000000000ull
#define MS     1000000ull
#define MBIT   1000000ull

enum { A, B, C, PORTS };

struct net {
	struct dataplane *dp;
	struct bridge *bridge;
	struct testport *ports[PORTS];
	uint64_t now_ns;
};

static const struct shaper_rate unlimited;

static void set_rate(struct net *net, int port, struct shaper_rate in, struct shaper_rate out)
{
	shaper_publish(net->dp, &net->ports[port]->port, shaper_create(&in, &out));
}

static void poll(struct net *net)
{
	for (int i = 0; i < PORTS; i++) {
		testport_clear(net->ports[i]);
		net->ports[i]->room = TESTPORT_FRAMES;
	}
	worker_poll(net->dp->workers[0], net->now_ns);
}

static void put(struct net *net, int port, uint8_t dst, uint32_t len)
{
	struct mac d = station(dst), s = station((uint8_t)(port + 1));
	uint8_t buf[FRAME_LEN_MAX];

	testport_put(net->ports[port], buf, packet_raw(buf, &d, &s, len));
}

static int setup(void **state)
{
	struct bridge_params bridge = {.name = "br", .fdb_entries = 1000, .ageing_s = 0};
	struct net *net = calloc(1, sizeof(*net));

	net->bridge = testports_create(&net->dp, &bridge, net->ports, PORTS);
	net->now_ns = 1000 * SECOND;
	for (int i = 0; i < PORTS; i++)
		put(net, i, 99, 64);
	poll(net);
	*state = net;
	return 0;
}

static int teardown(void **state)
{
	struct net *net = *state;

	for (int i = 0; i < PORTS; i++)
		shaper_publish(net->dp, &net->ports[i]->port, NULL);
	testports_destroy(net->dp, net->bridge, net->ports, PORTS);
	free(net);
	return 0;
}

static uint64_t received(const struct net *net, int port, uint64_t *packets)
{
	struct port_stats s;

	port_stats_sum(&net->ports[port]->port, &s);
	if (packets)
		*packets = s.tx_packets;
	return s.tx_bytes;
}

static uint64_t drops(const struct net *net, int port)
{
	struct port_stats s;

	port_stats_sum(&net->ports[port]->port, &s);
	return s.drops[DROP_RATE_LIMIT];
}

/* Keeps `depth` frames of `len` bytes to station `dst` waiting at the port. */
static void refill(struct net *net, int port, uint8_t dst, unsigned depth, uint32_t len)
{
	while (net->ports[port]->n_in < depth)
		put(net, port, dst, len);
}

/* Bytes that `to` gets in `ms` from a sender that always has `depth` frames waiting. */
static uint64_t stream(struct net *net, int from, int to, unsigned depth, unsigned ms)
{
	uint64_t before = received(net, to, NULL);

	for (unsigned i = 0; i < ms; i++) {
		refill(net, from, (uint8_t)(to + 1), depth, 1514);
		net->now_ns += MS;
		poll(net);
	}
	return received(net, to, NULL) - before;
}

static void assert_near(uint64_t got, uint64_t want, uint64_t slack)
{
	assert_in_range(got, want > slack ? want - slack : 0, want + slack);
}

static void the_rate_of_a_sender_is_exact_and_costs_no_frame(void **state)
{
	struct net *net = *state;

	set_rate(net, A, (struct shaper_rate){.bits_ps = 50 * MBIT}, unlimited);
	stream(net, A, B, 40, 100);

	assert_near(stream(net, A, B, 40, 10000), 50 * MBIT / 8 * 10, 2 * 1514);
	assert_int_equal(drops(net, B), 0);
}

static void the_rate_to_a_receiver_is_exact_and_costs_no_frame_of_a_modest_sender(void **state)
{
	struct net *net = *state;

	set_rate(net, B, unlimited, (struct shaper_rate){.bits_ps = 50 * MBIT});
	stream(net, A, B, 20, 100);

	assert_near(stream(net, A, B, 20, 10000), 50 * MBIT / 8 * 10, 2 * 1514);
	assert_int_equal(drops(net, B), 0);
}

static void packets_are_counted_where_they_are_limited(void **state)
{
	struct net *net = *state;
	uint64_t before, after;

	set_rate(net, A, (struct shaper_rate){.packets_ps = 1000}, unlimited);
	stream(net, A, B, 40, 1000);
	received(net, B, &before);
	stream(net, A, B, 40, 10000);
	received(net, B, &after);

	assert_near(after - before, 10000, 1);
}

static void a_pause_earns_one_burst_and_no_more(void **state)
{
	struct net *net = *state;

	set_rate(net, A, (struct shaper_rate){.bits_ps = MBIT, .burst_bytes = 10 * 1514},
		 unlimited);
	net->now_ns += 100 * SECOND;

	assert_near(stream(net, A, B, 40, 1), 11 * 1514, 1514);
}

static void a_changed_rate_is_in_force_at_once(void **state)
{
	struct net *net = *state;

	set_rate(net, A, (struct shaper_rate){.bits_ps = 10 * MBIT}, unlimited);
	stream(net, A, B, 40, 1000);
	set_rate(net, A, (struct shaper_rate){.bits_ps = 40 * MBIT}, unlimited);
	stream(net, A, B, 40, 100);

	assert_near(stream(net, A, B, 40, 1000), 40 * MBIT / 8, 2 * 1514);
}

/* The receiver takes no TSO, so what it collects is what would be on the wire. */
static void a_gso_frame_costs_the_headers_of_its_segments(void **state)
{
	struct net *net = *state;
	struct frame_layout layout;
	uint8_t buf[FRAME_LEN_MAX];
	uint32_t len = packet_tcp(buf, false, 0, 60000, &layout), wire = 0;
	struct testframe *f;
	struct frame frame = {.len = len, .head_len = FRAME_HEAD_MAX};

	f = testport_put(net->ports[A], buf, len);
	f->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM,
				.gso_type = VNET_GSO_TCPV4,
				.gso_size = 1448,
				.csum_start = layout.l4,
				.csum_offset = 16};
	frame.vnet = f->vnet;
	memcpy(frame.head, buf, FRAME_HEAD_MAX);
	net->ports[B]->takes = (struct offloads){0};
	poll(net);

	for (unsigned i = 0; i < net->ports[B]->n_out; i++)
		wire += net->ports[B]->out[i]->len;
	assert_true(net->ports[B]->n_out > 40);
	assert_int_equal(shaper_wire_bytes(&frame), wire);
}

static void a_slow_receiver_does_not_slow_what_its_sender_sends_to_others(void **state)
{
	struct net *net = *state;
	uint64_t sent = 0, got;

	set_rate(net, B, unlimited, (struct shaper_rate){.bits_ps = MBIT});
	for (unsigned i = 0; i < 2000; i++) {
		while (net->ports[A]->n_in < BURST_MAX + BURST_MAX / 2) {
			put(net, A, 2, 1514);
			put(net, A, 3, 1514);
			sent++;
		}
		net->now_ns += MS;
		poll(net);
	}
	received(net, C, &got);

	assert_true(sent > 20000);
	assert_near(got, sent, 2 * BURST_MAX);
	assert_true(drops(net, B) > 0);
}

static void two_senders_to_a_slow_receiver_get_equal_shares(void **state)
{
	struct net *net = *state;
	struct port_stats a, b;

	set_rate(net, C, unlimited, (struct shaper_rate){.bits_ps = 20 * MBIT});
	for (unsigned i = 0; i < 5000; i++) {
		refill(net, A, 3, 20, 1514);
		refill(net, B, 3, 20, 1514);
		net->now_ns += MS;
		poll(net);
	}
	port_stats_sum(&net->ports[A]->port, &a);
	port_stats_sum(&net->ports[B]->port, &b);

	assert_near(a.rx_packets, b.rx_packets, a.rx_packets / 20);
	assert_int_equal(drops(net, C), 0);
}

static void a_flooded_frame_never_waits_for_a_rate(void **state)
{
	struct net *net = *state;

	set_rate(net, B, unlimited, (struct shaper_rate){.bits_ps = MBIT, .burst_bytes = 1514});
	for (unsigned i = 0; i < 10; i++)
		put(net, A, 99, 1514);
	poll(net);

	assert_int_equal(net->ports[A]->n_in, 0);
	assert_int_equal(net->ports[C]->n_out, 10);
	assert_true(drops(net, B) >= 8);
}

static void a_worker_knows_until_when_it_may_sleep(void **state)
{
	struct worker *w = ((struct net *)*state)->dp->workers[0];
	struct net *net = *state;

	poll(net);
	assert_int_equal(w->wake_ns, UINT64_MAX);

	set_rate(net, A, (struct shaper_rate){.bits_ps = MBIT}, unlimited);
	stream(net, A, B, 40, 2000);
	poll(net);

	assert_int_equal(shaper_in_wake_ns(&net->ports[A]->port, net->now_ns), w->wake_ns);
	assert_in_range(w->wake_ns, net->now_ns + 1, net->now_ns + 13 * MS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_rate_of_a_sender_is_exact_and_costs_no_frame),
		T(the_rate_to_a_receiver_is_exact_and_costs_no_frame_of_a_modest_sender),
		T(packets_are_counted_where_they_are_limited),
		T(a_pause_earns_one_burst_and_no_more),
		T(a_changed_rate_is_in_force_at_once),
		T(a_gso_frame_costs_the_headers_of_its_segments),
		T(a_slow_receiver_does_not_slow_what_its_sender_sends_to_others),
		T(two_senders_to_a_slow_receiver_get_equal_shares),
		T(a_flooded_frame_never_waits_for_a_rate),
		T(a_worker_knows_until_when_it_may_sleep),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("shaper", tests, NULL, NULL);
}
