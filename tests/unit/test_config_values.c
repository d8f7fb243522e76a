/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

static void a_number_out_of_range_says_the_range(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"switch: {workers: 17}\n",
			"f.yaml:2:19: error: switch.workers: expected a number from 1 to 16 or "
			"auto, found '17'\n"
			"switch: {workers: 17}\n"
			"                  ^\n"
			"help: for example: workers: 2\n",
		},
		{
			"version: 1\n"
			"switch: {workers: -1}\n",
			"f.yaml:2:19: error: switch.workers: expected a number from 1 to 16 or "
			"auto, found '-1'\n"
			"switch: {workers: -1}\n"
			"                  ^\n"
			"help: for example: workers: 2\n",
		},
		{
			"version: 1\n"
			"guests: {a: {vcpus: 99999999999999999999}}\n",
			"f.yaml:2:21: error: guests.a.vcpus: expected a number from 1 to 64, found "
			"'99999999999999999999'\n"
			"guests: {a: {vcpus: 99999999999999999999}}\n"
			"                    ^\n"
			"help: for example: vcpus: 1\n",
		},
		{
			"version: 1\n"
			"guests: {a: {vcpus: 1.5}}\n",
			"f.yaml:2:21: error: guests.a.vcpus: expected a number from 1 to 64, found "
			"'1.5'\n"
			"guests: {a: {vcpus: 1.5}}\n"
			"                    ^\n"
			"help: for example: vcpus: 1\n",
		},
		{
			"version: 1\n"
			"guests: {a: {nics: [{bridge: b, mtu: 576}]}}\n"
			"bridges: {b: }\n",
			"f.yaml:2:38: error: guests.a.nics[0].mtu: expected a number from 1280 to "
			"9000, found '576'\n"
			"guests: {a: {nics: [{bridge: b, mtu: 576}]}}\n"
			"                                     ^\n"
			"help: for example: mtu: 1500\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_size_or_duration_needs_its_unit_and_range(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"guests: {a: {memory: 512MB}}\n",
			"f.yaml:2:22: error: guests.a.memory: expected a size from 32M to 1T, "
			"found '512MB'\n"
			"guests: {a: {memory: 512MB}}\n"
			"                     ^\n"
			"help: for example: memory: 512M\n",
		},
		{
			"version: 1\n"
			"guests: {a: {memory: 1M}}\n",
			"f.yaml:2:22: error: guests.a.memory: expected a size from 32M to 1T, "
			"found '1M'\n"
			"guests: {a: {memory: 1M}}\n"
			"                     ^\n"
			"help: for example: memory: 512M\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {ageing: 300}}\n",
			"f.yaml:2:25: error: bridges.lan.ageing: expected a duration from 1s to "
			"1000h or never, found '300'\n"
			"bridges: {lan: {ageing: 300}}\n"
			"                        ^\n"
			"help: for example: ageing: 5m\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {ageing: 10ms}}\n",
			"f.yaml:2:25: error: bridges.lan.ageing: expected a duration from 1s to "
			"1000h or never, found '10ms'\n"
			"bridges: {lan: {ageing: 10ms}}\n"
			"                        ^\n"
			"help: for example: ageing: 5m\n",
		},
		{
			"version: 1\n"
			"switch: {idle: 2h}\n",
			"f.yaml:2:16: error: switch.idle: expected a duration from 0s to 1h, auto "
			"or never, found '2h'\n"
			"switch: {idle: 2h}\n"
			"               ^\n"
			"help: for example: idle: 50us\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_word_must_be_one_of_the_choices(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"switch: {hugepages: maybe}\n",
			"f.yaml:2:21: error: switch.hugepages: expected auto, on or off, found "
			"'maybe'\n"
			"switch: {hugepages: maybe}\n"
			"                    ^\n"
			"help: for example: hugepages: auto\n",
		},
		{
			"version: 1\n"
			"guests: {a: {restart: sometimes, autostart: 1}}\n",
			"f.yaml:2:23: error: guests.a.restart: expected no, on-failure or always, "
			"found 'sometimes'\n"
			"guests: {a: {restart: sometimes, autostart: 1}}\n"
			"                      ^\n"
			"help: for example: restart: on-failure\n"
			"f.yaml:2:45: error: guests.a.autostart: expected on or off, found '1'\n"
			"guests: {a: {restart: sometimes, autostart: 1}}\n"
			"                                            ^\n"
			"help: for example: autostart: on\n",
		},
		{
			"version: 1\n"
			"guests: {a: {disks: [{path: /etc/passwd, format: vmdk}]}}\n",
			"f.yaml:2:50: error: guests.a.disks[0].format: expected raw or qcow2, "
			"found 'vmdk'\n"
			"guests: {a: {disks: [{path: /etc/passwd, format: vmdk}]}}\n"
			"                                                 ^\n"
			"help: for example: format: raw\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void an_address_must_be_one(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1}}\n",
			"f.yaml:2:26: error: bridges.lan.address: expected an IPv4 address with a "
			"prefix length from 8 to 30, found '10.10.0.1'\n"
			"bridges: {lan: {address: 10.10.0.1}}\n"
			"                         ^\n"
			"help: for example: address: 10.10.0.1/24\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/31}}\n",
			"f.yaml:2:26: error: bridges.lan.address: expected an IPv4 address with a "
			"prefix length from 8 to 30, found '10.10.0.1/31'\n"
			"bridges: {lan: {address: 10.10.0.1/31}}\n"
			"                         ^\n"
			"help: for example: address: 10.10.0.1/24\n",
		},
		{
			"version: 1\n"
			"guests: {a: {nics: [{bridge: b, mac: 52:54:00:00:01}]}}\n"
			"bridges: {b: }\n",
			"f.yaml:2:38: error: guests.a.nics[0].mac: expected a unicast MAC address "
			"such as 52:54:00:12:34:56 or auto, found '52:54:00:00:01'\n"
			"guests: {a: {nics: [{bridge: b, mac: 52:54:00:00:01}]}}\n"
			"                                     ^\n"
			"help: for example: mac: 52:54:00:12:34:56\n",
		},
		{
			"version: 1\n"
			"guests: {a: {nics: [{bridge: b, mac: 01:00:5e:00:00:01}]}}\n"
			"bridges: {b: }\n",
			"f.yaml:2:38: error: guests.a.nics[0].mac: expected a unicast MAC address "
			"such as 52:54:00:12:34:56 or auto, found '01:00:5e:00:00:01'\n"
			"guests: {a: {nics: [{bridge: b, mac: 01:00:5e:00:00:01}]}}\n"
			"                                     ^\n"
			"help: for example: mac: 52:54:00:12:34:56\n",
		},
		{
			"version: 1\n"
			"guests: {a: {nics: [{bridge: b, mac: 00:00:00:00:00:00}]}}\n"
			"bridges: {b: }\n",
			"f.yaml:2:38: error: guests.a.nics[0].mac: expected a unicast MAC address "
			"such as 52:54:00:12:34:56 or auto, found '00:00:00:00:00:00'\n"
			"guests: {a: {nics: [{bridge: b, mac: 00:00:00:00:00:00}]}}\n"
			"                                     ^\n"
			"help: for example: mac: 52:54:00:12:34:56\n",
		},
		{
			"version: 1\n"
			"bridges: {b: {static: {ff:ff:ff:ff:ff:ff: p}}}\n",
			"f.yaml:2:24: error: bridges.b.static: expected a unicast MAC address as "
			"the key, found 'ff:ff:ff:ff:ff:ff'\n"
			"bridges: {b: {static: {ff:ff:ff:ff:ff:ff: p}}}\n"
			"                       ^\n"
			"help: for example: static: {52:54:00:12:34:56: vm7}\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void paths_texts_and_permissions_are_checked(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"switch: {run-dir: run/weft}\n",
			"f.yaml:2:19: error: switch.run-dir: expected an absolute path of up to 80 "
			"bytes, found 'run/weft'\n"
			"switch: {run-dir: run/weft}\n"
			"                  ^\n"
			"help: for example: run-dir: /run/weft\n",
		},
		{
			"version: 1\n"
			"switch: {socket: {mode: 0999}}\n",
			"f.yaml:2:25: error: switch.socket.mode: expected octal permissions such "
			"as 0660, found '0999'\n"
			"switch: {socket: {mode: 0999}}\n"
			"                        ^\n"
			"help: for example: mode: 0600\n",
		},
		{
			"version: 1\n"
			"switch: {socket: {owner: \"a\\nb\"}}\n",
			"f.yaml:2:26: error: switch.socket.owner: expected a text of up to 64 "
			"bytes on one line, found 'a?b'\n"
			"switch: {socket: {owner: \"a\\nb\"}}\n"
			"                         ^\n"
			"help: for example: owner: root\n",
		},
		{
			"version: 1\n"
			"switch: {socket: {owner: \"\"}}\n",
			"f.yaml:2:26: error: switch.socket.owner: expected a text of up to 64 "
			"bytes on one line, found ''\n"
			"switch: {socket: {owner: \"\"}}\n"
			"                         ^\n"
			"help: for example: owner: root\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_name_must_be_one(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {\"my lan\": {}}\n",
			"f.yaml:2:11: error: bridges: 'my lan' cannot be the name of a bridge\n"
			"bridges: {\"my lan\": {}}\n"
			"          ^\n"
			"help: a name is up to 32 letters, digits, '_', '.' and '-', and begins "
			"with a letter or a digit\n",
		},
		{
			"version: 1\n"
			"bridges: {.lan: {}}\n",
			"f.yaml:2:11: error: bridges: '.lan' cannot be the name of a bridge\n"
			"bridges: {.lan: {}}\n"
			"          ^\n"
			"help: a name is up to 32 letters, digits, '_', '.' and '-', and begins "
			"with a letter or a digit\n",
		},
		{
			"version: 1\n"
			"ports: {a234567890123456789012345678901234: {bridge: b}}\n"
			"bridges: {b: }\n",
			"f.yaml:2:9: error: ports: 'a234567890123456789012345678901234' cannot be "
			"the name of a port\n"
			"ports: {a234567890123456789012345678901234: {bridge: b}}\n"
			"        ^\n"
			"help: a name is up to 32 letters, digits, '_', '.' and '-', and begins "
			"with a letter or a digit\n",
		},
		{
			"version: 1\n"
			"guests: {a: {nics: [{tap: {name: too-long-for-linux}}]}}\n",
			"f.yaml:2:34: error: guests.a.nics[0].tap.name: expected a name of up to "
			"15 letters, digits, '_', '.' and '-', found 'too-long-for-linux'\n"
			"guests: {a: {nics: [{tap: {name: too-long-for-linux}}]}}\n"
			"                                 ^\n"
			"help: for example: name: tap0\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_out_of_range_says_the_range),
		cmocka_unit_test(a_size_or_duration_needs_its_unit_and_range),
		cmocka_unit_test(a_word_must_be_one_of_the_choices),
		cmocka_unit_test(an_address_must_be_one),
		cmocka_unit_test(paths_texts_and_permissions_are_checked),
		cmocka_unit_test(a_name_must_be_one),
	};

	return cmocka_run_group_tests_name("config_values", tests, NULL, NULL);
}
