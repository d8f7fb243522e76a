/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Multicast on a bridge with snooping: who hears what, by virtual time.
 *
 *	router ---+
 *	member ---+--- bridge
 *	other  ---+
 *	source ---+
 */

#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/bridge.h"
#include "common/cksum.h"
#include "dataplane/eal.h"
#include "tests/lib/packet.h"
#include "tests/lib/testport.h"

#define SECOND 1000000000ull

enum { ROUTER, MEMBER, OTHER, SOURCE, PORTS };
enum { QUERY = 0x11, REPORT1 = 0x12, REPORT2 = 0x16, LEAVE = 0x17, REPORT3 = 0x22 };
enum { MLD_QUERY = 130, MLD_REPORT = 131, MLD_DONE = 132, MLD2_REPORT = 143 };
enum { TO_INCLUDE = 3, TO_EXCLUDE = 4, ALLOW_NEW = 5 };

static const char group4[] = "239.1.2.3", other_group4[] = "239.9.9.9";
static const char group6[] = "ff05::1:3", nobody4[] = "0.0.0.0";

struct net {
	struct dataplane *dp;
	struct bridge *bridge;
	struct testport *ports[PORTS];
	uint64_t now_ns;
	uint8_t heard; /* a bit for each port that got the last frame */
};

static int setup(void **state)
{
	struct bridge_params bridge = {.name = "br", .fdb_entries = 1000, .ageing_s = 0};
	struct net *net = calloc(1, sizeof(*net));

	net->bridge = testports_create(&net->dp, &bridge, net->ports, PORTS);
	bridge_set_snooping(net->bridge, true, false);
	net->now_ns = 1000 * SECOND;
	*state = net;
	return 0;
}

static int teardown(void **state)
{
	struct net *net = *state;

	testports_destroy(net->dp, net->bridge, net->ports, PORTS);
	free(net);
	return 0;
}

static uint16_t checksum(uint32_t sum, const uint8_t *p, unsigned len)
{
	return cksum_finish(cksum_add(sum, p, len));
}

/* Sends and notes who hears it. */
static void send_frame(struct net *net, int from, const uint8_t *frame, unsigned len)
{
	for (int i = 0; i < PORTS; i++) {
		testport_clear(net->ports[i]);
		net->ports[i]->room = TESTPORT_FRAMES;
	}
	testport_put(net->ports[from], frame, len);
	worker_poll(net->dp->workers[0], net->now_ns);
	net->heard = 0;
	for (int i = 0; i < PORTS; i++)
		net->heard |= (uint8_t)(net->ports[i]->n_out << i);
}

/* An IPv4 frame to `dst`; IGMP goes with the router alert option (RFC 2113). */
static void send4(struct net *net, int from, const char *src, const char *dst, uint8_t proto,
		  const uint8_t *payload, unsigned len)
{
	struct ipv4_hdr ip = {.version_ihl = 0x46,
			      .total_len = htons((uint16_t)(24 + len)),
			      .ttl = 1,
			      .proto = proto};
	uint8_t buf[2000] = {1, 0, 0x5e, 0, 0, 0, 2, 0, 0, 0, 0, (uint8_t)(from + 1), 8, 0};

	inet_pton(AF_INET, src, &ip.src);
	inet_pton(AF_INET, dst, &ip.dst);
	memcpy(buf + 3, (uint8_t *)&ip.dst + 1, 3);
	buf[3] &= 0x7f;
	memcpy(buf + 14, &ip, sizeof(ip));
	memcpy(buf + 34, "\x94\x04\0\0", 4);
	memcpy(buf + 38, payload, len);
	send_frame(net, from, buf, 38 + len);
}

static void igmp(struct net *net, int from, const char *src, uint8_t type, const char *group)
{
	uint8_t msg[8] = {type};
	uint16_t sum;

	inet_pton(AF_INET, group, msg + 4);
	sum = checksum(0, msg, sizeof(msg));
	memcpy(msg + 2, &sum, 2);
	send4(net, from, src, type == QUERY ? "224.0.0.1" : group, 2, msg, sizeof(msg));
}

/* An IGMPv3 report with `n` records; the last one is about `group`. */
static void igmp3(struct net *net, uint8_t record, const char *group, unsigned sources, unsigned n)
{
	uint8_t msg[1400] = {REPORT3};
	unsigned len = 8;
	uint16_t sum;

	msg[7] = (uint8_t)n;
	for (unsigned i = 0; i + 1 < n; i++, len += 8) {
		msg[len] = TO_EXCLUDE;
		memcpy(msg + len + 4, (uint8_t[]){239, 77, 0, (uint8_t)i}, 4);
	}
	msg[len] = record;
	msg[len + 3] = (uint8_t)sources;
	inet_pton(AF_INET, group, msg + len + 4);
	len += 8 + 4 * sources;
	sum = checksum(0, msg, len);
	memcpy(msg + 2, &sum, 2);
	send4(net, MEMBER, "10.0.0.2", "224.0.0.22", 2, msg, len);
}

static void data4(struct net *net, const char *group)
{
	send4(net, SOURCE, "10.0.0.4", group, 17, (const uint8_t *)"01234567", 8);
}

/* ICMPv6 behind a hop-by-hop header with router alert (RFC 2711), as MLD goes. */
static void send6(struct net *net, int from, const char *src, const char *dst, uint8_t *msg,
		  unsigned len)
{
	struct ipv6_hdr ip = {.version_class_flow = htonl(6u << 28),
			      .payload_len = htons((uint16_t)(8 + len)),
			      .hop_limit = 1};
	uint8_t buf[300] = {0x33, 0x33, 0, 0, 0, 0, 2, 0, 0, 0, 0, (uint8_t)(from + 1), 0x86, 0xdd};
	uint32_t sum = 0;
	uint16_t csum;

	inet_pton(AF_INET6, src, ip.src);
	inet_pton(AF_INET6, dst, ip.dst);
	memcpy(buf + 2, ip.dst + 12, 4);
	sum = cksum_add(sum, ip.src, 32);
	sum = cksum_add32(sum, htonl(len));
	sum = cksum_add32(sum, htonl(58));
	csum = checksum(sum, msg, len);
	memcpy(msg + 2, &csum, 2);
	memcpy(buf + 14, &ip, sizeof(ip));
	memcpy(buf + 54, "\x3a\0\x05\x02\0\0\x01\0", 8);
	memcpy(buf + 62, msg, len);
	send_frame(net, from, buf, 62 + len);
}

static void mld(struct net *net, int from, uint8_t type, const char *group)
{
	uint8_t msg[24] = {type};

	inet_pton(AF_INET6, group, msg + 8);
	send6(net, from, "fe80::1", type == MLD_QUERY ? "ff02::1" : group, msg, sizeof(msg));
}

static void data6(struct net *net, const char *group)
{
	uint8_t msg[8] = {128};

	send6(net, SOURCE, "fe80::4", group, msg, sizeof(msg));
}

static void querier(struct net *net)
{
	igmp(net, ROUTER, "10.0.0.1", QUERY, nobody4);
	mld(net, ROUTER, MLD_QUERY, "::");
}

#define EVERYBODY (1 << ROUTER | 1 << MEMBER | 1 << OTHER)

static void without_a_querier_multicast_is_flooded(void **state)
{
	struct net *net = *state;

	igmp(net, MEMBER, "10.0.0.2", REPORT2, group4);
	assert_int_equal(net->heard, 1 << ROUTER | 1 << OTHER | 1 << SOURCE);
	data4(net, group4);
	assert_int_equal(net->heard, EVERYBODY);
}

static void a_group_goes_to_its_members_and_to_routers(void **state)
{
	struct net *net = *state;

	querier(net);
	igmp(net, MEMBER, "10.0.0.2", REPORT2, group4);
	data4(net, group4);

	assert_int_equal(net->heard, 1 << ROUTER | 1 << MEMBER);
}

static void what_a_trace_says_makes_no_member(void **state)
{
	struct net *net = *state;

	querier(net);
	net->dp->workers[0]->dry_run = true;
	igmp(net, MEMBER, "10.0.0.2", REPORT2, group4);
	net->dp->workers[0]->dry_run = false;

	data4(net, group4);

	assert_int_equal(net->heard, 1 << ROUTER);
}

static void an_unknown_group_goes_to_routers_only(void **state)
{
	struct net *net = *state;

	querier(net);
	igmp(net, MEMBER, "10.0.0.2", REPORT1, group4);
	data4(net, other_group4);

	assert_int_equal(net->heard, 1 << ROUTER);
}

static void multicast_that_nobody_wants_is_counted(void **state)
{
	struct net *net = *state;
	struct port_stats s;

	igmp(net, SOURCE, "10.0.0.1", QUERY, nobody4);
	data4(net, group4);
	port_stats_sum(&net->ports[SOURCE]->port, &s);

	assert_int_equal(net->heard, 0);
	assert_int_equal(s.drops[DROP_NO_LISTENER], 1);
}

/* A trunk is in VLANs 10 and 20, an access port in `vid`. */
static void put_in_vlan(struct net *net, int port, uint16_t vid, bool trunk)
{
	struct bridge_port_params p = {.pvid = vid, .trunk = trunk};

	vlan_set_add(&p.vlans, vid);
	if (trunk)
		vlan_set_add(&p.vlans, 20);
	assert_int_equal(bridge_update_port(net->bridge, &net->ports[port]->port, &p), 0);
}

static void a_member_in_one_vlan_is_none_in_another(void **state)
{
	struct net *net = *state;
	struct bridge_params params = {
		.name = "br", .fdb_entries = 1000, .ageing_s = 0, .vlan_filtering = true};

	bridge_update(net->bridge, &params);
	for (int i = 0; i < PORTS; i++)
		put_in_vlan(net, i, 10, i == MEMBER);
	querier(net);
	igmp(net, MEMBER, "10.0.0.2", REPORT2, group4);
	data4(net, group4);
	assert_int_equal(net->heard, 1 << ROUTER | 1 << MEMBER);

	put_in_vlan(net, ROUTER, 20, false);
	put_in_vlan(net, SOURCE, 20, false);
	querier(net);
	data4(net, group4);
	assert_int_equal(net->heard, 1 << ROUTER);
}

static void a_port_that_changes_its_vlan_is_no_member_any_more(void **state)
{
	struct net *net = *state;
	struct bridge_params params = {
		.name = "br", .fdb_entries = 1000, .ageing_s = 0, .vlan_filtering = true};

	bridge_update(net->bridge, &params);
	querier(net);
	igmp(net, MEMBER, "10.0.0.2", REPORT2, group4);
	put_in_vlan(net, MEMBER, 10, false);
	put_in_vlan(net, MEMBER, 1, false);
	data4(net, group4);

	assert_int_equal(net->heard, 1 << ROUTER);
}

static void a_trace_makes_no_member(void **state)
{
	struct net *net = *state;

	querier(net);
	net->dp->workers[0]->dry_run = true;
	igmp(net, MEMBER, "10.0.0.2", REPORT2, group4);
	igmp(net, OTHER, "10.0.0.3", QUERY, nobody4);
	net->dp->workers[0]->dry_run = false;
	data4(net, group4);

	assert_int_equal(net->heard, 1 << ROUTER);
}

static void reports_are_heard_by_routers_only(void **state)
{
	struct net *net = *state;

	querier(net);
	igmp(net, MEMBER, "10.0.0.2", REPORT2, group4);
	assert_int_equal(net->heard, 1 << ROUTER);
	igmp3(net, TO_EXCLUDE, group4, 0, 1);
	assert_int_equal(net->heard, 1 << ROUTER);
}

static void link_local_groups_and_broadcast_are_flooded(void **state)
{
	struct net *net = *state;
	struct mac all = {{255, 255, 255, 255, 255, 255}}, s = station(4);
	uint8_t buf[64];

	querier(net);
	data4(net, "224.0.0.251");
	assert_int_equal(net->heard, EVERYBODY);
	data6(net, "ff02::fb");
	assert_int_equal(net->heard, EVERYBODY);
	send_frame(net, SOURCE, buf, packet_raw(buf, &all, &s, sizeof(buf)));
	assert_int_equal(net->heard, EVERYBODY);
}

static void a_query_without_an_address_makes_no_router_port(void **state)
{
	struct net *net = *state;

	igmp(net, ROUTER, nobody4, QUERY, nobody4);
	data4(net, group4);

	assert_int_equal(net->heard, EVERYBODY);
}

static void a_leave_ends_a_membership_after_the_last_query_time(void **state)
{
	struct net *net = *state;

	querier(net);
	igmp(net, MEMBER, "10.0.0.2", REPORT2, group4);
	igmp(net, MEMBER, "10.0.0.2", LEAVE, group4);
	data4(net, group4);
	assert_int_equal(net->heard, 1 << ROUTER | 1 << MEMBER);
	net->now_ns += SNOOP_LEAVE_S * SECOND;
	data4(net, group4);
	assert_int_equal(net->heard, 1 << ROUTER);
}

static void fast_leave_ends_a_membership_at_once(void **state)
{
	struct net *net = *state;

	bridge_set_snooping(net->bridge, true, true);
	querier(net);
	igmp(net, MEMBER, "10.0.0.2", REPORT2, group4);
	igmp(net, MEMBER, "10.0.0.2", LEAVE, group4);
	data4(net, group4);

	assert_int_equal(net->heard, 1 << ROUTER);
}

static void memberships_and_queriers_age(void **state)
{
	struct net *net = *state;

	querier(net);
	igmp(net, MEMBER, "10.0.0.2", REPORT2, group4);
	net->now_ns += 200 * SECOND;
	querier(net);
	net->now_ns += 60 * SECOND;
	data4(net, group4);
	assert_int_equal(net->heard, 1 << ROUTER);
	net->now_ns += 200 * SECOND;
	data4(net, group4);
	assert_int_equal(net->heard, EVERYBODY);
}

static void igmpv3_records_join_and_leave(void **state)
{
	struct net *net = *state;

	querier(net);
	bridge_set_snooping(net->bridge, true, true);
	igmp3(net, TO_EXCLUDE, group4, 0, 1);
	data4(net, group4);
	assert_int_equal(net->heard, 1 << ROUTER | 1 << MEMBER);
	igmp3(net, TO_INCLUDE, group4, 0, 1);
	data4(net, group4);
	assert_int_equal(net->heard, 1 << ROUTER);
	igmp3(net, ALLOW_NEW, group4, 2, 1);
	data4(net, group4);
	assert_int_equal(net->heard, 1 << ROUTER | 1 << MEMBER);
}

static void records_behind_the_private_head_are_read(void **state)
{
	struct net *net = *state;

	querier(net);
	igmp3(net, TO_EXCLUDE, group4, 0, 60);
	data4(net, group4);

	assert_int_equal(net->heard, 1 << ROUTER | 1 << MEMBER);
}

static void mld_reports_are_understood(void **state)
{
	uint8_t msg[28] = {MLD2_REPORT, [7] = 1, [8] = TO_EXCLUDE};
	struct net *net = *state;

	querier(net);
	bridge_set_snooping(net->bridge, true, true);
	mld(net, MEMBER, MLD_REPORT, group6);
	data6(net, group6);
	assert_int_equal(net->heard, 1 << ROUTER | 1 << MEMBER);
	mld(net, MEMBER, MLD_DONE, group6);
	data6(net, group6);
	assert_int_equal(net->heard, 1 << ROUTER);
	inet_pton(AF_INET6, group6, msg + 12);
	send6(net, MEMBER, "fe80::2", "ff02::16", msg, sizeof(msg));
	data6(net, group6);
	assert_int_equal(net->heard, 1 << ROUTER | 1 << MEMBER);
}

static void a_message_with_a_wrong_checksum_means_nothing(void **state)
{
	uint8_t msg[8] = {REPORT2, 0, 0, 1, 239, 1, 2, 3};
	struct net *net = *state;

	querier(net);
	send4(net, MEMBER, "10.0.0.2", group4, 2, msg, sizeof(msg));
	data4(net, group4);

	assert_int_equal(net->heard, 1 << ROUTER);
}

static void a_port_that_joins_too_much_is_bounded(void **state)
{
	struct net *net = *state;
	struct snoop *s = net->bridge->snoop;
	char group[32];

	querier(net);
	for (unsigned i = 0; i < 3 * SNOOP_PORT_MAX; i++) {
		snprintf(group, sizeof(group), "239.5.%u.%u", i / 256, i % 256);
		igmp(net, MEMBER, "10.0.0.2", REPORT2, group);
	}
	igmp(net, OTHER, "10.0.0.3", REPORT2, group4);
	data4(net, group4);

	assert_int_equal(s->memberships[net->ports[MEMBER]->port.id], SNOOP_PORT_MAX);
	assert_int_equal(s->full, 2 * SNOOP_PORT_MAX);
	assert_int_equal(net->heard, 1 << ROUTER | 1 << OTHER);
}

static void count_entry(const struct snoop_entry *e, void *arg)
{
	++*(unsigned *)arg;
}

static void a_port_that_leaves_is_forgotten(void **state)
{
	struct net *net = *state;
	unsigned n = 0;

	querier(net);
	igmp(net, MEMBER, "10.0.0.2", REPORT2, group4);
	bridge_del_port(net->bridge, &net->ports[MEMBER]->port);
	bridge_del_port(net->bridge, &net->ports[ROUTER]->port);
	snoop_visit(net->bridge->snoop, 0, count_entry, &n);

	assert_int_equal(n, 0);
	assert_int_equal(net->bridge->snoop->memberships[net->ports[MEMBER]->port.id], 0);
}

static void ageing_empties_the_table(void **state)
{
	struct net *net = *state;
	unsigned n = 0;

	querier(net);
	igmp(net, MEMBER, "10.0.0.2", REPORT2, group4);
	bridge_tick(net->bridge, net->now_ns + 300 * SECOND);
	snoop_visit(net->bridge->snoop, 0, count_entry, &n);

	assert_int_equal(n, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_a_querier_multicast_is_flooded),
		T(a_group_goes_to_its_members_and_to_routers),
		T(what_a_trace_says_makes_no_member),
		T(an_unknown_group_goes_to_routers_only),
		T(multicast_that_nobody_wants_is_counted),
		T(reports_are_heard_by_routers_only),
		T(link_local_groups_and_broadcast_are_flooded),
		T(a_query_without_an_address_makes_no_router_port),
		T(a_leave_ends_a_membership_after_the_last_query_time),
		T(fast_leave_ends_a_membership_at_once),
		T(memberships_and_queriers_age),
		T(a_member_in_one_vlan_is_none_in_another),
		T(a_port_that_changes_its_vlan_is_no_member_any_more),
		T(a_trace_makes_no_member),
		T(igmpv3_records_join_and_leave),
		T(records_behind_the_private_head_are_read),
		T(mld_reports_are_understood),
		T(a_message_with_a_wrong_checksum_means_nothing),
		T(a_port_that_joins_too_much_is_bounded),
		T(a_port_that_leaves_is_forgotten),
		T(ageing_empties_the_table),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("snoop", tests, NULL, NULL);
}
