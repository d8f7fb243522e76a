/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a port can take from others, on virtual time. Stations 1, 2 and 3 are behind ports a, b and
 * c; a and b behave well, c attacks. A tick is one round of the worker, 100 us apart:
 *
 *	a --- offers 32 frames a tick, to b, to c or to both ---+
 *	b --- takes everything ---------------------------------+--- bridge
 *	c --- takes what the test lets it take -----------------+
 */

#include "tests/lib/test.h"

#include <malloc.h>
#include <stdlib.h>

#include "bridge/bridge.h"
#include "dataplane/eal.h"
#include "dataplane/fair.h"
#include "tests/lib/packet.h"
#include "tests/lib/testport.h"

#define MS	1000000ull
#define TICK_NS 100000ull
#define TICKS	2000 /* 200 ms */
#define BACKLOG 64   /* frames in a sender's ring */

enum { A, B, C, PORTS };

struct net {
	struct dataplane *dp;
	struct bridge *bridge;
	struct testport *ports[PORTS];
	uint64_t now_ns;
	unsigned offered; /* frames that a has offered so far */
};

static int setup(void **state)
{
	struct bridge_params bridge = {.name = "br", .fdb_entries = 1000, .ageing_s = 300};
	struct net *net = calloc(1, sizeof(*net));

	net->bridge = testports_create(&net->dp, &bridge, net->ports, PORTS);
	net->now_ns = 1000000 * MS;
	*state = net;
	return 0;
}

static int teardown(void **state)
{
	struct net *net = *state;

	testports_destroy(net->dp, net->bridge, net->ports, PORTS);
	free(net);
	return 0;
}

static void put(struct net *net, int from, uint8_t dst)
{
	struct mac d = station(dst), s = station((uint8_t)(from + 1));
	uint8_t buf[64];

	testport_put(net->ports[from], buf, packet_raw(buf, &d, &s, sizeof(buf)));
}

static void tick(struct net *net)
{
	net->now_ns += TICK_NS;
	worker_poll(net->dp->workers[0], net->now_ns);
	for (int i = 0; i < PORTS; i++)
		testport_clear(net->ports[i]);
}

static void introduce(struct net *net)
{
	for (int i = 0; i < PORTS; i++)
		put(net, i, 99);
	tick(net);
}

static uint64_t received(const struct net *net, int port)
{
	struct port_stats s;

	port_stats_sum(&net->ports[port]->port, &s);
	return s.tx_packets;
}

static uint64_t lost(const struct net *net, int port)
{
	struct port_stats s;

	port_stats_sum(&net->ports[port]->port, &s);
	return s.drops[DROP_RING_FULL];
}

/* Fills a's ring; one frame of `period` goes to c, the others to b. */
static void offer(struct net *net, unsigned period)
{
	while (net->ports[A]->n_in < BACKLOG)
		put(net, A, net->offered++ % period ? 2 : 3);
}

/*
 * 200 ms in which c makes room for `takes` frames once in `every` ticks. Returns the part of what a
 * offers at its best that b and c got, in percent of what b would get if c took everything.
 */
static unsigned percent_for_b(struct net *net, unsigned period, unsigned every, unsigned takes)
{
	uint64_t before = received(net, B), possible;

	for (unsigned t = 0; t < TICKS; t++) {
		net->ports[B]->room = TESTPORT_FRAMES;
		if (t == 0 || (every && t % every == 0))
			net->ports[C]->room = every ? takes : 0;
		offer(net, period);
		tick(net);
	}
	possible = (uint64_t)TICKS * BURST_MAX * (period - 1) / period;
	if (possible == 0)
		return 0;
	return (unsigned)((received(net, B) - before) * 100 / possible);
}

/* --- receivers ---------------------------------------------------------------------------------
 */

static void a_receiver_that_stops_costs_its_senders_ten_ms_once(void **state)
{
	struct net *net = *state;

	introduce(net);
	assert_in_range(percent_for_b(net, 2, 0, 0), 94, 100);
}

/* Each progress used to buy another 10 ms: b got two frames in a hundred. */
static void a_receiver_that_takes_a_frame_now_and_then_does_not_slow_its_senders(void **state)
{
	static const unsigned every_ticks[] = {5, 20, 50, 90}; /* 0.5 to 9 ms */
	struct net *net = *state;

	introduce(net);
	for (size_t i = 0; i < ARRAY_SIZE(every_ticks); i++) {
		unsigned percent = percent_for_b(net, 2, every_ticks[i], 1);

		if (percent < 90)
			fail_msg("a frame each %u us: b gets %u %%", every_ticks[i] * 100, percent);
	}
}

/* One frame of 32 goes to c: a waits in front of it, without the window being mixed enough. */
static void the_same_holds_when_the_slow_receiver_gets_few_frames(void **state)
{
	struct net *net = *state;

	introduce(net);
	assert_in_range(percent_for_b(net, 32, 50, 1), 90, 100);
	assert_in_range(percent_for_b(net, 8, 20, 1), 90, 100);
}

/* 100 frames in 5 ms: a guest that loses its processor and then catches up. */
static void a_busy_receiver_loses_nothing_from_a_sender_of_its_own(void **state)
{
	struct net *net = *state;

	introduce(net);
	percent_for_b(net, 1, 50, 100);
	assert_int_equal(lost(net, C), 0);
	assert_in_range(received(net, C), TICKS / 50 * 100, TICKS / 50 * 100 + 2);
}

static void a_sender_with_others_to_serve_waits_a_tenth_of_its_time_for_a_busy_receiver(
	void **state)
{
	struct net *net = *state;

	introduce(net);
	assert_in_range(percent_for_b(net, 2, 50, 100), 88, 100);
	assert_true(lost(net, C) > 0);
}

static void a_receiver_that_returns_is_waited_for_again(void **state)
{
	struct net *net = *state;
	uint64_t before;

	introduce(net);
	percent_for_b(net, 1, 0, 0);
	percent_for_b(net, 1, 50, 100);
	before = lost(net, C);

	percent_for_b(net, 1, 50, 100);
	assert_int_equal(lost(net, C), before);
}

/* --- floods ------------------------------------------------------------------------------------
 */

static void refill(struct net *net, int from, uint8_t dst)
{
	while (net->ports[from]->n_in < BACKLOG)
		put(net, from, dst);
}

/* Emissions are the worker's work: those of c's frames may be as many as those of a's. */
static void a_flood_takes_as_much_work_as_the_other_ports_bursts(void **state)
{
	uint8_t unknown = 77;
	struct port_stats a, c;
	struct net *net = *state;

	introduce(net);
	for (unsigned t = 0; t < TICKS; t++) {
		for (int i = 0; i < PORTS; i++)
			net->ports[i]->room = TESTPORT_FRAMES;
		refill(net, A, 2);
		refill(net, C, unknown);
		tick(net);
	}

	port_stats_sum(&net->ports[A]->port, &a);
	port_stats_sum(&net->ports[C]->port, &c);
	assert_in_range(a.rx_packets, (TICKS - 1) * BURST_MAX, TICKS * BURST_MAX + 1);
	assert_in_range((c.rx_packets + c.copies) * 100 / a.rx_packets, 90, 110);
}

static void a_flood_that_delays_nobody_is_not_held_up(void **state)
{
	struct port_stats c;
	struct net *net = *state;

	introduce(net);
	for (unsigned t = 0; t < TICKS; t++) {
		for (int i = 0; i < PORTS; i++)
			net->ports[i]->room = TESTPORT_FRAMES;
		refill(net, C, 77);
		tick(net);
	}

	/* Each second round forgives the debt. */
	port_stats_sum(&net->ports[C]->port, &c);
	assert_true(c.rx_packets >= TICKS * BURST_MAX / 2);
}

/* What was flooded while nobody else had work is not held against its sender later. */
static void an_old_flood_is_forgotten(void **state)
{
	struct net *net = *state;
	uint64_t before;

	introduce(net);
	for (unsigned t = 0; t < 100; t++) {
		refill(net, C, 77);
		tick(net);
	}
	for (unsigned t = 0; t < 4; t++)
		tick(net);
	before = received(net, B);

	put(net, A, 2);
	put(net, C, 2);
	net->ports[B]->room = TESTPORT_FRAMES;
	tick(net);
	assert_int_equal(received(net, B), before + 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_receiver_that_stops_costs_its_senders_ten_ms_once),
		T(a_receiver_that_takes_a_frame_now_and_then_does_not_slow_its_senders),
		T(the_same_holds_when_the_slow_receiver_gets_few_frames),
		T(a_busy_receiver_loses_nothing_from_a_sender_of_its_own),
		T(a_sender_with_others_to_serve_waits_a_tenth_of_its_time_for_a_busy_receiver),
		T(a_receiver_that_returns_is_waited_for_again),
		T(a_flood_takes_as_much_work_as_the_other_ports_bursts),
		T(a_flood_that_delays_nobody_is_not_held_up),
		T(an_old_flood_is_forgotten),
	};
	struct err e;

	/* Frames are large here: keep their memory for the next ones. */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("fairness", tests, NULL, NULL);
}
