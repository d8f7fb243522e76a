/* SPDX-License-Identifier: GPL-2.0-or-later */

/* RFC 4787: behaviour for UDP, one test a requirement, with real packets. */

#include "tests/lib/natworld.h"

#include <stdio.h>
#include <string.h>

static void rfc4787_req1_mapping_is_endpoint_independent(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");
	udp(w, A ":5000", REMOTE ":54");
	goes_out(w, X ":5000", REMOTE ":54");
	udp(w, A ":5000", REMOTE2 ":53");
	goes_out(w, X ":5000", REMOTE2 ":53");

	assert_int_equal(sessions(w), 3);
}

static void rfc4787_req1_holds_when_the_port_is_not_the_guests(void **state)
{
	struct natworld *w = *state;
	char external[32];

	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");

	udp(w, B ":5000", REMOTE ":53");
	assert_true(out(w));
	snprintf(external, sizeof(external), X ":%u", source_port(w));
	assert_string_not_equal(external, X ":5000");
	udp(w, B ":5000", REMOTE2 ":99");
	goes_out(w, external, REMOTE2 ":99");
}

static void three_addresses(struct natworld *w)
{
	w->addresses[1] = addr("192.0.2.2");
	w->addresses[2] = addr("192.0.2.3");
	w->outside.n_addresses = 3;
	reconfigure(w);
}

static void rfc4787_req2_a_guest_has_one_external_address(void **state)
{
	struct natworld *w = *state;
	uint32_t first;

	three_addresses(w);
	udp(w, A ":5000", REMOTE ":53");
	assert_true(out(w));
	memcpy(&first, w->bytes + 26, 4);

	for (unsigned port = 5001; port < 5050; port++) {
		char src[32];
		uint32_t address;

		snprintf(src, sizeof(src), A ":%u", port);
		if (port & 1)
			udp(w, src, REMOTE2 ":53");
		else
			tcp(w, src, REMOTE ":80", SYN);
		assert_true(out(w));
		memcpy(&address, w->bytes + 26, 4);
		assert_int_equal(address, first);
	}
}

static void rfc4787_req2_guests_are_spread_over_the_addresses(void **state)
{
	struct natworld *w = *state;
	bool seen[4] = {false};

	three_addresses(w);
	for (unsigned host = 1; host <= 3; host++) {
		char src[32];

		snprintf(src, sizeof(src), "10.10.0.%u:5000", host);
		udp(w, src, REMOTE ":53");
		assert_true(out(w));
		seen[w->bytes[29]] = true;
	}

	assert_true(seen[1] && seen[2] && seen[3]);
}

static void rfc4787_req3_ports_are_not_overloaded(void **state)
{
	struct natworld *w = *state;
	static bool taken[65536];

	memset(taken, 0, sizeof(taken));
	for (unsigned host = 1; host < 200; host++) {
		char src[32];

		snprintf(src, sizeof(src), "10.10.0.%u:5000", host);
		udp(w, src, REMOTE ":53");
		assert_true(out(w));
		assert_false(taken[source_port(w)]);
		taken[source_port(w)] = true;
	}
}

static void rfc4787_req3a_a_port_stays_on_its_side_of_1024(void **state)
{
	struct natworld *w = *state;

	for (unsigned host = 1; host < 100; host++) {
		char src[32];

		snprintf(src, sizeof(src), "10.10.0.%u:123", host);
		udp(w, src, REMOTE ":123");
		assert_true(out(w));
		assert_in_range(source_port(w), 1, 1023);
		snprintf(src, sizeof(src), "10.10.0.%u:40000", host);
		udp(w, src, REMOTE ":123");
		assert_true(out(w));
		assert_in_range(source_port(w), 1024, 65535);
	}
}

static void rfc4787_req4_parity_is_kept(void **state)
{
	struct natworld *w = *state;

	for (unsigned host = 1; host < 100; host++) {
		char src[32];

		snprintf(src, sizeof(src), "10.10.0.%u:5004", host);
		udp(w, src, REMOTE ":5004");
		assert_true(out(w));
		assert_int_equal(source_port(w) & 1, 0);
		snprintf(src, sizeof(src), "10.10.0.%u:5005", host);
		udp(w, src, REMOTE ":5005");
		assert_true(out(w));
		assert_int_equal(source_port(w) & 1, 1);
	}
}

static void rfc4787_req5_a_mapping_lives_for_five_minutes(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");

	wait_s(w, 299);
	udp(w, REMOTE ":53", X ":5000");
	comes_in(w, REMOTE ":53", A ":5000");
	wait_s(w, 302);
	udp(w, REMOTE ":53", X ":5000");
	is_refused_in(w, DROP_NAT_NO_MAPPING);
	assert_int_equal(sessions(w), 0);
}

static void rfc4787_req5b_the_timer_is_configurable(void **state)
{
	struct natworld *w = *state;

	w->inside.timeouts.udp_s = 120;
	reconfigure(w);
	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");

	wait_s(w, 118);
	assert_int_equal(sessions(w), 1);
	wait_s(w, 4);
	assert_int_equal(sessions(w), 0);
}

static void rfc4787_req6_outbound_packets_refresh(void **state)
{
	struct natworld *w = *state;

	for (int i = 0; i < 4; i++) {
		udp(w, A ":5000", REMOTE ":53");
		goes_out(w, X ":5000", REMOTE ":53");
		wait_s(w, 250);
	}

	udp(w, REMOTE ":53", X ":5000");
	comes_in(w, REMOTE ":53", A ":5000");
}

static void rfc4787_req6a_strangers_keep_no_mapping_open(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");

	for (int i = 0; i < 3; i++) {
		udp(w, REMOTE2 ":9", X ":5000");
		comes_in(w, REMOTE2 ":9", A ":5000");
		wait_s(w, 99);
	}
	wait_s(w, 5);
	udp(w, REMOTE2 ":9", X ":5000");
	if (in(w)) /* its own session is still there; it dies of age */
		expect(w, REMOTE2 ":9", A ":5000");
	udp(w, REMOTE2 ":10", X ":5000");
	is_refused_in(w, DROP_NAT_NO_MAPPING);
	wait_s(w, 302);
	udp(w, REMOTE2 ":9", X ":5000");
	is_refused_in(w, DROP_NAT_NO_MAPPING);
}

static void rfc4787_req7_sessions_of_an_address_that_is_gone_end(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");

	w->addresses[0] = addr("192.0.2.77");
	reconfigure(w);

	assert_int_equal(sessions(w), 0);
	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, "192.0.2.77:5000", REMOTE ":53");
	udp(w, REMOTE ":53", X ":5000");
	is_refused_in(w, DROP_NAT_NO_MAPPING);
}

static void rfc4787_req8_filtering_is_endpoint_independent(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");

	udp(w, REMOTE2 ":777", X ":5000");
	comes_in(w, REMOTE2 ":777", A ":5000");
	udp(w, REMOTE2 ":777", X ":5001");
	is_refused_in(w, DROP_NAT_NO_MAPPING);
}

static void rfc4787_req8_filtering_can_be_address_dependent(void **state)
{
	struct natworld *w = *state;

	w->inside.filtering[NAT_UDP] = NAT_FILTERING_ADDRESS_DEPENDENT;
	reconfigure(w);
	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");

	udp(w, REMOTE ":777", X ":5000");
	comes_in(w, REMOTE ":777", A ":5000");
	udp(w, REMOTE2 ":53", X ":5000");
	is_refused_in(w, DROP_NAT_FILTERED);
	udp(w, A ":5000", REMOTE2 ":1");
	goes_out(w, X ":5000", REMOTE2 ":1");
	udp(w, REMOTE2 ":53", X ":5000");
	comes_in(w, REMOTE2 ":53", A ":5000");
}

static void rfc4787_req8_an_address_that_was_let_in_is_forgotten(void **state)
{
	struct natworld *w = *state;

	w->inside.filtering[NAT_UDP] = NAT_FILTERING_ADDRESS_DEPENDENT;
	reconfigure(w);
	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");
	wait_s(w, 200);
	udp(w, A ":5000", REMOTE2 ":1");
	goes_out(w, X ":5000", REMOTE2 ":1");

	wait_s(w, 102);

	udp(w, REMOTE ":777", X ":5000");
	is_refused_in(w, DROP_NAT_FILTERED);
}

static void rfc4787_req8a_filtering_can_be_address_and_port_dependent(void **state)
{
	struct natworld *w = *state;

	w->inside.filtering[NAT_UDP] = NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT;
	reconfigure(w);
	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");

	udp(w, REMOTE ":53", X ":5000");
	comes_in(w, REMOTE ":53", A ":5000");
	udp(w, REMOTE ":54", X ":5000");
	is_refused_in(w, DROP_NAT_FILTERED);
}

static void rfc4787_req9_hairpins_have_the_external_source(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");
	udp(w, B ":6000", REMOTE ":53");
	goes_out(w, X ":6000", REMOTE ":53");

	udp(w, A ":5000", X ":6000");
	goes_out(w, X ":5000", B ":6000");
	udp(w, B ":6000", X ":5000");
	goes_out(w, X ":6000", A ":5000");
	udp(w, A ":5000", X ":6000");
	goes_out(w, X ":5000", B ":6000");
}

static void rfc4787_req9_a_hairpin_goes_on_when_one_half_has_aged(void **state)
{
	struct natworld *w = *state;

	udp(w, B ":6000", REMOTE ":53");
	goes_out(w, X ":6000", REMOTE ":53");
	for (int i = 0; i < 4; i++) {
		udp(w, A ":5000", X ":6000");
		goes_out(w, X ":5000", B ":6000");
		udp(w, B ":6000", REMOTE ":53");
		goes_out(w, X ":6000", REMOTE ":53");
		wait_s(w, 299);
	}
}

static void rfc4787_req9_a_hairpin_to_nobody_is_refused(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", X ":6000");
	is_refused_out(w, DROP_NAT_NO_MAPPING);
	wait_s(w, 1);
	assert_int_equal(sessions(w), 0);
}

static void rfc4787_req9_nobody_outside_forges_a_hairpin(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");
	udp(w, B ":6000", X ":5000");
	goes_out(w, X ":6000", A ":5000");

	udp(w, X ":6000", X ":5000");
	assert_false(in(w));
	udp(w, X ":6001", X ":5000");
	is_refused_in(w, DROP_NAT_NO_MAPPING);
}

/* No session that is new, or of many, is treated other than the first. */
static void rfc4787_req11_behaviour_is_the_same_under_pressure(void **state)
{
	struct natworld *w = *state;

	for (unsigned port = 1024; port < 4000; port++) {
		char src[32], external[32];

		snprintf(src, sizeof(src), A ":%u", port);
		snprintf(external, sizeof(external), X ":%u", port);
		udp(w, src, REMOTE ":53");
		goes_out(w, external, REMOTE ":53");
	}
	for (unsigned port = 1024; port < 2000; port++) {
		char src[32], external[32];

		snprintf(src, sizeof(src), A ":%u", port);
		snprintf(external, sizeof(external), X ":%u", port);
		udp(w, src, REMOTE2 ":99");
		goes_out(w, external, REMOTE2 ":99");
	}
}

static void rfc4787_req12_icmp_ends_no_mapping(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");
	icmp_error(w, UNREACHABLE, 3, REMOTE);
	assert_true(in(w));

	udp(w, REMOTE ":53", X ":5000");
	comes_in(w, REMOTE ":53", A ":5000");
}

static void rfc4787_req12a_icmp_is_not_filtered_by_its_source(void **state)
{
	struct natworld *w = *state;

	w->inside.filtering[NAT_UDP] = NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT;
	reconfigure(w);
	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");

	icmp_error(w, TIME_EXCEEDED, 0, "192.0.2.254");
	comes_in(w, "192.0.2.254", A);
	expect_inner(w, A ":5000", REMOTE ":53");
}

static void rfc7857_5_mappings_of_udp_and_tcp_are_apart(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");
	tcp(w, B ":5000", REMOTE ":53", SYN);
	goes_out(w, X ":5000", REMOTE ":53");
	tcp(w, REMOTE2 ":1", X ":5000", SYN);
	comes_in(w, REMOTE2 ":1", B ":5000");
	udp(w, REMOTE2 ":1", X ":5000");
	comes_in(w, REMOTE2 ":1", A ":5000");
}

static void rfc7857_11_the_ip_identification_is_left_alone(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");
	assert_memory_equal(w->bytes + 18, "\x12\x34", 2);
}

static void udp_checksum_zero_stays_zero(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	memset(w->bytes + 40, 0, 2);
	goes_out(w, X ":5000", REMOTE ":53");

	assert_int_equal(w->bytes[40] | w->bytes[41], 0);
}

static void udp_partial_checksums_are_adjusted_for_addresses_only(void **state)
{
	struct natworld *w = *state;
	uint32_t sum = 0;

	udp(w, A ":5000", REMOTE ":53");
	for (int i = 26; i < 34; i += 2)
		sum += (uint32_t)w->bytes[i] << 8 | w->bytes[i + 1];
	sum += 17 + w->len - 34;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	w->bytes[40] = (uint8_t)(sum >> 8);
	w->bytes[41] = (uint8_t)sum;
	w->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6};

	goes_out(w, X ":5000", REMOTE ":53");
}

/* A hundred checksums, so that each carry is met. */
static void udp_checksums_are_right_for_any_address_and_port(void **state)
{
	struct natworld *w = *state;

	for (unsigned i = 0; i < 2000; i++) {
		char src[32], dst[32];

		snprintf(src, sizeof(src), "10.10.0.%u:%u", 1 + i % 250, 1 + i * 97 % 65535);
		snprintf(dst, sizeof(dst), "%u.%u.255.%u:%u", 1 + i % 200, i % 256, i * 7 % 256,
			 1 + i * 31 % 65535);
		udp_sized(w, src, dst, i % 64);
		assert_true(out(w));
		expect(w, X, dst);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		nat_test(rfc4787_req1_mapping_is_endpoint_independent),
		nat_test(rfc4787_req1_holds_when_the_port_is_not_the_guests),
		nat_test(rfc4787_req2_a_guest_has_one_external_address),
		nat_test(rfc4787_req2_guests_are_spread_over_the_addresses),
		nat_test(rfc4787_req3_ports_are_not_overloaded),
		nat_test(rfc4787_req3a_a_port_stays_on_its_side_of_1024),
		nat_test(rfc4787_req4_parity_is_kept),
		nat_test(rfc4787_req5_a_mapping_lives_for_five_minutes),
		nat_test(rfc4787_req5b_the_timer_is_configurable),
		nat_test(rfc4787_req6_outbound_packets_refresh),
		nat_test(rfc4787_req6a_strangers_keep_no_mapping_open),
		nat_test(rfc4787_req7_sessions_of_an_address_that_is_gone_end),
		nat_test(rfc4787_req8_filtering_is_endpoint_independent),
		nat_test(rfc4787_req8_filtering_can_be_address_dependent),
		nat_test(rfc4787_req8_an_address_that_was_let_in_is_forgotten),
		nat_test(rfc4787_req8a_filtering_can_be_address_and_port_dependent),
		nat_test(rfc4787_req9_hairpins_have_the_external_source),
		nat_test(rfc4787_req9_a_hairpin_goes_on_when_one_half_has_aged),
		nat_test(rfc4787_req9_a_hairpin_to_nobody_is_refused),
		nat_test(rfc4787_req9_nobody_outside_forges_a_hairpin),
		nat_test(rfc4787_req11_behaviour_is_the_same_under_pressure),
		nat_test(rfc4787_req12_icmp_ends_no_mapping),
		nat_test(rfc4787_req12a_icmp_is_not_filtered_by_its_source),
		nat_test(rfc7857_5_mappings_of_udp_and_tcp_are_apart),
		nat_test(rfc7857_11_the_ip_identification_is_left_alone),
		nat_test(udp_checksum_zero_stays_zero),
		nat_test(udp_partial_checksums_are_adjusted_for_addresses_only),
		nat_test(udp_checksums_are_right_for_any_address_and_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
