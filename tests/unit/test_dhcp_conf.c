/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dhcp/conf.h"

#include <stdlib.h>
#include <string.h>

#include "dhcp/resolv.h"
#include "tests/unit/test_config_lib.h"

#define LAN(keys)                                                                                  \
	"version: 1\n"                                                                             \
	"bridges: {lan: {address: 10.10.0.1/24, dhcp: {range: 10.10.0.100-10.10.0.199" keys        \
	"}}}\n"

/* A file made for the first bridge of `text`. Free. */
static char *file_of(const char *text, enum dhcp_file file, const char *upstream)
{
	struct config *c = config_of(text);
	struct dhcp_plan p;
	char *made;

	assert_int_equal(dhcp_plan_init(&p, c, &c->bridges[0], "dhcp0"), 0);
	made = dhcp_file_text(file, &p, upstream);
	assert_non_null(made);
	dhcp_plan_fini(&p);
	config_free(c);
	return made;
}

static void assert_file(const char *text, enum dhcp_file file, const char *wanted)
{
	char *made = file_of(text, file, "");

	assert_string_equal(made, wanted);
	free(made);
}

/* Whether a line of the file is `line`. */
static bool has_line(const char *file, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = strstr(file, line); at; at = strstr(at + 1, line))
		if ((at == file || at[-1] == '\n') && at[len] == '\n')
			return true;
	return false;
}

static void the_main_file_serves_one_interface_and_keeps_no_leases(void **state)
{
	char *made = file_of(LAN(", lease: 2h"), DHCP_FILE_MAIN, "");

	assert_true(has_line(made, "dhcp-range=10.10.0.100,10.10.0.199,255.255.255.0,7200"));
	assert_true(has_line(made, "interface=dhcp0"));
	assert_true(has_line(made, "except-interface=lo"));
	assert_true(has_line(made, "bind-dynamic"));
	assert_true(has_line(made, "dhcp-authoritative"));
	assert_true(has_line(made, "leasefile-ro"));
	assert_true(has_line(made, "dhcp-script=/weft-lease"));
	assert_true(has_line(made, "dhcp-lease-max=8292"));
	assert_true(has_line(made, "domain=lan"));
	assert_true(has_line(made, "local=/lan/"));
	assert_null(strstr(made, "port=0"));
	assert_null(strstr(made, "tftp"));
	free(made);
}

static void dns_can_be_off(void **state)
{
	char *main_file = file_of(LAN(", dns: off"), DHCP_FILE_MAIN, "");
	char *options = file_of(LAN(", dns: off"), DHCP_FILE_OPTIONS, "");
	char *rules = file_of(LAN(", dns: off"), DHCP_FILE_RULES, "");

	assert_true(has_line(main_file, "port=0"));
	assert_null(strstr(main_file, "addn-hosts"));
	assert_true(has_line(options, "option:dns-server"));
	assert_non_null(strstr(rules, "elements = { 67 }"));
	assert_null(strstr(rules, "tcp dport 53 accept"));
	free(main_file);
	free(options);
	free(rules);
}

static void leases_may_last_for_ever(void **state)
{
	char *made = file_of(LAN(", lease: infinite"), DHCP_FILE_MAIN, "");

	assert_true(has_line(made, "dhcp-range=10.10.0.100,10.10.0.199,255.255.255.0,infinite"));
	free(made);
}

static void guests_and_reservations_are_hosts_by_name(void **state)
{
	static const char text[] =
		LAN(", reservations: {printer: {mac: 02:00:00:00:00:01, address: "
		    "10.10.0.7}}") "guests:\n"
				   "  vm.a: {nics: [{bridge: lan, mac: 02:00:00:00:00:0a, "
				   "address: 10.10.0.10/24},\n"
				   "    {bridge: lan, mac: 02:00:00:00:00:0b, address: "
				   "10.10.0.11/24},\n"
				   "    {tap: {name: t0}, mac: 02:00:00:00:00:0c}]}\n";

	assert_file(text, DHCP_FILE_HOSTS,
		    "02:00:00:00:00:01,10.10.0.7,printer\n"
		    "02:00:00:00:00:0a,10.10.0.10,vm-a\n"
		    "02:00:00:00:00:0b,10.10.0.11,vm-a-2\n");
	assert_file(text, DHCP_FILE_NAMES,
		    "10.10.0.7 printer\n"
		    "10.10.0.10 vm-a\n"
		    "10.10.0.11 vm-a-2\n");
}

static void clients_are_told_the_bridge_as_router_and_the_server_for_dns(void **state)
{
	assert_file(LAN(""), DHCP_FILE_OPTIONS,
		    "option:router,10.10.0.1\n"
		    "option:dns-server,10.10.0.254\n");
}

static void options_that_are_none_are_sent_empty_so_that_dnsmasq_adds_nothing(void **state)
{
	assert_file(LAN(", options: {router: none, dns-server: none}"), DHCP_FILE_OPTIONS,
		    "option:router\n"
		    "option:dns-server\n");
}

static void options_are_told_by_name_and_by_number(void **state)
{
	assert_file(
		LAN(", options: {mtu: 1400, router: 10.10.0.9, ntp-server: [10.1.1.1, 10.1.1.2],"
		    " search: [lan, example.org], raw: [{code: 252, value: \"http://x/y\"}]}"),
		DHCP_FILE_OPTIONS,
		"option:router,10.10.0.9\n"
		"option:dns-server,10.10.0.254\n"
		"option:ntp-server,10.1.1.1,10.1.1.2\n"
		"option:mtu,1400\n"
		"option:domain-search,lan,example.org\n"
		"252,http://x/y\n");
}

static void network_boot_names_file_and_server(void **state)
{
	char *own = file_of(LAN(", boot: {file: pxelinux.0, tftp-root: /}"), DHCP_FILE_MAIN, "");
	char *rules = file_of(LAN(", boot: {file: pxelinux.0, tftp-root: /}"), DHCP_FILE_RULES, "");
	char *other = file_of(LAN(", boot: {file: a.efi, server: 10.10.0.9}"), DHCP_FILE_MAIN, "");

	assert_true(has_line(own, "dhcp-boot=pxelinux.0"));
	assert_true(has_line(own, "enable-tftp"));
	assert_true(has_line(own, "tftp-single-port"));
	assert_non_null(strstr(rules, "elements = { 67, 53, 69 }"));
	assert_true(has_line(other, "dhcp-boot=a.efi,,10.10.0.9"));
	assert_null(strstr(other, "enable-tftp"));
	free(own);
	free(rules);
	free(other);
}

#define LAN6(keys)                                                                                 \
	"version: 1\n"                                                                             \
	"bridges: {lan: {address: 10.10.0.1/24, address6: \"fd00:10::1/64\",\n"                    \
	"  dhcp: {range: 10.10.0.100-10.10.0.199" keys "}}}\n"

static void a_bridge_with_a_prefix_is_served_ipv6(void **state)
{
	char *slaac = file_of(LAN6(""), DHCP_FILE_MAIN, "");
	char *managed =
		file_of(LAN6(", range6: \"fd00:10::100-fd00:10::1ff\""), DHCP_FILE_MAIN, "");
	char *none = file_of(LAN6(", ra: off"), DHCP_FILE_MAIN, "");
	char *rules = file_of(LAN6(""), DHCP_FILE_RULES, "");

	assert_true(has_line(slaac, "dhcp-range=fd00:10::,ra-stateless,ra-names,64,3600"));
	assert_true(has_line(slaac, "enable-ra"));
	assert_true(has_line(slaac, "ra-param=dhcp0,0,0"));
	assert_true(has_line(managed, "dhcp-range=fd00:10::100,fd00:10::1ff,64,3600"));
	assert_null(strstr(none, "fd00"));
	assert_non_null(strstr(rules, "547"));
	assert_non_null(strstr(rules, "ipv6-icmp accept"));
	free(slaac);
	free(managed);
	free(none);
	free(rules);
}

static void upstream_servers_are_of_both_families(void **state)
{
	char *made = file_of(LAN(""), DHCP_FILE_SERVERS, "192.0.2.53 2001:db8::53");

	assert_string_equal(made, "server=192.0.2.53\nserver=2001:db8::53\n");
	free(made);
}

static void only_what_dnsmasq_cannot_read_again_takes_a_restart(void **state)
{
	assert_true(dhcp_file_is_structural(DHCP_FILE_MAIN));
	assert_true(dhcp_file_is_structural(DHCP_FILE_RULES));
	assert_false(dhcp_file_is_structural(DHCP_FILE_HOSTS));
	assert_false(dhcp_file_is_structural(DHCP_FILE_OPTIONS));
	assert_false(dhcp_file_is_structural(DHCP_FILE_NAMES));
	assert_false(dhcp_file_is_structural(DHCP_FILE_SERVERS));
}

static void name_servers_on_a_loopback_are_not_for_others(void **state)
{
	char list[RESOLV_LIST_MAX];

	assert_string_equal(resolv_parse("# comment\nnameserver 127.0.0.53\nsearch lan\n"
					 "nameserver ::1\n  nameserver  192.0.2.1 # x\n"
					 "nameserver 2001:db8::1\nnameserver nonsense",
					 list),
			    "192.0.2.1 2001:db8::1");
	assert_string_equal(resolv_parse("nameserver 127.0.0.53\n", list), "");
	assert_string_equal(resolv_parse("", list), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_main_file_serves_one_interface_and_keeps_no_leases),
		cmocka_unit_test(dns_can_be_off),
		cmocka_unit_test(leases_may_last_for_ever),
		cmocka_unit_test(guests_and_reservations_are_hosts_by_name),
		cmocka_unit_test(clients_are_told_the_bridge_as_router_and_the_server_for_dns),
		cmocka_unit_test(options_that_are_none_are_sent_empty_so_that_dnsmasq_adds_nothing),
		cmocka_unit_test(options_are_told_by_name_and_by_number),
		cmocka_unit_test(network_boot_names_file_and_server),
		cmocka_unit_test(a_bridge_with_a_prefix_is_served_ipv6),
		cmocka_unit_test(upstream_servers_are_of_both_families),
		cmocka_unit_test(only_what_dnsmasq_cannot_read_again_takes_a_restart),
		cmocka_unit_test(name_servers_on_a_loopback_are_not_for_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
