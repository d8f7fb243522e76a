/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The router with its ports: who reaches whom, and how packets look when they get there. */

#include <string.h>

#include "dataplane/eal.h"
#include "tests/lib/routernet.h"

static const struct mac outside_router = {{2, 0, 0, 0, 0, 9}};

static const struct flow out_udp = {.from = 1,
				    .src = "10.10.0.11",
				    .dst = "203.0.113.5",
				    .sport = 4000,
				    .dport = 53,
				    .payload = 30};

static void guest_reaches_the_outside_translated(void **state)
{
	struct routernet *net = *state;
	struct got got;

	routernet_meet(net);
	routernet_send(net, A, &out_udp);

	assert_got(net, W, 0, "198.18.0.2", "203.0.113.5");
	got = routernet_got(net, W, 0);
	assert_int_equal(got.sport, 4000);
	assert_int_equal(got.dport, 53);
	assert_int_equal(got.ttl, 63);
	assert_memory_equal(&got.dst, &outside_router, 6);
	assert_memory_equal(&got.src_mac, &net->wan_params.mac, 6);
}

static void answer_comes_back_to_the_guest(void **state)
{
	struct routernet *net = *state;
	struct mac guest = station(1);
	struct got got;

	routernet_meet(net);
	routernet_send(net, A, &out_udp);
	routernet_send(net, W,
		       &(struct flow){.from = 9,
				      .src = "203.0.113.5",
				      .dst = "198.18.0.2",
				      .sport = 53,
				      .dport = 4000,
				      .payload = 99});

	assert_got(net, A, 0, "203.0.113.5", "10.10.0.11");
	got = routernet_got(net, A, 0);
	assert_int_equal(got.dport, 4000);
	assert_int_equal(got.ttl, 63);
	assert_memory_equal(&got.dst, &guest, 6);
	assert_memory_equal(&got.src_mac, &net->params[LAN].mac, 6);
	assert_int_equal(routernet_count(net, B), 0);
}

static void session_that_knows_its_way_is_not_routed_again(void **state)
{
	struct routernet *net = *state;
	struct router_counters c;

	routernet_meet(net);
	for (int i = 0; i < 5; i++)
		routernet_send(net, A, &out_udp);

	router_counters_get(net->router->ifaces[net->lan], &c);
	assert_int_equal(c.routed, 5);
	assert_int_equal(c.slow, 1);
	assert_int_equal(routernet_count(net, W), 5);
}

static void first_packet_to_an_unknown_guest_waits_for_it(void **state)
{
	struct routernet *net = *state;

	routernet_send(net, C,
		       &(struct flow){.from = 3,
				      .src = "10.20.0.13",
				      .dst = "10.30.0.14",
				      .dport = 7,
				      .payload = 10});
	assert_int_equal(routernet_count(net, D), 0);
	assert_int_equal(net->ports[D]->n_out, 1); /* who has 10.30.0.14 */
	routernet_arp(net, D, 4, "10.30.0.14", "10.30.0.1", ARP_REPLY);

	assert_got(net, D, 0, "10.20.0.13", "10.30.0.14");
	assert_int_equal(routernet_got(net, D, 0).ttl, 63);
}

static void guest_that_does_not_answer_is_reported_unreachable(void **state)
{
	struct routernet *net = *state;
	struct got got;

	routernet_meet(net);
	routernet_send(net, C,
		       &(struct flow){.from = 3,
				      .src = "10.20.0.13",
				      .dst = "10.30.0.77",
				      .dport = 7,
				      .payload = 10});
	routernet_tick(net, 4);

	assert_got(net, C, 0, "10.20.0.1", "10.20.0.13");
	got = routernet_got(net, C, 0);
	assert_int_equal(got.proto, WIRE_PROTO_ICMP);
	assert_int_equal(got.sport, 3);
	assert_int_equal(got.dport, 1);
	/* asked three times */
	assert_int_equal(net->ports[D]->n_out, 3);
}

static void routed_bridges_reach_each_other_untranslated(void **state)
{
	struct routernet *net = *state;

	routernet_meet(net);
	routernet_send(net, C,
		       &(struct flow){.from = 3,
				      .src = "10.20.0.13",
				      .dst = "10.30.0.14",
				      .sport = 9,
				      .dport = 7});
	routernet_send(net, C,
		       &(struct flow){.from = 3,
				      .src = "fd00:20::13",
				      .dst = "fd00:30::14",
				      .sport = 9,
				      .dport = 7});

	assert_got(net, D, 0, "10.20.0.13", "10.30.0.14");
	assert_got(net, D, 1, "fd00:20::13", "fd00:30::14");
	assert_int_equal(routernet_got(net, D, 1).ttl, 63);
}

static void translated_and_isolated_bridges_are_kept_apart(void **state)
{
	static const struct flow flows[] = {
		{.from = 1, .src = "10.10.0.11", .dst = "10.30.0.14", .dport = 7},
		{.from = 3, .src = "10.20.0.13", .dst = "10.10.0.11", .dport = 7},
		{.from = 5, .src = "10.40.0.15", .dst = "10.20.0.13", .dport = 7},
		{.from = 5, .src = "10.40.0.15", .dst = "203.0.113.5", .dport = 7},
	};
	static const int ports[] = {A, C, E, E}, codes[] = {13, 13, 13, 0};
	struct routernet *net = *state;

	routernet_meet(net);
	for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
		struct got got;

		routernet_clear(net);
		routernet_send(net, ports[i], &flows[i]);

		got = routernet_got(net, ports[i], 0);
		assert_true(got.ok);
		assert_int_equal(got.sport, 3);
		assert_int_equal(got.dport, codes[i]);
		for (int p = A; p <= W; p++)
			assert_int_equal(routernet_count(net, p), p == ports[i]);
	}
}

static void routed_bridge_reaches_the_outside_untranslated(void **state)
{
	struct routernet *net = *state;

	routernet_meet(net);
	routernet_send(
		net, C,
		&(struct flow){.from = 3, .src = "10.20.0.13", .dst = "203.0.113.5", .dport = 7});
	routernet_send(
		net, W,
		&(struct flow){.from = 9, .src = "203.0.113.5", .dst = "10.20.0.13", .dport = 7});
	routernet_send(
		net, C,
		&(struct flow){.from = 3, .src = "fd00:20::13", .dst = "2001:db8::5", .dport = 7});

	assert_got(net, W, 0, "10.20.0.13", "203.0.113.5");
	assert_got(net, C, 0, "203.0.113.5", "10.20.0.13");
	assert_got(net, W, 1, "fd00:20::13", "2001:db8::5");
}

static void prefix_of_a_translated_bridge_is_another_one_outside(void **state)
{
	struct routernet *net = *state;
	struct ipaddr_prefix outer;
	struct err e = {0};
	struct got got;

	routernet_meet(net);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "fd00:10::11",
				      .dst = "2001:db8::5",
				      .sport = 4,
				      .dport = 7,
				      .payload = 9});
	assert_int_equal(routernet_got(net, A, 0).sport, 1); /* prohibited while there is none */

	ipaddr_prefix_parse("2001:db8:77::/64", &outer);
	net->params[LAN].has_npt6 = true;
	assert_int_equal(npt6_init(&net->params[LAN].npt6, &net->params[LAN].address6, &outer, &e),
			 0);
	router_iface_update(net->router, (unsigned)net->lan, &net->params[LAN], &e);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "fd00:10::11",
				      .dst = "2001:db8::5",
				      .sport = 4,
				      .dport = 7,
				      .payload = 9});
	got = routernet_got(net, W, 0);
	assert_true(got.ok);
	assert_memory_equal(got.src, "2001:db8:77:", 12);
	assert_int_equal(got.ttl, 63);

	routernet_clear(net);
	routernet_send(net, W,
		       &(struct flow){.from = 9,
				      .src = "2001:db8::5",
				      .dst = got.src,
				      .sport = 7,
				      .dport = 4,
				      .payload = 9});
	assert_got(net, A, 0, "2001:db8::5", "fd00:10::11");
}

static void outside_does_not_reach_inside_addresses(void **state)
{
	struct routernet *net = *state;

	routernet_meet(net);
	routernet_send(
		net, W,
		&(struct flow){.from = 9, .src = "203.0.113.5", .dst = "10.10.0.11", .dport = 7});
	routernet_send(
		net, W,
		&(struct flow){.from = 9, .src = "203.0.113.5", .dst = "198.18.0.2", .dport = 7});

	assert_int_equal(routernet_drops(net, DROP_PROHIBITED), 1);
	assert_int_equal(routernet_drops(net, DROP_NAT_NO_MAPPING), 1);
	assert_int_equal(routernet_count(net, A), 0);
	assert_int_equal(routernet_count(net, W), 0);
}

/* --- the gateway itself ------------------------------------------------------------------------
 */

static void gateway_answers_arp_and_solicitations(void **state)
{
	struct routernet *net = *state;
	const uint8_t *reply;

	routernet_arp(net, A, 1, "10.10.0.11", "10.10.0.1", ARP_REQUEST);
	assert_int_equal(net->ports[A]->n_out, 1);
	reply = net->ports[A]->out[0]->bytes;
	assert_memory_equal(reply + 6, &net->params[LAN].mac, 6);
	assert_memory_equal(reply + 22, &net->params[LAN].mac, 6);

	routernet_clear(net);
	routernet_arp(net, A, 1, "fd00:10::11", "fd00:10::1", ARP_REQUEST);
	assert_int_equal(net->ports[A]->n_out, 1);
	assert_memory_equal(net->ports[A]->out[0]->bytes + 6, &net->params[LAN].mac, 6);

	routernet_clear(net);
	routernet_arp(net, A, 1, "10.10.0.11", "10.10.0.99", ARP_REQUEST);
	assert_int_equal(net->ports[A]->n_out, 0);
}

static void gateway_answers_echo_of_any_length(void **state)
{
	struct routernet *net = *state;
	static const uint32_t lengths[] = {0, 56, 1400, 8000};

	routernet_meet(net);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct got got;

		routernet_clear(net);
		routernet_send(net, A,
			       &(struct flow){.from = 1,
					      .src = "10.10.0.11",
					      .dst = "10.10.0.1",
					      .proto = WIRE_PROTO_ICMP,
					      .sport = 8,
					      .dport = 77,
					      .payload = lengths[i]});
		assert_got(net, A, 0, "10.10.0.1", "10.10.0.11");
		got = routernet_got(net, A, 0);
		assert_int_equal(got.sport, 0);
		assert_int_equal(got.id, 77);
		assert_int_equal(got.len, 28 + lengths[i]);
	}
	routernet_clear(net);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "fd00:10::11",
				      .dst = "fd00:10::1",
				      .proto = WIRE_PROTO_ICMP6,
				      .sport = 128,
				      .payload = 64});
	assert_got(net, A, 0, "fd00:10::1", "fd00:10::11");
	assert_int_equal(routernet_got(net, A, 0).sport, 129);
}

static void external_address_answers_echo_from_both_sides(void **state)
{
	struct routernet *net = *state;

	routernet_meet(net);
	routernet_send(net, W,
		       &(struct flow){.from = 9,
				      .src = "203.0.113.5",
				      .dst = "198.18.0.2",
				      .proto = WIRE_PROTO_ICMP,
				      .sport = 8,
				      .payload = 56});
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "198.18.0.2",
				      .proto = WIRE_PROTO_ICMP,
				      .sport = 8,
				      .payload = 56});

	assert_got(net, W, 0, "198.18.0.2", "203.0.113.5");
	assert_got(net, A, 0, "198.18.0.2", "10.10.0.11");
}

static void service_that_the_gateway_has_not_is_refused(void **state)
{
	struct routernet *net = *state;
	struct got got;

	routernet_meet(net);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "10.10.0.1",
				      .sport = 1000,
				      .dport = 99,
				      .payload = 5});
	routernet_send(net, W,
		       &(struct flow){.from = 9,
				      .src = "198.18.0.1",
				      .dst = "198.18.0.2",
				      .sport = 1000,
				      .dport = 99,
				      .payload = 5});

	got = routernet_got(net, A, 0);
	assert_true(got.ok);
	assert_int_equal(got.sport, 3);
	assert_int_equal(got.dport, 3);
	assert_int_equal(routernet_count(net, W), 0);
}

/* --- ICMP errors -------------------------------------------------------------------------------
 */

static void hop_limit_that_ends_is_reported_by_the_gateway(void **state)
{
	struct routernet *net = *state;
	struct got got;

	routernet_meet(net);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .sport = 4000,
				      .dport = 33434,
				      .ttl = 1,
				      .payload = 32});
	routernet_send(net, C,
		       &(struct flow){.from = 3,
				      .src = "fd00:20::13",
				      .dst = "fd00:30::14",
				      .sport = 9,
				      .dport = 7,
				      .ttl = 1,
				      .payload = 1100});

	assert_got(net, A, 0, "10.10.0.1", "10.10.0.11");
	got = routernet_got(net, A, 0);
	assert_int_equal(got.sport, 11);
	assert_int_equal(got.dport, 0);
	/* the packet as the guest sent it: 60 bytes behind 8 of ICMP */
	assert_int_equal(got.l4_len, 8 + 60);
	assert_memory_equal(got.l4 + 8 + 12, ((uint8_t[]){10, 10, 0, 11}), 4);
	assert_int_equal(got.l4[8 + 8], 1);
	assert_got(net, C, 0, "fd00:20::1", "fd00:20::13");
	got = routernet_got(net, C, 0);
	assert_int_equal(got.sport, 3);
	assert_int_equal(got.len, 40 + 8 + 40 + 8 + 1100);
	assert_int_equal(routernet_count(net, W), 0);
}

static void errors_quote_no_more_than_their_rfc_allows(void **state)
{
	struct routernet *net = *state;

	routernet_meet(net);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .dport = 33434,
				      .ttl = 1,
				      .payload = 1400});
	routernet_send(net, C,
		       &(struct flow){.from = 3,
				      .src = "fd00:20::13",
				      .dst = "fd00:30::14",
				      .dport = 7,
				      .ttl = 1,
				      .payload = 1400});

	assert_true(routernet_got(net, A, 0).ok);
	assert_int_equal(routernet_got(net, A, 0).len, 576);
	assert_true(routernet_got(net, C, 0).ok);
	assert_int_equal(routernet_got(net, C, 0).len, 1280);
}

static void rfc4787_req13_too_long_with_df_is_reported_with_the_mtu(void **state)
{
	struct routernet *net = *state;
	struct got got;

	routernet_meet(net);
	net->wan_params.mtu = 1400;
	router_iface_update(net->router, (unsigned)net->wan, &net->wan_params, &(struct err){0});
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .sport = 1,
				      .dport = 2,
				      .df = true,
				      .payload = 1372});
	assert_int_equal(routernet_count(net, W), 1);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .sport = 1,
				      .dport = 2,
				      .df = true,
				      .payload = 1373});
	routernet_send(
		net, C,
		&(struct flow){
			.from = 3, .src = "fd00:20::13", .dst = "2001:db8::5", .payload = 1400});

	assert_got(net, A, 0, "10.10.0.1", "10.10.0.11");
	got = routernet_got(net, A, 0);
	assert_int_equal(got.sport, 3);
	assert_int_equal(got.dport, 4);
	assert_int_equal(got.seq, 1400);
	assert_memory_equal(got.l4 + 8 + 12, ((uint8_t[]){10, 10, 0, 11}), 4);
	got = routernet_got(net, C, 0);
	assert_true(got.ok);
	assert_int_equal(got.sport, 2);
	assert_int_equal(got.seq, 1400);
	assert_int_equal(routernet_count(net, W), 1);
}

static void rfc4787_req13a_too_long_without_df_is_fragmented_in_order(void **state)
{
	struct routernet *net = *state;
	struct got first, second;

	routernet_meet(net);
	net->wan_params.mtu = 1400;
	router_iface_update(net->router, (unsigned)net->wan, &net->wan_params, &(struct err){0});
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .sport = 1,
				      .dport = 2,
				      .payload = 1452});

	assert_int_equal(routernet_count(net, W), 2);
	first = routernet_got(net, W, 0);
	second = routernet_got(net, W, 1);
	assert_true(first.ok && second.ok);
	assert_string_equal(first.src, "198.18.0.2");
	assert_int_equal(first.frag, 0x2000);
	assert_int_equal(first.len, 1396);
	assert_int_equal(second.frag, 1376 / 8);
	assert_int_equal(first.len - 20 + second.len - 20, 1460);
	assert_memory_equal(&second.dst, &outside_router, 6);
}

static void errors_are_limited_in_rate(void **state)
{
	struct routernet *net = *state;
	struct router_counters c;

	routernet_meet(net);
	for (int i = 0; i < 100; i++) {
		routernet_send(
			net, A,
			&(struct flow){
				.from = 1, .src = "10.10.0.11", .dst = "203.0.113.5", .ttl = 1});
	}
	assert_int_equal(routernet_count(net, A), 50);
	assert_int_equal(routernet_drops(net, DROP_TTL), 50);
	router_counters_get(net->router->ifaces[net->lan], &c);
	assert_int_equal(c.icmp_limited, 50);

	net->now_ns += SECOND;
	routernet_send(
		net, A,
		&(struct flow){.from = 1, .src = "10.10.0.11", .dst = "203.0.113.5", .ttl = 1});
	assert_int_equal(routernet_count(net, A), 51);
}

static void no_error_about_an_error(void **state)
{
	struct routernet *net = *state;

	routernet_meet(net);
	routernet_send(net, C,
		       &(struct flow){.from = 3,
				      .src = "10.20.0.13",
				      .dst = "10.30.0.14",
				      .proto = WIRE_PROTO_ICMP,
				      .sport = 3,
				      .ttl = 1,
				      .payload = 40});

	assert_int_equal(routernet_count(net, C), 0);
	assert_int_equal(routernet_drops(net, DROP_TTL), 1);
}

/* --- what is not routed ------------------------------------------------------------------------
 */

static void sources_that_cannot_be_there_are_dropped(void **state)
{
	static const struct {
		int port;
		const char *src, *dst;
	} martians[] = {
		{A, "192.168.7.7", "203.0.113.5"}, {A, "10.20.0.13", "203.0.113.5"},
		{A, "10.10.0.1", "203.0.113.5"},   {C, "127.0.0.1", "10.30.0.14"},
		{C, "224.0.0.1", "10.30.0.14"},	   {W, "10.10.0.11", "198.18.0.2"},
		{W, "198.18.0.2", "198.18.0.2"},   {C, "2001:db8::1", "fd00:30::14"},
	};
	struct routernet *net = *state;

	routernet_meet(net);
	for (size_t i = 0; i < ARRAY_SIZE(martians); i++) {
		routernet_send(net, martians[i].port,
			       &(struct flow){.from = 1,
					      .src = martians[i].src,
					      .dst = martians[i].dst,
					      .dport = 7});
		assert_int_equal(routernet_drops(net, DROP_MARTIAN), i + 1);
	}
}

static void group_and_broadcast_addresses_are_not_routed(void **state)
{
	static const char *const groups[] = {"224.0.0.5", "255.255.255.255", "10.30.0.255",
					     "10.30.0.0", "127.0.0.1"};
	struct routernet *net = *state;

	routernet_meet(net);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		routernet_send(
			net, C,
			&(struct flow){
				.from = 3, .src = "10.20.0.13", .dst = groups[i], .dport = 7});

	assert_int_equal(routernet_count(net, D), 0);
	assert_int_equal(routernet_drops(net, DROP_NOT_ROUTED), ARRAY_SIZE(groups));
}

static void uplink_takes_only_its_own_frames(void **state)
{
	struct routernet *net = *state;

	routernet_send(
		net, W,
		&(struct flow){
			.from = 9, .src = "203.0.113.5", .dst = "198.18.0.2", .to = station(77)});
	routernet_send(net, W,
		       &(struct flow){.from = 9,
				      .src = "203.0.113.5",
				      .dst = "224.0.0.5",
				      .to = {{1, 0, 0x5e, 0, 0, 5}}});

	assert_int_equal(routernet_drops(net, DROP_OTHER_STATION), 1);
	assert_int_equal(routernet_drops(net, DROP_NOT_ROUTED), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ROUTER_TEST(name) cmocka_unit_test_setup_teardown(name, routernet_setup, routernet_teardown)
		ROUTER_TEST(guest_reaches_the_outside_translated),
		ROUTER_TEST(answer_comes_back_to_the_guest),
		ROUTER_TEST(session_that_knows_its_way_is_not_routed_again),
		ROUTER_TEST(first_packet_to_an_unknown_guest_waits_for_it),
		ROUTER_TEST(guest_that_does_not_answer_is_reported_unreachable),
		ROUTER_TEST(routed_bridges_reach_each_other_untranslated),
		ROUTER_TEST(translated_and_isolated_bridges_are_kept_apart),
		ROUTER_TEST(routed_bridge_reaches_the_outside_untranslated),
		ROUTER_TEST(prefix_of_a_translated_bridge_is_another_one_outside),
		ROUTER_TEST(outside_does_not_reach_inside_addresses),
		ROUTER_TEST(gateway_answers_arp_and_solicitations),
		ROUTER_TEST(gateway_answers_echo_of_any_length),
		ROUTER_TEST(external_address_answers_echo_from_both_sides),
		ROUTER_TEST(service_that_the_gateway_has_not_is_refused),
		ROUTER_TEST(hop_limit_that_ends_is_reported_by_the_gateway),
		ROUTER_TEST(errors_quote_no_more_than_their_rfc_allows),
		ROUTER_TEST(rfc4787_req13_too_long_with_df_is_reported_with_the_mtu),
		ROUTER_TEST(rfc4787_req13a_too_long_without_df_is_fragmented_in_order),
		ROUTER_TEST(errors_are_limited_in_rate),
		ROUTER_TEST(no_error_about_an_error),
		ROUTER_TEST(sources_that_cannot_be_there_are_dropped),
		ROUTER_TEST(group_and_broadcast_addresses_are_not_routed),
		ROUTER_TEST(uplink_takes_only_its_own_frames),
	};

	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
