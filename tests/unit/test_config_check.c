/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

static void a_port_may_not_have_the_name_of_a_guests_nic(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"guests:\n"
			"  g0: {nics: [{bridge: lan}]}\n"
			"ports:\n"
			"  g0.0: {bridge: lan}\n",
			"f.yaml:6:3: error: ports.g0.0: the name belongs to guests.g0.nics[0] "
			"(line 4)\n"
			"  g0.0: {bridge: lan}\n"
			"  ^\n"
			"help: give the port another name\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_bridge_must_exist(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"ports: {vm7: {bridge: lam}}\n",
			"f.yaml:3:23: error: ports.vm7.bridge: there is no bridge 'lam'\n"
			"ports: {vm7: {bridge: lam}}\n"
			"                      ^\n"
			"help: did you mean 'lan'?\n",
		},
		{
			"version: 1\n"
			"guests:\n"
			"  g0: {nics: [{bridge: office}]}\n",
			"f.yaml:3:24: error: guests.g0.nics[0].bridge: there is no bridge "
			"'office'\n"
			"  g0: {nics: [{bridge: office}]}\n"
			"                       ^\n"
			"help: add it: bridges: {office: {}}\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_static_entry_names_a_port_on_its_bridge(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges:\n"
			"  lan: {static: {52:54:00:00:00:01: vm8}}\n",
			"f.yaml:3:18: error: bridges.lan.static.52:54:00:00:00:01: there is no "
			"port 'vm8'\n"
			"  lan: {static: {52:54:00:00:00:01: vm8}}\n"
			"                 ^\n"
			"help: name a port, or GUEST.N for NIC N of a guest\n",
		},
		{
			"version: 1\n"
			"bridges:\n"
			"  lan: {static: {52:54:00:00:00:01: vm7}}\n"
			"  lab: {}\n"
			"ports: {vm7: {bridge: lab}}\n",
			"f.yaml:3:18: error: bridges.lan.static.52:54:00:00:00:01: port 'vm7' is "
			"on bridge 'lab'\n"
			"  lan: {static: {52:54:00:00:00:01: vm7}}\n"
			"                 ^\n"
			"help: write the entry in the bridge that the port is on\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_mac_belongs_to_one_nic(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"guests:\n"
			"  g0: {nics: [{bridge: lan, mac: 52:54:00:00:00:01}]}\n"
			"  g1: {nics: [{bridge: lan, mac: 52-54-00-00-00-01}]}\n",
			"f.yaml:5:34: error: guests.g1.nics[0].mac: 52:54:00:00:00:01 is used "
			"already by guests.g0.nics[0].mac (line 4)\n"
			"  g1: {nics: [{bridge: lan, mac: 52-54-00-00-00-01}]}\n"
			"                                 ^\n"
			"help: give each NIC a MAC address of its own, or none for a derived one\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_socket_belongs_to_one_port(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"ports:\n"
			"  a: {bridge: lan, vhost-user: {path: /s}}\n"
			"  b: {bridge: lan, vhost-user: {path: /s}}\n",
			"f.yaml:5:39: error: ports.b.vhost-user.path: /s is used already by "
			"ports.a.vhost-user.path (line 4)\n"
			"  b: {bridge: lan, vhost-user: {path: /s}}\n"
			"                                      ^\n"
			"help: each socket serves one port; use another\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"ports:\n"
			"  weftd: {bridge: lan}\n",
			"f.yaml:4:3: error: ports.weftd.vhost-user.path: /run/weft/weftd.sock is "
			"used already by weftd's control socket\n"
			"  weftd: {bridge: lan}\n"
			"  ^\n"
			"help: each socket serves one port; use another\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"guests:\n"
			"  g0: {nics: [{bridge: lan}]}\n"
			"ports:\n"
			"  x: {bridge: lan, vhost-user: {path: /run/weft/g0.0.sock}}\n",
			"f.yaml:6:39: error: ports.x.vhost-user.path: /run/weft/g0.0.sock is used "
			"already by guests.g0.nics[0] (line 4)\n"
			"  x: {bridge: lan, vhost-user: {path: /run/weft/g0.0.sock}}\n"
			"                                      ^\n"
			"help: each socket serves one port; use another\n",
		},
		{
			"version: 1\n"
			"guests:\n"
			"  g0: {nics: [{vhost-user: {path: /s}}]}\n"
			"  g1: {nics: [{vhost-user: {path: /s}}]}\n",
			"f.yaml:4:35: error: guests.g1.nics[0].vhost-user.path: /s is used already "
			"by guests.g0.nics[0].vhost-user.path (line 3)\n"
			"  g1: {nics: [{vhost-user: {path: /s}}]}\n"
			"                                  ^\n"
			"help: each socket serves one port; use another\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_socket_path_must_fit_into_a_socket_address(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"ports:\n"
			"  a: {bridge: lan, vhost-user: {path: "
			"/tmp/"
			"llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"
			"llllllllllllllllllllllllllllllllllll}}\n",
			"f.yaml:4:39: error: ports.a.vhost-user.path: the socket path has 115 "
			"bytes, a socket takes 107\n"
			"  a: {bridge: lan, vhost-user: {path: "
			"/tmp/"
			"llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"
			"lll\n"
			"                                      ^\n"
			"help: use a shorter path or a shorter run-dir\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"switch: {run-dir: "
			"/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
			"rrrrrr}\n"
			"ports:\n"
			"  a2345678901234567890123456789: {bridge: lan}\n",
			"f.yaml:5:3: error: ports.a2345678901234567890123456789.vhost-user.path: "
			"the socket path has 115 bytes, a socket takes 107\n"
			"  a2345678901234567890123456789: {bridge: lan}\n"
			"  ^\n"
			"help: use a shorter path or a shorter run-dir\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_tap_belongs_to_one_nic(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"guests:\n"
			"  g0: {nics: [{tap: {name: t0}}]}\n"
			"  g1: {nics: [{tap: {name: t0}}]}\n",
			"f.yaml:4:28: error: guests.g1.nics[0].tap.name: t0 is used already by "
			"guests.g0.nics[0].tap.name (line 3)\n"
			"  g1: {nics: [{tap: {name: t0}}]}\n"
			"                           ^\n"
			"help: each tap serves one NIC; use another\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void subnets_of_bridges_may_not_overlap(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges:\n"
			"  lan: {address: 10.10.0.1/16}\n"
			"  lab: {address: 10.10.7.1/24}\n",
			"f.yaml:4:18: error: bridges.lab.address: 10.10.7.1/24 overlaps with "
			"10.10.0.1/16 of bridge lan (line 3)\n"
			"  lab: {address: 10.10.7.1/24}\n"
			"                 ^\n"
			"help: give each bridge a subnet of its own\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void the_address_of_a_bridge_is_one_of_a_host(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.0/24}}\n",
			"f.yaml:2:26: error: bridges.lan.address: 10.10.0.0/24 is the address of "
			"the network itself\n"
			"bridges: {lan: {address: 10.10.0.0/24}}\n"
			"                         ^\n"
			"help: use an address of a host, such as 10.10.0.1/24\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.255/24}}\n",
			"f.yaml:2:26: error: bridges.lan.address: 10.10.0.255/24 is the broadcast "
			"address of its network\n"
			"bridges: {lan: {address: 10.10.0.255/24}}\n"
			"                         ^\n"
			"help: use an address of a host, such as 10.10.0.1/24\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {address: 127.0.0.1/8}}\n",
			"f.yaml:2:26: error: bridges.lan.address: 127.0.0.1/8 is not an address "
			"for a host\n"
			"bridges: {lan: {address: 127.0.0.1/8}}\n"
			"                         ^\n"
			"help: use an address of a host, such as 10.10.0.1/24\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {address: 224.0.0.5/24}}\n",
			"f.yaml:2:26: error: bridges.lan.address: 224.0.0.5/24 is not an address "
			"for a host\n"
			"bridges: {lan: {address: 224.0.0.5/24}}\n"
			"                         ^\n"
			"help: use an address of a host, such as 10.10.0.1/24\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void the_address_of_a_nic_lies_in_the_subnet_of_its_bridge(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"guests:\n"
			"  g0: {nics: [{bridge: lan, address: 10.10.1.7/24}]}\n",
			"f.yaml:4:38: error: guests.g0.nics[0].address: 10.10.1.7/24 is outside "
			"10.10.0.1/24 of bridge lan\n"
			"  g0: {nics: [{bridge: lan, address: 10.10.1.7/24}]}\n"
			"                                     ^\n"
			"help: write auto for a free address of that subnet\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"guests:\n"
			"  g0: {nics: [{bridge: lan, address: 10.10.0.7/16}]}\n",
			"f.yaml:4:38: error: guests.g0.nics[0].address: 10.10.0.7/16 has another "
			"prefix length than 10.10.0.1/24 of bridge lan\n"
			"  g0: {nics: [{bridge: lan, address: 10.10.0.7/16}]}\n"
			"                                     ^\n"
			"help: write auto for a free address of that subnet\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"guests:\n"
			"  g0: {nics: [{bridge: lan, address: 10.10.0.1/24}]}\n",
			"f.yaml:4:38: error: guests.g0.nics[0].address: 10.10.0.1/24 is the "
			"address of bridge lan itself\n"
			"  g0: {nics: [{bridge: lan, address: 10.10.0.1/24}]}\n"
			"                                     ^\n"
			"help: write auto for a free address of that subnet\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"guests:\n"
			"  g0: {nics: [{bridge: lan, address: 10.10.0.0/24}]}\n",
			"f.yaml:4:38: error: guests.g0.nics[0].address: 10.10.0.0/24 is the "
			"address of the network itself\n"
			"  g0: {nics: [{bridge: lan, address: 10.10.0.0/24}]}\n"
			"                                     ^\n"
			"help: use another address of that network\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"guests:\n"
			"  g0: {nics: [{bridge: lan, address: 10.10.0.255/24}]}\n",
			"f.yaml:4:38: error: guests.g0.nics[0].address: 10.10.0.255/24 is the "
			"broadcast address of its network\n"
			"  g0: {nics: [{bridge: lan, address: 10.10.0.255/24}]}\n"
			"                                     ^\n"
			"help: use another address of that network\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void an_address_belongs_to_one_nic(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"guests:\n"
			"  g0: {nics: [{bridge: lan, address: 10.10.0.7/24}]}\n"
			"  g1: {nics: [{bridge: lan, address: 10.10.0.7/24}]}\n",
			"f.yaml:5:38: error: guests.g1.nics[0].address: 10.10.0.7 on lan is used "
			"already by guests.g0.nics[0].address (line 4)\n"
			"  g1: {nics: [{bridge: lan, address: 10.10.0.7/24}]}\n"
			"                                     ^\n"
			"help: give each NIC an address of its own, or write auto\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_tap_has_one_queue_pair(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"guests:\n"
			"  g0: {nics: [{tap: {name: t}, queues: 2}]}\n",
			"f.yaml:3:40: error: guests.g0.nics[0].queues: a tap has one queue pair\n"
			"  g0: {nics: [{tap: {name: t}, queues: 2}]}\n"
			"                                       ^\n"
			"help: leave queues out, or connect the NIC to a bridge\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void only_a_tap_serves_other_models_than_virtio(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"guests:\n"
			"  g0: {nics: [{bridge: lan, model: e1000}]}\n"
			"  g1: {nics: [{vhost-user: {path: /s}, model: rtl8139}]}\n"
			"  g2: {nics: [{tap: {name: t}, model: e1000}]}\n",
			"f.yaml:4:36: error: guests.g0.nics[0].model: only a tap serves this "
			"model\n"
			"  g0: {nics: [{bridge: lan, model: e1000}]}\n"
			"                                   ^\n"
			"help: use `model: virtio`, or connect the NIC to a tap: {name: TAP}\n"
			"f.yaml:5:47: error: guests.g1.nics[0].model: only a tap serves this "
			"model\n"
			"  g1: {nics: [{vhost-user: {path: /s}, model: rtl8139}]}\n"
			"                                              ^\n"
			"help: use `model: virtio`, or connect the NIC to a tap: {name: TAP}\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void ksm_is_for_guests_on_taps(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"guests:\n"
			"  g0: {ksm: on, nics: [{tap: {name: t}}, {bridge: lan}]}\n"
			"  g1: {ksm: on, numa: 0, nics: [{tap: {name: u}}]}\n",
			"f.yaml:4:13: error: guests.g0.ksm: nics[1] shares the guest's memory with "
			"a switch, and KSM merges private memory only\n"
			"  g0: {ksm: on, nics: [{tap: {name: t}}, {bridge: lan}]}\n"
			"            ^\n"
			"help: connect its NICs to taps, or remove ksm\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_guest_without_kernel_boots_from_a_disk(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"guests: {a: {image: {kernel: none, append: quiet}}}\n",
			"f.yaml:2:30: error: guests.a.image.kernel: none, and there is no disk to "
			"boot from\n"
			"guests: {a: {image: {kernel: none, append: quiet}}}\n"
			"                             ^\n"
			"help: add a disk: disks: [{path: /var/lib/weft/root.img}]\n"
			"f.yaml:2:30: warning: guests.a.image.append: is not used without a "
			"kernel\n"
			"guests: {a: {image: {kernel: none, append: quiet}}}\n"
			"                             ^\n"
			"help: remove it, or name a kernel\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void files_must_be_there(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"guests:\n"
			"  a:\n"
			"    image: {kernel: /nonexistent/vmlinuz, initrd: /nonexistent/initrd}\n"
			"    disks: [{path: /nonexistent/a.img}, {path: /dev/null}, {path: /}]\n",
			"f.yaml:4:21: error: guests.a.image.kernel: /nonexistent/vmlinuz: No such "
			"file or directory\n"
			"    image: {kernel: /nonexistent/vmlinuz, initrd: /nonexistent/initrd}\n"
			"                    ^\n"
			"help: check the path and its permissions\n"
			"f.yaml:4:51: error: guests.a.image.initrd: /nonexistent/initrd: No such "
			"file or directory\n"
			"    image: {kernel: /nonexistent/vmlinuz, initrd: /nonexistent/initrd}\n"
			"                                                  ^\n"
			"help: check the path and its permissions\n"
			"f.yaml:5:13: error: guests.a.disks[0].path: /nonexistent/a.img: No such "
			"file or directory\n"
			"    disks: [{path: /nonexistent/a.img}, {path: /dev/null}, {path: /}]\n"
			"            ^\n"
			"help: check the path and its permissions\n"
			"f.yaml:5:41: error: guests.a.disks[1].path: /dev/null: is no file or "
			"block device\n"
			"    disks: [{path: /nonexistent/a.img}, {path: /dev/null}, {path: /}]\n"
			"                                        ^\n"
			"help: check the path and its permissions\n"
			"f.yaml:5:60: error: guests.a.disks[2].path: /: is no file or block "
			"device\n"
			"    disks: [{path: /nonexistent/a.img}, {path: /dev/null}, {path: /}]\n"
			"                                                           ^\n"
			"help: check the path and its permissions\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void a_disk_that_is_written_to_belongs_to_one_guest(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"guests:\n"
			"  a: {disks: [{path: /etc/passwd, readonly: on}]}\n"
			"  b: {disks: [{path: /etc/passwd}]}\n"
			"  c: {disks: [{path: /etc/passwd}]}\n",
			"f.yaml:3:15: error: guests.a.disks[0]: /etc/passwd is used already by "
			"guests.b.disks[0] (line 4)\n"
			"  a: {disks: [{path: /etc/passwd, readonly: on}]}\n"
			"              ^\n"
			"help: copy the image, or make it readonly everywhere\n"
			"f.yaml:5:15: error: guests.c.disks[0]: /etc/passwd is used already by "
			"guests.b.disks[0] (line 4)\n"
			"  c: {disks: [{path: /etc/passwd}]}\n"
			"              ^\n"
			"help: copy the image, or make it readonly everywhere\n",
		},
		{
			"version: 1\n"
			"guests:\n"
			"  a: {disks: [{path: /etc/passwd, readonly: on}]}\n"
			"  b: {disks: [{path: /etc/passwd, readonly: on}]}\n",
			"",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void tso_without_csum_is_a_warning(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: {address: 10.10.0.1/24}}\n"
			"ports: {a: {bridge: lan, offloads: {csum: off}}}\n"
			"guests:\n"
			"  g0: {nics: [{bridge: lan, offloads: {csum: off, tso: on}}]}\n",
			"f.yaml:3:9: warning: ports.a.offloads: tso needs csum, and is off too\n"
			"ports: {a: {bridge: lan, offloads: {csum: off}}}\n"
			"        ^\n"
			"help: turn csum on, or tso off\n"
			"f.yaml:5:15: warning: guests.g0.nics[0].offloads: tso needs csum, and is "
			"off too\n"
			"  g0: {nics: [{bridge: lan, offloads: {csum: off, tso: on}}]}\n"
			"              ^\n"
			"help: turn csum on, or tso off\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void the_same_address_on_two_bridges_without_subnets_is_fine(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {a: {}, b: {}}\n"
			"guests:\n"
			"  g0: {nics: [{bridge: a, address: 10.0.0.1/24}]}\n"
			"  g1: {nics: [{bridge: b, address: 10.0.0.1/24}]}\n",
			"",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ksm_is_for_guests_on_taps),
		cmocka_unit_test(a_port_may_not_have_the_name_of_a_guests_nic),
		cmocka_unit_test(a_bridge_must_exist),
		cmocka_unit_test(a_static_entry_names_a_port_on_its_bridge),
		cmocka_unit_test(a_mac_belongs_to_one_nic),
		cmocka_unit_test(a_socket_belongs_to_one_port),
		cmocka_unit_test(a_socket_path_must_fit_into_a_socket_address),
		cmocka_unit_test(a_tap_belongs_to_one_nic),
		cmocka_unit_test(subnets_of_bridges_may_not_overlap),
		cmocka_unit_test(the_address_of_a_bridge_is_one_of_a_host),
		cmocka_unit_test(the_address_of_a_nic_lies_in_the_subnet_of_its_bridge),
		cmocka_unit_test(an_address_belongs_to_one_nic),
		cmocka_unit_test(a_tap_has_one_queue_pair),
		cmocka_unit_test(only_a_tap_serves_other_models_than_virtio),
		cmocka_unit_test(a_guest_without_kernel_boots_from_a_disk),
		cmocka_unit_test(files_must_be_there),
		cmocka_unit_test(a_disk_that_is_written_to_belongs_to_one_guest),
		cmocka_unit_test(tso_without_csum_is_a_warning),
		cmocka_unit_test(the_same_address_on_two_bridges_without_subnets_is_fine),
	};

	return cmocka_run_group_tests_name("config_check", tests, NULL, NULL);
}
