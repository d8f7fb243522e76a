/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

static void an_unknown_key_gets_a_suggestion_or_the_valid_keys(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges:\n"
			"  lan:\n"
			"    ageng: 5m\n",
			"f.yaml:4:5: error: bridges.lan.ageng: unknown key\n"
			"    ageng: 5m\n"
			"    ^\n"
			"help: did you mean 'ageing'?\n",
		},
		{
			"version: 1\n"
			"switch: {mtu: 1500}\n",
			"f.yaml:2:10: error: switch.mtu: unknown key\n"
			"switch: {mtu: 1500}\n"
			"         ^\n"
			"help: a switch has: workers, hugepages, run-dir, idle, socket\n",
		},
		{
			"version: 1\n"
			"bridgse: {}\n",
			"f.yaml:2:1: error: bridgse: unknown key\n"
			"bridgse: {}\n"
			"^\n"
			"help: did you mean 'bridges'?\n",
		},
		{
			"version: 1\n"
			"guests: {a: {nics: [{bridge: b, tpa: {}}]}}\n"
			"bridges: {b: }\n",
			"f.yaml:2:33: error: guests.a.nics[0].tpa: unknown key\n"
			"guests: {a: {nics: [{bridge: b, tpa: {}}]}}\n"
			"                                ^\n"
			"help: did you mean 'tap'?\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_key_of_a_later_version_is_told_apart(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"sriov: []\n",
			"f.yaml:2:1: error: sriov: is not supported by this version of weft yet\n"
			"sriov: []\n"
			"^\n"
			"help: remove it; weft.yaml(5) lists what works\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {nat: {uplink: host}}}\n",
			"f.yaml:2:17: error: bridges.lan.nat: is not supported by this version of "
			"weft yet\n"
			"bridges: {lan: {nat: {uplink: host}}}\n"
			"                ^\n"
			"help: remove it; weft.yaml(5) lists what works\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {}}\n"
			"ports: {up0: {bridge: lan, trunk: [10, 20]}}\n",
			"f.yaml:3:28: error: ports.up0.trunk: is not supported by this version of "
			"weft yet\n"
			"ports: {up0: {bridge: lan, trunk: [10, 20]}}\n"
			"                           ^\n"
			"help: remove it; weft.yaml(5) lists what works\n",
		},
		{
			"version: 1\n"
			"guests: {a: {nics: [{user: {}}]}}\n",
			"f.yaml:2:22: error: guests.a.nics[0].user: is not supported by this "
			"version of weft yet\n"
			"guests: {a: {nics: [{user: {}}]}}\n"
			"                     ^\n"
			"help: remove it; weft.yaml(5) lists what works\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_key_that_is_there_twice_is_an_error(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges:\n"
			"  lan: {}\n"
			"  lab: {}\n"
			"  lan: {ageing: 1m}\n",
			"f.yaml:5:3: error: bridges.lan: is there already (line 3)\n"
			"  lan: {ageing: 1m}\n"
			"  ^\n"
			"help: merge the two, or delete one of them\n",
		},
		{
			"version: 1\n"
			"version: 1\n",
			"f.yaml:2:1: error: version: is there already (line 1)\n"
			"version: 1\n"
			"^\n"
			"help: merge the two, or delete one of them\n",
		},
		{
			"version: 1\n"
			"bridges:\n"
			"  lan: {static: {52:54:00:00:00:0a: a.0, 52:54:00:00:00:0A: a.0}}\n"
			"guests: {a: {nics: [{bridge: lan}]}}\n",
			"f.yaml:3:42: error: bridges.lan.static.52:54:00:00:00:0A: is there "
			"already (line 3)\n"
			"  lan: {static: {52:54:00:00:00:0a: a.0, 52:54:00:00:00:0A: a.0}}\n"
			"                                         ^\n"
			"help: merge the two, or delete one of them\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_value_of_the_wrong_kind_says_what_is_expected(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"switch: []\n",
			"f.yaml:2:9: error: switch: expected a mapping of keys, found a list\n"
			"switch: []\n"
			"        ^\n"
			"help: for example: switch: {workers: auto, run-dir: /run/weft}\n",
		},
		{
			"version: 1\n"
			"switch:\n"
			"  workers: {a: b}\n",
			"f.yaml:3:12: error: switch.workers: expected a number from 1 to 16 or "
			"auto, found a mapping\n"
			"  workers: {a: b}\n"
			"           ^\n"
			"help: for example: workers: 2\n",
		},
		{
			"version: 1\n"
			"bridges: [lan]\n",
			"f.yaml:2:10: error: bridges: expected a mapping of names, found a list\n"
			"bridges: [lan]\n"
			"         ^\n"
			"help: for example: bridges: {lan: {address: 10.10.0.1/24}}\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: up}\n",
			"f.yaml:2:16: error: bridges.lan: expected a mapping of keys, found 'up'\n"
			"bridges: {lan: up}\n"
			"               ^\n"
			"help: write `key: value` for each thing to set\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {address: }}\n",
			"f.yaml:2:26: error: bridges.lan.address: expected an IPv4 address with a "
			"prefix length from 8 to 30, found nothing\n"
			"bridges: {lan: {address: }}\n"
			"                         ^\n"
			"help: for example: address: 10.10.0.1/24\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {static: [1]}}\n",
			"f.yaml:2:25: error: bridges.lan.static: expected a mapping of MAC "
			"addresses to ports, found a list\n"
			"bridges: {lan: {static: [1]}}\n"
			"                        ^\n"
			"help: for example: static: {52:54:00:12:34:56: vm7}\n",
		},
		{
			"version: 1\n"
			"guests:\n"
			"  a:\n"
			"    nics:\n"
			"      bridge: lan\n",
			"f.yaml:5:7: error: guests.a.nics: expected a list, found a mapping\n"
			"      bridge: lan\n"
			"      ^\n"
			"help: for example: nics: [{bridge: lan}]\n",
		},
		{
			"version: 1\n"
			"guests: {a: {image: /boot/vmlinuz}}\n",
			"f.yaml:2:21: error: guests.a.image: expected a mapping of keys, found "
			"'/boot/vmlinuz'\n"
			"guests: {a: {image: /boot/vmlinuz}}\n"
			"                    ^\n"
			"help: for example: image: {kernel: /boot/vmlinuz, initrd: "
			"/boot/initrd.img}\n",
		},
		{
			"- a\n",
			"f.yaml:1:1: error: expected a mapping of keys, found a list\n"
			"- a\n"
			"^\n"
			"help: write `key: value` for each thing to set\n",
		},
		{
			"hello\n",
			"f.yaml:1:1: error: expected a mapping of keys, found 'hello'\n"
			"hello\n"
			"^\n"
			"help: write `key: value` for each thing to set\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

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

static void what_is_required_is_missed(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"ports:\n"
			"  vm7: {}\n",
			"f.yaml:3:3: error: ports.vm7.bridge: missing\n"
			"  vm7: {}\n"
			"  ^\n"
			"help: add the line `bridge: lan`\n",
		},
		{
			"version: 1\n"
			"guests: {a: {disks: [{readonly: on}]}}\n",
			"f.yaml:2:22: error: guests.a.disks[0].path: missing\n"
			"guests: {a: {disks: [{readonly: on}]}}\n"
			"                     ^\n"
			"help: add the line `path: /var/lib/weft/root.img`\n",
		},
		{
			"version: 1\n"
			"guests: {a: {nics: [{mtu: 1500}]}}\n",
			"f.yaml:2:21: error: guests.a.nics[0]: needs one of bridge, tap, "
			"vhost-user\n"
			"guests: {a: {nics: [{mtu: 1500}]}}\n"
			"                    ^\n"
			"help: for example: bridge: lan\n",
		},
		{
			"version: 1\n"
			"guests: {a: {nics: [{}]}}\n",
			"f.yaml:2:21: error: guests.a.nics[0]: needs one of bridge, tap, "
			"vhost-user\n"
			"guests: {a: {nics: [{}]}}\n"
			"                    ^\n"
			"help: for example: bridge: lan\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_nic_is_connected_to_one_thing_only(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"guests: {a: {nics: [{tap: {name: t}, bridge: b}]}}\n"
			"bridges: {b: }\n",
			"f.yaml:2:38: error: guests.a.nics[0].bridge: this NIC has 'tap' already\n"
			"guests: {a: {nics: [{tap: {name: t}, bridge: b}]}}\n"
			"                                     ^\n"
			"help: keep one of the two\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void the_version_must_be_there_and_known(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"bridges: {lan: {}}\n",
			"f.yaml:1:1: error: version: missing\n"
			"bridges: {lan: {}}\n"
			"^\n"
			"help: add the line `version: 1`\n",
		},
		{
			"version: 2\n"
			"bridges: {lan: {unknown: x}}\n",
			"f.yaml:1:10: error: version: this weft reads version 1, found '2'\n"
			"version: 2\n"
			"         ^\n"
			"help: write `version: 1`, or install the weft that the file was written "
			"for\n",
		},
		{
			"version:\n",
			"f.yaml:1:9: error: version: this weft reads version 1, found nothing\n"
			"version:\n"
			"        ^\n"
			"help: write `version: 1`, or install the weft that the file was written "
			"for\n",
		},
		{
			"version: [1]\n",
			"f.yaml:1:10: error: version: expected the number 1, found a list\n"
			"version: [1]\n"
			"         ^\n"
			"help: for example: version: 1\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void broken_yaml_says_where_and_what_to_do(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges:\n"
			"  lan: {ageing: 5m\n",
			"f.yaml:3:8: error: YAML syntax: did not find expected ',' or '}' while "
			"parsing a flow mapping that began on line 3\n"
			"  lan: {ageing: 5m\n"
			"       ^\n"
			"help: separate entries with ',' and close the mapping with '}'\n",
		},
		{
			"version: 1\n"
			"bridges:\n"
			"  lan: {}\n"
			" lab: {}\n",
			"f.yaml:4:2: error: YAML syntax: did not find expected key while parsing a "
			"block mapping that began on line 1\n"
			" lab: {}\n"
			" ^\n"
			"help: give all keys of one mapping the same indentation\n",
		},
		{
			"version: 1\n"
			"a: b: c\n",
			"f.yaml:2:5: error: YAML syntax: mapping values are not allowed in this "
			"context\n"
			"a: b: c\n"
			"    ^\n"
			"help: put a value that holds ': ' in quotes, or indent it\n",
		},
		{
			"version: 1\n"
			"a: \"open\n",
			"f.yaml:2:4: error: YAML syntax: found unexpected end of stream while "
			"scanning a quoted scalar that began on line 2\n"
			"a: \"open\n"
			"   ^\n"
			"help: close the quote or bracket that is still open\n",
		},
		{
			"version: 1\n"
			"bridges:\n"
			"\tlan: {}\n",
			"f.yaml:3:1: error: YAML syntax: a tab in the indentation\n"
			" lan: {}\n"
			"^\n"
			"help: indent with spaces\n",
		},
		{
			"version: 1\n"
			"a: @b\n",
			"f.yaml:2:4: error: YAML syntax: found character that cannot start any "
			"token\n"
			"a: @b\n"
			"   ^\n"
			"help: put the value in quotes\n",
		},
		{
			"version: 1\n"
			"a: [1, 2\n"
			"b: 3\n",
			"f.yaml:3:2: error: YAML syntax: did not find expected ',' or ']' while "
			"parsing a flow sequence that began on line 2\n"
			"b: 3\n"
			" ^\n"
			"help: separate entries with ',' and close the list with ']'\n",
		},
		{
			"version: 1\n"
			"bridges\n",
			"f.yaml:2:1: error: YAML syntax: could not find expected ':' while "
			"scanning a simple key that began on line 2\n"
			"bridges\n"
			"^\n"
			"help: write `key: value`, with a space behind the colon\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void text_that_is_not_clean_utf8_is_refused(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"a: \377\n",
			"f.yaml:2:4: error: YAML syntax: the text is not clean UTF-8 (invalid "
			"leading UTF-8 octet)\n"
			"a: ?\n"
			"   ^\n"
			"help: save the file as UTF-8 without control characters\n",
		},
		{
			"version: 1\n"
			"a: \001\n",
			"f.yaml:2:4: error: YAML syntax: the text is not clean UTF-8 (control "
			"characters are not allowed)\n"
			"a: ?\n"
			"   ^\n"
			"help: save the file as UTF-8 without control characters\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void what_yaml_could_expand_or_reinterpret_is_refused(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: &l {}, lab: *l}\n",
			"f.yaml:2:16: error: anchors (&name) are not supported\n"
			"bridges: {lan: &l {}, lab: *l}\n"
			"               ^\n"
			"help: remove the anchor, and write the value out where it is used\n"
			"f.yaml:2:28: error: aliases (*name) are not supported\n"
			"bridges: {lan: &l {}, lab: *l}\n"
			"                           ^\n"
			"help: write the value out\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {<<: {ageing: 1m}}}\n",
			"f.yaml:2:17: error: merge keys (<<) are not supported\n"
			"bridges: {lan: {<<: {ageing: 1m}}}\n"
			"                ^\n"
			"help: write the keys out\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: !!map {}}\n",
			"f.yaml:2:16: error: tags (!name) are not supported\n"
			"bridges: {lan: !!map {}}\n"
			"               ^\n"
			"help: remove the tag\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {ageing: !dur 5m}}\n",
			"f.yaml:2:25: error: tags (!name) are not supported\n"
			"bridges: {lan: {ageing: !dur 5m}}\n"
			"                        ^\n"
			"help: remove the tag\n",
		},
		{
			"version: 1\n"
			"---\n"
			"version: 1\n",
			"f.yaml:2:1: error: a second document begins here\n"
			"---\n"
			"^\n"
			"help: keep one document in a file; remove the '---'\n",
		},
		{
			"version: 1\n"
			"{a: b}: c\n",
			"f.yaml:2:1: error: a mapping or a list where a key is expected\n"
			"{a: b}: c\n"
			"^\n"
			"help: use a plain word as the key\n",
		},
		{
			"version: 1\n"
			"? [a]\n"
			": c\n",
			"f.yaml:2:3: error: a mapping or a list where a key is expected\n"
			"? [a]\n"
			"  ^\n"
			"help: use a plain word as the key\n",
		},
		{
			"version: 1\n"
			"*a : c\n",
			"f.yaml:2:1: error: aliases (*name) are not supported\n"
			"*a : c\n"
			"^\n"
			"help: write the value out\n",
		},
		{
			"version: 1\n"
			"a: \"x\\0y\"\n",
			"f.yaml:2:4: error: a NUL character in a text\n"
			"a: \"x\\0y\"\n"
			"   ^\n"
			"help: remove the \\0 from it\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void nesting_is_bounded(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"a: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]\n",
			"f.yaml:2:19: error: the nesting is too deep\n"
			"a: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]\n"
			"                  ^\n"
			"help: nothing in a config file nests that deep: check the brackets\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void the_caret_stands_right_behind_tabs_and_wide_text(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"switch: {\"üü\": 1, workers: 99}\n",
			"f.yaml:2:10: error: switch.üü: unknown key\n"
			"switch: {\"üü\": 1, workers: 99}\n"
			"         ^\n"
			"help: a switch has: workers, hugepages, run-dir, idle, socket\n"
			"f.yaml:2:28: error: switch.workers: expected a number from 1 to 16 or "
			"auto, found '99'\n"
			"switch: {\"üü\": 1, workers: 99}\n"
			"                           ^\n"
			"help: for example: workers: 2\n",
		},
		{
			"version: 1\n"
			"switch: {socket: {},\t workers: 99}\n",
			"f.yaml:2:32: error: switch.workers: expected a number from 1 to 16 or "
			"auto, found '99'\n"
			"switch: {socket: {},  workers: 99}\n"
			"                               ^\n"
			"help: for example: workers: 2\n",
		},
		{
			"version: 1\n"
			"switch: {socket: {owner: "
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}, workers: 99}\n",
			"f.yaml:2:26: error: switch.socket.owner: expected a text of up to 64 "
			"bytes on one line, found "
			"'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'\n"
			"switch: {socket: {owner: "
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			"xxxxxxxxxxxxxxxxxxxxx\n"
			"                         ^\n"
			"help: for example: owner: root\n"
			"f.yaml:2:168: error: switch.workers: expected a number from 1 to 16 or "
			"auto, found '99'\n"
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}, workers: 99}\n"
			"                                                            ^\n"
			"help: for example: workers: 2\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void all_errors_of_a_file_are_told_in_their_order(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges:\n"
			"  lan: {address: 10.10.0.0/24, ageing: 5}\n"
			"ports:\n"
			"  vm7: {bridge: lab}\n"
			"switch: {workers: 0}\n",
			"f.yaml:3:18: error: bridges.lan.address: 10.10.0.0/24 is the address of "
			"the network itself\n"
			"  lan: {address: 10.10.0.0/24, ageing: 5}\n"
			"                 ^\n"
			"help: use an address of a host, such as 10.10.0.1/24\n"
			"f.yaml:3:40: error: bridges.lan.ageing: expected a duration from 1s to "
			"1000h or never, found '5'\n"
			"  lan: {address: 10.10.0.0/24, ageing: 5}\n"
			"                                       ^\n"
			"help: for example: ageing: 5m\n"
			"f.yaml:5:17: error: ports.vm7.bridge: there is no bridge 'lab'\n"
			"  vm7: {bridge: lab}\n"
			"                ^\n"
			"help: did you mean 'lan'?\n"
			"f.yaml:6:19: error: switch.workers: expected a number from 1 to 16 or "
			"auto, found '0'\n"
			"switch: {workers: 0}\n"
			"                  ^\n"
			"help: for example: workers: 2\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_key_gets_a_suggestion_or_the_valid_keys),
		cmocka_unit_test(a_key_of_a_later_version_is_told_apart),
		cmocka_unit_test(a_key_that_is_there_twice_is_an_error),
		cmocka_unit_test(a_value_of_the_wrong_kind_says_what_is_expected),
		cmocka_unit_test(a_number_out_of_range_says_the_range),
		cmocka_unit_test(a_size_or_duration_needs_its_unit_and_range),
		cmocka_unit_test(a_word_must_be_one_of_the_choices),
		cmocka_unit_test(an_address_must_be_one),
		cmocka_unit_test(paths_texts_and_permissions_are_checked),
		cmocka_unit_test(a_name_must_be_one),
		cmocka_unit_test(what_is_required_is_missed),
		cmocka_unit_test(a_nic_is_connected_to_one_thing_only),
		cmocka_unit_test(the_version_must_be_there_and_known),
		cmocka_unit_test(broken_yaml_says_where_and_what_to_do),
		cmocka_unit_test(text_that_is_not_clean_utf8_is_refused),
		cmocka_unit_test(what_yaml_could_expand_or_reinterpret_is_refused),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(the_caret_stands_right_behind_tabs_and_wide_text),
		cmocka_unit_test(all_errors_of_a_file_are_told_in_their_order),
	};

	return cmocka_run_group_tests_name("config_errors", tests, NULL, NULL);
}
