/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A guest with one MAC address, one IPv4 and one IPv6 address tries to be somebody else. Frames go
 * from port a, which is guarded, through the whole pipeline to port b.
 */

#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/bridge.h"
#include "bridge/guard.h"
#include "dataplane/eal.h"
#include "tests/lib/packet.h"
#include "tests/lib/testport.h"

#define SECOND 1000000000ull

enum { A, B, PORTS };
enum { REPLY = 2, REQUEST = 1 };
enum { UDP = 17, ICMP6 = 58, RS = 133, RA = 134, NS = 135, NA = 136, REDIRECT = 137 };

static const char own4[] = "10.0.0.1", other4[] = "10.0.0.9", none4[] = "0.0.0.0";
static const char own6[] = "fd00::1", other6[] = "fd00::9", none6[] = "::";
static const char own_link[] = "fe80::ff:fe00:1", other_link[] = "fe80::ff:fe00:9";

static const struct guard_policy strict = {
	.mac = {{0x02, 0, 0, 0, 0, 1}},
	.check_mac = true,
	.check_ipv4 = true,
	.check_ipv6 = true,
	.check_arp = true,
	.check_nd = true,
	.no_dhcp = true,
	.no_router = true,
};

struct net {
	struct dataplane *dp;
	struct bridge *bridge;
	struct testport *ports[PORTS];
	uint64_t now_ns;
	/* the frame in the making */
	uint8_t buf[512];
	unsigned len;
};

static struct ipaddr_prefix prefix(const char *text)
{
	struct ipaddr_prefix p;

	assert_int_equal(ipaddr_prefix_parse(text, &p), 0);
	return p;
}

static void guard_port(struct net *net, const struct guard_policy *policy)
{
	struct port *p = &net->ports[A]->port;
	struct guard *g = guard_create(p, policy);
	struct ipaddr_prefix ip4 = prefix(own4), ip6 = prefix(own6);

	guard_add(g, &ip4, &policy->mac, GUARD_FOREVER);
	guard_add(g, &ip6, &policy->mac, GUARD_FOREVER);
	guard_publish(net->dp, p, g);
}

static int setup(void **state)
{
	struct dataplane_params params = {.n_workers = 1};
	struct bridge_params bridge = {.name = "br", .fdb_entries = 1000, .ageing_s = 300};
	struct net *net = calloc(1, sizeof(*net));
	struct err e;

	net->dp = dataplane_create(&params, &e);
	net->bridge = bridge_create(net->dp, &bridge, &e);
	for (int i = 0; i < PORTS; i++) {
		net->ports[i] = testport_create(net->dp, (const char *[]){"a", "b"}[i]);
		bridge_add_port(net->bridge, &net->ports[i]->port);
	}
	net->now_ns = 1000 * SECOND;
	guard_port(net, &strict);
	*state = net;
	return 0;
}

static int teardown(void **state)
{
	struct net *net = *state;

	for (int i = 0; i < PORTS; i++) {
		bridge_del_port(net->bridge, &net->ports[i]->port);
		guard_publish(net->dp, &net->ports[i]->port, NULL);
		testport_destroy(net->dp, net->ports[i]);
	}
	bridge_destroy(net->bridge);
	dataplane_destroy(net->dp);
	free(net);
	return 0;
}

/* --- frames ----------------------------------------------------------------------------------- */

static void add(struct net *net, const void *data, unsigned len)
{
	memcpy(net->buf + net->len, data, len);
	net->len += len;
}

static void add16(struct net *net, unsigned v)
{
	uint16_t be = htons((uint16_t)v);

	add(net, &be, 2);
}

static void add_mac(struct net *net, uint8_t n)
{
	struct mac m = station(n);

	add(net, &m, sizeof(m));
}

static void add_ip(struct net *net, int family, const char *text)
{
	uint8_t addr[16];

	assert_int_equal(inet_pton(family, text, addr), 1);
	add(net, addr, family == AF_INET ? 4 : 16);
}

static void begin(struct net *net, uint8_t src)
{
	net->len = 0;
	add_mac(net, 2);
	add_mac(net, src);
}

static void add_ip4(struct net *net, const char *src, const char *dst, uint8_t proto, unsigned len,
		    unsigned frag)
{
	struct ipv4_hdr ip = {.version_ihl = 0x45,
			      .total_len = htons((uint16_t)(20 + len)),
			      .frag_off = htons((uint16_t)frag),
			      .ttl = 64,
			      .proto = proto};

	add16(net, 0x0800);
	inet_pton(AF_INET, src, &ip.src);
	inet_pton(AF_INET, dst, &ip.dst);
	add(net, &ip, sizeof(ip));
}

static void add_ip6(struct net *net, const char *src, uint8_t next, unsigned len)
{
	struct ipv6_hdr ip = {.version_class_flow = htonl(6u << 28),
			      .payload_len = htons((uint16_t)len),
			      .next_header = next,
			      .hop_limit = 255};

	add16(net, 0x86dd);
	inet_pton(AF_INET6, src, ip.src);
	inet_pton(AF_INET6, "ff02::1", ip.dst);
	add(net, &ip, sizeof(ip));
}

static void add_udp(struct net *net, unsigned src, unsigned dst)
{
	add16(net, src);
	add16(net, dst);
	add(net, "\0\x0c\0\0\x01\0\0\0", 8);
}

static void udp4(struct net *net, uint8_t mac, const char *src, unsigned sport, unsigned dport)
{
	begin(net, mac);
	add_ip4(net, src, "255.255.255.255", UDP, 12, 0);
	add_udp(net, sport, dport);
}

static void udp6(struct net *net, const char *src, unsigned sport, unsigned dport)
{
	begin(net, 1);
	add_ip6(net, src, UDP, 12);
	add_udp(net, sport, dport);
}

static void arp(struct net *net, unsigned op, uint8_t sender, const char *ip)
{
	begin(net, 1);
	add16(net, 0x0806);
	add(net, "\0\1\x08\0\6\4", 6);
	add16(net, op);
	add_mac(net, sender);
	add_ip(net, AF_INET, ip);
	add_mac(net, 0);
	add_ip(net, AF_INET, other4);
}

/* An ND message about `target` with one link-layer option; `option` 0: without. */
static void add_nd(struct net *net, uint8_t type, const char *target, uint8_t option, uint8_t mac)
{
	uint8_t fixed[8] = {type};

	add(net, fixed, sizeof(fixed));
	if (target)
		add_ip(net, AF_INET6, target);
	if (!option)
		return;
	add(net, (uint8_t[]){option, 1}, 2);
	add_mac(net, mac);
}

static void nd(struct net *net, const char *src, uint8_t type, const char *target, uint8_t option,
	       uint8_t mac)
{
	begin(net, 1);
	add_ip6(net, src, ICMP6, (target ? 24 : 8) + (option ? 8 : 0));
	add_nd(net, type, target, option, mac);
}

/* Puts 802.1Q tags between the addresses and the rest. */
static void tag(struct net *net, unsigned n)
{
	memmove(net->buf + 12 + 4 * n, net->buf + 12, net->len - 12);
	for (unsigned i = 0; i < n; i++)
		memcpy(net->buf + 12 + 4 * i, "\x81\0\0\x0a", 4);
	net->len += 4 * n;
}

/* --- outcomes --------------------------------------------------------------------------------- */

static void run(struct net *net)
{
	testport_put(net->ports[A], net->buf, net->len);
	worker_poll(net->dp->workers[0], net->now_ns);
}

static void passes(struct net *net)
{
	testport_clear(net->ports[B]);
	run(net);
	assert_int_equal(net->ports[B]->n_out, 1);
}

static void is_dropped(struct net *net, enum drop_reason reason)
{
	struct port_stats before, after;

	testport_clear(net->ports[B]);
	port_stats_sum(&net->ports[A]->port, &before);
	run(net);
	port_stats_sum(&net->ports[A]->port, &after);

	assert_int_equal(net->ports[B]->n_out, 0);
	assert_int_equal(after.drops[reason], before.drops[reason] + 1);
}

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

#define guard_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

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
		guard_test(arp_for_a_foreign_address_is_dropped),
		guard_test(arp_with_a_foreign_sender_mac_is_dropped),
		guard_test(an_arp_probe_is_let_through_but_no_reply_from_nobody),
		guard_test(arp_of_another_kind_or_cut_short_is_dropped),
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
		guard_test(a_lease_is_valid_until_it_expires),
		guard_test(a_lease_outlives_a_change_of_the_configuration),
		guard_test(bindings_are_bounded_and_expired_ones_make_room),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
