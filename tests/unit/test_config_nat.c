/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Gateways, NAT and uplinks in the configuration. */

#include "tests/unit/test_config_lib.h"

#include <stdlib.h>
#include <string.h>

#include "config/diff.h"
#include "config/edit.h"
#include "config/nat_value.h"

#define WAN                                                                                        \
	"version: 1\nuplinks: {wan: {address: 198.18.0.2/24, gateway: 198.18.0.1, "                \
	"addresses: [198.18.0.3-198.18.0.5, 198.18.0.9], vhost-user: {}}}\n"

static const char full[] = WAN "bridges:\n"
			       "  lan:\n"
			       "    address: 10.10.0.1/24\n"
			       "    address6: fd00:10::1/64\n"
			       "    nat:\n"
			       "      uplink: wan\n"
			       "      prefix6: 2001:db8:7::/64\n"
			       "      forwards: [{tcp: 2222, to: \"alpha:22\"}, {udp: 5000-5010, "
			       "to: \"10.10.0.7:6000\"},\n"
			       "                 {tcp: 80, to: 10.10.0.7, address: 198.18.0.9}]\n"
			       "      filter: [{deny: out, proto: tcp, to: 10.0.0.0/8, port: 25}, "
			       "{allow: in, to: alpha}]\n"
			       "      timeouts: {udp: 10m}\n"
			       "  red: {address: 10.20.0.1/24, forward: route, uplink: wan}\n"
			       "guests: {alpha: {nics: [{bridge: lan, address: 10.10.0.5/24}]}}\n";

static void texts_are_read_as_what_they_mean(void **state)
{
	struct config *c = config_of(full);
	const struct config_bridge *lan = config_bridge_lookup(c, "lan");
	uint32_t list[CONFIG_EXTERNAL_MAX], to;
	uint16_t first, last, port = 0;
	struct ip4_prefix p;

	assert_int_equal(config_bridge_forward(lan), FORWARD_NAT);
	assert_string_equal(config_bridge_uplink(lan), "wan");
	assert_string_equal(config_bridge_uplink(config_bridge_lookup(c, "red")), "wan");
	assert_int_equal(nat_value_externals(&c->uplinks[0], list), 5);
	assert_int_equal(list[4], 198u << 24 | 18u << 16 | 9);

	assert_int_equal(nat_value_target(c, lan, lan->nat.forwards[0].to, &to, &port), 0);
	assert_int_equal(to, 10u << 24 | 10u << 16 | 5);
	assert_int_equal(port, 22);
	assert_int_equal(nat_value_forward_ports(&lan->nat.forwards[1], &first, &last), 0);
	assert_int_equal(first, 5000);
	assert_int_equal(last, 5010);
	assert_int_equal(nat_value_prefix(c, lan, lan->nat.rules[1].to, &p), 0);
	assert_int_equal(p.len, 32);
	config_free(c);
}

static void what_is_printed_reads_back(void **state)
{
	struct config *c = config_of(full);
	char *text = text_of(c, false), *effective = text_of(c, true);
	struct config *again = config_of(text), *whole = config_of(effective);

	assert_same_config(c, again);
	config_free(whole);
	config_free(again);
	config_free(c);
	free(effective);
	free(text);
}

static void host_uplink_is_there_for_who_uses_it(void **state)
{
	struct config *c = config_of("version: 1\nbridges: {lan: {address: 10.10.0.1/24, "
				     "nat: {uplink: host}}}\n");
	char *text = text_of(c, false);

	assert_int_equal(c->n_uplinks, 1);
	assert_int_equal(c->uplinks[0].kind, UPLINK_HOST);
	assert_null(strstr(text, "uplinks:"));
	config_free(c);
	free(text);

	c = config_of("version: 1\nbridges: {lan: {address: 10.10.0.1/24}}\n");
	assert_int_equal(c->n_uplinks, 0);
	assert_false(config_bridge_has_gateway(&c->bridges[0]));
	config_free(c);
}

static void uplinks_come_before_bridges_and_go_after_them(void **state)
{
	struct config *old = config_of("version: 1\n"), *new = config_of(full);
	struct config_diff d;

	assert_int_equal(config_diff(old, new, &d), 0);
	assert_int_equal(d.changes[0].object, OBJECT_UPLINK);
	config_diff_fini(&d);
	assert_int_equal(config_diff(new, old, &d), 0);
	assert_int_equal(d.changes[d.n - 1].object, OBJECT_UPLINK);
	assert_int_equal(d.changes[d.n - 1].op, CHANGE_REMOVE);
	config_diff_fini(&d);
	config_free(new);
	config_free(old);
}

static void forwards_are_added_and_deleted(void **state)
{
	struct config *c = config_of(full), *more, *less;
	struct err e = {0};

	more = config_with_forward(c, "lan", "udp", "53", "alpha:53", &e);
	assert_non_null(more);
	assert_int_equal(more->bridges[0].nat.n_forwards, 4);
	assert_string_equal(more->bridges[0].nat.forwards[2].address, "198.18.0.9");
	less = config_without_forward(more, "lan", "tcp", "2222", &e);
	assert_non_null(less);
	assert_int_equal(less->bridges[0].nat.n_forwards, 3);
	assert_string_equal(less->bridges[0].nat.forwards[0].udp, "5000-5010");
	config_free(less);
	config_free(more);

	assert_null(config_with_forward(c, "lan", "tcp", "2222", "alpha:1", &e));
	assert_null(config_with_forward(c, "lan", "sctp", "1", "alpha:1", &e));
	assert_string_equal(e.text, "'sctp': the protocol of a forward is tcp or udp");
	assert_null(config_with_forward(c, "lan", "tcp", "1", "a\"}, {tcp: 2", &e));
	assert_null(config_with_forward(c, "red", "tcp", "1", "alpha:1", &e));
	assert_string_equal(e.text, "bridge red translates nothing; `weft set bridge red "
				    "nat.uplink=host` makes it");
	assert_null(config_without_forward(c, "lan", "tcp", "1", &e));
	config_free(c);
}

/* The first line of what is said about a bridge with those keys beside an uplink. */
static void says(const char *keys, const char *message)
{
	char text[1024], *said;

	snprintf(text, sizeof(text), WAN "bridges: {lan: {%s}}\n", keys);
	said = complaints_of(text);
	if (!strstr(said, message))
		print_error("wanted: %s\ngot: %s\n", message, said);
	assert_non_null(strstr(said, message));
	free(said);
}

static void mistakes_are_told(void **state)
{
#define NAT "address: 10.10.0.1/24, nat: {uplink: wan, "
	says("address: 10.10.0.1/24, nat: {uplink: wna}",
	     "bridges.lan.nat.uplink: there is no uplink 'wna'");
	says("address: 10.10.0.1/24, forward: nat", "nat needs to know the uplink");
	says("nat: {uplink: wan}", "bridges.lan.nat: the bridge has no address");
	says(NAT "forwards: [{tcp: 22, to: \"beta:22\"}]}",
	     "forwards[0].to: no guest 'beta' has an address on bridge lan");
	says(NAT "forwards: [{tcp: 22, to: \"10.99.0.1:22\"}]}",
	     "10.99.0.1 is outside 10.10.0.1/24");
	says(NAT "forwards: [{tcp: 22, to: \"10.10.0.1:22\"}]}",
	     "the address of the bridge itself");
	says(NAT "forwards: [{tcp: 0, to: \"10.10.0.7:22\"}]}", "'0' is no port");
	says(NAT "forwards: [{tcp: 9-5, to: \"10.10.0.7:22\"}]}", "'9-5' is no port");
	says(NAT "forwards: [{udp: 1-100, to: \"10.10.0.7:65500\"}]}", "beyond port 65535");
	says(NAT "forwards: [{tcp: 22, to: 10.10.0.7}, {tcp: 20-25, to: 10.10.0.8}]}",
	     "uplink wan has a forward of the same port to 10.10.0.7");
	says(NAT "forwards: [{tcp: 22, to: 10.10.0.7, address: 198.18.0.77}]}",
	     "198.18.0.77 is no address of uplink wan");
	says(NAT "forwards: [{to: 10.10.0.7}]}", "needs one of tcp, udp");
	says(NAT "filter: [{deny: up}]}", "expected out or in, found 'up'");
	says(NAT "filter: [{deny: out, to: nowhere}]}", "'nowhere' is no address, prefix or guest");
	says(NAT "filter: [{deny: out, port: 25}]}", "only TCP and UDP have ports");
	says(NAT "filter: [{deny: out, to: \"fd00::/129\"}]}",
	     "'fd00::/129' is no address, prefix or guest");
	says(NAT "filter: [{deny: out, from: 10.10.0.7, to: \"fd00::/8\"}]}",
	     "'10.10.0.7' and 'fd00::/8' are of different families");
	says(NAT "timeouts: {udp: 30s}}", "expected a duration from 2m");
	says(NAT "alg: [ftp, sip]}", "bridges.lan.nat.alg: there is no 'sip'");
	says(NAT "prefix6: \"2001:db8::/64\"}", "the bridge has no address6");
	says("address: 10.10.0.1/24, address6: \"fd00:10::1/64\", forward: route, "
	     "nat: {uplink: wan, filter: [{deny: out, from: nobody}]}",
	     "'nobody' is no address, prefix or guest");
	says("address: 198.18.0.1/16", "overlaps with 198.18.0.1/16 of bridge lan");
	says("address: 10.10.0.1/24, address6: fd00::1", "expected an IPv6 address with a prefix");
}

static void routed_bridge_has_the_filter_without_an_uplink(void **state)
{
#define RULES "nat: {filter: [{deny: in}]}"
	char *text,
		*said = complaints_of("version: 1\nbridges:\n"
				      "  a: {address: 10.10.0.1/24, forward: route, " RULES "}\n"
				      "  b: {address: 10.20.0.1/24, forward: route}\n");
	struct config *c = config_of("version: 1\nbridges:\n"
				     "  a: {address: 10.10.0.1/24, forward: route, " RULES "}\n"
				     "  b: {address: 10.20.0.1/24, forward: route}\n");

	assert_string_equal(said, "");
	text = text_of(c, false);
	assert_non_null(strstr(text, "deny: in"));
	free(text);
	/* Who has no `nat` does not read of its defaults. */
	text = text_of(c, true);
	assert_non_null(strstr(text, "nat:"));
	assert_null(strstr(strstr(text, "nat:") + 1, "nat:\n"));
	free(text);
	free(said);
	config_free(c);

	says("address: 10.10.0.1/24, " RULES, "bridges.lan.nat.filter: the bridge has no gateway");
	says("address: 10.10.0.1/24, forward: none, " RULES,
	     "bridges.lan.nat.filter: an isolated bridge passes nothing on");
	says("address: 10.10.0.1/24, forward: route, nat: {uplink: wan, filter: [{deny: in}]}",
	     "write uplink: wan beside forward");
	says("address: 10.10.0.1/24, forward: route, uplink: wan, "
	     "nat: {forwards: [{tcp: 22, to: 10.10.0.7}]}",
	     "error: bridges.lan.nat.forwards: the bridge translates nothing");
	says("address: 10.10.0.1/24, forward: none, "
	     "nat: {uplink: wan, forwards: [{tcp: 22, to: 10.10.0.7}]}",
	     "warning: bridges.lan.nat.forwards: the bridge translates nothing");
}

static void mistakes_in_uplinks_are_told(void **state)
{
	static const struct {
		const char *keys, *said;
	} cases[] = {
		{"vhost-user: {}", "the uplink has no address"},
		{"address: 192.0.2.2/24", "needs one of host, nic, vhost-user"},
		{"address: 192.0.2.0/24, vhost-user: {}",
		 "192.0.2.0/24 is not an address for a host"},
		{"address: 192.0.2.2/24, gateway: 192.0.3.1, vhost-user: {}",
		 "192.0.3.1 is outside 192.0.2.2/24"},
		{"address: 192.0.2.2/24, gateway: 192.0.2.2, vhost-user: {}", "own address"},
		{"address: 192.0.2.2/24, addresses: [192.0.2.2], vhost-user: {}", "is there twice"},
		{"address: 192.0.2.2/24, addresses: [192.0.2.9-192.0.2.3], vhost-user: {}",
		 "expected up to 256 IPv4 addresses"},
		{"address: 192.0.2.2/24, neighbours: [{address: 192.0.3.1, mac: "
		 "02:00:00:00:00:01}], "
		 "vhost-user: {}",
		 "192.0.3.1 is not in the uplink's subnet"},
		{"address: 192.0.2.2/24, host: {}", "takes its addresses from host.range"},
		{"address: 192.0.2.2/24, gateway6: fe80::1, vhost-user: {}", "has no address6"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[512], *said;

		snprintf(text, sizeof(text), "version: 1\nuplinks: {up: {%s}}\n", cases[i].keys);
		said = complaints_of(text);
		if (!strstr(said, cases[i].said))
			print_error("wanted: %s\ngot: %s\n", cases[i].said, said);
		assert_non_null(strstr(said, cases[i].said));
		free(said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_read_as_what_they_mean),
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(host_uplink_is_there_for_who_uses_it),
		cmocka_unit_test(uplinks_come_before_bridges_and_go_after_them),
		cmocka_unit_test(forwards_are_added_and_deleted),
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(routed_bridge_has_the_filter_without_an_uplink),
		cmocka_unit_test(mistakes_in_uplinks_are_told),
	};

	return cmocka_run_group_tests_name("config_nat", tests, NULL, NULL);
}
