/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

#include <stdlib.h>
#include <string.h>

#define HEAD "version: 1\nbridges:\n  lan:\n    address: 10.10.0.1/24\n"

static void a_range_is_all_that_a_server_needs(void **state)
{
	struct config *c = config_of(HEAD "    dhcp: {range: 10.10.0.100-10.10.0.199}\n");
	const struct config_dhcp *d = &c->bridges[0].dhcp;

	assert_true(config_has_dhcp(&c->bridges[0]));
	assert_int_equal(d->range.first, 0x0a0a0064);
	assert_int_equal(d->range.last, 0x0a0a00c7);
	assert_int_equal(d->address, 0x0a0a00fe);
	assert_true(d->address_derived && d->dns);
	assert_string_equal(d->upstream, "auto");
	assert_int_equal(d->lease_ns, 3600000000000);
	config_free(c);
}

static void a_bridge_at_the_end_of_its_subnet_leaves_the_server_the_address_before(void **state)
{
	struct config *c = config_of("version: 1\nbridges: {lan: {address: 10.10.0.254/24, "
				     "dhcp: {range: 10.10.0.1-10.10.0.252}}}\n");

	assert_int_equal(c->bridges[0].dhcp.address, 0x0a0a00fd);
	config_free(c);
}

static void a_bridge_with_a_server_guards_against_others_unless_told_not_to(void **state)
{
	struct config *c =
		config_of("version: 1\n"
			  "bridges:\n"
			  "  a: {address: 10.1.0.1/24, dhcp: {range: 10.1.0.9-10.1.0.20}}\n"
			  "  b: {address: 10.2.0.1/24, dhcp: {range: 10.2.0.9-10.2.0.20}, "
			  "dhcp-guard: off}\n"
			  "  c: {}\n"
			  "  d: {dhcp-guard: on}\n");

	assert_true(config_guards_dhcp(&c->bridges[0]));
	assert_false(config_guards_dhcp(&c->bridges[1]));
	assert_false(config_guards_dhcp(&c->bridges[2]));
	assert_true(config_guards_dhcp(&c->bridges[3]));
	config_free(c);
}

static void guests_get_no_address_that_the_server_has_or_keeps(void **state)
{
	/* Four hosts are left of six for two guests, whatever their names hash to. */
	struct config *c =
		config_of("version: 1\n"
			  "bridges:\n"
			  "  lan:\n"
			  "    address: 10.10.0.1/29\n"
			  "    dhcp:\n"
			  "      range: 10.10.0.4-10.10.0.5\n"
			  "      reservations:\n"
			  "        p: {mac: 02:00:00:00:00:01, address: 10.10.0.2}\n"
			  "guests: {a: {nics: [{bridge: lan}]}, b: {nics: [{bridge: lan}]},\n"
			  "  c: {nics: [{bridge: lan}]}}\n");

	for (unsigned i = 0; i < 3; i++) {
		uint32_t addr = c->guests[i].nics[0].address.addr;

		assert_in_range(addr, 0x0a0a0003, 0x0a0a0005);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(addr, c->guests[j].nics[0].address.addr);
	}
	config_free(c);
}

static void everything_that_is_written_reads_back(void **state)
{
	struct config *c = config_of(
		HEAD "    dhcp:\n"
		     "      range: 10.10.0.100-10.10.0.199\n"
		     "      lease: infinite\n"
		     "      domain: example.org\n"
		     "      address: 10.10.0.53\n"
		     "      reservations:\n"
		     "        printer: {mac: 02:00:00:00:00:01, address: 10.10.0.7}\n"
		     "      dns: off\n"
		     "      upstream: [192.0.2.53, \"2001:db8::53\"]\n"
		     "      options: {mtu: 1400, router: none, dns-server: 10.1.1.1,\n"
		     "        ntp-server: [10.1.1.2, 10.1.1.3], search: [lan, example.org],\n"
		     "        raw: [{code: 252, value: \"http://10.10.0.1/wpad.dat\"}]}\n"
		     "      boot: {file: pxelinux.0, server: 10.10.0.9, tftp-root: /srv}\n"
		     "      lease-file: /var/lib/weft/lan.leases\n");
	char *text = text_of(c, false);
	struct config *again = config_of(text);

	assert_same_config(c, again);
	assert_string_equal(again->bridges[0].dhcp.raw[0].value, "http://10.10.0.1/wpad.dat");
	config_free(again);
	config_free(c);
	free(text);
}

static void mistakes_are_told_with_place_and_remedy(void **state)
{
	static const struct complaint_case cases[] = {
		{HEAD "    dhcp: {range: 10.11.0.100-10.11.0.199}\n",
		 "f.yaml:5:19: error: bridges.lan.dhcp.range: 10.11.0.100-10.11.0.199 is not among "
		 "the hosts of 10.10.0.1/24\n"
		 "    dhcp: {range: 10.11.0.100-10.11.0.199}\n"
		 "                  ^\n"
		 "help: write a range such as 10.10.0.2-10.10.0.253\n"},
		{HEAD "    dhcp: {range: 10.10.0.1-10.10.0.9}\n",
		 "f.yaml:5:19: error: bridges.lan.dhcp.range: 10.10.0.1-10.10.0.9 covers the "
		 "bridge's own address 10.10.0.1\n"
		 "    dhcp: {range: 10.10.0.1-10.10.0.9}\n"
		 "                  ^\n"
		 "help: write a range such as 10.10.0.2-10.10.0.253\n"},
		{HEAD "    dhcp: {range: 10.10.0.9-10.10.0.254}\n",
		 "f.yaml:5:19: error: bridges.lan.dhcp.range: 10.10.0.9-10.10.0.254 covers "
		 "10.10.0.254, which is the server's own\n"
		 "    dhcp: {range: 10.10.0.9-10.10.0.254}\n"
		 "                  ^\n"
		 "help: write a range such as 10.10.0.2-10.10.0.253\n"},
		{HEAD "    dhcp: {range: 10.10.0.9-10.10.0.20, address: 10.10.0.1}\n",
		 "f.yaml:5:50: error: bridges.lan.dhcp.address: 10.10.0.1 is the address of bridge "
		 "lan itself\n"
		 "    dhcp: {range: 10.10.0.9-10.10.0.20, address: 10.10.0.1}\n"
		 "                                                 ^\n"
		 "help: choose another address of 10.10.0.1/24\n"},
		{HEAD "    dhcp: {range: 10.10.0.9-10.10.0.20, lease: 30s}\n",
		 "f.yaml:5:48: error: bridges.lan.dhcp.lease: expected a duration from 2m to "
		 "10000h "
		 "or infinite, found '30s'\n"
		 "    dhcp: {range: 10.10.0.9-10.10.0.20, lease: 30s}\n"
		 "                                               ^\n"
		 "help: for example: lease: 1h\n"},
		{HEAD "    dhcp: {lease: 1h}\n",
		 "f.yaml:5:5: error: bridges.lan.dhcp.range: missing\n"
		 "    dhcp: {lease: 1h}\n"
		 "    ^\n"
		 "help: add the line `range: 10.10.0.100-10.10.0.199`\n"},
		{"version: 1\nbridges: {lan: {dhcp: {range: 10.10.0.9-10.10.0.20}}}\n",
		 "f.yaml:2:17: error: bridges.lan.dhcp: the bridge has no address\n"
		 "bridges: {lan: {dhcp: {range: 10.10.0.9-10.10.0.20}}}\n"
		 "                ^\n"
		 "help: add one to the bridge: address: 10.10.0.1/24\n"},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

/* The complaint about a config with those reservations and a guest at 10.10.0.8 holds `said`. */
static void assert_reservations_refused(const char *reservations, const char *said)
{
	char text[1024], *complaints;

	snprintf(text, sizeof(text),
		 HEAD "    dhcp: {range: 10.10.0.100-10.10.0.199, reservations: {%s}}\n"
		      "guests: {g: {nics: [{bridge: lan, mac: 02:00:00:00:00:08, "
		      "address: 10.10.0.8/24}]}}\n",
		 reservations);
	complaints = complaints_of(text);
	if (!strstr(complaints, said))
		print_error("%s", complaints);
	assert_non_null(strstr(complaints, said));
	free(complaints);
}

static void reservations_that_cannot_be_kept_are_refused(void **state)
{
	assert_reservations_refused("a: {mac: 02:00:00:00:00:01, address: 10.11.0.7}",
				    "10.11.0.7 is outside 10.10.0.1/24 of bridge lan");
	assert_reservations_refused("a: {mac: 02:00:00:00:00:01, address: 10.10.0.7}, "
				    "b: {mac: 02:00:00:00:00:02, address: 10.10.0.7}",
				    "b.address: 10.10.0.7 is used already by reservation 'a' (line "
				    "5)");
	assert_reservations_refused("a: {mac: 02:00:00:00:00:01, address: 10.10.0.6}, "
				    "b: {mac: 02:00:00:00:00:01, address: 10.10.0.7}",
				    "b.mac: 02:00:00:00:00:01 is used already by reservation 'a'");
	assert_reservations_refused("a: {mac: 02:00:00:00:00:08, address: 10.10.0.7}",
				    "is used already by guests.g.nics[0] (line 6)");
	assert_reservations_refused("a: {mac: 02:00:00:00:00:01, address: 10.10.0.8}",
				    "10.10.0.8 is the address of guests.g.nics[0]");
	assert_reservations_refused("a: {mac: 02:00:00:00:00:01, address: 10.10.0.254}",
				    "10.10.0.254 is the address of the server itself");
	assert_reservations_refused("g: {mac: 02:00:00:00:00:01, address: 10.10.0.7}",
				    "the name belongs to a guest (line 6)");
}

/* The complaint about a config with those lines holds `said`. */
static void assert_refused(const char *text, const char *said)
{
	char *complaints = complaints_of(text);

	if (!strstr(complaints, said))
		print_error("%s", complaints);
	assert_non_null(strstr(complaints, said));
	free(complaints);
}

static void what_has_a_key_is_no_raw_option(void **state)
{
	assert_refused(HEAD "    dhcp: {range: 10.10.0.9-10.10.0.20,\n"
			    "      options: {raw: [{code: 26, value: \"1400\"}]}}\n",
		       "option 26 cannot be given by its number");
	assert_refused(HEAD "    dhcp: {range: 10.10.0.9-10.10.0.20,\n"
			    "      options: {raw: [{code: 53, value: \"5\"}]}}\n",
		       "help: the server sets it");
}

static void a_boot_file_needs_somebody_who_serves_it(void **state)
{
	assert_refused(HEAD "    dhcp: {range: 10.10.0.9-10.10.0.20, boot: {file: a}}\n",
		       "bridges.lan.dhcp.boot.file: nobody serves it");
	assert_refused(HEAD "    dhcp: {range: 10.10.0.9-10.10.0.20,\n"
			    "      boot: {file: \"a,b\", server: 10.0.0.1}}\n",
		       "a comma, a blank or a quote in the name");
}

static void leases_bind_only_where_there_is_a_server(void **state)
{
	assert_refused(HEAD "ports: {p: {bridge: lan, anti-spoof: {enable: on, leases: on,\n"
			    "  mac: 02:00:00:00:00:01}}}\n",
		       "ports.p.anti-spoof.leases: bridge 'lan' has no dhcp");
	assert_refused(HEAD "guests: {g: {nics: [{bridge: lan, anti-spoof: {enable: on,\n"
			    "  leases: on}}]}}\n",
		       "guests.g.nics[0].anti-spoof.leases: bridge 'lan' has no dhcp");
}

static void a_range_of_ipv6_is_in_the_bridges_prefix(void **state)
{
	assert_refused(HEAD
		       "    dhcp: {range: 10.10.0.9-10.10.0.20, range6: \"fd00::1-fd00::2\"}\n",
		       "bridges.lan.dhcp.range6: the bridge has no address6");
	assert_refused(HEAD
		       "    address6: \"fd00:10::1/64\"\n"
		       "    dhcp: {range: 10.10.0.9-10.10.0.20, range6: \"fd00::1-fd00::2\"}\n",
		       "bridges.lan.dhcp.range6: is no range in fd00:10::1/64");
	assert_refused(HEAD "    address6: \"fd00:10::1/64\"\n"
			    "    dhcp: {range: 10.10.0.9-10.10.0.20, range6: \"fd00:10::1\"}\n",
		       "expected two IPv6 addresses with a dash between them");
}

static void the_servers_port_has_its_name(void **state)
{
	assert_refused(HEAD "    dhcp: {range: 10.10.0.9-10.10.0.20}\n"
			    "ports: {lan.dhcp: {bridge: lan}}\n",
		       "ports.lan.dhcp: the name belongs to bridges.lan.dhcp (line 5)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_is_all_that_a_server_needs),
		cmocka_unit_test(
			a_bridge_at_the_end_of_its_subnet_leaves_the_server_the_address_before),
		cmocka_unit_test(a_bridge_with_a_server_guards_against_others_unless_told_not_to),
		cmocka_unit_test(guests_get_no_address_that_the_server_has_or_keeps),
		cmocka_unit_test(everything_that_is_written_reads_back),
		cmocka_unit_test(mistakes_are_told_with_place_and_remedy),
		cmocka_unit_test(reservations_that_cannot_be_kept_are_refused),
		cmocka_unit_test(what_has_a_key_is_no_raw_option),
		cmocka_unit_test(a_boot_file_needs_somebody_who_serves_it),
		cmocka_unit_test(leases_bind_only_where_there_is_a_server),
		cmocka_unit_test(a_range_of_ipv6_is_in_the_bridges_prefix),
		cmocka_unit_test(the_servers_port_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
