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
			"help: a switch has: workers, hugepages, run-dir, idle, rebalance, "
			"nat-sessions, "
			"socket, metrics\n",
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
			"guests: {g: {nics: [{user: {}}]}}\n",
			"f.yaml:2:22: error: guests.g.nics[0].user: is not supported by this "
			"version of weft yet\n"
			"guests: {g: {nics: [{user: {}}]}}\n"
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
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_wrong_kind_in_a_guest_or_the_file_is_told_too(void **state)
{
	static const struct complaint_case cases[] = {
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
		cmocka_unit_test(a_wrong_kind_in_a_guest_or_the_file_is_told_too),
		cmocka_unit_test(what_is_required_is_missed),
		cmocka_unit_test(a_nic_is_connected_to_one_thing_only),
		cmocka_unit_test(the_version_must_be_there_and_known),
		cmocka_unit_test(all_errors_of_a_file_are_told_in_their_order),
	};

	return cmocka_run_group_tests_name("config_errors", tests, NULL, NULL);
}
