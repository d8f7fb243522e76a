/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Ways that workers remember for filtered IPv6 and translated prefixes. */

#include <stdio.h>

#include "dataplane/eal.h"
#include "nat/filter6.h"
#include "tests/lib/routernet.h"

#define GUEST "fd00:20::13" /* station 3, at port C of the bridge red */
#define WORLD "2001:db8::5" /* behind station 9, at port W */

static const struct flow ask = {
	.from = 3, .src = GUEST, .dst = WORLD, .sport = 4000, .dport = 53, .payload = 9};
static const struct flow answer = {
	.from = 9, .src = WORLD, .dst = GUEST, .sport = 53, .dport = 4000, .payload = 9};
static const struct flow stranger = {
	.from = 9, .src = WORLD, .dst = GUEST, .sport = 99, .dport = 4000, .payload = 9};

/* On red, nobody from elsewhere may begin. */
static void filter(struct routernet *net)
{
	const struct filter6_rule deny_in = {.direction = NAT_INBOUND};

	routernet_meet(net);
	routernet_put_filter6(net, RED, routernet_view6(&deny_in, 1));
}

static uint64_t sessions(const struct routernet *net)
{
	struct filter6_counters c;

	filter6_counters_get(net->router->filter6, &c);
	return c.sessions;
}

static uint64_t slow(const struct routernet *net, int number)
{
	struct router_counters c;

	router_counters_get(net->router->ifaces[number], &c);
	return c.slow;
}

static void packets_of_a_session_take_the_quick_way(void **state)
{
	struct routernet *net = *state;
	struct flow next = ask;

	filter(net);
	for (int i = 0; i < 5; i++) {
		assert_true(routernet_passes(net, C, &ask, W));
		assert_true(routernet_passes(net, W, &answer, C));
	}
	assert_int_equal(slow(net, net->red), 1);
	assert_int_equal(slow(net, net->wan), 1);

	/* Who begins is asked, also where the way is known. */
	next.sport++;
	assert_true(routernet_passes(net, C, &next, W));
	assert_false(routernet_passes(net, W, &stranger, C));
	assert_int_equal(slow(net, net->red), 2);
	assert_int_equal(sessions(net), 2);
}

static void quick_packets_keep_their_session_from_ageing(void **state)
{
	struct routernet *net = *state;

	filter(net);
	assert_true(routernet_passes(net, C, &ask, W));
	for (int i = 0; i < 3; i++) {
		routernet_tick(net, 200);
		assert_true(routernet_passes(net, C, &ask, W));
	}
	assert_int_equal(slow(net, net->red), 1);
	routernet_meet(net);
	assert_true(routernet_passes(net, W, &answer, C));
	routernet_tick(net, 301);
	routernet_meet(net);
	assert_false(routernet_passes(net, W, &answer, C));
}

static void set_prefix6(struct routernet *net)
{
	struct ipaddr_prefix outer;
	struct err e;

	ipaddr_prefix_parse("2001:db8:77::/64", &outer);
	net->params[LAN].has_npt6 = true;
	npt6_init(&net->params[LAN].npt6, &net->params[LAN].address6, &outer, &e);
	router_iface_update(net->router, (unsigned)net->lan, &net->params[LAN], &e);
	routernet_meet(net);
}

static const struct flow from_lan = {
	.from = 1, .src = "fd00:10::11", .dst = WORLD, .sport = 4, .dport = 7, .payload = 9};

static void translated_prefix_takes_the_quick_way_both_ways(void **state)
{
	struct routernet *net = *state;
	struct flow in = {.from = 9, .src = WORLD, .sport = 7, .dport = 4, .payload = 9, .ttl = 1};
	char outer[46];

	set_prefix6(net);
	assert_true(routernet_passes(net, A, &from_lan, W));
	snprintf(outer, sizeof(outer), "%s", routernet_got(net, W, 0).src);
	in.dst = outer;
	assert_false(routernet_passes(net, W, &in, A));
	in.ttl = 64;
	for (unsigned i = 0; i < 4; i++) {
		assert_true(routernet_passes(net, A, &from_lan, W));
		assert_true(routernet_passes(net, W, &in, A));
		assert_got(net, W, routernet_count(net, W) - 1, outer, WORLD);
		assert_got(net, A, i, WORLD, "fd00:10::11");
	}
	assert_int_equal(slow(net, net->lan), 1);
	assert_int_equal(slow(net, net->wan), 2);
}

/* A packet that the filter does not know is refused as it came, not half translated. */
static void quick_way_undoes_what_it_began(void **state)
{
	struct routernet *net = *state;
	struct flow in = {.from = 9, .src = WORLD, .sport = 7, .dport = 4, .payload = 9};
	char outer[46];

	set_prefix6(net);
	routernet_put_filter6(net, LAN, routernet_view6(NULL, 0));
	assert_true(routernet_passes(net, A, &from_lan, W));
	snprintf(outer, sizeof(outer), "%s", routernet_got(net, W, 0).src);
	in.dst = outer;
	assert_true(routernet_passes(net, W, &in, A));
	in.sport = 8; /* another session, by the same way */
	assert_true(routernet_passes(net, W, &in, A));
	assert_got(net, A, 1, WORLD, "fd00:10::11");
	assert_int_equal(sessions(net), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, routernet_setup, routernet_teardown)
		T(packets_of_a_session_take_the_quick_way),
		T(quick_packets_keep_their_session_from_ageing),
		T(translated_prefix_takes_the_quick_way_both_ways),
		T(quick_way_undoes_what_it_began),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("router_way6", tests, NULL, NULL);
}
