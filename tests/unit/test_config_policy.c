/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

#include <stdlib.h>
#include <string.h>

#include "common/ipaddr.h"
#include "common/units.h"
#include "config/diff.h"
#include "config/edit.h"

#define LAN "version: 1\nbridges: {lan: {address: 10.10.0.1/24}}\n"

static void one_word_turns_anti_spoof_on(void **state)
{
	struct config *c = config_of(LAN "guests: {a: {nics: [{bridge: lan, anti-spoof: on}]}}\n");
	const struct config_spoof *s = &c->guests[0].nics[0].policy.spoof;

	assert_true(s->enable && s->ipv4 && s->ipv6 && s->arp && s->nd);
	assert_string_equal(s->addresses, "");
	config_free(c);
}

static void addresses_are_a_list_or_one_text(void **state)
{
	struct config *c = config_of(
		LAN "ports:\n"
		    "  a: {bridge: lan, anti-spoof: {enable: on, mac: 02:00:00:00:00:01,\n"
		    "      addresses: [10.0.0.1, \"fd00::1\", 10.1.0.0/16]}}\n"
		    "  b: {bridge: lan, anti-spoof: {enable: on, mac: 02:00:00:00:00:02,\n"
		    "      addresses: 10.0.0.2}}\n");
	struct ipaddr_prefix list[CONFIG_ADDRESSES_MAX];

	assert_string_equal(c->ports[0].policy.spoof.addresses, "10.0.0.1 fd00::1 10.1.0.0/16");
	assert_string_equal(c->ports[1].policy.spoof.addresses, "10.0.0.2");
	assert_int_equal(
		ipaddr_list_parse(c->ports[0].policy.spoof.addresses, list, CONFIG_ADDRESSES_MAX),
		3);
	assert_int_equal(list[2].len, 96 + 16);
	config_free(c);
}

static void what_is_printed_reads_back(void **state)
{
	struct config *c = config_of(
		"version: 1\nbridges: {lan: {dhcp-guard: on, multicast-snooping: on}}\n"
		"ports: {a: {bridge: lan, trusted: on, rate: {in: 100Mbps, out-pps: 5000},\n"
		"  anti-spoof: {enable: on, mac: 02:00:00:00:00:01, addresses: [10.0.0.1, "
		"\"::1\"]}}}\n");
	char *text = text_of(c, false);
	struct config *again = config_of(text);

	assert_same_config(c, again);
	config_free(again);
	config_free(c);
	free(text);
}

static void mistakes_in_policies_are_told_with_their_remedy(void **state)
{
	static const char text[] = LAN "ports:\n"
				       "  a: {bridge: lan, anti-spoof: on}\n"
				       "  b: {bridge: lan, rate: {in: 100}}\n"
				       "guests: {g: {nics: [{tap: {name: tap0}, trusted: on}]}}\n";
	char *said = complaints_of(text);

	assert_non_null(strstr(said, "which MAC address the guest has is not known"));
	assert_non_null(strstr(said, "anti-spoof: {enable: on, mac: 52:54:00:12:34:56}"));
	assert_non_null(strstr(said, "expected a rate from 64Kbps to 1Tbps"));
	assert_non_null(strstr(said, "are for NICs on a bridge"));
	free(said);
}

/* The only change between two texts. */
static struct change change_between(const char *old_text, const char *new_text)
{
	struct config *old = config_of(old_text), *new = config_of(new_text);
	struct config_diff d;
	struct change c;

	assert_int_equal(config_diff(old, new, &d), 0);
	assert_int_equal(d.n, 1);
	c = d.changes[0];
	config_diff_fini(&d);
	config_free(old);
	config_free(new);
	return c;
}

static void a_policy_of_a_nic_changes_in_place_and_beside_others_it_does_not(void **state)
{
	static const char plain[] = LAN "guests: {g: {nics: [{bridge: lan}]}}\n";
	struct change c = change_between(
		plain, LAN "guests: {g: {nics: [{bridge: lan, rate: {in: 1Gbps}}]}}\n");

	assert_true(c.live);
	assert_false(c.disruptive);
	c = change_between(plain,
			   LAN "guests: {g: {nics: [{bridge: lan, mtu: 9000, trusted: on}]}}\n");
	assert_false(c.live);
	assert_true(c.disruptive);
}

static void what_a_nic_may_and_its_vlan_change_in_place_together(void **state)
{
	static const char lab[] = "version: 1\nbridges: {lab: {vlan-filtering: on}}\n";
	char old[256], new[256];
	struct change c;

	snprintf(old, sizeof(old), "%sguests: {g: {nics: [{bridge: lab}]}}\n", lab);
	snprintf(new, sizeof(new),
		 "%sguests: {g: {nics: [{bridge: lab, vlan: 10, isolated: on, trusted: on, "
		 "rate: {out: 1Gbps}}]}}\n",
		 lab);
	c = change_between(old, new);

	assert_true(c.live);
	assert_false(c.disruptive);
}

static void rates_have_one_shortest_form(void **state)
{
	static const struct {
		const char *text, *shortest;
		uint64_t bits_ps;
	} cases[] = {
		{"64000bps", "64Kbps", 64000},
		{"1000Mbps", "1Gbps", 1000000000},
		{"1500Kbps", "1500Kbps", 1500000},
	};
	char text[32];
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(units_parse_rate(cases[i].text, &v), 0);
		assert_int_equal(v, cases[i].bits_ps);
		assert_string_equal(units_format_rate(v, text, sizeof(text)), cases[i].shortest);
	}
	assert_true(units_parse_rate("100", &v) < 0);
	assert_true(units_parse_rate("1.5Gbps", &v) < 0);
}

static void addresses_of_both_families_are_read_and_printed(void **state)
{
	static const char *const good[] = {"10.0.0.1", "10.0.0.0/8", "fd00::7", "fe80::/10",
					   "0.0.0.0/0"};
	static const char *const bad[] = {"10.0.0", "10.0.0.1/33", "fd00::7/129", "fd00::7/", "x"};
	char text[IPADDR_TEXT_MAX];
	struct ipaddr_prefix p;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(ipaddr_prefix_parse(good[i], &p), 0);
		assert_string_equal(ipaddr_prefix_format(&p, text), good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(ipaddr_prefix_parse(bad[i], &p) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_word_turns_anti_spoof_on),
		cmocka_unit_test(addresses_are_a_list_or_one_text),
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(mistakes_in_policies_are_told_with_their_remedy),
		cmocka_unit_test(a_policy_of_a_nic_changes_in_place_and_beside_others_it_does_not),
		cmocka_unit_test(what_a_nic_may_and_its_vlan_change_in_place_together),
		cmocka_unit_test(rates_have_one_shortest_form),
		cmocka_unit_test(addresses_of_both_families_are_read_and_printed),
	};

	return cmocka_run_group_tests_name("config_policy", tests, NULL, NULL);
}
