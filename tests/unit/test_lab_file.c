/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/lab/labfile.h"

#define GOOD                                                                                       \
	"version: 1\n"                                                                             \
	"setups:\n"                                                                                \
	"  - {name: weft, config: demo.yaml, client: alpha, server: beta}\n"                       \
	"  - {name: br, config: /etc/tap.yaml, client: alpha, server: beta, up: \"x up\"}\n"

static struct lab *parse(const char *text, struct diag *d)
{
	memset(d, 0, sizeof(*d));
	return lab_parse(text, strlen(text), "dir/lab.yaml", d);
}

static struct lab *parse_good(const char *text)
{
	struct diag d;
	struct lab *lab = parse(text, &d);

	if (!lab)
		diag_print(&d, "lab.yaml", text, strlen(text), stderr);
	assert_non_null(lab);
	return lab;
}

/* Parses a bad text and compares all that is printed about it. */
static void assert_complaints(const char *text, const char *expected)
{
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);
	struct diag d;

	assert_null(parse(text, &d));
	diag_print(&d, "lab.yaml", text, strlen(text), out);
	fclose(out);
	assert_string_equal(printed, expected);
	free(printed);
}

static void a_lab_file_becomes_setups_and_tests(void **state)
{
	struct lab *lab =
		parse_good(GOOD "baseline: br\n"
				"tests: [TCP_STREAM, {test: udp_stream, args: [-m, 1472]}]\n"
				"duration: 500ms\n");

	assert_int_equal(lab->n_setups, 2);
	assert_string_equal(lab->setups[1].up, "x up");
	assert_string_equal(lab->setups[0].up, "");
	assert_int_equal(lab->baseline, 1);
	assert_string_equal(lab->tests[0].label, "TCP_STREAM");
	assert_string_equal(lab->tests[1].label, "UDP_STREAM -m 1472");
	assert_true(lab->duration_s == 0.5 && lab->warmup_s == 1);
	assert_int_equal(lab->repeats, 5);
	assert_false(lab->confidence.wanted);
	lab_free(lab);
}

static void paths_mean_the_folder_of_the_lab_file(void **state)
{
	struct lab *lab = parse_good(GOOD "tests: [TCP_RR]\n");
	char buf[64];

	assert_string_equal(lab_path(lab, lab->setups[0].config, buf, sizeof(buf)),
			    "dir/demo.yaml");
	assert_string_equal(lab_path(lab, lab->setups[1].config, buf, sizeof(buf)),
			    "/etc/tap.yaml");
	lab_free(lab);
}

static void repeats_are_the_floor_and_confidence_raises_it(void **state)
{
	struct lab *lab =
		parse_good(GOOD "tests: [TCP_RR]\nrepeats: 2\n"
				"confidence: {level: 95, interval: 2.5, min: 4, max: 8}\n");

	assert_int_equal(lab->repeats, 4);
	assert_int_equal(lab->confidence.max, 8);
	assert_true(lab->confidence.level == 95 && lab->confidence.interval == 2.5);
	lab_free(lab);
}

static void every_error_of_a_file_is_shown_at_its_place(void **state)
{
	assert_complaints("version: 1\n"
			  "setup:\n"
			  "  - {name: weft}\n"
			  "tests: [TCP_STREM]\n"
			  "repeats: 0\n"
			  "duration: 5\n",
			  "lab.yaml:1:1: error: key \"setups\" is missing\n"
			  "    version: 1\n"
			  "    ^\n"
			  "lab.yaml:2:1: error: unknown key \"setup\"\n"
			  "    setup:\n"
			  "    ^\n"
			  "    help: did you mean \"setups\"?\n"
			  "lab.yaml:4:9: error: tests[0]: unknown test 'TCP_STREM': did you mean "
			  "TCP_STREAM?\n"
			  "    tests: [TCP_STREM]\n"
			  "            ^\n"
			  "lab.yaml:5:10: error: repeats: \"0\" is not a number from 1 to 30\n"
			  "    repeats: 0\n"
			  "             ^\n"
			  "lab.yaml:6:11: error: duration: \"5\" is not a duration of up to 1h\n"
			  "    duration: 5\n"
			  "              ^\n"
			  "    help: write a number with a unit, such as 5s, 500ms or 2m\n");
}

static void setups_are_checked_against_each_other(void **state)
{
	assert_complaints(
		"version: 1\n"
		"setups:\n"
		"  - {name: weft, config: c, client: g, server: g}\n"
		"  - {name: weft, config: c, client: g, server: h}\n"
		"tests: [TCP_RR, tcp_rr]\n"
		"baseline: wetf\n",
		"lab.yaml:3:5: error: setups[0]: client and server are both \"g\"\n"
		"      - {name: weft, config: c, client: g, server: g}\n"
		"        ^\n"
		"    help: name two guests of its config\n"
		"lab.yaml:4:5: error: setups[1]: the name \"weft\" is taken by setups[0]\n"
		"      - {name: weft, config: c, client: g, server: h}\n"
		"        ^\n"
		"lab.yaml:5:17: error: tests[1]: \"TCP_RR\" is in the list already\n"
		"    tests: [TCP_RR, tcp_rr]\n"
		"                    ^\n"
		"lab.yaml:6:11: error: baseline: no setup is called \"wetf\"\n"
		"    baseline: wetf\n"
		"              ^\n"
		"    help: did you mean \"weft\"?\n");
}

static void an_end_outside_needs_a_place_and_an_address(void **state)
{
	assert_complaints(
		"version: 1\n"
		"setups:\n"
		"  - {name: nat, config: c, client: g, server: outside}\n"
		"tests: [TCP_RR]\n",
		"lab.yaml:3:5: error: setups[0]: nothing says where outside is\n"
		"      - {name: nat, config: c, client: g, server: outside}\n"
		"        ^\n"
		"    help: add outside: the command that runs programs there, such as \"ip netns "
		"exec NAME\"\n"
		"lab.yaml:3:5: error: setups[0]: an end outside needs an address\n"
		"      - {name: nat, config: c, client: g, server: outside}\n"
		"        ^\n"
		"    help: add address: where the client finds the server\n");
}

static void a_key_given_twice_is_an_error(void **state)
{
	assert_complaints(GOOD "tests: [TCP_RR]\ntests: [UDP_RR]\n",
			  "lab.yaml:6:1: error: tests: given twice\n"
			  "    tests: [UDP_RR]\n"
			  "    ^\n");
}

static void broken_yaml_is_shown_where_it_breaks(void **state)
{
	assert_complaints("version: 1\nsetups: [\n",
			  "lab.yaml:3:1: error: not YAML: did not find expected node content\n"
			  "    \n"
			  "    ^\n"
			  "    help: indent with spaces, and close what is opened\n");
}

static void aliases_cycles_and_other_types_are_refused(void **state)
{
	static const char *const bad[] = {
		"&a [*a]\n",
		"version: 1\nsetups: &s [*s]\ntests: [TCP_RR]\n",
		"",
		"[]\n",
		"just text\n",
		"version: 2\nsetups: []\ntests: {}\n",
		"? [a]\n: b\n",
		GOOD "tests: [[TCP_RR]]\n",
		GOOD "tests: [{test: TCP_RR, args: []}]\n",
		GOOD "tests: [TCP_RR]\nconfidence: {level: 90}\n",
		GOOD "tests: [TCP_RR]\nconfidence: {min: 5, max: 4}\n",
		GOOD "tests: [TCP_RR]\nconfidence: yes\n",
		GOOD "tests: [TCP_RR]\nduration: 1ms\n",
		GOOD "tests: [TCP_RR]\nbaseline: [weft]\n",
	};
	struct diag d;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_null(parse(bad[i], &d));
		assert_true(d.total > 0);
	}
}

static void a_run_can_be_restricted(void **state)
{
	struct lab *lab = parse_good(GOOD "baseline: br\ntests: [TCP_STREAM, TCP_RR, UDP_RR]\n");
	struct err e;

	assert_int_not_equal(lab_only_setups(lab, "weft,bridge", &e), 0);
	assert_int_not_equal(lab_only_setups(lab, "we", &e), 0);
	assert_int_equal(lab_only_setups(lab, "br,weft", &e), 0);
	assert_int_equal(lab->n_setups, 2);
	assert_string_equal(lab->setups[lab->baseline].name, "br");
	assert_int_equal(lab_only_setups(lab, "weft", &e), 0);
	assert_int_equal(lab->n_setups, 1);
	assert_int_equal(lab->baseline, 0);
	assert_int_not_equal(lab_only_tests(lab, "TCP", &e), 0);
	assert_int_equal(lab_only_tests(lab, "udp_rr,TCP_STREAM", &e), 0);
	assert_int_equal(lab->n_tests, 2);
	assert_string_equal(lab->tests[1].test, "UDP_RR");
	lab_free(lab);
}

static void each_engine_of_a_setup_is_a_setup_of_its_own(void **state)
{
	struct lab *lab = parse_good(
		"version: 1\n"
		"engine: [weft, qemu]\n"
		"setups:\n"
		"  - {name: a, config: builtin, client: alpha, server: beta}\n"
		"  - {name: b, config: builtin, client: alpha, server: beta, engine: qemu}\n"
		"tests: [TCP_RR]\n"
		"baseline: a-qemu\n");

	assert_int_equal(lab->n_setups, 3);
	assert_string_equal(lab->setups[0].name, "a-weft");
	assert_string_equal(lab->setups[0].engine, "weft");
	assert_string_equal(lab->setups[1].name, "a-qemu");
	assert_string_equal(lab->setups[1].engine, "qemu");
	assert_string_equal(lab->setups[2].name, "b");
	assert_string_equal(lab->setups[2].engine, "qemu");
	assert_int_equal(lab->baseline, 1);
	lab_free(lab);

	lab = parse_good(GOOD "tests: [TCP_RR]\n");
	assert_string_equal(lab->setups[0].engine, "");
	lab_free(lab);
}

static void engines_are_weft_and_qemu_once_each(void **state)
{
	assert_complaints(GOOD "tests: [TCP_RR]\nengine: [weft, weft]\n",
			  "lab.yaml:6:16: error: engine: \"weft\" is in the list already\n"
			  "    engine: [weft, weft]\n"
			  "                   ^\n");
	assert_complaints(GOOD "tests: [TCP_RR]\nengine: kvmtool\n",
			  "lab.yaml:6:9: error: engine: \"kvmtool\" is no engine\n"
			  "    engine: kvmtool\n"
			  "            ^\n"
			  "    help: weft and qemu are; [weft, qemu] measures both\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_engine_of_a_setup_is_a_setup_of_its_own),
		cmocka_unit_test(engines_are_weft_and_qemu_once_each),
		cmocka_unit_test(a_lab_file_becomes_setups_and_tests),
		cmocka_unit_test(paths_mean_the_folder_of_the_lab_file),
		cmocka_unit_test(repeats_are_the_floor_and_confidence_raises_it),
		cmocka_unit_test(every_error_of_a_file_is_shown_at_its_place),
		cmocka_unit_test(setups_are_checked_against_each_other),
		cmocka_unit_test(an_end_outside_needs_a_place_and_an_address),
		cmocka_unit_test(a_key_given_twice_is_an_error),
		cmocka_unit_test(broken_yaml_is_shown_where_it_breaks),
		cmocka_unit_test(aliases_cycles_and_other_types_are_refused),
		cmocka_unit_test(a_run_can_be_restricted),
	};

	return cmocka_run_group_tests_name("lab file", tests, NULL, NULL);
}
