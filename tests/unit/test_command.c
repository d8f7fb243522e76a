/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/complete.h"
#include "cli/help.h"
#include "common/command.h"

static const struct command_spec *specs;
static size_t n_specs;

static int setup(void **state)
{
	specs = command_specs(&n_specs);
	return 0;
}

/* What `print` writes, to be freed. */
static char *printed(void (*print)(FILE *out))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	print(out);
	fclose(out);
	return text;
}

static void each_verb_explains_itself(void **state)
{
	for (size_t i = 0; i < n_specs; i++) {
		const char *summary = specs[i].summary, *help = specs[i].help;

		assert_non_null(summary);
		assert_true(islower((unsigned char)summary[0]));
		assert_int_not_equal(summary[strlen(summary) - 1], '.');
		assert_true(strlen(help) > 10);
		assert_int_equal(help[strlen(help) - 1], '.');
		assert_null(strstr(help, "  "));
		assert_true(specs[i].group < GROUP_N);
	}
}

static void names_are_unique_over_verbs_and_aliases(void **state)
{
	const struct command_alias *aliases;
	size_t n;

	aliases = command_aliases(&n);
	for (size_t i = 0; i < n_specs; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(specs[i].name, specs[j].name);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(command_lookup(aliases[i].name), command_lookup(aliases[i].verb));
		assert_non_null(command_lookup(aliases[i].name));
		assert_string_not_equal(aliases[i].name, command_lookup(aliases[i].name)->name);
	}
}

static void each_verb_prints_or_does_something_and_a_dry_run_goes_with_doing(void **state)
{
	for (size_t i = 0; i < n_specs; i++) {
		unsigned flags = specs[i].flags & ~(unsigned)COMMAND_LOCAL;
		bool does = flags & (COMMAND_CHANGES | COMMAND_ACTS);

		assert_true(flags && !(flags & (flags - 1)));
		assert_true(command_takes(&specs[i], OPTION_JSON));
		assert_int_equal(command_takes(&specs[i], OPTION_DRY_RUN), does);
	}
}

static void arguments_can_be_told_apart(void **state)
{
	for (size_t i = 0; i < n_specs; i++) {
		const struct command_arg *arg = specs[i].args;
		unsigned n_optional = 0;

		for (; arg->kind; arg++) {
			assert_non_null(arg->key);
			n_optional += arg->flags & ARG_OPTIONAL;
			assert_true(!(arg->flags & ARG_MANY) || !arg[1].kind);
		}
		assert_true(n_optional <= 1);
		assert_true(arg - specs[i].args <= COMMAND_ARGS_MAX);
	}
}

static void usage_shows_options_and_arguments(void **state)
{
	char text[256];

	assert_string_equal(command_usage_format(command_lookup("add-port"), text, sizeof(text)),
			    "add-port [--may-exist] [--dry-run] BRIDGE PORT [KEY=VALUE...]");
	assert_string_equal(command_usage_format(command_lookup("set"), text, sizeof(text)),
			    "set [--dry-run] KIND [NAME] KEY=VALUE...");
	assert_string_equal(command_usage_format(command_lookup("guest/exec"), text, sizeof(text)),
			    "guest/exec GUEST -- COMMAND...");
	for (size_t i = 0; i < n_specs; i++)
		assert_true(strlen(command_usage_format(&specs[i], text, sizeof(text))) < 100);
}

static void a_mistyped_verb_finds_the_one_that_was_meant(void **state)
{
	assert_string_equal(command_nearest("lst-br"), "list-br");
	assert_string_equal(command_nearest("shwo"), "show");
	assert_string_equal(command_nearest("fdb/shw"), "fdb/show");
	assert_string_equal(command_nearest("vlog/sett"), "vlog/set");
	assert_null(command_nearest("frobnicate"));
	assert_null(command_nearest(""));
	assert_null(command_nearest("a-word-that-is-far-longer-than-any-verb-of-any-program-is"));
}

static void help_completion_and_man_page_mention_each_verb(void **state)
{
	char *help = printed(help_print), *completion = printed(complete_print_bash);
	char *man = printed(help_print_man), needle[64];

	for (size_t i = 0; i < n_specs; i++) {
		assert_non_null(strstr(help, specs[i].name));
		snprintf(needle, sizeof(needle), "\t%s)\n", specs[i].name);
		assert_non_null(strstr(completion, needle));
		assert_non_null(strstr(man, specs[i].summary + 1));
	}
	free(help);
	free(completion);
	free(man);
}

static void the_man_page_is_clean_roff(void **state)
{
	char *man = printed(help_print_man);

	for (const char *line = strtok(man, "\n"); line; line = strtok(NULL, "\n"))
		if (line[0] == '.')
			assert_true(isupper((unsigned char)line[1]));
	free(man);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_verb_explains_itself),
		cmocka_unit_test(names_are_unique_over_verbs_and_aliases),
		cmocka_unit_test(each_verb_prints_or_does_something_and_a_dry_run_goes_with_doing),
		cmocka_unit_test(arguments_can_be_told_apart),
		cmocka_unit_test(usage_shows_options_and_arguments),
		cmocka_unit_test(a_mistyped_verb_finds_the_one_that_was_meant),
		cmocka_unit_test(help_completion_and_man_page_mention_each_verb),
		cmocka_unit_test(the_man_page_is_clean_roff),
	};

	return cmocka_run_group_tests_name("command", tests, setup, NULL);
}
