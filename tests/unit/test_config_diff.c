/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

#include <stdlib.h>
#include <string.h>

#include "config/diff.h"

#define LAN "version: 1\nbridges: {lan: {address: 10.10.0.1/24}}\n"

/* Applies the diff of two texts to `said`: one line a change, as a plan would show it. */
static char *changes_between(const char *old_text, const char *new_text)
{
	struct config *old = old_text ? config_of(old_text) : NULL, *new = config_of(new_text);
	struct config_diff d;
	char *said;
	size_t len;
	FILE *out = open_memstream(&said, &len);

	assert_int_equal(config_diff(old, new, &d), 0);
	for (unsigned i = 0; i < d.n; i++) {
		const struct change *c = &d.changes[i];

		assert_int_equal(c->old == NULL, c->op == CHANGE_ADD);
		assert_int_equal(c->new == NULL, c->op == CHANGE_REMOVE);
		assert_int_equal(c->disruptive, c->disrupts[0] != '\0');
		fprintf(out, "%s %s%s%s", change_op_name(c->op), change_object_name(c->object),
			c->name[0] ? " " : "", c->name);
		fprintf(out, "%s%s", c->detail[0] ? ": " : "", c->detail);
		fprintf(out, "%s%s%s%s\n", c->disruptive ? " [" : "", c->disrupts,
			c->disruptive ? "]" : "", c->needs_restart ? " [needs restart]" : "");
	}
	fclose(out);
	config_diff_fini(&d);
	config_free(old);
	config_free(new);
	return said;
}

static void assert_changes(const char *old_text, const char *new_text, const char *expected)
{
	char *said = changes_between(old_text, new_text);

	assert_string_equal(said, expected);
	free(said);
}

static void from_nothing_everything_is_added(void **state)
{
	assert_changes(NULL,
		       LAN "ports: {vm7: {bridge: lan}}\n"
			   "guests: {alpha: {nics: [{bridge: lan}]}}\n",
		       "add switch\n"
		       "add bridge lan: address 10.10.0.1/24\n"
		       "add port vm7: on lan, server of /run/weft/vm7.sock\n"
		       "add guest alpha: 1 vCPU, 512 MiB, 1 NIC\n");
}

static void equal_configurations_have_no_difference(void **state)
{
	static const char text[] =
		LAN "switch: {workers: 1}\n"
		    "ports: {vm7: {bridge: lan}}\n"
		    "guests: {alpha: {disks: [{path: /d}], nics: [{bridge: lan}]}}\n";

	assert_changes(text, text, "");
	assert_changes("", "version: 1\nswitch: {idle: auto}\n", "");
}

static void order_and_spelling_are_no_difference(void **state)
{
	assert_changes(
		"version: 1\n"
		"bridges: {a: {static: {52:54:00:00:00:01: p, 52:54:00:00:00:02: q}}, b: {}}\n"
		"ports: {p: {bridge: a}, q: {bridge: a}}\n",
		"version: 1\n"
		"ports: {q: {bridge: a}, p: {bridge: a, offloads: {tso: yes}}}\n"
		"bridges: {b: {ageing: 300s}, a: {ageing: 5m,\n"
		"  static: {52-54-00-00-00-02: q, 52-54-00-00-00-01: p}}}\n",
		"");
}

static void switch_changes_tell_what_waits_for_a_restart(void **state)
{
	assert_changes("", "version: 1\nswitch: {idle: never, socket: {group: kvm}}\n",
		       "update switch: idle auto -> never, socket.group none -> kvm\n");
	assert_changes("", "version: 1\nswitch: {workers: 2}\n",
		       "update switch: workers auto -> 2 [needs restart]\n");
}

static void a_new_run_dir_is_one_change(void **state)
{
	assert_changes(LAN "ports: {p: {bridge: lan}}\n",
		       LAN "ports: {p: {bridge: lan}}\nswitch: {run-dir: /tmp/w}\n",
		       "update switch: run-dir /run/weft -> /tmp/w [needs restart]\n");
}

static void bridges_change_in_place(void **state)
{
	assert_changes(LAN "ports: {p: {bridge: lan}}\n",
		       "version: 1\n"
		       "bridges: {lan: {ageing: never, fdb-entries: 100,\n"
		       "  static: {52:54:00:00:00:01: p}}}\n"
		       "ports: {p: {bridge: lan}}\n",
		       "update bridge lan: address 10.10.0.1/24 -> none, ageing 5m -> never, "
		       "fdb-entries 65536 -> 100, static 0 entries -> 1 entries\n");
	assert_changes("version: 1\nbridges: {b: {static: {52:54:00:00:00:01: p}}}\n"
		       "ports: {p: {bridge: b}, q: {bridge: b}}\n",
		       "version: 1\nbridges: {b: {static: {52:54:00:00:00:01: q}}}\n"
		       "ports: {p: {bridge: b}, q: {bridge: b}}\n",
		       "update bridge b: static 1 entries -> others\n");
}

static void a_port_is_made_anew_for_its_path_mode_bridge_or_offloads(void **state)
{
	static const char two[] = "version: 1\nbridges: {lan: {}, lab: {}}\n";
	char old[256], new[256];
	static const struct {
		const char *port, *said;
	} cases[] = {
		{"bridge: lab", "bridge lan -> lab [re-creates port p]"},
		{"bridge: lan, vhost-user: {path: /p}",
		 "vhost-user.path /run/weft/p.sock -> /p [re-creates port p]"},
		{"bridge: lan, vhost-user: {mode: client}",
		 "vhost-user.mode server -> client [re-creates port p]"},
		{"bridge: lan, offloads: {tso: off}", "offloads.tso on -> off [re-creates port p]"},
		{"bridge: lan, vhost-user: {owner: root, group: kvm, socket-mode: 0660}",
		 "vhost-user.owner none -> root, vhost-user.group none -> kvm, "
		 "vhost-user.socket-mode none -> 0660"},
	};

	snprintf(old, sizeof(old), "%sports: {p: {bridge: lan}}\n", two);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char said[256];

		snprintf(new, sizeof(new), "%sports: {p: {%s}}\n", two, cases[i].port);
		snprintf(said, sizeof(said), "update port p: %s\n", cases[i].said);
		assert_changes(old, new, said);
	}
}

static void a_guest_restarts_for_what_it_is_made_of(void **state)
{
	static const struct {
		const char *guest, *said;
	} cases[] = {
		{"vcpus: 2", "vcpus 1 -> 2 [restarts guest a]"},
		{"memory: 1G", "memory 512M -> 1G [restarts guest a]"},
		{"engine: qemu", "engine auto -> qemu [restarts guest a]"},
		{"image: {kernel: /k}", "image.kernel auto -> /k [restarts guest a]"},
		{"image: {append: quiet}", "image.append none -> quiet [restarts guest a]"},
		{"disks: [{path: /d}]", "disks 0 -> 1 [restarts guest a]"},
		{"nics: [{bridge: lan}]", "nics 0 -> 1 [restarts guest a]"},
		{"restart: always", "restart on-failure -> always"},
		{"autostart: off", "autostart on -> off"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char new[256], said[256];

		snprintf(new, sizeof(new), LAN "guests: {a: {%s}}\n", cases[i].guest);
		snprintf(said, sizeof(said), "update guest a: %s\n", cases[i].said);
		assert_changes(LAN "guests: {a: {}}\n", new, said);
	}
}

static void the_part_of_a_nic_in_its_bridge_changes_while_the_guest_runs(void **state)
{
	assert_changes(LAN "guests: {a: {nics: [{bridge: lan}]}}\n",
		       LAN "guests: {a: {nics: [{bridge: lan, isolated: on, storm: {broadcast: "
			   "1000pps}}]}}\n",
		       "update guest a: nics[0].isolated off -> on, nics[0].storm.broadcast off -> "
		       "1kpps\n");
}

static void what_changes_in_a_list_is_told_by_its_place(void **state)
{
	assert_changes(
		LAN "guests: {a: {nics: [{bridge: lan}, {tap: {name: t0}}]}}\n",
		LAN "guests: {a: {nics: [{bridge: lan, mtu: 9000}, {bridge: lan,\n"
		    "  mac: 52:54:00:00:00:01, address: 10.10.0.9/24}]}}\n",
		"update guest a: nics[0].mtu 1500 -> 9000, nics[1].bridge none -> lan, "
		"nics[1].tap.name t0 -> none, nics[1].mac 52:57:2e:31:60:04 -> "
		"52:54:00:00:00:01, nics[1].address none -> 10.10.0.9/24 [restarts guest a]\n");
}

static void a_new_subnet_moves_the_guests_in_it(void **state)
{
	assert_changes("version: 1\nbridges: {lan: {}}\nguests: {a: {nics: [{bridge: lan}]}}\n",
		       LAN "guests: {a: {nics: [{bridge: lan, address: 10.10.0.5/24}]}}\n",
		       "update bridge lan: address none -> 10.10.0.1/24\n"
		       "update guest a: nics[0].address none -> 10.10.0.5/24 [restarts guest a]\n");
}

static void changes_are_in_the_order_of_execution(void **state)
{
	assert_changes("version: 1\n"
		       "bridges: {old: {}, same: {}}\n"
		       "ports: {gone: {bridge: old}, moves: {bridge: old}}\n"
		       "guests: {gone: {}, moves: {nics: [{bridge: old}]}}\n",
		       "version: 1\n"
		       "guests: {comes: {}, moves: {nics: [{bridge: new}]}}\n"
		       "ports: {comes: {bridge: new}, moves: {bridge: new}}\n"
		       "bridges: {new: {}, same: {ageing: 1m}}\n"
		       "switch: {idle: 1ms}\n",
		       "update switch: idle auto -> 1ms\n"
		       "remove guest gone [stops guest gone]\n"
		       "remove port gone [disconnects port gone]\n"
		       "add bridge new\n"
		       "update bridge same: ageing 5m -> 1m\n"
		       "update port moves: bridge old -> new [re-creates port moves]\n"
		       "add port comes: on new, server of /run/weft/comes.sock\n"
		       "update guest moves: nics[0].bridge old -> new [restarts guest moves]\n"
		       "add guest comes: 1 vCPU, 512 MiB, 0 NICs\n"
		       "remove bridge old\n");
}

static void a_long_detail_is_cut(void **state)
{
	char old[2048], new[2048], *said;

	snprintf(old, sizeof(old), "version: 1\nguests: {a: {image: {append: %0*d}}}\n", 600, 1);
	snprintf(new, sizeof(new), "version: 1\nguests: {a: {image: {append: %0*d}}}\n", 600, 2);

	said = changes_between(old, new);

	assert_int_equal(strlen(strstr(said, ": ") + 2), 255 + strlen(" [restarts guest a]\n"));
	assert_non_null(strstr(said, "000... [restarts"));
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_nothing_everything_is_added),
		cmocka_unit_test(equal_configurations_have_no_difference),
		cmocka_unit_test(order_and_spelling_are_no_difference),
		cmocka_unit_test(switch_changes_tell_what_waits_for_a_restart),
		cmocka_unit_test(a_new_run_dir_is_one_change),
		cmocka_unit_test(bridges_change_in_place),
		cmocka_unit_test(a_port_is_made_anew_for_its_path_mode_bridge_or_offloads),
		cmocka_unit_test(a_guest_restarts_for_what_it_is_made_of),
		cmocka_unit_test(the_part_of_a_nic_in_its_bridge_changes_while_the_guest_runs),
		cmocka_unit_test(what_changes_in_a_list_is_told_by_its_place),
		cmocka_unit_test(a_new_subnet_moves_the_guests_in_it),
		cmocka_unit_test(changes_are_in_the_order_of_execution),
		cmocka_unit_test(a_long_detail_is_cut),
	};

	return cmocka_run_group_tests_name("config_diff", tests, NULL, NULL);
}
