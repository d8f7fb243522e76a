/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "daemon/options.h"

#define WORDS_MAX 8

/* Parses the words of `line` as weftd's arguments. */
static int parse(struct options *o, char *line)
{
	char *argv[WORDS_MAX + 2] = {"weftd"};
	int argc = 1;

	for (char *word = strtok(line, " "); word && argc <= WORDS_MAX; word = strtok(NULL, " "))
		argv[argc++] = word;
	optind = 0;
	opterr = 0;
	return options_parse(o, argc, argv);
}

static void a_config_file_is_run(void **state)
{
	char line[] = "-c lab.yaml --run-dir /run/x --log debug";
	struct options o;

	assert_int_equal(parse(&o, line), 0);

	assert_int_equal(o.task, TASK_RUN);
	assert_string_equal(o.config_file, "lab.yaml");
	assert_string_equal(o.run_dir, "/run/x");
	assert_string_equal(o.log_level, "debug");
	assert_false(o.example);
}

static void the_example_needs_no_file(void **state)
{
	char line[] = "--example";
	struct options o;

	assert_int_equal(parse(&o, line), 0);

	assert_int_equal(o.task, TASK_RUN);
	assert_true(o.example);
	assert_null(o.config_file);
}

static void a_check_is_not_a_run(void **state)
{
	char line[] = "--check lab.yaml --json";
	struct options o;

	assert_int_equal(parse(&o, line), 0);

	assert_int_equal(o.task, TASK_CHECK);
	assert_string_equal(o.check_file, "lab.yaml");
	assert_true(o.json);
	assert_null(o.config_file);
}

static void each_task_has_its_option(void **state)
{
	static const struct {
		const char *line;
		enum options_task task;
	} cases[] = {
		{"--doctor", TASK_DOCTOR},
		{"--print-example", TASK_PRINT_EXAMPLE},
		{"--print-schema", TASK_PRINT_SCHEMA},
		{"--print-man", TASK_PRINT_MAN},
		{"--version", TASK_VERSION},
		{"-V", TASK_VERSION},
		{"--help", TASK_HELP},
		{"-h", TASK_HELP},
	};
	struct options o;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[32];

		snprintf(line, sizeof(line), "%s", cases[i].line);
		assert_int_equal(parse(&o, line), 0);
		assert_int_equal(o.task, cases[i].task);
	}
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const lines[] = {
		"",	      "lab.yaml",	  "-c",	    "-c lab.yaml more",
		"--nonsense", "--run-dir /run/x", "--json",
	};
	struct options o;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char line[32];

		snprintf(line, sizeof(line), "%s", lines[i]);
		assert_int_equal(parse(&o, line), -EINVAL);
	}
}

static void the_usage_names_every_option(void **state)
{
	static const char *const words[] = {
		"-c, --config FILE", "--example",   "--run-dir DIR", "--log LEVEL",
		"--check FILE",	     "--doctor",    "--json",	     "--print-example",
		"--print-schema",    "--print-man", "-V, --version", "-h, --help",
	};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	options_usage(out);
	fclose(out);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		assert_non_null(strstr(text, words[i]));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_config_file_is_run),
		cmocka_unit_test(the_example_needs_no_file),
		cmocka_unit_test(a_check_is_not_a_run),
		cmocka_unit_test(each_task_has_its_option),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(the_usage_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
