/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

static void vlans_need_a_bridge_that_filters_them(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {}}\n"
			"ports: {vm7: {bridge: lan, vlan: 10}}\n",
			"f.yaml:3:34: error: ports.vm7.vlan: bridge 'lan' does not filter VLANs\n"
			"ports: {vm7: {bridge: lan, vlan: 10}}\n"
			"                                 ^\n"
			"help: set `vlan-filtering: on` in bridges.lan\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {vlan-filtering: on}}\n"
			"ports: {vm7: {bridge: lan, vlan: 10, trunk: [10, 20]}}\n",
			"f.yaml:3:45: error: ports.vm7.trunk: the port is an access port by its "
			"vlan\n"
			"ports: {vm7: {bridge: lan, vlan: 10, trunk: [10, 20]}}\n"
			"                                            ^\n"
			"help: keep one of the two; a trunk's untagged frames are in native-vlan\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {vlan-filtering: on}}\n"
			"ports: {vm7: {bridge: lan, native-vlan: 10}}\n",
			"f.yaml:3:41: error: ports.vm7.native-vlan: the port is no trunk\n"
			"ports: {vm7: {bridge: lan, native-vlan: 10}}\n"
			"                                        ^\n"
			"help: write `vlan: 10` for an access port, or add a trunk\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {vlan-filtering: on}}\n"
			"ports: {vm7: {bridge: lan, trunk: [10, 20, 5000]}}\n",
			"f.yaml:3:35: error: ports.vm7.trunk: expected a list of VLANs and ranges "
			"from 1 to 4094, found '[10, 20, 5000]'\n"
			"ports: {vm7: {bridge: lan, trunk: [10, 20, 5000]}}\n"
			"                                  ^\n"
			"help: for example: trunk: [10, 20-30]\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_mirror_copies_between_ports_of_its_bridge(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {mirrors: {m: {from: [a], to: c}}}, wan: {}}\n"
			"ports: {a: {bridge: lan}, c: {bridge: wan}}\n",
			"f.yaml:2:46: error: bridges.lan.mirrors.m.to: port 'c' is on bridge "
			"'wan'\n"
			"bridges: {lan: {mirrors: {m: {from: [a], to: c}}}, wan: {}}\n"
			"                                             ^\n"
			"help: a mirror copies between ports of its own bridge\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {mirrors: {m: {from: [a, b], to: b}}}}\n"
			"ports: {a: {bridge: lan}, b: {bridge: lan}}\n",
			"f.yaml:2:37: error: bridges.lan.mirrors.m.from: port 'b' gets the copies "
			"of mirror 'm'\n"
			"bridges: {lan: {mirrors: {m: {from: [a, b], to: b}}}}\n"
			"                                    ^\n"
			"help: use another port for the copies; it carries nothing else\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vlans_need_a_bridge_that_filters_them),
		cmocka_unit_test(a_mirror_copies_between_ports_of_its_bridge),
	};

	return cmocka_run_group_tests_name("config_member", tests, NULL, NULL);
}
