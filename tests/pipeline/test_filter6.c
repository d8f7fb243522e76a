/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The stateful filter for IPv6: who may begin what, answers, errors, fragments, and what ends. */

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/cksum.h"
#include "dataplane/eal.h"
#include "nat/filter6.h"
#include "tests/lib/routernet.h"

#define GUEST "fd00:20::13" /* station 3, at port C of the bridge red */
#define WORLD "2001:db8::5" /* behind station 9, at port W */
#define PEER  "fd00:30::14" /* station 4, at port D of the bridge blue */

static const struct flow ask = {
	.from = 3, .src = GUEST, .dst = WORLD, .sport = 4000, .dport = 53, .payload = 9};
static const struct flow answer = {
	.from = 9, .src = WORLD, .dst = GUEST, .sport = 53, .dport = 4000, .payload = 9};
static const struct flow stranger = {
	.from = 9, .src = WORLD, .dst = GUEST, .sport = 99, .dport = 4000, .payload = 9};

static const struct filter6_rule deny_in = {.direction = NAT_INBOUND};
static const struct filter6_rule deny_out = {.direction = NAT_OUTBOUND};

static struct ipaddr_prefix prefix(const char *text)
{
	struct ipaddr_prefix p;

	assert_int_equal(ipaddr_prefix_parse(text, &p), 0);
	return p;
}

/* Red has the rules. */
static void filter(struct routernet *net, const struct filter6_rule *rules, unsigned n)
{
	routernet_meet(net);
	routernet_put_filter6(net, RED, routernet_view6(rules, n));
}

static uint64_t sessions(const struct routernet *net)
{
	struct filter6_counters c;

	filter6_counters_get(net->router->filter6, &c);
	return c.sessions;
}

/* --- rules -------------------------------------------------------------------------------------
 */

static void first_rule_that_fits_decides(void **state)
{
	struct routernet *net = *state;
	struct filter6_rule rules[] = {
		{.allow = true,
		 .direction = NAT_OUTBOUND,
		 .proto = WIRE_PROTO_UDP,
		 .remote = prefix("2001:db8::/32"),
		 .port_first = 50,
		 .port_last = 60},
		{.direction = NAT_OUTBOUND, .guest = prefix(GUEST)},
	};
	struct flow f = ask;

	filter(net, rules, ARRAY_SIZE(rules));
	assert_true(routernet_passes(net, C, &ask, W));
	f.dport = 61;
	assert_false(routernet_passes(net, C, &f, W));
	f.dport = 60;
	f.dst = "2001:db9::5";
	assert_false(routernet_passes(net, C, &f, W));
	f = ask;
	f.proto = WIRE_PROTO_TCP;
	f.tcp_flags = TCP_SYN;
	assert_false(routernet_passes(net, C, &f, W));
	f.src = "fd00:20::77"; /* no rule is about this guest */
	assert_true(routernet_passes(net, C, &f, W));
}

static void answers_pass_and_strangers_do_not(void **state)
{
	struct routernet *net = *state;

	filter(net, &deny_in, 1);
	assert_false(routernet_passes(net, W, &answer, C));
	assert_true(routernet_passes(net, C, &ask, W));
	assert_true(routernet_passes(net, W, &answer, C));
	assert_false(routernet_passes(net, W, &stranger, C));
	assert_int_equal(routernet_drops(net, DROP_NAT_DENIED), 2);
	assert_int_equal(routernet_count(net, W), 1); /* strangers are told nothing */
}

static void guest_that_may_not_is_told(void **state)
{
	struct routernet *net = *state;
	struct got got;

	filter(net, &deny_out, 1);
	assert_false(routernet_passes(net, C, &ask, W));

	got = routernet_got(net, C, 0);
	assert_true(got.ok);
	assert_int_equal(got.proto, WIRE_PROTO_ICMP6);
	assert_int_equal(got.sport, 1); /* unreachable, prohibited */
	assert_int_equal(got.dport, 1);
}

static void both_bridges_are_asked(void **state)
{
	struct routernet *net = *state;
	const struct flow there = {.from = 3, .src = GUEST, .dst = PEER, .sport = 9, .dport = 7};
	const struct flow back = {.from = 4, .src = PEER, .dst = GUEST, .sport = 7, .dport = 9};

	filter(net, NULL, 0);
	routernet_put_filter6(net, BLUE, routernet_view6(&deny_in, 1));
	assert_false(routernet_passes(net, C, &there, D));
	assert_true(routernet_passes(net, D, &back, C));
	assert_true(routernet_passes(net, C, &there, D)); /* an answer now */
	assert_int_equal(sessions(net), 1);
}

static void rules_see_the_addresses_of_the_inside(void **state)
{
	struct routernet *net = *state;
	struct filter6_rule rules[] = {
		{.allow = true, .direction = NAT_OUTBOUND, .guest = prefix("fd00:10::11")},
		deny_out,
		deny_in,
	};
	struct ipaddr_prefix outer = prefix("2001:db8:77::/64");
	struct flow out = {.from = 1, .src = "fd00:10::11", .dst = WORLD, .sport = 4, .dport = 7};
	struct flow in = {.from = 9, .src = WORLD, .sport = 7, .dport = 4};
	struct got got;
	struct err e;

	net->params[LAN].has_npt6 = true;
	npt6_init(&net->params[LAN].npt6, &net->params[LAN].address6, &outer, &e);
	routernet_meet(net);
	routernet_put_filter6(net, LAN, routernet_view6(rules, ARRAY_SIZE(rules)));

	assert_true(routernet_passes(net, A, &out, W));
	got = routernet_got(net, W, 0);
	in.dst = got.src;
	assert_true(routernet_passes(net, W, &in, A));
	assert_got(net, A, 0, WORLD, "fd00:10::11");
	in.sport = 8;
	assert_false(routernet_passes(net, W, &in, A));
	out.src = "fd00:10::12";
	assert_false(routernet_passes(net, A, &out, W));
}

static void neighbour_discovery_is_not_filtered(void **state)
{
	struct routernet *net = *state;
	const struct filter6_rule rules[] = {deny_in, deny_out};

	filter(net, rules, 2);
	routernet_arp(net, C, 3, GUEST, "fd00:20::1", 1);

	assert_int_equal(net->ports[C]->n_out, 1);
	assert_int_equal(net->ports[C]->out[0]->bytes[54], 136);
}

static void without_rules_there_are_no_sessions(void **state)
{
	struct routernet *net = *state;

	routernet_meet(net);
	assert_true(routernet_passes(net, C, &ask, W));
	assert_int_equal(sessions(net), 0);
	routernet_put_filter6(net, RED, routernet_view6(&deny_in, 1));
	assert_true(routernet_passes(net, C, &ask, W));
	assert_int_equal(sessions(net), 1);
	routernet_put_filter6(net, RED, NULL);
	assert_true(routernet_passes(net, W, &stranger, C));
}

/* --- TCP ---------------------------------------------------------------------------------------
 */

static struct flow segment(bool out, uint8_t flags)
{
	struct flow f = out ? ask : answer;

	f.proto = WIRE_PROTO_TCP;
	f.tcp_flags = flags;
	return f;
}

static bool segment_passes(struct routernet *net, bool out, uint8_t flags)
{
	struct flow f = segment(out, flags);

	return routernet_passes(net, out ? C : W, &f, out ? W : C);
}

static void connection_is_followed_to_its_end(void **state)
{
	struct routernet *net = *state;

	filter(net, &deny_in, 1);
	assert_true(segment_passes(net, true, TCP_SYN));
	assert_true(segment_passes(net, false, TCP_SYN | TCP_ACK));
	assert_true(segment_passes(net, true, TCP_ACK));
	routernet_tick(net, 7000);
	assert_int_equal(sessions(net), 1);
	routernet_meet(net);
	assert_true(segment_passes(net, true, TCP_FIN | TCP_ACK));
	assert_true(segment_passes(net, false, TCP_FIN | TCP_ACK));
	/* The other end may not begin another one with the same ports. */
	assert_false(segment_passes(net, false, TCP_SYN));
	assert_true(segment_passes(net, true, TCP_ACK));
	routernet_tick(net, 239);
	assert_int_equal(sessions(net), 1);
	routernet_tick(net, 3);
	assert_int_equal(sessions(net), 0);
}

static void segments_of_no_connection_are_dropped(void **state)
{
	struct routernet *net = *state;

	filter(net, NULL, 0);
	assert_false(segment_passes(net, false, TCP_ACK));
	assert_int_equal(routernet_drops(net, DROP_NAT_TCP_STATE), 1);
	assert_false(segment_passes(net, true, TCP_RST));
	assert_true(segment_passes(net, true, TCP_ACK)); /* a guest's goes on from its middle */
}

static void strict_bridge_picks_nothing_up(void **state)
{
	struct routernet *net = *state;
	struct filter6_view *v = routernet_view6(NULL, 0);

	v->tcp_strict = true;
	routernet_meet(net);
	routernet_put_filter6(net, RED, v);
	assert_false(segment_passes(net, true, TCP_ACK));
	assert_true(segment_passes(net, true, TCP_SYN));
}

/* --- ICMPv6 ------------------------------------------------------------------------------------
 */

static bool ping_passes(struct routernet *net, bool out, uint8_t type, uint16_t id)
{
	struct flow f = out ? ask : answer;

	f.proto = WIRE_PROTO_ICMP6;
	f.sport = type;
	f.dport = id;
	return routernet_passes(net, out ? C : W, &f, out ? W : C);
}

static void echo_replies_pass_to_who_asked(void **state)
{
	struct routernet *net = *state;

	filter(net, &deny_in, 1);
	assert_false(ping_passes(net, false, 129, 7));
	assert_true(ping_passes(net, true, 128, 7));
	assert_true(ping_passes(net, false, 129, 7));
	assert_false(ping_passes(net, false, 129, 8));
	assert_false(ping_passes(net, false, 128, 9));
	assert_int_equal(routernet_drops(net, DROP_NAT_ICMP_STRAY), 2);
	assert_int_equal(routernet_drops(net, DROP_NAT_DENIED), 1);
}

/* A router outside says of the guest's packet `about` that it is too big. */
static bool error_passes(struct routernet *net, const struct flow *about)
{
	struct flow f = {.from = 9,
			 .src = "2001:db8::1",
			 .dst = GUEST,
			 .proto = WIRE_PROTO_ICMP6,
			 .sport = 2,
			 .payload = 60};
	unsigned before = routernet_count(net, C);
	uint8_t packet[200];
	struct testframe *t = routernet_put(net, W, &f);

	routernet_build(net, C, about, packet);
	memcpy(t->bytes + 62, packet + sizeof(struct eth_hdr), 60);
	memset(t->bytes + 56, 0, 2);
	memcpy(t->bytes + 56,
	       &(uint16_t){cksum_finish(cksum_add(
		       cksum_add32(cksum_add(0, t->bytes + 22, 32), htonl(68 + WIRE_PROTO_ICMP6)),
		       t->bytes + 54, 68))},
	       2);
	routernet_run(net);
	return routernet_count(net, C) == before + 1;
}

static void errors_about_a_session_pass(void **state)
{
	struct routernet *net = *state;
	struct flow other = ask;

	filter(net, &deny_in, 1);
	assert_false(error_passes(net, &ask));
	assert_true(routernet_passes(net, C, &ask, W));
	assert_true(error_passes(net, &ask));
	other.dport = 54;
	assert_false(error_passes(net, &other));
	assert_int_equal(routernet_drops(net, DROP_NAT_ICMP_STRAY), 2);
	/* It is for who did not send the packet. */
	assert_false(error_passes(net, &answer));
	assert_int_equal(routernet_drops(net, DROP_NAT_ICMP_BAD), 1);
	/* And it keeps nothing open. */
	routernet_tick(net, 200);
	routernet_meet(net);
	assert_true(error_passes(net, &ask));
	routernet_tick(net, 101);
	assert_int_equal(sessions(net), 0);
}

/* --- fragments ---------------------------------------------------------------------------------
 */

/* Part of the packet of `f`: with an offset in bytes, the last one or not. */
static bool fragment_passes(struct routernet *net, int in, const struct flow *f, uint32_t id,
			    unsigned offset, int out)
{
	unsigned before = routernet_count(net, out);
	struct testframe *t = routernet_put(net, in, f);
	uint8_t header[8] = {t->bytes[20], 0, (uint8_t)(offset >> 8), (uint8_t)(offset | !offset)};

	memcpy(header + 4, &id, sizeof(id));
	memmove(t->bytes + 62, t->bytes + 54, t->len - 54);
	memcpy(t->bytes + 54, header, sizeof(header));
	t->len += 8;
	t->bytes[19] += 8;
	t->bytes[20] = 44;
	routernet_run(net);
	return routernet_count(net, out) == before + 1;
}

static void fragments_follow_their_first_one(void **state)
{
	struct routernet *net = *state;

	filter(net, &deny_in, 1);
	assert_false(fragment_passes(net, C, &ask, 7, 1000, W));
	assert_int_equal(routernet_drops(net, DROP_NAT_FRAGMENTS), 1);
	assert_true(fragment_passes(net, C, &ask, 7, 0, W));
	assert_true(fragment_passes(net, C, &ask, 7, 1000, W));
	assert_false(fragment_passes(net, C, &ask, 8, 1000, W));
	assert_false(fragment_passes(net, W, &stranger, 9, 0, C));
	assert_false(fragment_passes(net, W, &stranger, 9, 1000, C));
	assert_true(fragment_passes(net, W, &answer, 10, 0, C));
	assert_true(fragment_passes(net, W, &answer, 10, 1000, C));
	routernet_tick(net, 30);
	routernet_meet(net);
	assert_false(fragment_passes(net, C, &ask, 7, 1000, W));
}

/* --- time and room -----------------------------------------------------------------------------
 */

static void silent_sessions_end(void **state)
{
	struct routernet *net = *state;

	filter(net, &deny_in, 1);
	assert_true(routernet_passes(net, C, &ask, W));
	routernet_tick(net, 290);
	routernet_meet(net);
	assert_true(routernet_passes(net, W, &answer,
				     C)); /* of a session that the guest uses: refreshes */
	routernet_tick(net, 290);
	assert_int_equal(sessions(net), 1);
	routernet_tick(net, 11);
	assert_int_equal(sessions(net), 0);
	routernet_meet(net);
	assert_false(routernet_passes(net, W, &answer, C));
}

static void stranger_keeps_nothing_open(void **state)
{
	struct routernet *net = *state;

	filter(net, NULL, 0);
	assert_true(routernet_passes(net, W, &answer, C));
	routernet_tick(net, 200);
	routernet_meet(net);
	assert_true(routernet_passes(net, W, &answer, C));
	routernet_tick(net, 101);
	assert_int_equal(sessions(net), 0);
}

static unsigned flows_that_pass(struct routernet *net, int in, const struct flow *f, int out,
				unsigned n)
{
	unsigned passed = 0;
	struct flow one = *f;

	for (unsigned i = 0; i < n; i++) {
		one.sport = (uint16_t)(10000 + i);
		passed += routernet_passes(net, in, &one, out);
		routernet_clear(net);
		for (int port = 0; port < ROUTERNET_PORTS; port++)
			net->ports[port]->room = TESTPORT_FRAMES;
	}
	return passed;
}

static void guest_beyond_its_quota_harms_nobody_else(void **state)
{
	struct routernet *net = *state;
	struct filter6_view *v = routernet_view6(NULL, 0);
	struct flow other = ask;

	v->quota = (struct session6_quota){.bridge_max = 30, .guest_max = 8};
	routernet_meet(net);
	routernet_put_filter6(net, RED, v);
	assert_int_equal(flows_that_pass(net, W, &stranger, C, 20), 6); /* three quarters */
	assert_int_equal(flows_that_pass(net, C, &ask, W, 20), 2);
	assert_int_equal(routernet_drops(net, DROP_NAT_GUEST_SESSIONS), 14);
	other.src = "fd00:20::77";
	assert_int_equal(flows_that_pass(net, C, &other, W, 20), 8);
	routernet_tick(net, 301);
	routernet_meet(net);
	assert_int_equal(flows_that_pass(net, C, &ask, W, 20), 8);
}

static void full_table_refuses_and_recovers(void **state)
{
	struct routernet *net = *state;

	filter(net, NULL, 0);
	assert_int_equal(flows_that_pass(net, W, &stranger, C, 1000), 768);
	assert_int_equal(flows_that_pass(net, C, &ask, W, 500), 256);
	assert_int_equal(sessions(net), 1024);
	assert_true(routernet_drops(net, DROP_NAT_SESSIONS) > 0);
	routernet_tick(net, 301);
	assert_int_equal(sessions(net), 0);
	routernet_meet(net);
	assert_int_equal(flows_that_pass(net, C, &ask, W, 1024), 1024);
}

static void sessions_end_with_their_bridge_or_by_a_flush(void **state)
{
	struct routernet *net = *state;
	struct session6_table *t = filter6_sessions(net->router->filter6);
	struct ipaddr guest = prefix(GUEST).addr, nobody = prefix("fd00:20::99").addr;

	filter(net, &deny_in, 1);
	assert_int_equal(flows_that_pass(net, C, &ask, W, 10), 10);
	assert_int_equal(session6_flush(t, (uint16_t)net->red, &nobody), 0);
	assert_int_equal(session6_flush(t, (uint16_t)net->blue, NULL), 0);
	assert_int_equal(session6_flush(t, (uint16_t)net->red, &guest), 10);
	assert_int_equal(sessions(net), 0);
	assert_int_equal(flows_that_pass(net, C, &ask, W, 10), 10);
	net->port_left = true;
	router_iface_del(net->router, (unsigned)net->red);
	assert_int_equal(sessions(net), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, routernet_setup, routernet_teardown)
		T(first_rule_that_fits_decides),
		T(answers_pass_and_strangers_do_not),
		T(guest_that_may_not_is_told),
		T(both_bridges_are_asked),
		T(rules_see_the_addresses_of_the_inside),
		T(neighbour_discovery_is_not_filtered),
		T(without_rules_there_are_no_sessions),
		T(connection_is_followed_to_its_end),
		T(segments_of_no_connection_are_dropped),
		T(strict_bridge_picks_nothing_up),
		T(echo_replies_pass_to_who_asked),
		T(errors_about_a_session_pass),
		T(fragments_follow_their_first_one),
		T(silent_sessions_end),
		T(stranger_keeps_nothing_open),
		T(guest_beyond_its_quota_harms_nobody_else),
		T(full_table_refuses_and_recovers),
		T(sessions_end_with_their_bridge_or_by_a_flush),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("filter6", tests, NULL, NULL);
}
