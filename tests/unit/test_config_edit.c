/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/edit.h"

static const char base[] = "version: 1\n"
			   "bridges: {lan: {address: 10.10.0.1/24}, lab: {}}\n"
			   "ports: {vm7: {bridge: lan}}\n"
			   "guests: {alpha: {nics: [{bridge: lan}]}}\n";

static const char *const no_fields[] = {NULL};

static struct config *set(const struct config *c, const char *kind, const char *name,
			  const char *field, struct err *e)
{
	return config_set(c, kind, name, &field, 1, e);
}

/* What setting `field` is refused with. */
static const char *refusal(const char *kind, const char *name, const char *field)
{
	static struct err e;
	struct config *c = config_of(base), *edited = set(c, kind, name, field, &e);

	assert_null(edited);
	config_free(c);
	return e.text;
}

static const char *get(const struct config *c, const char *kind, const char *name, const char *key)
{
	static char value[256];
	struct err e;

	assert_int_equal(config_get(c, kind, name, key, value, sizeof(value), &e), 0);
	return value;
}

static void a_bridge_comes_with_its_fields(void **state)
{
	static const char *const fields[] = {"address=10.20.0.1/24", "ageing=60s"};
	struct config *c = config_of(base);
	struct err e;

	struct config *edited = config_with_bridge(c, "wan", fields, 2, &e);

	assert_non_null(edited);
	assert_int_equal(edited->n_bridges, 3);
	assert_string_equal(get(edited, "bridge", "wan", "ageing"), "1m");
	assert_int_equal(c->n_bridges, 2);
	config_free(edited);
	config_free(c);
}

static void a_port_comes_on_its_bridge(void **state)
{
	static const char *const fields[] = {"vhost-user.path=/run/x.sock",
					     "vhost-user.mode=client"};
	struct config *c = config_of(base);
	struct err e;

	struct config *edited = config_with_port(c, "lab", "vm8", fields, 2, &e);

	assert_non_null(edited);
	assert_string_equal(config_port_lookup(edited, "vm8")->bridge, "lab");
	assert_string_equal(config_port_lookup(edited, "vm8")->vhost.path, "/run/x.sock");
	assert_int_equal(config_port_lookup(edited, "vm8")->vhost.mode, VHOST_MODE_CLIENT);
	config_free(edited);
	config_free(c);
}

static void what_is_there_already_is_not_added(void **state)
{
	struct config *c = config_of(base);
	struct err e;

	assert_null(config_with_bridge(c, "lan", no_fields, 0, &e));
	assert_string_equal(e.text,
			    "there is a bridge 'lan' already; use another name, or --may-exist");
	assert_null(config_with_port(c, "lan", "vm7", no_fields, 0, &e));
	assert_string_equal(e.text,
			    "there is a port 'vm7' already; use another name, or --may-exist");
	config_free(c);
}

static void an_added_object_is_checked_as_one_in_a_file(void **state)
{
	struct config *c = config_of(base);
	struct err e;

	assert_null(config_with_port(c, "lna", "vm8", no_fields, 0, &e));
	assert_string_equal(e.text,
			    "ports.vm8.bridge: there is no bridge 'lna'; did you mean 'lan'?");
	assert_null(config_with_bridge(c, "my lan", no_fields, 0, &e));
	assert_string_equal(e.text,
			    "bridges: 'my lan' cannot be the name of a bridge; a name is up "
			    "to 32 letters, digits, '_', '.' and '-', and begins with a "
			    "letter or a digit");
	assert_null(config_with_port(c, "lan", "alpha.0", no_fields, 0, &e));
	assert_string_equal(e.text, "ports.alpha.0: the name belongs to guests.alpha.nics[0]; give "
				    "the port another name");
	config_free(c);
}

static void a_bridge_goes_when_nothing_is_on_it(void **state)
{
	struct config *c = config_of(base), *edited;
	struct err e;

	edited = config_without_bridge(c, "lab", &e);

	assert_non_null(edited);
	assert_int_equal(edited->n_bridges, 1);
	assert_null(config_without_bridge(c, "lan", &e));
	assert_string_equal(
		e.text, "bridge 'lan' has the port 'vm7'; delete that first: weft del-port vm7");
	config_free(edited);
	config_free(c);
}

static void a_bridge_with_a_guest_on_it_stays(void **state)
{
	struct config *c = config_of(base), *edited;
	struct err e;

	edited = config_without_port(c, "vm7", &e);

	assert_non_null(edited);
	assert_int_equal(edited->n_ports, 0);
	assert_null(config_without_bridge(edited, "lan", &e));
	assert_string_equal(
		e.text, "bridge 'lan' has NIC 0 of guest 'alpha'; connect that elsewhere first: "
			"weft set guest alpha 'nics[0].bridge=OTHER'");
	config_free(edited);
	config_free(c);
}

static void what_is_not_there_cannot_go(void **state)
{
	struct config *c = config_of(base);
	struct err e;

	assert_null(config_without_bridge(c, "lna", &e));
	assert_string_equal(e.text, "there is no bridge 'lna'; did you mean 'lan'?");
	assert_null(config_without_port(c, "eth0", &e));
	assert_string_equal(e.text, "there is no port 'eth0'; `weft show` lists what there is");
	assert_null(config_without_port(c, "alpha.0", &e));
	assert_string_equal(e.text, "port 'alpha.0' belongs to guest 'alpha'; change the guest's "
				    "nics in the config file");
	config_free(c);
}

static void a_value_is_set_by_its_dotted_key(void **state)
{
	static const struct {
		const char *kind, *name, *key, *value;
	} cases[] = {
		{"switch", NULL, "workers", "2"},
		{"switch", NULL, "socket.group", "kvm"},
		{"bridge", "lan", "ageing", "never"},
		{"bridge", "lab", "address", "10.20.0.1/24"},
		{"port", "vm7", "vhost-user.socket-mode", "0660"},
		{"guest", "alpha", "image.append", "a: \"b\" # c"},
		{"guest", "alpha", "nics[0].mac", "52:54:00:00:00:01"},
		{"guest", "alpha", "nics[1].tap.name", "t0"},
		{"guest", "alpha", "disks[0].path", "/d"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config *c = config_of(base), *edited;
		char field[128];
		struct err e;

		snprintf(field, sizeof(field), "%s=%s", cases[i].key, cases[i].value);
		edited = set(c, cases[i].kind, cases[i].name, field, &e);

		assert_non_null(edited);
		assert_string_equal(get(edited, cases[i].kind, cases[i].name, cases[i].key),
				    cases[i].value);
		config_free(edited);
		config_free(c);
	}
}

static void a_list_or_mapping_is_set_as_one_value(void **state)
{
	struct config *c = config_of(base), *edited;
	struct err e;

	edited = set(c, "guest", "alpha", "nics=[{bridge: lab}, {bridge: lan, mtu: 9000}]", &e);

	assert_non_null(edited);
	assert_int_equal(edited->guests[0].n_nics, 2);
	assert_string_equal(get(edited, "guest", "alpha", "nics[0].bridge"), "lab");
	assert_string_equal(get(edited, "guest", "alpha", "nics[1].mtu"), "9000");
	config_free(edited);
	edited = set(c, "bridge", "lan", "static={52:54:00:00:00:01: alpha.0}", &e);
	assert_non_null(edited);
	assert_string_equal(edited->bridges[0].statics[0].port, "alpha.0");
	config_free(edited);
	config_free(c);
}

static void an_empty_value_brings_the_default_back(void **state)
{
	struct config *c =
		config_of("version: 1\n"
			  "bridges: {lan: {ageing: 1m, address: 10.0.0.1/24}}\n"
			  "guests: {a: {nics: [{bridge: lan, offloads: {tso: off}}]}}\n");
	static const char *const fields[] = {"ageing=", "address=", "static.x="};
	struct err e;
	struct config *edited = config_set(c, "bridge", "lan", fields, 3, &e);

	assert_non_null(edited);
	assert_string_equal(get(edited, "bridge", "lan", "ageing"), "5m");
	assert_string_equal(get(edited, "bridge", "lan", "address"), "");
	config_free(edited);
	edited = set(c, "guest", "a", "nics[0].offloads.tso=", &e);
	assert_non_null(edited);
	assert_string_equal(get(edited, "guest", "a", "nics[0].offloads.tso"), "on");
	config_free(edited);
	config_free(c);
}

static void a_refused_edit_says_why(void **state)
{
	static const struct {
		const char *kind, *name, *field, *said;
	} cases[] = {
		{"bridge", "lan", "ageng=60s",
		 "bridges.lan.ageng: unknown key; did you mean 'ageing'?"},
		{"bridge", "lan", "ageing=soon",
		 "bridges.lan.ageing: expected a duration from 1s to 1000h or never, found 'soon'; "
		 "for example: ageing: 5m"},
		{"bridge", "lan", "ageing", "'ageing': write KEY=VALUE, such as ageing=60s"},
		{"bridge", "lan", "=1", "'=1': write KEY=VALUE, such as ageing=60s"},
		{"bridge", "lan", "a..b=1",
		 "'.b' is no key; write it as image.kernel or nics[0].mac"},
		{"bridge", "lan", "ageing.x=1",
		 "bridges.lan.ageing: expected a duration from 1s to 1000h or never, found a "
		 "mapping; for example: ageing: 5m"},
		{"bridge", "lna", "ageing=1m", "there is no bridge 'lna'; did you mean 'lan'?"},
		{"brigde", "lan", "ageing=1m",
		 "there is no kind 'brigde'; write switch, bridge, uplink, port or guest"},
		{"guest", "alpha", "nics[2].bridge=lan",
		 "nics: there is no entry 2; the next one is nics[1]"},
		{"guest", "alpha", "nics[x].bridge=lan",
		 "'nics[x].bridge' is no key; write it as image.kernel or nics[0].mac"},
		{"guest", "alpha", "nics=[{bridge: lan}",
		 "nics: YAML syntax: did not find expected ',' or ']'; separate entries with ',' "
		 "and close the list with ']'"},
		{"guest", "alpha", "a.b.c.d.e.f.g.h.i=1",
		 "'a.b.c.d.e.f.g.h.i' nests too deep; no key does"},
		{"guest", "alpha", "nics[0].bridge=wan",
		 "guests.alpha.nics[0].bridge: there is no bridge 'wan'; did you mean 'lan'?"},
		{"port", "vm7", "bridge=", "ports.vm7.bridge: missing; add the line `bridge: lan`"},
		{"switch", NULL, "workers=99",
		 "switch.workers: expected a number from 1 to 16 or auto, found '99'; for example: "
		 "workers: 2"},
		{"bridge", "lan", "nat.uplink=hots",
		 "bridges.lan.nat.uplink: there is no uplink 'hots'; did you mean 'host'?"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(refusal(cases[i].kind, cases[i].name, cases[i].field),
				    cases[i].said);
}

static void more_errors_than_one_are_counted(void **state)
{
	static const char *const fields[] = {"a=1", "b=2", "ageing=x"};
	struct config *c = config_of(base);
	struct err e;

	assert_null(config_set(c, "bridge", "lab", fields, 3, &e));

	assert_non_null(strstr(e.text, "bridges.lab.a: unknown key; a bridge has: address"));
	assert_non_null(strstr(e.text, " (and 2 more)"));
	config_free(c);
}

static void getting_what_is_no_value_says_what_is(void **state)
{
	static const struct {
		const char *kind, *name, *key, *said;
	} cases[] = {
		{"bridge", "lan", "ageng", "a bridge has no 'ageng'; did you mean 'ageing'?"},
		{"bridge", "lan", "colour",
		 "a bridge has no 'colour'; weft.yaml(5) lists the keys"},
		{"guest", "alpha", "image",
		 "'image' is not one value; ask for one as image.kernel or nics[0].mac"},
		{"guest", "alpha", "nics[1].mac",
		 "'nics[1].mac' is not one value; ask for one as image.kernel or nics[0].mac"},
		{"guest", "alpha", "vcpus.x",
		 "'vcpus.x' is not one value; ask for one as image.kernel or nics[0].mac"},
		{"guest", "beta", "vcpus",
		 "there is no guest 'beta'; `weft show` lists what there is"},
	};
	struct config *c = config_of(base);
	char value[64];
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(config_get(c, cases[i].kind, cases[i].name, cases[i].key, value,
				       sizeof(value), &e) < 0);
		assert_string_equal(e.text, cases[i].said);
	}
	config_free(c);
}

static void an_edit_keeps_everything_else(void **state)
{
	struct config *c = config_of(base), *edited, *back;
	struct err e;

	edited = set(c, "guest", "alpha", "vcpus=3", &e);
	back = set(edited, "guest", "alpha", "vcpus=1", &e);

	assert_same_config(c, back);
	assert_int_equal(back->guests[0].pos.line, 0);
	assert_string_equal(back->file, "");
	config_free(back);
	config_free(edited);
	config_free(c);
}

static void lists_of_vlans_and_rates_survive_an_edit(void **state)
{
	static const char *const fields[] = {"trunk=1,5-7,100", "storm.broadcast=10kpps",
					     "native-vlan=4"};
	struct config *c = config_of("version: 1\n"
				     "bridges: {lan: {vlan-filtering: on, mirrors: {m: {from: b, "
				     "to: c}}}}\n"
				     "ports: {a: {bridge: lan}, b: {bridge: lan}, c: {bridge: "
				     "lan}}\n");
	struct err e;
	struct config *next = config_set(c, "port", "a", fields, ARRAY_SIZE(fields), &e);
	char value[64];

	assert_non_null(next);
	config_get(next, "port", "a", "trunk", value, sizeof(value), &e);
	assert_string_equal(value, "[1, 5-7, 100]");
	config_get(next, "port", "a", "storm.broadcast", value, sizeof(value), &e);
	assert_string_equal(value, "10kpps");
	assert_string_equal(next->bridges[0].mirrors[0].from, "[b]");
	assert_true(vlan_set_has(&next->ports[0].member.trunk, 6));
	assert_int_equal(next->ports[0].member.storm.broadcast.per_s, 10000);
	config_free(next);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bridge_comes_with_its_fields),
		cmocka_unit_test(a_port_comes_on_its_bridge),
		cmocka_unit_test(what_is_there_already_is_not_added),
		cmocka_unit_test(an_added_object_is_checked_as_one_in_a_file),
		cmocka_unit_test(a_bridge_goes_when_nothing_is_on_it),
		cmocka_unit_test(a_bridge_with_a_guest_on_it_stays),
		cmocka_unit_test(what_is_not_there_cannot_go),
		cmocka_unit_test(a_value_is_set_by_its_dotted_key),
		cmocka_unit_test(a_list_or_mapping_is_set_as_one_value),
		cmocka_unit_test(an_empty_value_brings_the_default_back),
		cmocka_unit_test(a_refused_edit_says_why),
		cmocka_unit_test(more_errors_than_one_are_counted),
		cmocka_unit_test(getting_what_is_no_value_says_what_is),
		cmocka_unit_test(an_edit_keeps_everything_else),
		cmocka_unit_test(lists_of_vlans_and_rates_survive_an_edit),
	};

	return cmocka_run_group_tests_name("config_edit", tests, NULL, NULL);
}
