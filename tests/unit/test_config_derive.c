/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

#include <stdlib.h>
#include <string.h>

static const char *mac_text(const struct config *c, const char *guest, unsigned n)
{
	static char text[MAC_TEXT_MAX];

	return mac_format(&config_guest_lookup(c, guest)->nics[n].mac, text);
}

static const char *address_text(const struct config *c, const char *guest, unsigned n)
{
	static char text[IP4_PREFIX_TEXT];

	return ip4_prefix_format(&config_guest_lookup(c, guest)->nics[n].address, text);
}

/* These values are a promise: guests' leases, ARP tables and notes depend on them. */
static void derived_addresses_stay_what_they_are(void **state)
{
	struct config *c = config_of("version: 1\n"
				     "bridges: {lan: {address: 10.10.0.1/24}}\n"
				     "guests: {alpha: {nics: [{bridge: lan}, {bridge: lan}]},\n"
				     "         beta: {nics: [{bridge: lan}]}}\n");

	assert_string_equal(mac_text(c, "alpha", 0), "52:57:4f:25:64:91");
	assert_string_equal(mac_text(c, "beta", 0), "52:57:e5:c0:3f:85");
	assert_string_equal(address_text(c, "alpha", 0), "10.10.0.6/24");
	assert_string_equal(address_text(c, "beta", 0), "10.10.0.196/24");
	assert_true(c->guests[0].nics[0].mac_derived && c->guests[0].nics[0].address_derived);
	assert_string_not_equal(mac_text(c, "alpha", 1), "52:57:4f:25:64:91");
	config_free(c);
}

static void other_guests_do_not_move_derived_addresses(void **state)
{
	struct config *c = config_of(
		"version: 1\n"
		"bridges: {x: {}, lan: {address: 10.10.0.1/24}}\n"
		"guests: {new: {nics: [{bridge: lan}]}, beta: {nics: [{bridge: lan}]}}\n");

	assert_string_equal(mac_text(c, "beta", 0), "52:57:e5:c0:3f:85");
	assert_string_equal(address_text(c, "beta", 0), "10.10.0.196/24");
	config_free(c);
}

static void a_written_mac_is_not_given_to_another_guest(void **state)
{
	struct config *c = config_of("version: 1\n"
				     "bridges: {lan: {}}\n"
				     "guests: {alpha: {nics: [{bridge: lan}]},\n"
				     "  thief: {nics: [{bridge: lan, mac: 52:57:4f:25:64:91}]}}\n");

	assert_string_equal(mac_text(c, "thief", 0), "52:57:4f:25:64:91");
	assert_string_not_equal(mac_text(c, "alpha", 0), "52:57:4f:25:64:91");
	assert_true(c->guests[0].nics[0].mac.b[0] == 0x52);
	config_free(c);
}

static void a_written_address_is_not_given_to_another_guest(void **state)
{
	struct config *c = config_of("version: 1\n"
				     "bridges: {lan: {address: 10.10.0.7/24}}\n"
				     "guests: {alpha: {nics: [{bridge: lan}]},\n"
				     "  thief: {nics: [{bridge: lan, address: 10.10.0.6/24}]}}\n");

	assert_string_equal(address_text(c, "alpha", 0), "10.10.0.8/24");
	assert_false(c->guests[1].nics[0].address_derived);
	config_free(c);
}

static void a_full_subnet_gives_out_each_host_address_once(void **state)
{
	struct config *c =
		config_of("version: 1\n"
			  "bridges: {lan: {address: 10.10.0.2/29}}\n"
			  "guests: {a: {nics: [{bridge: lan}, {bridge: lan}, {bridge: lan},\n"
			  "                    {bridge: lan}, {bridge: lan}]}}\n");
	unsigned seen = 0;

	for (unsigned i = 0; i < 5; i++)
		seen |= 1u << (c->guests[0].nics[i].address.addr & 7);

	assert_int_equal(seen, 0x7a);
	config_free(c);
}

static void nics_without_a_subnet_get_no_address(void **state)
{
	struct config *c = config_of(
		"version: 1\n"
		"bridges: {lan: {}, wan: {address: 10.0.0.1/8}}\n"
		"guests: {a: {nics: [{bridge: lan}, {tap: {name: t}}, {bridge: wan}]}}\n");

	assert_false(c->guests[0].nics[0].has_address);
	assert_false(c->guests[0].nics[1].has_address);
	assert_true(c->guests[0].nics[2].has_address);
	config_free(c);
}

static void a_subnet_without_room_is_an_error(void **state)
{
	static const struct complaint_case cases[] = {
		{"version: 1\n"
		 "bridges: {lan: {address: 10.10.0.1/30}}\n"
		 "guests:\n"
		 "  a: {nics: [{bridge: lan}, {bridge: lan}, {bridge: lan}]}\n",
		 "f.yaml:4:29: error: guests.a.nics[1].address: no address is left in 10.10.0.1/30 "
		 "of "
		 "bridge lan\n"
		 "  a: {nics: [{bridge: lan}, {bridge: lan}, {bridge: lan}]}\n"
		 "                            ^\n"
		 "help: give the bridge a larger subnet, such as a /16\n"},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void sockets_of_ports_lie_in_the_run_dir(void **state)
{
	struct config *c =
		config_of("version: 1\n"
			  "switch: {run-dir: /tmp/w}\n"
			  "bridges: {lan: {}}\n"
			  "ports: {p: {bridge: lan}, q: {bridge: lan, vhost-user: {path: /q}}}\n");

	assert_string_equal(c->ports[0].vhost.path, "/tmp/w/p.sock");
	assert_true(c->ports[0].vhost.path_derived);
	assert_string_equal(c->ports[1].vhost.path, "/q");
	assert_false(c->ports[1].vhost.path_derived);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derived_addresses_stay_what_they_are),
		cmocka_unit_test(other_guests_do_not_move_derived_addresses),
		cmocka_unit_test(a_written_mac_is_not_given_to_another_guest),
		cmocka_unit_test(a_written_address_is_not_given_to_another_guest),
		cmocka_unit_test(a_full_subnet_gives_out_each_host_address_once),
		cmocka_unit_test(nics_without_a_subnet_get_no_address),
		cmocka_unit_test(a_subnet_without_room_is_an_error),
		cmocka_unit_test(sockets_of_ports_lie_in_the_run_dir),
	};

	return cmocka_run_group_tests_name("config_derive", tests, NULL, NULL);
}
