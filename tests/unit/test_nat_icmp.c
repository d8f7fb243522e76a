/* SPDX-License-Identifier: GPL-2.0-or-later */

/* RFC 5508: ICMP through a translator, one test a requirement, with real packets. */

#include "tests/lib/natworld.h"

#include <string.h>

static void rfc5508_req1_queries_and_replies_pass(void **state)
{
	struct natworld *w = *state;

	icmp_query(w, ECHO, A, REMOTE, 77);
	goes_out(w, X ":77", REMOTE);
	icmp_query(w, ECHO_REPLY, REMOTE, X, 77);
	comes_in(w, REMOTE, A ":77");

	icmp_query(w, 13, A, REMOTE, 78);
	goes_out(w, X ":78", REMOTE);
	icmp_query(w, 14, REMOTE, X, 78);
	comes_in(w, REMOTE, A ":78");
}

static void rfc5508_req1_guests_with_one_identifier_are_told_apart(void **state)
{
	struct natworld *w = *state;
	uint16_t id;

	icmp_query(w, ECHO, A, REMOTE, 77);
	goes_out(w, X ":77", REMOTE);
	icmp_query(w, ECHO, B, REMOTE, 77);
	assert_true(out(w));
	id = source_port(w);
	assert_int_not_equal(id, 77);

	icmp_query(w, ECHO_REPLY, REMOTE, X, 77);
	comes_in(w, REMOTE, A ":77");
	icmp_query(w, ECHO_REPLY, REMOTE, X, id);
	comes_in(w, REMOTE, B ":77");
}

static void rfc5508_req1_a_reply_to_nobody_is_dropped(void **state)
{
	struct natworld *w = *state;

	icmp_query(w, ECHO_REPLY, REMOTE, X, 77);
	is_refused_in(w, DROP_NAT_NO_MAPPING);
	icmp_query(w, ECHO_REPLY, A, REMOTE, 77);
	is_refused_out(w, DROP_NAT_ICMP_STRAY);
}

static void rfc5508_req1a_a_query_mapping_is_independent_of_the_host(void **state)
{
	struct natworld *w = *state;

	icmp_query(w, ECHO, A, REMOTE, 77);
	goes_out(w, X ":77", REMOTE);
	icmp_query(w, ECHO, B, REMOTE, 78);
	goes_out(w, X ":78", REMOTE);
	icmp_query(w, ECHO, A, REMOTE2, 77);
	goes_out(w, X ":77", REMOTE2);
	icmp_query(w, ECHO_REPLY, REMOTE2, X, 77);
	comes_in(w, REMOTE2, A ":77");
}

static void rfc5508_req2_a_query_session_lives_for_a_minute(void **state)
{
	struct natworld *w = *state;

	icmp_query(w, ECHO, A, REMOTE, 77);
	goes_out(w, X ":77", REMOTE);

	wait_s(w, 59);
	icmp_query(w, ECHO_REPLY, REMOTE, X, 77);
	comes_in(w, REMOTE, A ":77");
	wait_s(w, 63);
	assert_int_equal(sessions(w), 0);
}

static void rfc5508_req2a_the_query_timer_is_configurable(void **state)
{
	struct natworld *w = *state;

	w->inside.timeouts.icmp_s = 100;
	reconfigure(w);
	icmp_query(w, ECHO, A, REMOTE, 77);
	goes_out(w, X ":77", REMOTE);

	wait_s(w, 98);
	assert_int_equal(sessions(w), 1);
	wait_s(w, 4);
	assert_int_equal(sessions(w), 0);
}

/* A packet that went out, as a router outside saw it. */
static void one_went_out(struct natworld *w)
{
	udp_sized(w, A ":5000", REMOTE ":53", 40);
	goes_out(w, X ":5000", REMOTE ":53");
}

static void one_came_in(struct natworld *w)
{
	one_went_out(w);
	udp_sized(w, REMOTE ":53", X ":5000", 40);
	comes_in(w, REMOTE ":53", A ":5000");
}

static void rfc5508_req3_a_bad_checksum_is_dropped(void **state)
{
	struct natworld *w = *state;

	one_went_out(w);
	icmp_error(w, UNREACHABLE, 3, REMOTE);
	w->bytes[60] ^= 1;

	is_refused_in(w, DROP_NAT_ICMP_BAD);
}

static void rfc5508_req3_a_bad_checksum_far_behind_is_dropped(void **state)
{
	struct natworld *w = *state;

	udp_sized(w, A ":5000", REMOTE ":53", 400);
	assert_true(out(w));
	icmp_error(w, UNREACHABLE, 3, REMOTE);
	w->bytes[w->len - 1] ^= 1;

	is_refused_in(w, DROP_NAT_ICMP_BAD);
}

static void rfc5508_req3a_a_bad_checksum_of_the_carried_header_is_dropped(void **state)
{
	struct natworld *w = *state;

	one_went_out(w);
	w->bytes[24] ^= 1;
	icmp_error(w, UNREACHABLE, 3, REMOTE);

	is_refused_in(w, DROP_NAT_ICMP_BAD);
}

static void rfc5508_req3b_options_of_the_carried_header_are_skipped(void **state)
{
	struct natworld *w = *state;

	one_went_out(w);
	memmove(w->bytes + 38, w->bytes + 34, w->len - 34);
	memcpy(w->bytes + 34, "\x01\x01\x01\0", 4);
	w->len += 4;
	w->bytes[14] = 0x46;
	w->bytes[17] = (uint8_t)(w->bytes[17] + 4);
	ip_sum(w);
	icmp_error(w, UNREACHABLE, 3, REMOTE);

	comes_in(w, REMOTE, A);
	expect_inner(w, A ":5000", REMOTE ":53");
}

static void rfc5508_req3c_the_carried_transport_checksum_is_not_checked(void **state)
{
	struct natworld *w = *state;

	one_went_out(w);
	w->bytes[40] ^= 0x55;
	icmp_error(w, UNREACHABLE, 3, REMOTE);

	assert_true(in(w));
	assert_int_equal(w->bytes[33], 7);
}

static void rfc5508_req3d_extensions_behind_the_packet_are_left_alone(void **state)
{
	struct natworld *w = *state;
	static const uint8_t extension[8] = {0x20, 0, 0xde, 0xad, 0, 4, 1, 1};
	uint8_t carried[8];

	one_went_out(w);
	icmp_error(w, TIME_EXCEEDED, 0, REMOTE);
	memcpy(w->bytes + w->len, extension, 8);
	w->len += 8;
	w->bytes[17] = (uint8_t)(w->bytes[17] + 8);
	ip_sum(w);
	icmp_sum(w);

	comes_in(w, REMOTE, A);

	memcpy(carried, w->bytes + w->len - 8, 8);
	assert_memory_equal(carried, extension, 8);
}

static void rfc5508_req4_an_error_from_outside_is_translated(void **state)
{
	struct natworld *w = *state;

	one_went_out(w);
	icmp_error(w, UNREACHABLE, 3, "192.0.2.254");
	comes_in(w, "192.0.2.254", A);

	expect_inner(w, A ":5000", REMOTE ":53");
	assert_int_equal(w->bytes[34], UNREACHABLE);
	assert_int_equal(w->bytes[35], 3);
}

static void rfc5508_req4_tcp_and_queries_are_translated_as_well(void **state)
{
	struct natworld *w = *state;

	tcp(w, A ":5000", REMOTE ":80", SYN);
	goes_out(w, X ":5000", REMOTE ":80");
	icmp_error(w, UNREACHABLE, 1, REMOTE);
	comes_in(w, REMOTE, A);
	expect_inner(w, A ":5000", REMOTE ":80");

	icmp_query(w, ECHO, B, REMOTE, 77);
	goes_out(w, X ":77", REMOTE);
	icmp_error(w, TIME_EXCEEDED, 0, REMOTE2);
	comes_in(w, REMOTE2, B);
	expect_inner(w, B ":77", REMOTE);
}

static void rfc5508_req4_only_eight_bytes_need_be_carried(void **state)
{
	struct natworld *w = *state;

	tcp(w, A ":5000", REMOTE ":80", SYN);
	goes_out(w, X ":5000", REMOTE ":80");
	w->len = 14 + 20 + 8;
	icmp_error(w, UNREACHABLE, 1, REMOTE);
	comes_in(w, REMOTE, A);
	expect_inner(w, A ":5000", REMOTE ":80");

	tcp(w, A ":5000", REMOTE ":80", SYN);
	goes_out(w, X ":5000", REMOTE ":80");
	w->len = 14 + 20 + 7;
	icmp_error(w, UNREACHABLE, 1, REMOTE);
	is_refused_in(w, DROP_NAT_ICMP_BAD);
}

static void rfc5508_req4_an_error_about_nobodys_packet_is_dropped(void **state)
{
	struct natworld *w = *state;

	udp(w, X ":5000", REMOTE ":53");
	icmp_error(w, UNREACHABLE, 3, REMOTE);
	is_refused_in(w, DROP_NAT_ICMP_STRAY);
}

static void rfc5508_req5_an_error_from_inside_is_translated(void **state)
{
	struct natworld *w = *state;

	one_came_in(w);
	icmp_error(w, UNREACHABLE, 3, A);
	goes_out(w, X, REMOTE);

	expect_inner(w, REMOTE ":53", X ":5000");
}

static void rfc5508_req5c_a_router_inside_speaks_by_the_external_address(void **state)
{
	struct natworld *w = *state;

	one_came_in(w);
	icmp_error(w, TIME_EXCEEDED, 0, "10.10.0.99");
	goes_out(w, X, REMOTE);

	expect_inner(w, REMOTE ":53", X ":5000");
}

static void rfc5508_req6_an_error_refreshes_nothing(void **state)
{
	struct natworld *w = *state;

	w->inside.timeouts.udp_s = 120;
	reconfigure(w);
	one_went_out(w);
	wait_s(w, 100);
	udp(w, X ":5000", REMOTE ":53");
	icmp_error(w, UNREACHABLE, 3, REMOTE);
	assert_true(in(w));

	wait_s(w, 22);
	assert_int_equal(sessions(w), 0);
}

static void rfc5508_req7_errors_are_hairpinned(void **state)
{
	struct natworld *w = *state;

	udp(w, B ":6000", REMOTE ":53");
	goes_out(w, X ":6000", REMOTE ":53");
	udp(w, A ":5000", X ":6000");
	goes_out(w, X ":5000", B ":6000");

	icmp_error(w, UNREACHABLE, 3, B);
	goes_out(w, X, A);
	expect_inner(w, A ":5000", X ":6000");
}

static void rfc5508_req8_without_resources_the_reason_is_told(void **state)
{
	struct natworld *w = *state;

	w->inside.guest_sessions_max = 1;
	reconfigure(w);
	icmp_query(w, ECHO, A, REMOTE, 77);
	goes_out(w, X ":77", REMOTE);

	icmp_query(w, ECHO, A, REMOTE, 78);
	is_refused_out(w, DROP_NAT_GUEST_SESSIONS);
}

static void rfc5508_req10_each_type_that_must_pass_does(void **state)
{
	static const uint8_t types[] = {UNREACHABLE, TIME_EXCEEDED, QUENCH, 12};
	struct natworld *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		one_went_out(w);
		icmp_error(w, types[i], 0, REMOTE);
		comes_in(w, REMOTE, A);
		expect_inner(w, A ":5000", REMOTE ":53");
	}
}

static void rfc5508_req11_what_is_neither_query_nor_error_is_dropped(void **state)
{
	struct natworld *w = *state;

	icmp_query(w, 9, A, REMOTE, 77);
	assert_false(out(w));
	icmp_query(w, 9, REMOTE, X, 77);
	assert_false(in(w));
}

static void an_error_is_of_the_side_it_comes_from(void **state)
{
	struct natworld *w = *state;

	one_went_out(w);
	icmp_error(w, UNREACHABLE, 3, REMOTE);
	is_refused_out(w, DROP_NAT_ICMP_STRAY);
	one_came_in(w);
	icmp_error(w, UNREACHABLE, 3, A);
	is_refused_in(w, DROP_NAT_ICMP_STRAY);
}

static void rfc7857_12_a_query_mapping_goes_with_its_last_session(void **state)
{
	struct natworld *w = *state;

	icmp_query(w, ECHO, A, REMOTE, 77);
	goes_out(w, X ":77", REMOTE);
	wait_s(w, 63);

	icmp_query(w, ECHO, B, REMOTE, 77);
	goes_out(w, X ":77", REMOTE);
}

static void rfc7857_13_queries_are_hairpinned(void **state)
{
	struct natworld *w = *state;

	icmp_query(w, ECHO, B, REMOTE, 88);
	goes_out(w, X ":88", REMOTE);

	icmp_query(w, ECHO, A, X, 88);
	assert_true(out(w));
	assert_memory_equal(w->bytes + 26, "\xc0\x00\x02\x01", 4);
	expect(w, X, B ":88");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		nat_test(rfc5508_req1_queries_and_replies_pass),
		nat_test(rfc5508_req1_guests_with_one_identifier_are_told_apart),
		nat_test(rfc5508_req1_a_reply_to_nobody_is_dropped),
		nat_test(rfc5508_req1a_a_query_mapping_is_independent_of_the_host),
		nat_test(rfc5508_req2_a_query_session_lives_for_a_minute),
		nat_test(rfc5508_req2a_the_query_timer_is_configurable),
		nat_test(rfc5508_req3_a_bad_checksum_is_dropped),
		nat_test(rfc5508_req3_a_bad_checksum_far_behind_is_dropped),
		nat_test(rfc5508_req3a_a_bad_checksum_of_the_carried_header_is_dropped),
		nat_test(rfc5508_req3b_options_of_the_carried_header_are_skipped),
		nat_test(rfc5508_req3c_the_carried_transport_checksum_is_not_checked),
		nat_test(rfc5508_req3d_extensions_behind_the_packet_are_left_alone),
		nat_test(rfc5508_req4_an_error_from_outside_is_translated),
		nat_test(rfc5508_req4_tcp_and_queries_are_translated_as_well),
		nat_test(rfc5508_req4_only_eight_bytes_need_be_carried),
		nat_test(rfc5508_req4_an_error_about_nobodys_packet_is_dropped),
		nat_test(rfc5508_req5_an_error_from_inside_is_translated),
		nat_test(rfc5508_req5c_a_router_inside_speaks_by_the_external_address),
		nat_test(rfc5508_req6_an_error_refreshes_nothing),
		nat_test(rfc5508_req7_errors_are_hairpinned),
		nat_test(rfc5508_req8_without_resources_the_reason_is_told),
		nat_test(rfc5508_req10_each_type_that_must_pass_does),
		nat_test(rfc5508_req11_what_is_neither_query_nor_error_is_dropped),
		nat_test(an_error_is_of_the_side_it_comes_from),
		nat_test(rfc7857_13_queries_are_hairpinned),
		nat_test(rfc7857_12_a_query_mapping_goes_with_its_last_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
