/* SPDX-License-Identifier: GPL-2.0-or-later */

/* RFC 5382 and RFC 7857: behaviour for TCP, one test a requirement, with real packets. */

#include "tests/lib/natworld.h"

#include <stdio.h>
#include <string.h>

#define GUEST	       A ":5000"
#define MAPPED	       X ":5000"
#define SERVER	       REMOTE ":80"
#define MINUTES	       60
#define TWO_HOURS_FOUR (2 * 3600 + 4 * 60)

static void sends(struct natworld *w, uint8_t flags)
{
	tcp(w, GUEST, SERVER, flags);
	goes_out(w, MAPPED, SERVER);
}

static void receives(struct natworld *w, uint8_t flags)
{
	tcp(w, SERVER, MAPPED, flags);
	comes_in(w, SERVER, GUEST);
}

static void connected(struct natworld *w)
{
	sends(w, SYN);
	receives(w, SYN | ACK);
	sends(w, ACK);
}

static bool keep_state(const struct nat_session_info *i, void *arg)
{
	*(const char **)arg = i->state;
	return false;
}

static void expect_state(struct natworld *w, const char *want)
{
	const char *state = "none";

	nat_visit_sessions(w->nat, w->now_ns, keep_state, &state);
	assert_string_equal(state, want);
}

static void rfc5382_req1_mapping_is_endpoint_independent(void **state)
{
	struct natworld *w = *state;

	tcp(w, GUEST, REMOTE ":80", SYN);
	goes_out(w, MAPPED, REMOTE ":80");
	tcp(w, GUEST, REMOTE ":443", SYN);
	goes_out(w, MAPPED, REMOTE ":443");
	tcp(w, GUEST, REMOTE2 ":80", SYN);
	goes_out(w, MAPPED, REMOTE2 ":80");
}

static void rfc5382_req2_a_connection_opens_from_inside(void **state)
{
	struct natworld *w = *state;

	connected(w);

	expect_state(w, "established");
}

static void rfc5382_req2_a_connection_opens_from_outside(void **state)
{
	struct natworld *w = *state;

	connected(w);
	tcp(w, REMOTE2 ":999", MAPPED, SYN);
	comes_in(w, REMOTE2 ":999", GUEST);
	tcp(w, GUEST, REMOTE2 ":999", SYN | ACK);
	goes_out(w, MAPPED, REMOTE2 ":999");
	tcp(w, REMOTE2 ":999", MAPPED, ACK);
	comes_in(w, REMOTE2 ":999", GUEST);
}

static void rfc5382_req2_a_connection_closes_from_either_side(void **state)
{
	struct natworld *w = *state;

	connected(w);
	receives(w, FIN | ACK);
	expect_state(w, "fin-in");
	sends(w, ACK);
	sends(w, FIN | ACK);
	expect_state(w, "closing");
	receives(w, ACK);
	expect_state(w, "closing");
}

/* Figure 8 of RFC 9293: both ends say SYN. */
static void rfc5382_req2a_simultaneous_open_works(void **state)
{
	struct natworld *w = *state;

	sends(w, SYN);
	receives(w, SYN);
	sends(w, SYN | ACK);
	receives(w, SYN | ACK);

	expect_state(w, "established");
	assert_int_equal(sessions(w), 1);
}

static void rfc5382_req3_filtering_is_endpoint_independent(void **state)
{
	struct natworld *w = *state;

	connected(w);
	tcp(w, REMOTE2 ":1", MAPPED, SYN);
	comes_in(w, REMOTE2 ":1", GUEST);
}

static void rfc5382_req3a_filtering_can_be_address_dependent(void **state)
{
	struct natworld *w = *state;

	w->inside.filtering[NAT_TCP] = NAT_FILTERING_ADDRESS_DEPENDENT;
	reconfigure(w);
	connected(w);

	tcp(w, REMOTE ":1", MAPPED, SYN);
	comes_in(w, REMOTE ":1", GUEST);
	tcp(w, REMOTE2 ":1", MAPPED, SYN);
	is_refused_in(w, DROP_NAT_FILTERED);
}

static void rfc5382_req3b_filtering_is_independent_of_udp(void **state)
{
	struct natworld *w = *state;

	w->inside.filtering[NAT_UDP] = NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT;
	reconfigure(w);
	connected(w);
	udp(w, GUEST, SERVER);
	goes_out(w, MAPPED, SERVER);

	tcp(w, REMOTE2 ":1", MAPPED, SYN);
	comes_in(w, REMOTE2 ":1", GUEST);
	udp(w, REMOTE2 ":1", MAPPED);
	is_refused_in(w, DROP_NAT_FILTERED);
}

/* The SYN is dropped without an answer, so the guest's own opens the connection. */
static void rfc5382_req4_an_unsolicited_syn_is_dropped_silently(void **state)
{
	struct natworld *w = *state;

	tcp(w, SERVER, MAPPED, SYN);
	is_refused_in(w, DROP_NAT_NO_MAPPING);

	wait_s(w, 3);
	sends(w, SYN);
	receives(w, SYN);
	expect_state(w, "established");
}

static void rfc5382_req5_an_established_connection_may_be_idle_for_two_hours(void **state)
{
	struct natworld *w = *state;

	connected(w);
	wait_s(w, TWO_HOURS_FOUR - 2);
	receives(w, ACK);
	wait_s(w, TWO_HOURS_FOUR - 2);
	sends(w, ACK);
	wait_s(w, TWO_HOURS_FOUR + 3);

	assert_int_equal(sessions(w), 0);
}

static void rfc5382_req5_a_transitory_connection_lives_for_four_minutes(void **state)
{
	struct natworld *w = *state;

	sends(w, SYN);
	wait_s(w, 4 * MINUTES - 2);
	assert_int_equal(sessions(w), 1);
	wait_s(w, 5);
	assert_int_equal(sessions(w), 0);
}

static void rfc5382_req5a_timers_are_configurable(void **state)
{
	struct natworld *w = *state;

	w->inside.timeouts.tcp_s = 3 * 3600;
	w->inside.timeouts.tcp_closing_s = 300;
	reconfigure(w);
	connected(w);

	wait_s(w, 3 * 3600 - 2);
	receives(w, RST);
	wait_s(w, 298);
	assert_int_equal(sessions(w), 1);
	wait_s(w, 5);
	assert_int_equal(sessions(w), 0);
}

static void rfc5382_req7_ports_are_not_overloaded(void **state)
{
	struct natworld *w = *state;
	static bool taken[65536];

	memset(taken, 0, sizeof(taken));
	for (unsigned host = 1; host < 200; host++) {
		char src[32];

		snprintf(src, sizeof(src), "10.10.0.%u:5000", host);
		tcp(w, src, SERVER, SYN);
		assert_true(out(w));
		assert_false(taken[source_port(w)]);
		taken[source_port(w)] = true;
	}
}

static void rfc5382_req8_hairpins_have_the_external_source(void **state)
{
	struct natworld *w = *state;

	tcp(w, B ":6000", SERVER, SYN);
	goes_out(w, X ":6000", SERVER);

	tcp(w, GUEST, X ":6000", SYN);
	goes_out(w, MAPPED, B ":6000");
	tcp(w, B ":6000", MAPPED, SYN | ACK);
	goes_out(w, X ":6000", GUEST);
	tcp(w, GUEST, X ":6000", ACK);
	goes_out(w, MAPPED, B ":6000");
}

static void rfc5382_req9_unreachable_is_translated(void **state)
{
	struct natworld *w = *state;

	sends(w, SYN);
	icmp_error(w, UNREACHABLE, 1, "192.0.2.254");
	comes_in(w, "192.0.2.254", A);
	expect_inner(w, GUEST, SERVER);
}

static void rfc5382_req10_icmp_ends_no_connection(void **state)
{
	struct natworld *w = *state;

	connected(w);
	for (uint8_t code = 0; code < 16; code++) {
		sends(w, ACK);
		icmp_error(w, UNREACHABLE, code, REMOTE);
		assert_true(in(w));
	}

	expect_state(w, "established");
	receives(w, ACK);
}

static void rfc7857_2_1_each_event_changes_the_state_as_in_rfc6146(void **state)
{
	struct natworld *w = *state;

	sends(w, SYN);
	expect_state(w, "opening");
	sends(w, SYN);
	expect_state(w, "opening");
	receives(w, SYN | ACK);
	expect_state(w, "established");
	sends(w, FIN | ACK);
	expect_state(w, "fin-out");
	sends(w, ACK);
	expect_state(w, "fin-out");
	receives(w, FIN | ACK);
	expect_state(w, "closing");
	sends(w, ACK);
	expect_state(w, "closing");
}

static void rfc7857_2_2_opening_and_closing_timers_are_apart(void **state)
{
	struct natworld *w = *state;

	w->inside.timeouts.tcp_opening_s = 30;
	w->inside.timeouts.tcp_closing_s = 90;
	reconfigure(w);
	sends(w, SYN);
	wait_s(w, 32);
	assert_int_equal(sessions(w), 0);

	connected(w);
	sends(w, FIN | ACK);
	receives(w, FIN | ACK);
	wait_s(w, 85);
	assert_int_equal(sessions(w), 1);
	wait_s(w, 10);
	assert_int_equal(sessions(w), 0);
}

/* It may be forged: the connection has four minutes to show that it lives. */
static void rfc7857_2_3_after_an_rst_a_session_waits_for_four_minutes(void **state)
{
	struct natworld *w = *state;

	connected(w);
	receives(w, RST);
	expect_state(w, "reset");
	wait_s(w, 4 * MINUTES - 3);
	assert_int_equal(sessions(w), 1);
	wait_s(w, 6);
	assert_int_equal(sessions(w), 0);
}

static void rfc7857_2_3_a_segment_after_an_rst_brings_a_connection_back(void **state)
{
	struct natworld *w = *state;

	connected(w);
	receives(w, RST);
	sends(w, ACK);

	expect_state(w, "established");
	wait_s(w, TWO_HOURS_FOUR - 2);
	assert_int_equal(sessions(w), 1);
}

static void rfc7857_2_3_further_rsts_keep_no_session(void **state)
{
	struct natworld *w = *state;

	connected(w);
	for (int i = 0; i < 3; i++) {
		receives(w, RST);
		wait_s(w, 79);
	}
	wait_s(w, 6);

	assert_int_equal(sessions(w), 0);
}

/* Its packets still answer the guest's, but strangers do not keep the mapping. */
static void rfc7857_8_an_rst_in_answer_to_a_stranger_refreshes_nothing(void **state)
{
	struct natworld *w = *state;

	sends(w, SYN);
	receives(w, RST | ACK);
	for (int i = 0; i < 8; i++) {
		char stranger[32];

		wait_s(w, 30);
		snprintf(stranger, sizeof(stranger), REMOTE2 ":%d", 100 + i);
		tcp(w, stranger, MAPPED, SYN);
		if (!in(w))
			break;
		tcp(w, GUEST, stranger, RST | ACK);
		goes_out(w, MAPPED, stranger);
	}
	wait_s(w, 4 * MINUTES + 3);

	assert_int_equal(sessions(w), 0);
}

static void a_new_connection_takes_the_place_of_a_closed_one(void **state)
{
	struct natworld *w = *state;

	connected(w);
	sends(w, FIN | ACK);
	receives(w, FIN | ACK);
	connected(w);

	expect_state(w, "established");
	wait_s(w, 10 * MINUTES);
	assert_int_equal(sessions(w), 1);
}

static void a_connection_is_picked_up_in_the_middle(void **state)
{
	struct natworld *w = *state;

	sends(w, ACK);
	expect_state(w, "picked-up");
	receives(w, ACK);
	expect_state(w, "established");
}

static void a_strict_bridge_picks_nothing_up(void **state)
{
	struct natworld *w = *state;

	w->inside.tcp_strict = true;
	reconfigure(w);

	tcp(w, GUEST, SERVER, ACK);
	is_refused_out(w, DROP_NAT_TCP_STATE);
	tcp(w, GUEST, SERVER, SYN | ACK);
	is_refused_out(w, DROP_NAT_TCP_STATE);
	connected(w);
}

static void an_rst_opens_no_session(void **state)
{
	struct natworld *w = *state;

	tcp(w, GUEST, SERVER, RST);
	is_refused_out(w, DROP_NAT_TCP_STATE);
}

static void outside_opens_by_a_syn_only(void **state)
{
	struct natworld *w = *state;

	connected(w);

	tcp(w, REMOTE2 ":1", MAPPED, ACK);
	is_refused_in(w, DROP_NAT_TCP_STATE);
	tcp(w, REMOTE2 ":1", MAPPED, SYN | ACK);
	is_refused_in(w, DROP_NAT_TCP_STATE);
	tcp(w, REMOTE2 ":1", MAPPED, RST);
	is_refused_in(w, DROP_NAT_TCP_STATE);
}

static uint16_t mss_of(const struct natworld *w)
{
	return (uint16_t)(w->bytes[57] << 8 | w->bytes[58]);
}

static void mss_is_clamped_to_the_uplink(void **state)
{
	struct natworld *w = *state;

	w->outside.mtu = 1400;
	reconfigure(w);

	tcp_mss(w, GUEST, SERVER, 1460);
	goes_out(w, MAPPED, SERVER);
	assert_int_equal(mss_of(w), 1360);
	tcp_mss(w, SERVER, MAPPED, 9000);
	comes_in(w, SERVER, GUEST);
	assert_int_equal(mss_of(w), 1360);
	tcp_mss(w, GUEST, SERVER, 536);
	goes_out(w, MAPPED, SERVER);
	assert_int_equal(mss_of(w), 536);
}

static void a_tso_frame_is_translated_unsegmented(void **state)
{
	struct natworld *w = *state;
	uint32_t sum = 0;

	connected(w);
	tcp(w, GUEST, SERVER, ACK);
	w->len = 14 + 20 + 20 + 9000;
	w->bytes[16] = (uint8_t)((w->len - 14) >> 8);
	w->bytes[17] = (uint8_t)(w->len - 14);
	ip_sum(w);
	for (int i = 26; i < 34; i += 2)
		sum += (uint32_t)w->bytes[i] << 8 | w->bytes[i + 1];
	sum += 6 + w->len - 34;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	w->bytes[50] = (uint8_t)(sum >> 8);
	w->bytes[51] = (uint8_t)sum;
	w->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM,
				.gso_type = VNET_GSO_TCPV4,
				.gso_size = 1460,
				.hdr_len = 54,
				.csum_start = 34,
				.csum_offset = 16};

	goes_out(w, MAPPED, SERVER);

	assert_int_equal(w->frame.len, w->len);
	assert_int_equal(w->frame.vnet.gso_size, 1460);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		nat_test(rfc5382_req1_mapping_is_endpoint_independent),
		nat_test(rfc5382_req2_a_connection_opens_from_inside),
		nat_test(rfc5382_req2_a_connection_opens_from_outside),
		nat_test(rfc5382_req2_a_connection_closes_from_either_side),
		nat_test(rfc5382_req2a_simultaneous_open_works),
		nat_test(rfc5382_req3_filtering_is_endpoint_independent),
		nat_test(rfc5382_req3a_filtering_can_be_address_dependent),
		nat_test(rfc5382_req3b_filtering_is_independent_of_udp),
		nat_test(rfc5382_req4_an_unsolicited_syn_is_dropped_silently),
		nat_test(rfc5382_req5_an_established_connection_may_be_idle_for_two_hours),
		nat_test(rfc5382_req5_a_transitory_connection_lives_for_four_minutes),
		nat_test(rfc5382_req5a_timers_are_configurable),
		nat_test(rfc5382_req7_ports_are_not_overloaded),
		nat_test(rfc5382_req8_hairpins_have_the_external_source),
		nat_test(rfc5382_req9_unreachable_is_translated),
		nat_test(rfc5382_req10_icmp_ends_no_connection),
		nat_test(rfc7857_2_1_each_event_changes_the_state_as_in_rfc6146),
		nat_test(rfc7857_2_2_opening_and_closing_timers_are_apart),
		nat_test(rfc7857_2_3_after_an_rst_a_session_waits_for_four_minutes),
		nat_test(rfc7857_2_3_a_segment_after_an_rst_brings_a_connection_back),
		nat_test(rfc7857_2_3_further_rsts_keep_no_session),
		nat_test(rfc7857_8_an_rst_in_answer_to_a_stranger_refreshes_nothing),
		nat_test(a_new_connection_takes_the_place_of_a_closed_one),
		nat_test(a_connection_is_picked_up_in_the_middle),
		nat_test(a_strict_bridge_picks_nothing_up),
		nat_test(an_rst_opens_no_session),
		nat_test(outside_opens_by_a_syn_only),
		nat_test(mss_is_clamped_to_the_uplink),
		nat_test(a_tso_frame_is_translated_unsegmented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
