/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a guest may not claim by IPv6 and neighbour discovery; that it is no server or router. */

#include "tests/lib/guardnet.h"

/* --- IPv6 ------------------------------------------------------------------------------------- */

static void a_foreign_ipv6_source_is_dropped(void **state)
{
	struct net *net = *state;

	udp6(net, other6, 1, 2);
	is_dropped(net, DROP_SPOOFED_IPV6);
	udp6(net, other_link, 1, 2);
	is_dropped(net, DROP_SPOOFED_IPV6);
	udp6(net, "::ffff:10.0.0.1", 1, 2);
	is_dropped(net, DROP_SPOOFED_IPV6);
	udp6(net, none6, 1, 2);
	is_dropped(net, DROP_SPOOFED_IPV6);
}

static void duplicate_address_detection_is_for_own_addresses(void **state)
{
	struct net *net = *state;

	nd(net, none6, NS, own6, 0, 0);
	passes(net);
	nd(net, none6, NS, own_link, 0, 0);
	passes(net);
	nd(net, none6, NS, other6, 0, 0);
	is_dropped(net, DROP_SPOOFED_ND);
}

static void a_solicitation_may_ask_for_anybody_in_its_own_name(void **state)
{
	struct net *net = *state;

	nd(net, own6, NS, other6, 1, 1);
	passes(net);
	nd(net, own6, NS, other6, 1, 9);
	is_dropped(net, DROP_SPOOFED_ND);
}

static void an_advertisement_for_a_foreign_address_is_dropped(void **state)
{
	struct net *net = *state;

	nd(net, own6, NA, own6, 2, 1);
	passes(net);
	nd(net, own6, NA, other6, 2, 1);
	is_dropped(net, DROP_SPOOFED_ND);
	nd(net, own6, NA, own6, 2, 9);
	is_dropped(net, DROP_SPOOFED_ND);
}

static void options_without_length_are_dropped(void **state)
{
	struct net *net = *state;

	nd(net, own6, NA, own6, 2, 1);
	net->buf[net->len - 7] = 0;
	is_dropped(net, DROP_SPOOFED_ND);
}

static void a_router_solicitation_is_let_through(void **state)
{
	struct net *net = *state;

	nd(net, own_link, RS, NULL, 1, 1);
	passes(net);
	nd(net, none6, RS, NULL, 0, 0);
	passes(net);
	nd(net, own_link, RS, NULL, 1, 9);
	is_dropped(net, DROP_SPOOFED_ND);
}

static void extension_headers_hide_no_advertisement(void **state)
{
	struct net *net = *state;

	begin(net, 1);
	add_ip6(net, own6, 60, 40);
	add(net, (uint8_t[8]){ICMP6, 0}, 8);
	add_nd(net, NA, other6, 2, 1);
	is_dropped(net, DROP_SPOOFED_ND);
}

static void a_header_chain_beyond_the_head_is_dropped(void **state)
{
	struct net *net = *state;
	uint8_t options[128] = {ICMP6, 15};

	begin(net, 1);
	add_ip6(net, own6, 60, 128 + 32);
	add(net, options, sizeof(options));
	add_nd(net, NA, other6, 2, 1);
	is_dropped(net, DROP_HIDDEN_HEADERS);
}

static void fragments_hide_no_advertisement(void **state)
{
	struct net *net = *state;

	begin(net, 1);
	add_ip6(net, own6, 44, 40);
	add(net, (uint8_t[8]){ICMP6, 0, 0, 1}, 8);
	add_nd(net, NA, own6, 2, 1);
	is_dropped(net, DROP_HIDDEN_HEADERS);
}

static void a_first_fragment_without_its_upper_header_is_dropped(void **state)
{
	struct net *net = *state;

	begin(net, 1);
	add_ip6(net, own6, 44, 16);
	add(net, (uint8_t[8]){60, 0, 0, 1}, 8);
	add(net, (uint8_t[8]){ICMP6, 0}, 8);
	is_dropped(net, DROP_HIDDEN_HEADERS);
}

static void later_ipv6_fragments_of_an_own_packet_pass(void **state)
{
	struct net *net = *state;

	begin(net, 1);
	add_ip6(net, own6, 44, 16);
	add(net, (uint8_t[8]){UDP, 0, 1, 0}, 8);
	add(net, "01234567", 8);
	passes(net);
}

/* --- servers and routers ---------------------------------------------------------------------- */

static void a_guest_is_no_dhcp_server(void **state)
{
	struct net *net = *state;

	udp4(net, 1, own4, 67, 68);
	is_dropped(net, DROP_DHCP_GUARD);
	udp4(net, 1, own4, 67, 67);
	net->buf[net->len - 4] = 2; /* BOOTREPLY */
	is_dropped(net, DROP_DHCP_GUARD);
	udp4(net, 1, own4, 68, 67);
	passes(net);
}

static void a_guest_is_no_dhcpv6_server(void **state)
{
	struct net *net = *state;

	udp6(net, own_link, 547, 546);
	is_dropped(net, DROP_DHCP_GUARD);
	udp6(net, own_link, 546, 547);
	passes(net);
}

static void a_guest_is_no_router(void **state)
{
	struct net *net = *state;

	nd(net, own_link, RA, NULL, 1, 1);
	is_dropped(net, DROP_RA_GUARD);
	nd(net, own_link, REDIRECT, own6, 0, 0);
	is_dropped(net, DROP_RA_GUARD);
}

static void extension_headers_and_fragments_hide_no_router(void **state)
{
	struct net *net = *state;

	begin(net, 1);
	add_ip6(net, own_link, 0, 8 + 8 + 16);
	add(net, (uint8_t[8]){60, 0}, 8);
	add(net, (uint8_t[8]){ICMP6, 0}, 8);
	add_nd(net, RA, NULL, 1, 1);
	is_dropped(net, DROP_RA_GUARD);
	begin(net, 1);
	add_ip6(net, own_link, 44, 24);
	add(net, (uint8_t[8]){ICMP6, 0, 0, 1}, 8);
	add_nd(net, RA, NULL, 1, 1);
	is_dropped(net, DROP_RA_GUARD);
}

static void a_trusted_port_may_be_server_and_router(void **state)
{
	struct guard_policy trusted = strict;
	struct net *net = *state;

	trusted.no_dhcp = trusted.no_router = false;
	guard_port(net, &trusted);

	udp4(net, 1, own4, 67, 68);
	passes(net);
	begin(net, 1);
	add_ip6(net, own_link, ICMP6, 24);
	add_nd(net, RA, NULL, 0, 0);
	add(net, (uint8_t[8]){0}, 8);
	add(net, (uint8_t[8]){1, 1, 2, 0, 0, 0, 0, 1}, 8);
	passes(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		guard_test(a_foreign_ipv6_source_is_dropped),
		guard_test(duplicate_address_detection_is_for_own_addresses),
		guard_test(a_solicitation_may_ask_for_anybody_in_its_own_name),
		guard_test(an_advertisement_for_a_foreign_address_is_dropped),
		guard_test(options_without_length_are_dropped),
		guard_test(a_router_solicitation_is_let_through),
		guard_test(extension_headers_hide_no_advertisement),
		guard_test(a_header_chain_beyond_the_head_is_dropped),
		guard_test(fragments_hide_no_advertisement),
		guard_test(a_first_fragment_without_its_upper_header_is_dropped),
		guard_test(later_ipv6_fragments_of_an_own_packet_pass),
		guard_test(a_guest_is_no_dhcp_server),
		guard_test(a_guest_is_no_dhcpv6_server),
		guard_test(a_guest_is_no_router),
		guard_test(extension_headers_and_fragments_hide_no_router),
		guard_test(a_trusted_port_may_be_server_and_router),
	};

	return environment() ?: cmocka_run_group_tests_name("guard6", tests, NULL, NULL);
}
