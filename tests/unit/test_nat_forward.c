/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Forwards, the filter, routed sessions, and what the control thread does while sessions are. */

#include "tests/lib/natworld.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void a_forward_lets_outside_in_with_its_address(void **state)
{
	struct natworld *w = *state;

	forward(w, NAT_TCP, 2222, 0, A ":22");
	tcp(w, REMOTE ":999", X ":2222", SYN);
	comes_in(w, REMOTE ":999", A ":22");
	tcp(w, A ":22", REMOTE ":999", SYN | ACK);
	goes_out(w, X ":2222", REMOTE ":999");
}

static void a_forward_is_for_its_protocol_only(void **state)
{
	struct natworld *w = *state;

	forward(w, NAT_TCP, 2222, 0, A ":22");
	udp(w, REMOTE ":999", X ":2222");
	is_refused_in(w, DROP_NAT_NO_MAPPING);
}

static void a_range_is_forwarded_to_a_range(void **state)
{
	struct natworld *w = *state;

	forward(w, NAT_UDP, 5000, 5010, A ":6000");
	udp(w, REMOTE ":1", X ":5000");
	comes_in(w, REMOTE ":1", A ":6000");
	udp(w, REMOTE ":1", X ":5010");
	comes_in(w, REMOTE ":1", A ":6010");
	udp(w, REMOTE ":1", X ":5011");
	is_refused_in(w, DROP_NAT_NO_MAPPING);
}

static void what_a_server_begins_leaves_by_its_forward(void **state)
{
	struct natworld *w = *state;

	forward(w, NAT_UDP, 5060, 0, A ":6000");
	udp(w, A ":6000", REMOTE ":53");
	goes_out(w, X ":5060", REMOTE ":53");
}

static void a_forward_works_from_inside(void **state)
{
	struct natworld *w = *state;

	forward(w, NAT_TCP, 2222, 0, A ":22");
	tcp(w, B ":999", X ":2222", SYN);
	goes_out(w, X ":999", A ":22");
	tcp(w, A ":22", X ":999", SYN | ACK);
	goes_out(w, X ":2222", B ":999");
}

static void a_guest_reaches_its_own_forward(void **state)
{
	struct natworld *w = *state;

	forward(w, NAT_TCP, 2222, 0, A ":22");
	tcp(w, A ":999", X ":2222", SYN);
	goes_out(w, X ":999", A ":22");
	tcp(w, A ":22", X ":999", SYN | ACK);
	goes_out(w, X ":2222", A ":999");
}

static void filtering_does_not_hold_for_forwards(void **state)
{
	struct natworld *w = *state;

	w->inside.filtering[NAT_TCP] = NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT;
	reconfigure(w);
	forward(w, NAT_TCP, 2222, 0, A ":22");
	tcp(w, REMOTE ":999", X ":2222", SYN);
	comes_in(w, REMOTE ":999", A ":22");
}

static void a_forward_takes_a_port_that_a_guest_has(void **state)
{
	struct natworld *w = *state;

	udp(w, B ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");
	forward(w, NAT_UDP, 5000, 0, A ":5000");

	udp(w, REMOTE2 ":1", X ":5000");
	comes_in(w, REMOTE2 ":1", A ":5000");
	udp(w, REMOTE ":53", X ":5000");
	comes_in(w, REMOTE ":53", B ":5000");
	udp(w, B ":5000", REMOTE2 ":53");
	assert_true(out(w));
	assert_int_not_equal(source_port(w), 5000);
}

static int add(struct natworld *w, struct nat_forward f, struct err *e)
{
	return nat_forward_add(w->nat, w->wan, &f, e);
}

static void mistakes_in_forwards_are_told(void **state)
{
	struct natworld *w = *state;
	struct err e;

	forward(w, NAT_TCP, 2222, 2230, A ":22");
	assert_int_equal(add(w,
			     (struct nat_forward){
				     .class = NAT_TCP, .first = 2225, .to = addr(B), .to_port = 22},
			     &e),
			 -EEXIST);
	assert_non_null(strstr(e.text, "another forward"));
	assert_int_equal(
		add(w,
		    (struct nat_forward){
			    .class = NAT_TCP, .first = 80, .to = addr("10.99.0.1"), .to_port = 22},
		    &e),
		-ENOENT);
	assert_int_equal(add(w,
			     (struct nat_forward){.class = NAT_TCP,
						  .first = 80,
						  .to_port = 22,
						  .to = addr(A),
						  .address = addr(REMOTE)},
			     &e),
			 -ENOENT);
	assert_int_equal(add(w,
			     (struct nat_forward){.class = NAT_TCP,
						  .first = 80,
						  .last = 90,
						  .to = addr(A),
						  .to_port = 65530},
			     &e),
			 -EINVAL);
	assert_int_equal(add(w,
			     (struct nat_forward){
				     .class = NAT_ICMP, .first = 80, .to = addr(A), .to_port = 80},
			     &e),
			 -EINVAL);
}

/* One of the ports is another forward's: none of the range is taken. */
static void a_refused_range_leaves_nothing_behind(void **state)
{
	struct natworld *w = *state;
	struct nat_outside_counters c;
	struct err e;

	forward(w, NAT_TCP, 2005, 0, A ":22");
	assert_int_equal(add(w,
			     (struct nat_forward){.class = NAT_TCP,
						  .first = 2000,
						  .last = 2010,
						  .to = addr(B),
						  .to_port = 2000},
			     &e),
			 -EEXIST);

	nat_outside_counters_get(w->wan, &c);
	assert_int_equal(c.ports_used[NAT_TCP], 1);
	tcp(w, REMOTE ":1", X ":2000", SYN);
	is_refused_in(w, DROP_NAT_NO_MAPPING);
}

static void removing_a_forward_ends_its_sessions_only(void **state)
{
	struct natworld *w = *state;
	struct nat_forward f = {.class = NAT_UDP, .first = 5000};

	forward(w, NAT_UDP, 5000, 0, A ":5000");
	forward(w, NAT_UDP, 5001, 0, A ":5001");
	udp(w, REMOTE ":1", X ":5000");
	comes_in(w, REMOTE ":1", A ":5000");
	udp(w, REMOTE ":1", X ":5001");
	comes_in(w, REMOTE ":1", A ":5001");
	udp(w, B ":1", REMOTE ":53");
	assert_true(out(w));

	assert_int_equal(nat_forward_del(w->nat, w->wan, &f, NULL), 0);

	assert_int_equal(sessions(w), 2);
	udp(w, REMOTE ":1", X ":5000");
	is_refused_in(w, DROP_NAT_NO_MAPPING);
	assert_int_equal(nat_forward_del(w->nat, w->wan, &f, NULL), -ENOENT);
}

static void a_second_forward_to_an_endpoint_takes_over(void **state)
{
	struct natworld *w = *state;
	struct nat_forward f = {.class = NAT_UDP, .first = 5000};

	forward(w, NAT_UDP, 5000, 0, A ":53");
	forward(w, NAT_UDP, 6000, 0, A ":53");
	udp(w, A ":53", REMOTE ":1");
	goes_out(w, X ":5000", REMOTE ":1");
	assert_int_equal(nat_forward_del(w->nat, w->wan, &f, NULL), 0);

	udp(w, A ":53", REMOTE ":1");
	goes_out(w, X ":6000", REMOTE ":1");
}

static void a_new_address_is_forwarded_from_too(void **state)
{
	struct natworld *w = *state;

	forward(w, NAT_UDP, 5000, 0, A ":53");
	w->addresses[1] = addr("192.0.2.2");
	w->outside.n_addresses = 2;
	reconfigure(w);

	udp(w, REMOTE ":1", "192.0.2.2:5000");
	comes_in(w, REMOTE ":1", A ":53");
	udp(w, A ":53", REMOTE ":1");
	goes_out(w, "192.0.2.2:5000", REMOTE ":1");
	w->addresses[0] = addr("192.0.2.2");
	w->outside.n_addresses = 1;
	reconfigure(w);
	udp(w, REMOTE ":2", X ":5000");
	is_refused_in(w, DROP_NAT_NO_MAPPING);
	udp(w, REMOTE ":1", "192.0.2.2:5000");
	comes_in(w, REMOTE ":1", A ":53");
}

static void the_first_rule_that_fits_decides(void **state)
{
	struct natworld *w = *state;
	static const struct nat_rule rules[] = {
		{.allow = true,
		 .direction = NAT_OUTBOUND,
		 .proto = 17,
		 .port_first = 53,
		 .port_last = 53},
		{.allow = false,
		 .direction = NAT_OUTBOUND,
		 .remote = {0xc6336400 /* 198.51.100.0 */, 24}},
		{.allow = false, .direction = NAT_OUTBOUND, .guest = {0x0a0a0008 /* B */, 32}},
	};

	w->inside.rules = rules;
	w->inside.n_rules = ARRAY_SIZE(rules);
	reconfigure(w);

	udp(w, A ":1", REMOTE ":53");
	goes_out(w, X ":1", REMOTE ":53");
	udp(w, A ":1", REMOTE ":54");
	is_refused_out(w, DROP_NAT_DENIED);
	tcp(w, A ":1", REMOTE ":53", SYN);
	is_refused_out(w, DROP_NAT_DENIED);
	udp(w, A ":1", REMOTE2 ":54");
	goes_out(w, X ":1", REMOTE2 ":54");
	udp(w, B ":2", REMOTE2 ":54");
	is_refused_out(w, DROP_NAT_DENIED);
}

static void answers_need_no_rule(void **state)
{
	struct natworld *w = *state;
	static const struct nat_rule rules[] = {{.allow = false, .direction = NAT_INBOUND}};

	w->inside.rules = rules;
	w->inside.n_rules = 1;
	reconfigure(w);
	udp(w, A ":1", REMOTE ":53");
	goes_out(w, X ":1", REMOTE ":53");

	udp(w, REMOTE ":53", X ":1");
	comes_in(w, REMOTE ":53", A ":1");
	udp(w, REMOTE ":54", X ":1");
	is_refused_in(w, DROP_NAT_DENIED);
}

static void inbound_rules_see_the_guests_port(void **state)
{
	struct natworld *w = *state;
	static const struct nat_rule rules[] = {{.allow = false,
						 .direction = NAT_INBOUND,
						 .proto = 6,
						 .port_first = 22,
						 .port_last = 22}};

	w->inside.rules = rules;
	w->inside.n_rules = 1;
	reconfigure(w);
	forward(w, NAT_TCP, 2222, 0, A ":22");
	forward(w, NAT_TCP, 8080, 0, A ":80");

	tcp(w, REMOTE ":1", X ":2222", SYN);
	is_refused_in(w, DROP_NAT_DENIED);
	tcp(w, REMOTE ":1", X ":8080", SYN);
	comes_in(w, REMOTE ":1", A ":80");
}

static void changed_rules_keep_sessions(void **state)
{
	struct natworld *w = *state;
	static const struct nat_rule rules[] = {{.allow = false, .direction = NAT_OUTBOUND}};

	udp(w, A ":1", REMOTE ":53");
	goes_out(w, X ":1", REMOTE ":53");
	w->inside.rules = rules;
	w->inside.n_rules = 1;
	reconfigure(w);

	udp(w, A ":1", REMOTE ":53");
	goes_out(w, X ":1", REMOTE ":53");
	udp(w, A ":1", REMOTE ":54");
	is_refused_out(w, DROP_NAT_DENIED);
}

static void a_guest_with_a_foreign_address_is_refused(void **state)
{
	struct natworld *w = *state;

	udp(w, "10.11.0.7:1", REMOTE ":53");
	is_refused_out(w, DROP_NAT_SOURCE);
}

static void a_protocol_without_ports_is_refused(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":1", REMOTE ":53");
	w->bytes[23] = 47;
	ip_sum(w);
	is_refused_out(w, DROP_NAT_PROTO);
}

static struct nat_session *routed(struct natworld *w, struct nat_inside *from,
				  struct nat_inside *to)
{
	struct nat_found found;

	w->frame.len = w->len;
	w->frame.head_len = (uint16_t)w->len;
	memcpy(w->frame.head, w->bytes, w->len);
	w->frame.n_segs = 0;
	assert_int_equal(packet_parse(&w->packet, &w->frame), DROP_NONE);
	nat_lookup(w->nat, 0, &w->packet, 1, &found);
	if (!found.session) {
		found.direction = from ? NAT_OUTBOUND : NAT_INBOUND;
		found.session =
			nat_open_routed(w->nat, 0, &w->packet, from, to, w->now_ns, &w->why);
	}
	if (!found.session)
		return NULL;
	w->why = nat_translate(w->nat, 0, found.session, found.direction, &w->packet, w->now_ns);
	assert_memory_equal(w->bytes, w->frame.head, w->len);
	return found.session;
}

static void routed_packets_pass_unchanged(void **state)
{
	struct natworld *w = *state;
	struct nat_session *s;

	udp(w, A ":1", REMOTE ":53");
	s = routed(w, w->lan, NULL);
	assert_non_null(s);
	udp(w, REMOTE ":53", A ":1");
	assert_ptr_equal(routed(w, NULL, w->lan), s);
	assert_int_equal(nat_realm(s, NAT_OUTBOUND), nat_inside_realm(w->lan));
	assert_int_equal(nat_realm(s, NAT_INBOUND), 0);
	assert_int_equal(sessions(w), 1);
}

static void the_filter_holds_for_routed_packets(void **state)
{
	struct natworld *w = *state;
	static const struct nat_rule rules[] = {{.allow = false, .direction = NAT_INBOUND}};

	w->inside.rules = rules;
	w->inside.n_rules = 1;
	reconfigure(w);

	udp(w, REMOTE ":53", A ":1");
	assert_null(routed(w, NULL, w->lan));
	assert_int_equal(w->why, DROP_NAT_DENIED);
	udp(w, A ":1", REMOTE ":53");
	assert_non_null(routed(w, w->lan, NULL));
	udp(w, REMOTE ":53", A ":1");
	assert_non_null(routed(w, NULL, w->lan));
}

static void between_bridges_both_filters_hold(void **state)
{
	struct natworld *w = *state;
	struct nat_inside_params params = {.subnet = {addr("10.20.0.0"), 24}};
	static const struct nat_rule rules[] = {
		{.allow = false, .direction = NAT_INBOUND, .port_first = 22, .port_last = 22}};
	struct nat_inside *other;

	params.rules = rules;
	params.n_rules = 1;
	other = nat_inside_create(w->nat, &params, NULL);
	udp(w, A ":1", "10.20.0.5:22");
	assert_null(routed(w, w->lan, other));
	assert_int_equal(w->why, DROP_NAT_DENIED);
	udp(w, A ":1", "10.20.0.5:53");
	assert_non_null(routed(w, w->lan, other));
}

static void other_protocols_are_routed(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":1", REMOTE ":53");
	w->bytes[23] = 47;
	ip_sum(w);
	assert_non_null(routed(w, w->lan, NULL));
}

static void a_flush_ends_what_fits(void **state)
{
	struct natworld *w = *state;
	const struct nat_flush of_a = {.guest = addr(A)}, all = {0};

	udp(w, A ":1", REMOTE ":53");
	assert_true(out(w));
	udp(w, A ":2", REMOTE ":53");
	assert_true(out(w));
	udp(w, B ":3", REMOTE ":53");
	assert_true(out(w));

	assert_int_equal(nat_flush(w->nat, &of_a), 2);
	assert_int_equal(sessions(w), 1);
	udp(w, REMOTE ":53", X ":1");
	is_refused_in(w, DROP_NAT_NO_MAPPING);
	assert_int_equal(nat_flush(w->nat, &all), 1);
	wait_s(w, 2);
	udp(w, A ":1", REMOTE ":53");
	goes_out(w, X ":1", REMOTE ":53");
}

static void overlapping_insides_are_refused(void **state)
{
	struct natworld *w = *state;
	struct nat_inside_params params = {.subnet = {addr("10.10.0.128"), 25}};
	struct err e;

	assert_null(nat_inside_create(w->nat, &params, &e));
	assert_non_null(strstr(e.text, "overlaps"));
}

static void an_inside_goes_with_its_sessions_and_forwards(void **state)
{
	struct natworld *w = *state;
	struct nat_outside_counters c;

	forward(w, NAT_TCP, 2222, 0, A ":22");
	udp(w, A ":1", REMOTE ":53");
	assert_true(out(w));
	nat_inside_destroy(w->nat, w->lan);
	w->lan = NULL;

	assert_int_equal(sessions(w), 0);
	nat_outside_counters_get(w->wan, &c);
	assert_int_equal(c.ports_used[NAT_TCP] + c.ports_used[NAT_UDP], 0);
	tcp(w, REMOTE ":1", X ":2222", SYN);
	is_refused_in(w, DROP_NAT_NO_MAPPING);
}

static void an_outside_goes_with_its_sessions(void **state)
{
	struct natworld *w = *state;

	forward(w, NAT_TCP, 2222, 0, A ":22");
	udp(w, A ":1", REMOTE ":53");
	assert_true(out(w));
	nat_outside_destroy(w->nat, w->wan);

	assert_int_equal(sessions(w), 0);
	wait_s(w, 1);
}

static void adjacencies_are_remembered_and_forgotten(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":1", REMOTE ":53");
	assert_true(out(w));
	nat_set_adjacency(w->session, NAT_OUTBOUND, 5);
	nat_set_adjacency(w->session, NAT_INBOUND, 6);
	nat_flush_adjacency(w->nat, 5);

	assert_int_equal(nat_adjacency(w->session, NAT_OUTBOUND), 0);
	assert_int_equal(nat_adjacency(w->session, NAT_INBOUND), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		nat_test(a_forward_lets_outside_in_with_its_address),
		nat_test(a_forward_is_for_its_protocol_only),
		nat_test(a_range_is_forwarded_to_a_range),
		nat_test(what_a_server_begins_leaves_by_its_forward),
		nat_test(a_forward_works_from_inside),
		nat_test(a_guest_reaches_its_own_forward),
		nat_test(filtering_does_not_hold_for_forwards),
		nat_test(a_forward_takes_a_port_that_a_guest_has),
		nat_test(mistakes_in_forwards_are_told),
		nat_test(a_refused_range_leaves_nothing_behind),
		nat_test(removing_a_forward_ends_its_sessions_only),
		nat_test(a_second_forward_to_an_endpoint_takes_over),
		nat_test(a_new_address_is_forwarded_from_too),
		nat_test(the_first_rule_that_fits_decides),
		nat_test(answers_need_no_rule),
		nat_test(inbound_rules_see_the_guests_port),
		nat_test(changed_rules_keep_sessions),
		nat_test(a_guest_with_a_foreign_address_is_refused),
		nat_test(a_protocol_without_ports_is_refused),
		nat_test(routed_packets_pass_unchanged),
		nat_test(the_filter_holds_for_routed_packets),
		nat_test(between_bridges_both_filters_hold),
		nat_test(other_protocols_are_routed),
		nat_test(a_flush_ends_what_fits),
		nat_test(overlapping_insides_are_refused),
		nat_test(an_inside_goes_with_its_sessions_and_forwards),
		nat_test(an_outside_goes_with_its_sessions),
		nat_test(adjacencies_are_remembered_and_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
