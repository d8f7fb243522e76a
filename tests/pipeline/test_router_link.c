/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The router on its links: neighbours that come, move and go, VLANs, captures, changes at run time.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/capture.h"
#include "dataplane/eal.h"
#include "tests/lib/routernet.h"

static const struct flow red_to_blue = {
	.from = 3, .src = "10.20.0.13", .dst = "10.30.0.14", .sport = 9, .dport = 7, .payload = 10};

/* --- neighbours --------------------------------------------------------------------------------
 */

/* The neighbour says that it is at another address now, after `packets` for it. */
static void assert_move_is_followed(struct routernet *net, unsigned packets)
{
	struct mac moved = station(44);
	struct got got;

	routernet_meet(net);
	for (unsigned i = 0; i < packets; i++)
		routernet_send(net, C, &red_to_blue);
	routernet_arp(net, D, 44, "10.30.0.14", "10.30.0.14", ARP_REPLY);
	routernet_clear(net);
	routernet_send(net, C, &red_to_blue);

	got = routernet_got(net, D, 0);
	assert_memory_equal(&got.dst, &moved, 6);
}

static void neighbour_that_moves_is_followed(void **state)
{
	assert_move_is_followed(*state, 1);
}

static void neighbour_that_is_used_is_asked_directly_before_it_is_forgotten(void **state)
{
	struct routernet *net = *state;
	struct mac guest = station(4);

	routernet_meet(net);
	routernet_tick(net, NEIGH_REACHABLE_S - 1);
	routernet_clear(net);
	routernet_send(net, C, &red_to_blue);
	routernet_tick(net, 1);

	/* the packet and a question, to the guest alone */
	assert_int_equal(routernet_count(net, D), 1);
	assert_int_equal(net->ports[D]->n_out, 2);
	assert_memory_equal(net->ports[D]->out[1]->bytes, &guest, 6);
	routernet_arp(net, D, 4, "10.30.0.14", "10.30.0.1", ARP_REPLY);
	routernet_tick(net, 5);
	assert_int_equal(net->ports[D]->n_out, 2);
}

static void neighbour_that_does_not_answer_is_forgotten(void **state)
{
	struct routernet *net = *state;

	routernet_meet(net);
	routernet_send(net, C, &red_to_blue);
	assert_int_equal(routernet_count(net, D), 1);
	routernet_tick(net, NEIGH_REACHABLE_S);
	routernet_send(net, C, &red_to_blue);
	routernet_tick(net, NEIGH_TRIES + 3);
	routernet_clear(net);
	routernet_send(net, C, &red_to_blue);

	assert_int_equal(routernet_count(net, D), 0);
	assert_int_equal(net->ports[D]->n_out, 1); /* everybody is asked */
}

static void few_packets_wait_for_one_neighbour_and_the_oldest_go(void **state)
{
	struct routernet *net = *state;

	for (uint16_t i = 0; i < 7; i++)
		routernet_send(net, C,
			       &(struct flow){.from = 3,
					      .src = "10.20.0.13",
					      .dst = "10.30.0.14",
					      .sport = i,
					      .dport = 7});
	routernet_arp(net, D, 4, "10.30.0.14", "10.30.0.1", ARP_REPLY);

	assert_int_equal(routernet_count(net, D), GATEWAY_WAITING_EACH);
	for (unsigned i = 0; i < GATEWAY_WAITING_EACH; i++)
		assert_int_equal(routernet_got(net, D, i).sport, 7 - GATEWAY_WAITING_EACH + i);
}

static void scan_of_a_subnet_costs_its_guests_nothing(void **state)
{
	struct routernet *net = *state;
	char dst[20];

	routernet_meet(net);
	for (int i = 20; i < 250; i++) {
		snprintf(dst, sizeof(dst), "10.30.0.%d", i);
		routernet_send(net, C, &(struct flow){.from = 3, .src = "10.20.0.13", .dst = dst});
		testport_clear(net->ports[D]);
	}
	routernet_send(net, C, &red_to_blue);

	assert_int_equal(routernet_count(net, D), 1);
	assert_true(routernet_drops(net, DROP_NO_NEIGHBOUR) > 0);
}

static void answers_of_strangers_are_not_believed(void **state)
{
	struct routernet *net = *state;
	struct gateway *gw = routernet_gateway(net, net->blue);

	routernet_arp(net, D, 66, "10.30.0.66", "10.30.0.67", ARP_REPLY);
	routernet_arp(net, D, 66, "172.16.0.1", "10.30.0.1", ARP_REQUEST);
	assert_int_equal(gw->neighs->n, 0);

	routernet_arp(net, D, 66, "10.30.0.1", "10.30.0.1", ARP_REPLY);
	assert_int_equal(gw->counters.conflicts, 1);
	assert_int_equal(gw->neighs->n, 0);
}

/* --- bridges -----------------------------------------------------------------------------------
 */

static void station_that_the_bridge_forgot_gets_its_packets_by_flooding(void **state)
{
	struct routernet *net = *state;

	routernet_meet(net);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .sport = 4000,
				      .dport = 53});
	fdb_flush(&net->bridges[LAN]->fdb, 0, false);
	routernet_send(net, W,
		       &(struct flow){.from = 9,
				      .src = "203.0.113.5",
				      .dst = "198.18.0.2",
				      .sport = 53,
				      .dport = 4000});

	assert_int_equal(routernet_count(net, A), 1);
	assert_int_equal(routernet_count(net, B), 1);
}

static void make_trunk(struct routernet *net, int port, int bridge, const char *vlans)
{
	struct bridge_port_params params = bridge_port_defaults();

	params.trunk = true;
	params.pvid = 0;
	memset(&params.vlans, 0, sizeof(params.vlans));
	assert_int_equal(vlan_set_parse(vlans, &params.vlans), 0);
	assert_int_equal(bridge_update_port(net->bridges[bridge], &net->ports[port]->port, &params),
			 0);
}

/* The gateway of a bridge is in VLAN 10, and so is a trunk. */
static void filter_vlans(struct routernet *net, int port, int bridge, int number)
{
	struct bridge_params params = {
		.name = "v", .fdb_entries = 1000, .ageing_s = 300, .vlan_filtering = true};
	struct err e = {0};

	assert_int_equal(bridge_update(net->bridges[bridge], &params), 0);
	net->params[bridge].vlan = 10;
	assert_int_equal(
		router_iface_update(net->router, (unsigned)number, &net->params[bridge], &e), 0);
	make_trunk(net, port, bridge, "10, 20");
}

static void tagged_guest_is_routed_and_gets_its_answers_tagged(void **state)
{
	struct routernet *net = *state;
	struct flow tagged = red_to_blue;

	filter_vlans(net, C, RED, net->red);
	routernet_meet(net);
	tagged.tag = 10;
	routernet_send(net, C, &tagged);
	assert_got(net, D, 0, "10.20.0.13", "10.30.0.14");
	assert_int_equal(routernet_got(net, D, 0).tag, 0);

	routernet_send(net, D,
		       &(struct flow){.from = 4,
				      .src = "10.30.0.14",
				      .dst = "10.20.0.13",
				      .sport = 7,
				      .dport = 9});
	/* asked for in its VLAN first */
	assert_int_equal(net->ports[C]->n_out, 1);
	assert_int_equal(net->ports[C]->out[0]->bytes[15], 10);

	routernet_clear(net);
	tagged.dst = "10.20.0.1";
	tagged.proto = WIRE_PROTO_ICMP;
	tagged.sport = 8;
	routernet_send(net, C, &tagged);
	assert_got(net, C, 0, "10.20.0.1", "10.20.0.13");
	assert_int_equal(routernet_got(net, C, 0).tag, 10);
}

static void other_vlans_do_not_reach_the_gateway(void **state)
{
	struct routernet *net = *state;
	struct flow tagged = red_to_blue;

	filter_vlans(net, C, RED, net->red);
	routernet_meet(net);
	tagged.tag = 20;
	routernet_send(net, C, &tagged);

	assert_int_equal(routernet_count(net, D), 0);
}

/* --- captures ----------------------------------------------------------------------------------
 */

static void capture_sees_a_packet_as_it_came(void **state)
{
	struct routernet *net = *state;
	struct capture_params params = {.directions = CAPTURE_IN, .snaplen = 100};
	const struct capture_record *r;
	struct err e = {0};
	struct capture *c;

	routernet_meet(net);
	c = capture_create(net->dp, &params, &e);
	assert_non_null(c);
	capture_add_port(c, &net->ports[A]->port);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .sport = 4000,
				      .dport = 53});

	r = capture_peek(c);
	assert_non_null(r);
	assert_memory_equal(r->bytes + 26, ((uint8_t[]){10, 10, 0, 11}), 4);
	capture_release(c, r);
	capture_destroy(c);
	assert_got(net, W, 0, "198.18.0.2", "203.0.113.5");
}

/* --- changes -----------------------------------------------------------------------------------
 */

static void gateway_that_becomes_isolated_stops_routing_at_once(void **state)
{
	struct routernet *net = *state;
	struct err e = {0};

	routernet_meet(net);
	routernet_send(net, C, &red_to_blue);
	net->params[BLUE].forward = ROUTER_NONE;
	assert_int_equal(
		router_iface_update(net->router, (unsigned)net->blue, &net->params[BLUE], &e), 0);
	routernet_send(net, C, &red_to_blue);

	assert_int_equal(routernet_count(net, D), 1);
	assert_int_equal(routernet_got(net, C, 0).dport, 13);
}

static void bridge_that_loses_its_translation_passes_nothing_meanwhile(void **state)
{
	struct routernet *net = *state;
	struct err e = {0};

	routernet_meet(net);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .sport = 4000,
				      .dport = 53});
	net->params[LAN].inside = NULL;
	assert_int_equal(
		router_iface_update(net->router, (unsigned)net->lan, &net->params[LAN], &e), 0);
	nat_inside_destroy(net->nat, net->inside);
	net->inside = NULL;
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .sport = 4000,
				      .dport = 53});
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "198.18.0.2",
				      .sport = 4000,
				      .dport = 53});
	routernet_send(net, W,
		       &(struct flow){.from = 9,
				      .src = "203.0.113.5",
				      .dst = "198.18.0.2",
				      .sport = 53,
				      .dport = 4000});

	assert_int_equal(routernet_count(net, W), 1);
	assert_int_equal(routernet_count(net, B), 0);
}

static void next_hop_that_changes_is_used_by_sessions_that_are_there(void **state)
{
	struct routernet *net = *state;
	struct mac second = station(77);
	struct got got;
	struct ipaddr_prefix next;
	struct err e = {0};

	routernet_meet(net);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .sport = 4000,
				      .dport = 53});
	ipaddr_prefix_parse("198.18.0.7", &next);
	ip4_parse("198.18.0.7", &net->wan_params.gateway);
	gateway_set_static(routernet_gateway(net, net->wan), &next.addr, &second);
	assert_int_equal(router_iface_update(net->router, (unsigned)net->wan, &net->wan_params, &e),
			 0);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .sport = 4000,
				      .dport = 53});

	assert_int_equal(routernet_count(net, W), 2);
	got = routernet_got(net, W, 1);
	assert_memory_equal(&got.dst, &second, 6);
}

static void bridge_without_its_gateway_is_a_plain_bridge(void **state)
{
	struct routernet *net = *state;
	struct flow to_peer = {
		.from = 1, .src = "10.10.0.11", .dst = "10.10.0.12", .to = station(2)};

	routernet_meet(net);
	router_iface_del(net->router, (unsigned)net->lan);
	net->port_left = true;
	routernet_send(net, A, &to_peer);
	assert_int_equal(routernet_count(net, B), 1);
	routernet_send(net, A,
		       &(struct flow){.from = 1, .src = "10.10.0.11", .dst = "203.0.113.5"});

	assert_int_equal(routernet_count(net, W), 0);
	assert_int_equal(routernet_count(net, B), 2); /* nobody has the address: flooded */
}

/* --- ways that are remembered ------------------------------------------------------------------
 */

static uint64_t slow(const struct routernet *net)
{
	struct router_counters c;

	router_counters_get(net->router->ifaces[net->red], &c);
	return c.slow;
}

static const struct flow red_to_blue6 = {
	.from = 3, .src = "fd00:20::13", .dst = "fd00:30::14", .sport = 9, .dport = 7};

static void way_of_a_routed_pair_is_found_once(void **state)
{
	struct routernet *net = *state;
	struct flow spent = red_to_blue6;

	routernet_meet(net);
	for (int i = 0; i < 5; i++) {
		routernet_send(net, C, &red_to_blue);
		routernet_send(net, C, &red_to_blue6);
	}
	assert_int_equal(routernet_count(net, D), 10);
	assert_int_equal(routernet_got(net, D, 9).ttl, 63);
	assert_int_equal(slow(net), 2);

	/* What needs an answer gets it. */
	spent.ttl = 1;
	routernet_send(net, C, &spent);
	assert_int_equal(routernet_got(net, C, 0).sport, 3);
}

static void way_is_void_when_the_networks_are_kept_apart(void **state)
{
	struct routernet *net = *state;
	struct err e;

	routernet_meet(net);
	routernet_send(net, C, &red_to_blue6);
	routernet_send(net, C, &red_to_blue6);
	net->params[BLUE].forward = ROUTER_NONE;
	router_iface_update(net->router, (unsigned)net->blue, &net->params[BLUE], &e);
	routernet_send(net, C, &red_to_blue6);

	assert_int_equal(routernet_count(net, D), 2);
	assert_int_equal(routernet_drops(net, DROP_PROHIBITED) + routernet_count(net, C), 1);
}

static void way_is_void_when_a_bridge_with_the_network_comes(void **state)
{
	static const struct flow out = {.from = 3, .src = "fd00:20::13", .dst = "fd00:50::5"};
	const struct bridge_params bridge = {.name = "new", .fdb_entries = 100, .ageing_s = 300};
	struct routernet *net = *state;
	struct router_iface_params params = net->params[BLUE];
	struct ipaddr_prefix prefix;
	struct err e;
	int number;

	routernet_meet(net);
	routernet_send(net, C, &out);
	routernet_send(net, C, &out);
	assert_int_equal(routernet_count(net, W), 2);
	ipaddr_prefix_parse("fd00:50::1/64", &prefix);
	params.name = "new";
	params.bridge = bridge_create(net->dp, &bridge, &e);
	params.has_address = false;
	params.address6 = prefix;
	number = router_iface_add(net->router, &params, &e);
	routernet_send(net, C, &out);

	assert_int_equal(routernet_count(net, W), 2);
	net->port_left = true;
	router_iface_del(net->router, (unsigned)number);
	bridge_destroy(params.bridge);
}

static void way_is_no_others(void **state)
{
	struct routernet *net = *state;
	struct flow forged = red_to_blue6;

	routernet_meet(net);
	routernet_send(net, C, &red_to_blue6);
	forged.from = 5;
	routernet_send(net, E, &forged); /* the same addresses, from another bridge */

	assert_int_equal(routernet_count(net, D), 1);
	assert_int_equal(routernet_drops(net, DROP_MARTIAN), 1);
}

/* The second packet went by the way that the first one made its worker remember. */
static void way_follows_a_neighbour_that_moves(void **state)
{
	assert_move_is_followed(*state, 2);
}

/* --- mirrors -----------------------------------------------------------------------------------
 */

static struct bridge_mirrors *mirror_of(struct routernet *net, int port, int to)
{
	size_t size = sizeof(struct bridge_mirrors) + sizeof(struct bridge_mirror);
	struct bridge_mirrors *m = aligned_alloc(64, (size + 63) & ~(size_t)63);

	memset(m, 0, size);
	m->n = 1;
	m->list[0].to = net->ports[to]->port.id;
	port_set_put(&m->list[0].out, net->ports[port]->port.id, true);
	return m;
}

static void mirror_copies_what_is_routed_to_its_port(void **state)
{
	struct routernet *net = *state;
	const struct flow question = {
		.from = 1, .src = "10.10.0.11", .dst = "203.0.113.5", .sport = 4000, .dport = 53};
	const struct flow reply = {
		.from = 9, .src = "203.0.113.5", .dst = "198.18.0.2", .sport = 53, .dport = 4000};
	struct mac guest = station(1);
	struct got copy;

	routernet_meet(net);
	bridge_set_mirrors(net->bridges[LAN], mirror_of(net, A, B));
	routernet_send(net, A, &question);
	assert_int_equal(routernet_count(net, B), 0);
	for (int i = 0; i < 3; i++)
		routernet_send(net, W, &reply);

	assert_int_equal(routernet_count(net, A), 3);
	assert_int_equal(routernet_count(net, B), 3);
	assert_got(net, B, 2, "203.0.113.5", "10.10.0.11");
	copy = routernet_got(net, B, 2);
	assert_memory_equal(&copy.dst, &guest, 6);
	assert_memory_equal(&copy.src_mac, &net->params[LAN].mac, 6);
	assert_int_equal(copy.ttl, 63);
}

static void full_mirror_holds_nothing_back_that_is_routed(void **state)
{
	struct routernet *net = *state;

	routernet_meet(net);
	bridge_set_mirrors(net->bridges[LAN], mirror_of(net, A, B));
	net->ports[B]->room = 0;
	routernet_send(
		net, A,
		&(struct flow){.from = 1, .src = "10.10.0.11", .dst = "203.0.113.5", .sport = 1});
	routernet_send(
		net, W,
		&(struct flow){.from = 9, .src = "203.0.113.5", .dst = "198.18.0.2", .dport = 1});

	assert_int_equal(routernet_count(net, A), 1);
	assert_int_equal(routernet_count(net, B), 0);
	assert_int_equal(routernet_drops(net, DROP_RING_FULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, routernet_setup, routernet_teardown)
		T(neighbour_that_moves_is_followed),
		T(neighbour_that_is_used_is_asked_directly_before_it_is_forgotten),
		T(neighbour_that_does_not_answer_is_forgotten),
		T(few_packets_wait_for_one_neighbour_and_the_oldest_go),
		T(scan_of_a_subnet_costs_its_guests_nothing),
		T(answers_of_strangers_are_not_believed),
		T(station_that_the_bridge_forgot_gets_its_packets_by_flooding),
		T(tagged_guest_is_routed_and_gets_its_answers_tagged),
		T(other_vlans_do_not_reach_the_gateway),
		T(capture_sees_a_packet_as_it_came),
		T(gateway_that_becomes_isolated_stops_routing_at_once),
		T(bridge_that_loses_its_translation_passes_nothing_meanwhile),
		T(next_hop_that_changes_is_used_by_sessions_that_are_there),
		T(bridge_without_its_gateway_is_a_plain_bridge),
		T(way_of_a_routed_pair_is_found_once),
		T(way_is_void_when_the_networks_are_kept_apart),
		T(way_is_void_when_a_bridge_with_the_network_comes),
		T(way_is_no_others),
		T(way_follows_a_neighbour_that_moves),
		T(mirror_copies_what_is_routed_to_its_port),
		T(full_mirror_holds_nothing_back_that_is_routed),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("router_link", tests, NULL, NULL);
}
