/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

#include <stdlib.h>
#include <string.h>

static const char everything[] = "version: 1\n"
				 "switch:\n"
				 "  workers: 2\n"
				 "  hugepages: on\n"
				 "  run-dir: /tmp/w\n"
				 "  idle: never\n"
				 "  socket:\n"
				 "    owner: root\n"
				 "    group: kvm\n"
				 "    mode: 0660\n"
				 "bridges:\n"
				 "  lan:\n"
				 "    address: 10.10.0.1/24\n"
				 "    ageing: never\n"
				 "    fdb-entries: 1024\n"
				 "    static:\n"
				 "      \"52:54:00:00:00:07\": vm7\n"
				 "      \"52:54:00:00:00:08\": alpha.0\n"
				 "  lab: {}\n"
				 "ports:\n"
				 "  vm7:\n"
				 "    bridge: lan\n"
				 "    vhost-user:\n"
				 "      path: /tmp/x.sock\n"
				 "      mode: client\n"
				 "      owner: libvirt-qemu\n"
				 "      group: kvm\n"
				 "      socket-mode: 0660\n"
				 "    offloads:\n"
				 "      tso: off\n"
				 "      csum: off\n"
				 "guests:\n"
				 "  alpha:\n"
				 "    image:\n"
				 "      kernel: /boot/vmlinuz\n"
				 "      initrd: none\n"
				 "      append: \"loglevel=7 a=\\\"b\\\\c\\\"\"\n"
				 "    disks:\n"
				 "      - path: \"/a dir/root.img\"\n"
				 "        format: qcow2\n"
				 "        readonly: on\n"
				 "    vcpus: 4\n"
				 "    memory: 1G\n"
				 "    engine: qemu\n"
				 "    restart: no\n"
				 "    autostart: off\n"
				 "    nics:\n"
				 "      - bridge: lan\n"
				 "        mac: \"52:54:00:00:00:01\"\n"
				 "        address: 10.10.0.7/24\n"
				 "        mtu: 9000\n"
				 "        offloads:\n"
				 "          tso: off\n"
				 "      - tap:\n"
				 "          name: tap0\n"
				 "        model: rtl8139\n"
				 "      - vhost-user:\n"
				 "          path: /run/ovs/v1\n"
				 "          mode: client\n"
				 "  beta:\n"
				 "    nics:\n"
				 "      - bridge: lan\n";

static void a_file_in_the_printed_form_prints_as_itself(void **state)
{
	struct config *c = config_of(everything);
	char *text = text_of(c, false);

	assert_string_equal(text, everything);
	free(text);
	config_free(c);
}

static void printed_text_parses_to_the_same_tree(void **state)
{
	static const char *const texts[] = {
		everything,
		"",
		"{version: 1, switch: {idle: 0s}, bridges: {a.b: {ageing: 90s}, \"null\": }}",
		"version: 1\nguests: {g: {image: {append: \"\\u00fc \\u2028 \\ufeff \\x9f '\"}}}\n",
		"version: 1\nguests: {g: {image: {append: ' leading, #no comment: -'}}}\n",
		"version: 1\nguests: {g: {memory: 33554433}}\n",
		"version: 1\nbridges: {b: {static: {52:54:00:00:00:0a: p, 52:54:00:00:00:01: p}}}\n"
		"ports: {p: {bridge: b}}\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct config *c = config_of(texts[i]), *again;
		char *text = text_of(c, false);

		again = config_of(text);

		assert_same_config(c, again);
		free(text);
		config_free(again);
		config_free(c);
	}
}

static void the_effective_text_shows_defaults_and_derived_values(void **state)
{
	struct config *c = config_of("version: 1\n"
				     "bridges: {lan: {ageing: 1m}}\n"
				     "ports: {vm7: {bridge: lan}}\n"
				     "guests: {a: {nics: [{bridge: lan}]}}\n");
	char *text = text_of(c, true);

	assert_non_null(strstr(text, "\n    ageing: 1m\n"));
	assert_non_null(
		strstr(text, "\n    fdb-entries: 65536                          # default\n"));
	assert_non_null(
		strstr(text, "      path: /run/weft/vm7.sock                  # derived\n"));
	assert_non_null(strstr(text, "        mac: 52:57:"));
	assert_null(strstr(text, "tap"));
	free(text);
	config_free(c);
}

static void the_effective_text_parses_to_the_same_values(void **state)
{
	struct config *c = config_of(everything), *again;
	char *text = text_of(c, true), *written;

	again = config_of(text);
	written = text_of(again, true);

	assert_string_equal(config_port_lookup(again, "vm7")->vhost.path, "/tmp/x.sock");
	assert_memory_equal(&again->guests[1].nics[0].mac, &c->guests[1].nics[0].mac, 6);
	assert_int_equal(again->guests[1].nics[0].address.addr, c->guests[1].nics[0].address.addr);
	free(text);
	free(written);
	config_free(again);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_in_the_printed_form_prints_as_itself),
		cmocka_unit_test(printed_text_parses_to_the_same_tree),
		cmocka_unit_test(the_effective_text_shows_defaults_and_derived_values),
		cmocka_unit_test(the_effective_text_parses_to_the_same_values),
	};

	return cmocka_run_group_tests_name("config_print", tests, NULL, NULL);
}
