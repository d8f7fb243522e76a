/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Network devices in a config file. */

#include "tests/unit/test_config_lib.h"

#include <stdlib.h>
#include <string.h>

#define PORT(nic) "version: 1\nbridges: {lan: {}}\nports: {up: {bridge: lan, nic: {" nic "}}}\n"

static void a_device_is_shared_by_nobody_and_asked_nothing_by_default(void **state)
{
	struct config *c = config_of(PORT("dev: eth1"));
	const struct config_port *p = &c->ports[0];

	assert_int_equal(p->kind, PORT_NIC);
	assert_string_equal(p->nic.dev, "eth1");
	assert_string_equal(p->nic.pci, "");
	assert_int_equal(p->nic.driver, NIC_DRIVER_AF_XDP);
	assert_int_equal(p->nic.mode, NIC_XDP_AUTO);
	assert_int_equal(p->nic.queues, 0);
	assert_false(p->nic.share);
	config_free(c);
}

static void all_keys_are_read_and_printed(void **state)
{
	struct config *c = config_of(PORT("dev: eth1, queues: 4, mode: generic, share: on")),
		      *again;
	char *text = text_of(c, false);

	again = config_of(text);
	assert_same_config(c, again);
	assert_int_equal(again->ports[0].nic.queues, 4);
	assert_int_equal(again->ports[0].nic.mode, NIC_XDP_GENERIC);
	assert_true(again->ports[0].nic.share);
	config_free(again);
	config_free(c);
	free(text);
}

/* The first line of what is said about a port with these keys begins so, behind the position. */
static void assert_says(const char *nic, const char *what)
{
	char text[400], *said;

	snprintf(text, sizeof(text), PORT("%s"), nic);
	said = complaints_of(text);
	if (!strstr(said, what))
		fail_msg("'%s' is not in: %s", what, said);
	free(said);
}

static void what_does_not_go_together_is_told(void **state)
{
	assert_says("", "error: ports.up.nic: which device?");
	assert_says("mode: native", "help: write dev: and its name; `ip link` lists devices");
	assert_says("dev: eth1, pci: \"0000:01:00.0\"",
		    "ports.up.nic.pci: only driver dpdk has it");
	assert_says("driver: dpdk, dev: eth1",
		    "ports.up.nic.dev: a device of driver dpdk has no name");
	assert_says("driver: dpdk", "ports.up.nic: driver dpdk needs a PCI address");
	assert_says("driver: dpdk, pci: \"01:00.0\"", "'01:00.0' is no PCI address");
	assert_says("driver: dpdk, pci: \"0000:01:00.x\"", "'0000:01:00.x' is no PCI address");
	assert_says("dev: eth1, driver: af_packet, share: on",
		    "ports.up.nic.share: only driver af_xdp shares a device");
	assert_says("dev: eth1, driver: af_packet, mode: native",
		    "ports.up.nic.mode: only driver af_xdp has modes");
	assert_says("dev: eth1, driver: xdp", "expected af_xdp, af_packet or dpdk");
	assert_says("dev: a-name-that-is-too-long", "ports.up.nic.dev:");
	assert_says("dev: \"eth 1\"", "'eth 1' is no name of a device");
}

static void a_device_is_one_port_or_one_uplink(void **state)
{
	char *said = complaints_of("version: 1\n"
				   "uplinks: {wan: {address: 192.0.2.2/24, nic: {dev: eth1}}}\n"
				   "bridges: {lan: {}}\n"
				   "ports: {up: {bridge: lan, nic: {dev: eth1}}}\n");

	assert_non_null(strstr(said, "eth1"));
	assert_non_null(strstr(said, "help: a device is one port or one uplink"));
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_is_shared_by_nobody_and_asked_nothing_by_default),
		cmocka_unit_test(all_keys_are_read_and_printed),
		cmocka_unit_test(what_does_not_go_together_is_told),
		cmocka_unit_test(a_device_is_one_port_or_one_uplink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
