/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a guest may not claim by MAC, IPv4 and ARP, and how its bindings come and go. */

#include "tests/lib/guardnet.h"

/* --- MAC and IPv4 ----------------------------------------------------------------------------- */

static void a_foreign_source_mac_is_dropped(void **state)
{
	struct net *net = *state;

	udp4(net, 9, own4, 1, 2);
	is_dropped(net, DROP_SPOOFED_MAC);
}

static void a_guest_that_is_itself_is_let_through(void **state)
{
	struct net *net = *state;

	udp4(net, 1, own4, 1, 2);
	passes(net);
	udp6(net, own6, 1, 2);
	passes(net);
	udp6(net, own_link, 1, 2);
	passes(net);
	arp(net, REQUEST, 1, own4);
	passes(net);
	arp(net, REPLY, 1, own4);
	passes(net);
}

static void a_foreign_ipv4_source_is_dropped(void **state)
{
	struct net *net = *state;

	udp4(net, 1, other4, 1, 2);
	is_dropped(net, DROP_SPOOFED_IPV4);
}

static void vlan_tags_hide_no_ipv4_source(void **state)
{
	struct net *net = *state;

	udp4(net, 1, other4, 1, 2);
	tag(net, 1);
	is_dropped(net, DROP_SPOOFED_IPV4);
	udp4(net, 1, other4, 1, 2);
	tag(net, 2);
	is_dropped(net, DROP_SPOOFED_IPV4);
	udp4(net, 1, own4, 1, 2);
	tag(net, 2);
	passes(net);
}

static void more_tags_than_can_be_followed_are_dropped(void **state)
{
	struct net *net = *state;

	udp4(net, 1, own4, 1, 2);
	tag(net, 3);
	is_dropped(net, DROP_HIDDEN_HEADERS);
}

static void ip_under_llc_snap_is_dropped(void **state)
{
	struct net *net = *state;

	begin(net, 1);
	add16(net, 100);
	add(net, "\xaa\xaa\x03\0\0\0\x08\0", 8);
	is_dropped(net, DROP_HIDDEN_HEADERS);
}

static void later_fragments_are_checked_for_their_source(void **state)
{
	struct net *net = *state;

	begin(net, 1);
	add_ip4(net, other4, own4, UDP, 8, 100);
	add(net, "01234567", 8);
	is_dropped(net, DROP_SPOOFED_IPV4);
	begin(net, 1);
	add_ip4(net, own4, other4, UDP, 8, 100);
	add(net, "01234567", 8);
	passes(net);
}

static void a_truncated_ipv4_header_is_dropped(void **state)
{
	struct net *net = *state;

	udp4(net, 1, own4, 1, 2);
	net->len = 14 + 19;
	is_dropped(net, DROP_HIDDEN_HEADERS);
}

static void the_unspecified_ipv4_source_may_only_ask_for_a_lease(void **state)
{
	struct net *net = *state;

	udp4(net, 1, none4, 68, 67);
	passes(net);
	udp4(net, 1, none4, 1000, 2000);
	is_dropped(net, DROP_SPOOFED_IPV4);
}

/* A client's message to a DHCP server, of which `len` bytes are there; `client` is in it. */
static void dhcp(struct net *net, uint8_t client, unsigned len, unsigned frag)
{
	uint8_t message[240] = {1, 1, 6, [28] = 2, [33] = client};

	begin(net, 1);
	add_ip4(net, none4, "255.255.255.255", UDP, 8 + len, frag);
	add16(net, 68);
	add16(net, 67);
	add16(net, 8 + sizeof(message));
	add16(net, 0);
	add(net, message, len);
}

static void a_client_asks_for_leases_in_its_own_name_only(void **state)
{
	enum { MORE_FRAGMENTS = 0x2000 };
	struct net *net = *state;

	dhcp(net, 1, 240, 0);
	passes(net);
	dhcp(net, 9, 240, 0);
	is_dropped(net, DROP_SPOOFED_DHCP);
	dhcp(net, 9, 240, 0);
	tag(net, 2);
	is_dropped(net, DROP_SPOOFED_DHCP);
	dhcp(net, 9, 16, MORE_FRAGMENTS);
	is_dropped(net, DROP_HIDDEN_HEADERS);
}

/* --- ARP -------------------------------------------------------------------------------------- */

static void arp_for_a_foreign_address_is_dropped(void **state)
{
	struct net *net = *state;

	arp(net, REPLY, 1, other4);
	is_dropped(net, DROP_SPOOFED_ARP);
	arp(net, REQUEST, 1, other4);
	is_dropped(net, DROP_SPOOFED_ARP);
}

static void arp_with_a_foreign_sender_mac_is_dropped(void **state)
{
	struct net *net = *state;

	arp(net, REPLY, 9, own4);
	is_dropped(net, DROP_SPOOFED_ARP);
}

static void an_arp_probe_is_let_through_but_no_reply_from_nobody(void **state)
{
	struct net *net = *state;

	arp(net, REQUEST, 1, none4);
	passes(net);
	arp(net, REPLY, 1, none4);
	is_dropped(net, DROP_SPOOFED_ARP);
}

static void arp_of_another_kind_or_cut_short_is_dropped(void **state)
{
	struct net *net = *state;

	arp(net, 8, 1, own4);
	is_dropped(net, DROP_SPOOFED_ARP);
	arp(net, REPLY, 1, own4);
	net->len -= 10;
	is_dropped(net, DROP_SPOOFED_ARP);
	arp(net, REPLY, 1, own4);
	net->buf[14 + 4] = 8;
	is_dropped(net, DROP_SPOOFED_ARP);
}

/* --- bindings --------------------------------------------------------------------------------- */

static void a_lease_is_valid_until_it_expires(void **state)
{
	struct net *net = *state;
	struct port *p = &net->ports[A]->port;
	struct ipaddr_prefix ip = prefix(other4);

	assert_int_equal(
		guard_bind(net->dp, p, &ip, &strict.mac, net->now_ns + 10 * SECOND, net->now_ns),
		0);
	udp4(net, 1, other4, 1, 2);
	passes(net);
	net->now_ns += 10 * SECOND;
	is_dropped(net, DROP_SPOOFED_IPV4);
}

static void a_lease_outlives_a_change_of_the_configuration(void **state)
{
	struct net *net = *state;
	struct port *p = &net->ports[A]->port;
	struct ipaddr_prefix ip = prefix(other4);

	guard_bind(net->dp, p, &ip, &strict.mac, net->now_ns + 10 * SECOND, net->now_ns);
	guard_port(net, &strict);
	udp4(net, 1, other4, 1, 2);
	passes(net);
	guard_unbind(net->dp, p, &ip, &strict.mac, net->now_ns);
	is_dropped(net, DROP_SPOOFED_IPV4);
}

static void bindings_are_bounded_and_expired_ones_make_room(void **state)
{
	struct net *net = *state;
	struct port *p = &net->ports[A]->port;
	struct ipaddr_prefix ip = prefix(other4);
	int ret = 0;

	for (unsigned i = 0; i < GUARD_BINDINGS_MAX && ret == 0; i++) {
		ip.addr.b[15] = (uint8_t)(100 + i);
		ret = guard_bind(net->dp, p, &ip, &strict.mac, net->now_ns + SECOND, net->now_ns);
	}
	assert_int_equal(ret, -ENOSPC);
	assert_int_equal(guard_bind(net->dp, p, &ip, &strict.mac, net->now_ns + 9 * SECOND,
				    net->now_ns + 2 * SECOND),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		guard_test(a_foreign_source_mac_is_dropped),
		guard_test(a_guest_that_is_itself_is_let_through),
		guard_test(a_foreign_ipv4_source_is_dropped),
		guard_test(vlan_tags_hide_no_ipv4_source),
		guard_test(more_tags_than_can_be_followed_are_dropped),
		guard_test(ip_under_llc_snap_is_dropped),
		guard_test(later_fragments_are_checked_for_their_source),
		guard_test(a_truncated_ipv4_header_is_dropped),
		guard_test(the_unspecified_ipv4_source_may_only_ask_for_a_lease),
		guard_test(a_client_asks_for_leases_in_its_own_name_only),
		guard_test(arp_for_a_foreign_address_is_dropped),
		guard_test(arp_with_a_foreign_sender_mac_is_dropped),
		guard_test(an_arp_probe_is_let_through_but_no_reply_from_nobody),
		guard_test(arp_of_another_kind_or_cut_short_is_dropped),
		guard_test(a_lease_is_valid_until_it_expires),
		guard_test(a_lease_outlives_a_change_of_the_configuration),
		guard_test(bindings_are_bounded_and_expired_ones_make_room),
	};

	return environment() ?: cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
