/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What there is too little of: sessions, ports, quotas; RFC 6888 and what happens at its limits. */

#include "tests/lib/natworld.h"

#include <stdio.h>
#include <string.h>

static void send_from(struct natworld *w, const char *host, unsigned port, const char *dst)
{
	char src[64];

	snprintf(src, sizeof(src), "%s:%u", host, port);
	udp(w, src, dst);
}

static uint64_t refused(struct natworld *w, enum drop_reason why)
{
	struct nat_counters c;

	nat_counters_get(w->nat, &c);
	return c.refused[why];
}

/* Room for 100 ports. */
static void few_ports(struct natworld *w)
{
	w->outside.port_first = 20000;
	w->outside.port_last = 20099;
	w->outside.no_hold_down = true;
	reconfigure(w);
}

static void rfc6888_req4_ports_of_a_guest_are_limited(void **state)
{
	struct natworld *w = *state;
	struct nat_inside_counters c;

	w->inside.guest_ports_max = 10;
	reconfigure(w);
	for (unsigned port = 5000; port < 5010; port++) {
		send_from(w, A, port, REMOTE ":53");
		assert_true(out(w));
	}

	send_from(w, A, 5010, REMOTE ":53");
	is_refused_out(w, DROP_NAT_GUEST_PORTS);
	send_from(w, A, 5000, REMOTE2 ":53");
	goes_out(w, X ":5000", REMOTE2 ":53");
	send_from(w, B, 5010, REMOTE ":53");
	goes_out(w, X ":5010", REMOTE ":53");
	nat_inside_counters_get(w->lan, &c);
	assert_int_equal(c.refused[DROP_NAT_GUEST_PORTS], 1);
}

static void rfc6888_req5_sessions_of_a_guest_are_limited(void **state)
{
	struct natworld *w = *state;

	w->inside.guest_sessions_max = 10;
	reconfigure(w);
	for (unsigned port = 5000; port < 5010; port++) {
		send_from(w, A, port, REMOTE ":53");
		assert_true(out(w));
	}

	send_from(w, A, 5000, REMOTE2 ":53");
	is_refused_out(w, DROP_NAT_GUEST_SESSIONS);
	send_from(w, B, 5010, REMOTE ":53");
	goes_out(w, X ":5010", REMOTE ":53");
	assert_int_equal(refused(w, DROP_NAT_GUEST_SESSIONS), 1);
}

static void sessions_of_a_bridge_are_limited(void **state)
{
	struct natworld *w = *state;

	w->inside.sessions_max = 10;
	reconfigure(w);
	for (unsigned port = 5000; port < 5010; port++) {
		send_from(w, A, port, REMOTE ":53");
		assert_true(out(w));
	}

	send_from(w, B, 5000, REMOTE ":53");
	is_refused_out(w, DROP_NAT_BRIDGE_SESSIONS);
	wait_s(w, 302);
	send_from(w, B, 5000, REMOTE ":53");
	assert_true(out(w));
}

static void a_full_table_refuses_and_recovers(void **state)
{
	struct natworld *w = *state;

	rebuild(w, 100);
	for (unsigned port = 5000; port < 5100; port++) {
		send_from(w, A, port, REMOTE ":53");
		assert_true(out(w));
	}

	send_from(w, B, 5000, REMOTE ":53");
	is_refused_out(w, DROP_NAT_SESSIONS);
	wait_s(w, 302);
	assert_int_equal(sessions(w), 0);
	for (unsigned port = 5000; port < 5100; port++) {
		send_from(w, B, port, REMOTE ":53");
		assert_true(out(w));
	}
}

static void strangers_use_three_quarters_of_a_quota(void **state)
{
	struct natworld *w = *state;
	unsigned let_in = 0;

	w->inside.guest_sessions_max = 100;
	reconfigure(w);
	send_from(w, A, 5000, REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");
	for (unsigned port = 1; port <= 200; port++) {
		char stranger[32];

		snprintf(stranger, sizeof(stranger), REMOTE2 ":%u", port);
		udp(w, stranger, X ":5000");
		let_in += in(w);
	}

	assert_int_equal(let_in, 74);
	for (unsigned port = 5001; port < 5026; port++) {
		send_from(w, A, port, REMOTE ":53");
		assert_true(out(w));
	}
	send_from(w, A, 6000, REMOTE ":53");
	is_refused_out(w, DROP_NAT_GUEST_SESSIONS);
}

static void rfc7857_3_a_short_pool_is_shared_between_destinations(void **state)
{
	struct natworld *w = *state;
	struct nat_counters c;
	uint16_t port;
	char external[32];

	few_ports(w);
	for (unsigned i = 0; i < 100; i++) {
		send_from(w, A, 5000 + i, REMOTE ":53");
		assert_true(out(w));
		assert_in_range(source_port(w), 20000, 20099);
	}

	send_from(w, B, 7000, REMOTE2 ":53");
	assert_true(out(w));
	port = source_port(w);
	assert_in_range(port, 20000, 20099);
	snprintf(external, sizeof(external), X ":%u", port);
	udp(w, REMOTE2 ":53", external);
	comes_in(w, REMOTE2 ":53", B ":7000");
	nat_counters_get(w->nat, &c);
	assert_int_equal(c.ports_shared, 1);
}

static bool shared_port_is_used_once(uint16_t port)
{
	static bool taken[65536];
	bool first = !taken[port];

	taken[port] = true;
	return first;
}

static void rfc7857_3_towards_one_destination_no_port_is_shared(void **state)
{
	struct natworld *w = *state;
	unsigned passed = 0;

	few_ports(w);
	for (unsigned i = 0; i < 150; i++) {
		send_from(w, A, 5000 + i, REMOTE ":53");
		if (!out(w)) {
			assert_int_equal(w->why, DROP_NAT_PORTS);
			continue;
		}
		assert_true(shared_port_is_used_once(source_port(w)));
		passed++;
	}

	assert_int_equal(passed, 100);
	assert_int_equal(refused(w, DROP_NAT_PORTS), 50);
}

/* Whose mapping the port is keeps it, and gets another for a tuple that a sharer has. */
static void rfc7857_3_an_owner_of_a_shared_port_is_not_confused(void **state)
{
	struct natworld *w = *state;

	few_ports(w);
	for (unsigned i = 0; i < 100; i++) {
		send_from(w, A, 5000 + i, REMOTE ":53");
		assert_true(out(w));
	}
	for (unsigned i = 0; i < 40; i++) {
		send_from(w, B, 7000 + i, REMOTE2 ":53");
		if (!out(w))
			assert_int_equal(w->why, DROP_NAT_PORTS);
	}
	for (unsigned i = 0; i < 60; i++) {
		char external[32], guest[32];

		send_from(w, A, 5000 + i, REMOTE2 ":53");
		if (!out(w)) {
			assert_int_equal(w->why, DROP_NAT_PORTS);
			continue;
		}
		snprintf(external, sizeof(external), X ":%u", source_port(w));
		snprintf(guest, sizeof(guest), A ":%u", 5000 + i);
		udp(w, REMOTE2 ":53", external);
		comes_in(w, REMOTE2 ":53", guest);
	}
}

static void rfc6888_req8_a_freed_udp_port_is_held(void **state)
{
	struct natworld *w = *state;

	send_from(w, A, 5000, REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");
	wait_s(w, 302);
	assert_int_equal(sessions(w), 0);

	udp(w, REMOTE ":53", X ":5000");
	is_refused_in(w, DROP_NAT_NO_MAPPING);
	send_from(w, B, 5000, REMOTE ":53");
	assert_true(out(w));
	assert_int_not_equal(source_port(w), 5000);
	wait_s(w, 125);
	send_from(w, "10.10.0.9", 5000, REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");
}

static void rfc6888_req8_its_old_owner_gets_a_held_port_back(void **state)
{
	struct natworld *w = *state;

	for (int i = 0; i < 5; i++) {
		send_from(w, A, 5000, REMOTE ":53");
		goes_out(w, X ":5000", REMOTE ":53");
		wait_s(w, 350);
		assert_int_equal(sessions(w), 0);
	}
}

static void rfc6888_req8_a_short_pool_gives_held_ports_out(void **state)
{
	struct natworld *w = *state;
	struct nat_counters c;

	few_ports(w);
	w->outside.no_hold_down = false;
	reconfigure(w);
	for (unsigned i = 0; i < 100; i++) {
		send_from(w, A, 5000 + i, REMOTE ":53");
		assert_true(out(w));
	}
	wait_s(w, 302);

	for (unsigned i = 0; i < 50; i++) {
		send_from(w, B, 5000 + i, REMOTE ":53");
		assert_true(out(w));
	}
	nat_counters_get(w->nat, &c);
	assert_int_equal(c.holds_cut, 50);
	wait_s(w, 500);
	nat_counters_get(w->nat, &c);
	assert_int_equal(c.mappings, 0);
}

static void rfc6888_req8a_tcp_ports_are_free_at_once(void **state)
{
	struct natworld *w = *state;

	tcp(w, A ":5000", REMOTE ":80", SYN);
	goes_out(w, X ":5000", REMOTE ":80");
	wait_s(w, 243);
	tcp(w, B ":5000", REMOTE ":80", SYN);
	goes_out(w, X ":5000", REMOTE ":80");
}

static void rfc6888_req15_ports_are_not_guessed(void **state)
{
	struct natworld *w = *state;
	unsigned near = 0;
	uint16_t last = 0;

	send_from(w, A, 5000, REMOTE ":53");
	assert_true(out(w));
	for (unsigned host = 100; host < 200; host++) {
		char name[20];

		snprintf(name, sizeof(name), "10.10.0.%u", host);
		send_from(w, name, 5000, REMOTE ":53");
		assert_true(out(w));
		near += (uint16_t)(source_port(w) - last) < 256;
		last = source_port(w);
	}

	assert_in_range(near, 0, 10);
}

struct usage {
	struct nat_guest_usage of[4];
	unsigned n;
};

static bool keep_usage(const struct nat_guest_usage *u, void *arg)
{
	struct usage *all = arg;

	all->of[all->n++] = *u;
	return all->n < 4;
}

static void usage_is_counted_by_guest(void **state)
{
	struct natworld *w = *state;
	struct usage all = {0};

	send_from(w, A, 5000, REMOTE ":53");
	assert_true(out(w));
	send_from(w, A, 5000, REMOTE2 ":53");
	assert_true(out(w));
	tcp(w, B ":1", REMOTE ":80", SYN);
	assert_true(out(w));

	nat_visit_guests(w->lan, keep_usage, &all);
	assert_int_equal(all.n, 2);
	assert_int_equal(all.of[0].guest, addr(A));
	assert_int_equal(all.of[0].sessions, 2);
	assert_int_equal(all.of[0].ports[NAT_UDP], 1);
	assert_int_equal(all.of[1].ports[NAT_TCP], 1);
	wait_s(w, 302);
	all.n = 0;
	nat_visit_guests(w->lan, keep_usage, &all);
	assert_int_equal(all.n, 0);
}

static void everything_is_given_back_in_the_end(void **state)
{
	struct natworld *w = *state;
	struct nat_outside_counters o;
	struct nat_counters c;

	for (unsigned port = 2000; port < 3000; port++) {
		send_from(w, A, port, REMOTE ":53");
		assert_true(out(w));
		send_from(w, B, port, X ":2000");
		assert_true(out(w));
	}
	wait_s(w, 302 + 125);

	nat_counters_get(w->nat, &c);
	nat_outside_counters_get(w->wan, &o);
	assert_int_equal(c.sessions, 0);
	assert_int_equal(c.mappings, 0);
	assert_int_equal(o.ports_used[NAT_UDP], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		nat_test(rfc6888_req4_ports_of_a_guest_are_limited),
		nat_test(rfc6888_req5_sessions_of_a_guest_are_limited),
		nat_test(sessions_of_a_bridge_are_limited),
		nat_test(a_full_table_refuses_and_recovers),
		nat_test(strangers_use_three_quarters_of_a_quota),
		nat_test(rfc7857_3_a_short_pool_is_shared_between_destinations),
		nat_test(rfc7857_3_towards_one_destination_no_port_is_shared),
		nat_test(rfc7857_3_an_owner_of_a_shared_port_is_not_confused),
		nat_test(rfc6888_req8_a_freed_udp_port_is_held),
		nat_test(rfc6888_req8_its_old_owner_gets_a_held_port_back),
		nat_test(rfc6888_req8_a_short_pool_gives_held_ports_out),
		nat_test(rfc6888_req8a_tcp_ports_are_free_at_once),
		nat_test(rfc6888_req15_ports_are_not_guessed),
		nat_test(usage_is_counted_by_guest),
		nat_test(everything_is_given_back_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
