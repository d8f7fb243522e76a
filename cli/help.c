/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/help.h"

#include <string.h>

#define HELP_WIDTH 79

/* Prints `text` filled to the width, each line indented by `indent`, the cursor being at column 0.
 */
static void print_filled(const char *text, int indent, FILE *out)
{
	int column = 0;

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (column && column + 1 + len > HELP_WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		fprintf(out, "%*s%.*s", column ? 1 : indent, "", len, text);
		column += len + (column ? 1 : indent);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void print_option(enum command_option_id id, FILE *out)
{
	const struct command_option *option = command_option(id);
	char label[64], letter[8] = "    ";

	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	snprintf(label, sizeof(label), "%s%s%s%s", letter, option->word, option->value ? " " : "",
		 option->value ? option->value : "");
	fprintf(out, "  %s\n", label);
	print_filled(option->help, 10, out);
}

void help_print(FILE *out)
{
	const struct command_spec *specs;
	size_t n;

	fprintf(out, "usage: weft [OPTION...] VERB [WORD...]\n");
	specs = command_specs(&n);
	for (int group = 0; group < GROUP_N; group++) {
		fprintf(out, "\n%s:\n", command_group_name(group));
		for (size_t i = 0; i < n; i++)
			if ((int)specs[i].group == group)
				fprintf(out, "  %-16s %s\n", specs[i].name, specs[i].summary);
	}
	fprintf(out, "\nOptions, before or after the verb:\n");
	for (int id = 0; id < OPTION_MAY_EXIST; id++)
		print_option(id, out);
	fprintf(out, "\n`weft help VERB` says more about a verb, weft(8) about all of them.\n");
}

void help_print_verb(const struct command_spec *spec, FILE *out)
{
	const struct command_alias *aliases;
	char usage[256];
	size_t n;

	fprintf(out, "usage: weft %s\n\n", command_usage_format(spec, usage, sizeof(usage)));
	fprintf(out, "%s: %s.\n", spec->name, spec->summary);
	print_filled(spec->help, 0, out);
	for (int id = OPTION_MAY_EXIST; id < OPTION_N; id++)
		if (command_takes(spec, id))
			print_option(id, out);
	aliases = command_aliases(&n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(aliases[i].verb, spec->name) == 0)
			fprintf(out, "also known as %s\n", aliases[i].name);
}

void help_list(FILE *out)
{
	const struct command_spec *specs;
	char usage[256];
	size_t n;

	specs = command_specs(&n);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s\n", command_usage_format(&specs[i], usage, sizeof(usage)));
}
