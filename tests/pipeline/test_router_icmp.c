/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The ICMP errors of the router: when there is one, what it says, and how many there are. */

#include <string.h>

#include "dataplane/eal.h"
#include "tests/lib/routernet.h"

static const struct mac outside_router = {{2, 0, 0, 0, 0, 9}};

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

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, routernet_setup, routernet_teardown)
		T(hop_limit_that_ends_is_reported_by_the_gateway),
		T(errors_quote_no_more_than_their_rfc_allows),
		T(rfc4787_req13_too_long_with_df_is_reported_with_the_mtu),
		T(rfc4787_req13a_too_long_without_df_is_fragmented_in_order),
		T(errors_are_limited_in_rate),
		T(no_error_about_an_error),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("router_icmp", tests, NULL, NULL);
}
