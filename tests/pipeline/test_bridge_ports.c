/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What single ports of a bridge are kept from: isolation, limits, guards; and mirrors. */

#include "tests/lib/bridgenet.h"

#include <stdlib.h>

#include "dataplane/eal.h"
#include "dataplane/shaper.h"

static const struct mac broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
static const struct mac group = {{0x01, 0, 0x5e, 1, 2, 3}};
static const struct mac bpdu = {{0x01, 0x80, 0xc2, 0, 0, 0}};

static void isolated_ports_reach_only_those_that_are_not(void **state)
{
	struct bridgenet *net = *state;
	struct bridge_port_params isolated = bridge_port_defaults();

	isolated.isolated = true;
	bridgenet_set(net, A, &isolated);
	bridgenet_set(net, B, &isolated);
	bridgenet_put_to(net, A, broadcast, 1, -1);
	bridgenet_put_to(net, B, broadcast, 2, -1);
	bridgenet_run(net);
	assert_int_equal(bridgenet_got(net, A) + bridgenet_got(net, B), 0);
	assert_int_equal(bridgenet_got(net, C), 2);

	bridgenet_put(net, A, 2, 1, -1);
	bridgenet_put(net, C, 2, 3, -1);
	bridgenet_run(net);
	assert_int_equal(bridgenet_got(net, B), 1);
	assert_int_equal(bridgenet_drops(net, DROP_ISOLATED), 1);
}

static void flooding_to_a_port_can_be_turned_off_by_class(void **state)
{
	static const struct mac unknown = {{2, 0, 0, 0, 0, 200}};
	const struct mac *to[] = {&unknown, &group, &broadcast};
	struct bridgenet *net = *state;

	for (int off = 0; off < FLOOD_CLASS_N; off++) {
		struct bridge_port_params p = bridge_port_defaults();

		p.no_flood[off] = true;
		bridgenet_set(net, B, &p);
		for (int i = 0; i < FLOOD_CLASS_N; i++)
			bridgenet_put_to(net, A, *to[i], 1, -1);
		bridgenet_run(net);

		assert_int_equal(bridgenet_got(net, B), 2);
		assert_int_equal(bridgenet_got(net, C), 3);
		bridgenet_clear(net);
	}
}

static void port_without_learning_is_flooded_to(void **state)
{
	struct bridgenet *net = *state;
	struct bridge_port_params p = bridge_port_defaults();

	p.no_learning = true;
	bridgenet_set(net, A, &p);
	bridgenet_put(net, A, 2, 1, -1);
	bridgenet_run(net);

	assert_int_equal(net->bridge->fdb.entries, 0);
}

static void mac_limit_drops_stations_beyond_it_and_frees_room_as_they_age(void **state)
{
	struct bridgenet *net = *state;
	struct bridge_port_params p = bridge_port_defaults();

	p.mac_limit = 2;
	bridgenet_set(net, A, &p);
	for (uint8_t s = 1; s <= 4; s++)
		bridgenet_put_to(net, A, broadcast, s, -1);
	bridgenet_run(net);
	assert_int_equal(bridgenet_got(net, B), 2);
	assert_int_equal(bridgenet_drops(net, DROP_MAC_LIMIT), 2);

	net->now_ns += 400 * SECOND;
	bridge_tick(net->bridge, net->now_ns);
	bridgenet_put_to(net, A, broadcast, 4, -1);
	bridgenet_run(net);
	assert_int_equal(bridgenet_got(net, B), 3);
}

static void mac_limit_counts_stations_that_move_away(void **state)
{
	struct bridgenet *net = *state;
	struct bridge_port_params p = bridge_port_defaults();

	p.mac_limit = 1;
	bridgenet_set(net, A, &p);
	bridgenet_put_to(net, A, broadcast, 1, -1);
	bridgenet_run(net);
	bridgenet_put_to(net, B, broadcast, 1, -1);
	bridgenet_run(net);
	bridgenet_put_to(net, A, broadcast, 9, -1);
	bridgenet_run(net);

	assert_int_equal(bridgenet_drops(net, DROP_MAC_LIMIT), 0);
}

static void sticky_station_stays_and_frames_of_another_port_are_dropped(void **state)
{
	struct bridgenet *net = *state;
	struct bridge_port_params p = bridge_port_defaults();

	p.sticky = true;
	bridgenet_set(net, A, &p);
	bridgenet_put(net, A, 99, 1, -1);
	bridgenet_run(net);
	net->now_ns += 1000 * SECOND;
	bridge_tick(net->bridge, net->now_ns);
	bridgenet_clear(net);
	bridgenet_put(net, B, 99, 1, -1);
	bridgenet_put(net, C, 1, 3, -1);
	bridgenet_run(net);

	assert_int_equal(bridgenet_drops(net, DROP_STICKY), 1);
	assert_int_equal(bridgenet_got(net, A), 1);
	assert_int_equal(bridgenet_got(net, B), 0);
}

static void storm_limit_lets_its_rate_pass_and_no_more(void **state)
{
	struct bridgenet *net = *state;
	struct bridge_port_params p = bridge_port_defaults();
	unsigned passed = 0;

	p.storm[FLOOD_BROADCAST] = (struct storm_rate){1000, true};
	bridgenet_set(net, A, &p);
	for (int ms = 0; ms < 2000; ms++) {
		for (int i = 0; i < 8; i++)
			bridgenet_put_to(net, A, broadcast, 1, -1);
		bridgenet_run(net);
		net->now_ns += MS;
		passed += bridgenet_got(net, B);
		bridgenet_clear(net);
		net->ports[B]->room = net->ports[C]->room = net->ports[D]->room = 128;
	}

	assert_in_range(passed, 2000, 2105);
	assert_int_equal(bridgenet_drops(net, DROP_STORM), 16000 - passed);
}

static void storm_limit_in_bits_counts_bytes(void **state)
{
	struct bridgenet *net = *state;
	struct bridge_port_params p = bridge_port_defaults();
	unsigned passed = 0;

	p.storm[FLOOD_MULTICAST] = (struct storm_rate){10000000, false};
	bridgenet_set(net, A, &p);
	for (int ms = 0; ms < 1000; ms++) {
		for (int i = 0; i < 30; i++)
			bridgenet_put_to(net, A, group, 1, -1);
		bridgenet_run(net);
		net->now_ns += MS;
		passed += bridgenet_got(net, B);
		bridgenet_clear(net);
		net->ports[B]->room = net->ports[C]->room = net->ports[D]->room = 128;
	}

	/* 100 bytes a frame, and a bucket of a tenth of a second. */
	assert_in_range(passed, 12500, 13800);
}

static void storm_limit_of_one_class_leaves_the_others_alone(void **state)
{
	struct bridgenet *net = *state;
	struct bridge_port_params p = bridge_port_defaults();

	p.storm[FLOOD_UNKNOWN_UNICAST] = (struct storm_rate){10, true};
	bridgenet_set(net, A, &p);
	bridgenet_put(net, B, 99, 2, -1);
	bridgenet_run(net);
	bridgenet_clear(net);
	for (int i = 0; i < 10; i++) {
		bridgenet_put(net, A, 77, 1, -1);
		bridgenet_put(net, A, 2, 1, -1);
		bridgenet_put_to(net, A, broadcast, 1, -1);
	}
	bridgenet_run(net);

	assert_int_equal(bridgenet_got(net, C), 11);
	assert_int_equal(bridgenet_got(net, B), 21);
	assert_int_equal(bridgenet_drops(net, DROP_STORM), 9);
}

static struct bridge_mirrors *mirror(const struct bridgenet *net, int in, int out, int to)
{
	struct bridge_mirrors *m = aligned_alloc(64, sizeof(*m) + sizeof(m->list[0]));

	*m = (struct bridge_mirrors){.n = 1};
	m->list[0] = (struct bridge_mirror){.to = net->ports[to]->port.id};
	if (in >= 0)
		port_set_put(&m->list[0].in, net->ports[in]->port.id, true);
	if (out >= 0)
		port_set_put(&m->list[0].out, net->ports[out]->port.id, true);
	return m;
}

static void mirror_copies_both_directions_to_a_port_of_its_own(void **state)
{
	struct bridgenet *net = *state;

	bridge_set_mirrors(net->bridge, mirror(net, A, A, D));
	bridgenet_put(net, A, 99, 1, -1);
	bridgenet_put(net, B, 99, 2, -1);
	bridgenet_run(net);
	assert_int_equal(bridgenet_got(net, D), 2);
	bridgenet_clear(net);
	bridgenet_put(net, A, 2, 1, -1);
	bridgenet_put(net, B, 1, 2, -1);
	bridgenet_put(net, C, 2, 3, -1);
	bridgenet_put(net, D, 2, 4, -1);
	bridgenet_run(net);

	assert_int_equal(bridgenet_got(net, D), 2);
	assert_int_equal(bridgenet_got(net, B), 2);
	assert_int_equal(bridgenet_drops(net, DROP_PORT_BLOCKED), 1);
}

static void full_mirror_port_holds_nothing_back(void **state)
{
	struct bridgenet *net = *state;

	bridge_set_mirrors(net->bridge, mirror(net, A, -1, D));
	bridgenet_put(net, B, 99, 2, -1);
	bridgenet_run(net);
	bridgenet_clear(net);
	net->ports[D]->room = 1;
	for (int i = 0; i < 5; i++)
		bridgenet_put(net, A, 2, 1, -1);
	bridgenet_run(net);

	assert_int_equal(bridgenet_got(net, B), 5);
	assert_int_equal(bridgenet_got(net, D), 1);
	assert_int_equal(bridgenet_drops(net, DROP_RING_FULL), 4);
	assert_int_equal(net->ports[A]->n_in, 0);
}

static void frame_that_waits_for_its_receiver_is_mirrored_once(void **state)
{
	struct bridgenet *net = *state;

	bridge_set_mirrors(net->bridge, mirror(net, A, -1, D));
	bridgenet_put(net, B, 99, 2, -1);
	bridgenet_run(net);
	bridgenet_clear(net);
	net->ports[B]->room = 0;
	bridgenet_put(net, A, 2, 1, -1);
	bridgenet_run(net);
	assert_int_equal(bridgenet_got(net, D), 0);
	net->ports[B]->room = 10;
	bridgenet_run(net);

	assert_int_equal(bridgenet_got(net, B), 1);
	assert_int_equal(bridgenet_got(net, D), 1);
}

static void reserved_groups_are_forwarded_when_the_bridge_says_so(void **state)
{
	struct bridgenet *net = *state;

	bridgenet_put_to(net, A, bpdu, 1, -1);
	bridgenet_run(net);
	assert_int_equal(bridgenet_drops(net, DROP_RESERVED_DST), 1);

	net->params.forward_bpdu = true;
	bridge_update(net->bridge, &net->params);
	bridgenet_put_to(net, A, bpdu, 1, -1);
	bridgenet_run(net);
	assert_int_equal(bridgenet_got(net, B), 1);
}

static void bpdu_guard_shuts_the_port_for_its_time(void **state)
{
	struct bridgenet *net = *state;
	struct bridge_port_params p = bridge_port_defaults();

	p.bpdu_guard = true;
	bridgenet_set(net, A, &p);
	bridgenet_put_to(net, A, bpdu, 1, -1);
	bridgenet_put_to(net, A, broadcast, 1, -1);
	bridgenet_put_to(net, B, broadcast, 2, -1);
	bridgenet_run(net);
	assert_int_equal(bridgenet_drops(net, DROP_PORT_BLOCKED), 2);
	assert_int_equal(bridgenet_got(net, A), 0);
	assert_int_equal(bridgenet_got(net, C), 1);

	net->now_ns += (BRIDGE_BLOCK_S + 1) * SECOND;
	bridge_tick(net->bridge, net->now_ns);
	bridgenet_put_to(net, A, broadcast, 1, -1);
	bridgenet_run(net);
	assert_int_equal(bridgenet_got(net, C), 2);
}

static void a_trace_is_told_of_the_guards_and_changes_nothing(void **state)
{
	struct bridgenet *net = *state;
	struct bridge_port_params p = bridge_port_defaults();

	p.bpdu_guard = true;
	p.mac_limit = 1;
	p.storm[FLOOD_BROADCAST] = (struct storm_rate){10, true};
	bridgenet_set(net, A, &p);
	net->dp->workers[0]->dry_run = true;
	bridgenet_put_to(net, A, broadcast, 1, -1);
	bridgenet_put_to(net, A, broadcast, 2, -1);
	bridgenet_put_to(net, A, bpdu, 1, -1);
	bridgenet_run(net);

	assert_int_equal(bridgenet_drops(net, DROP_PORT_BLOCKED), 1);
	assert_int_equal(bridgenet_got(net, B), 2);
	assert_int_equal(net->bridge->fdb.entries, 0);
	assert_int_equal(bridge_port_of(net->bridge, net->ports[A]->port.id)->blocks, 0);

	net->dp->workers[0]->dry_run = false;
	bridgenet_put_to(net, A, broadcast, 1, -1);
	bridgenet_run(net);
	net->dp->workers[0]->dry_run = true;
	bridgenet_put_to(net, A, broadcast, 2, -1);
	bridgenet_run(net);
	assert_int_equal(bridgenet_drops(net, DROP_MAC_LIMIT), 1);
}

static void copies_for_a_mirror_keep_to_its_rate(void **state)
{
	struct bridgenet *net = *state;
	struct shaper_rate none = {0}, ten = {.packets_ps = 10};
	struct shaper *shaper = shaper_create(&none, &ten);

	assert_non_null(shaper);
	shaper_publish(net->dp, &net->ports[D]->port, shaper);
	bridge_set_mirrors(net->bridge, mirror(net, A, -1, D));
	for (int i = 0; i < 120; i++)
		bridgenet_put(net, A, 2, 1, -1);
	while (net->ports[A]->n_in)
		bridgenet_run(net);

	assert_int_equal(bridgenet_got(net, B), 120);
	assert_in_range(bridgenet_drops(net, DROP_RATE_LIMIT), 1, 119);
	shaper_publish(net->dp, &net->ports[D]->port, NULL);
}

/* The stations 10 to 49 talk from `port`. */
static void talk(struct bridgenet *net, int port)
{
	for (uint8_t s = 10; s < 50; s++)
		bridgenet_put(net, port, 99, s, -1);
	while (net->ports[port]->n_in)
		bridgenet_run(net);
	bridgenet_clear(net);
	for (int i = 0; i < PORTS; i++)
		net->ports[i]->room = TESTPORT_FRAMES;
}

static void loop_guard_shuts_the_younger_port_when_stations_go_to_and_fro(void **state)
{
	struct bridgenet *net = *state;

	net->params.loop_guard = true;
	bridge_update(net->bridge, &net->params);
	talk(net, A);
	talk(net, C);
	talk(net, A);
	talk(net, C);

	assert_int_equal(bridge_port_of(net->bridge, net->ports[C]->port.id)->blocked, BLOCK_LOOP);
	assert_int_equal(bridge_port_of(net->bridge, net->ports[A]->port.id)->blocked, BLOCK_NONE);
}

static void loop_guard_lets_stations_move_once(void **state)
{
	struct bridgenet *net = *state;

	net->params.loop_guard = true;
	bridge_update(net->bridge, &net->params);
	talk(net, A);
	talk(net, C);
	net->now_ns += 2 * SECOND;
	talk(net, A);

	assert_int_equal(bridgenet_drops(net, DROP_PORT_BLOCKED), 0);
	assert_int_equal(net->bridge->fdb.moved, 80);
}

static void bridge_is_plain_again_when_nothing_is_asked_for(void **state)
{
	struct bridgenet *net = *state;
	struct bridge_port_params p = bridge_port_defaults();

	p.isolated = true;
	bridgenet_set(net, A, &p);
	assert_true(net->bridge->filter);
	p.isolated = false;
	bridgenet_set(net, A, &p);
	assert_false(net->bridge->filter);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bridgenet_setup, bridgenet_teardown)
	const struct CMUnitTest tests[] = {
		T(isolated_ports_reach_only_those_that_are_not),
		T(flooding_to_a_port_can_be_turned_off_by_class),
		T(port_without_learning_is_flooded_to),
		T(mac_limit_drops_stations_beyond_it_and_frees_room_as_they_age),
		T(mac_limit_counts_stations_that_move_away),
		T(sticky_station_stays_and_frames_of_another_port_are_dropped),
		T(storm_limit_lets_its_rate_pass_and_no_more),
		T(storm_limit_in_bits_counts_bytes),
		T(storm_limit_of_one_class_leaves_the_others_alone),
		T(mirror_copies_both_directions_to_a_port_of_its_own),
		T(full_mirror_port_holds_nothing_back),
		T(frame_that_waits_for_its_receiver_is_mirrored_once),
		T(reserved_groups_are_forwarded_when_the_bridge_says_so),
		T(bpdu_guard_shuts_the_port_for_its_time),
		T(loop_guard_shuts_the_younger_port_when_stations_go_to_and_fro),
		T(loop_guard_lets_stations_move_once),
		T(a_trace_is_told_of_the_guards_and_changes_nothing),
		T(copies_for_a_mirror_keep_to_its_rate),
		T(bridge_is_plain_again_when_nothing_is_asked_for),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("bridge_ports", tests, NULL, NULL);
}
