/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/help.h"

#include <ctype.h>

#include "common/rpc.h"
#include "common/version.h"

/* Text for roff: hyphens are to be typed, backslashes are text, a line never begins a request. */
static void print_text(const char *text, FILE *out)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			fputc(*text, out);
	}
}

static void print_line(const char *request, const char *text, FILE *out)
{
	fprintf(out, "%s%s", request, *request ? " " : "");
	print_text(text, out);
	fputc('\n', out);
}

static void print_option(enum command_option_id id, FILE *out)
{
	const struct command_option *option = command_option(id);

	fprintf(out, ".TP\n");
	if (option->letter)
		fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
	fprintf(out, "\\fB");
	print_text(option->word, out);
	fprintf(out, "\\fR");
	if (option->value)
		fprintf(out, " \\fI%s\\fR", option->value);
	fputc('\n', out);
	print_text(option->help, out);
	fprintf(out, ".\n");
}

static void print_verb(const struct command_spec *spec, FILE *out)
{
	char usage[256];

	fprintf(out, ".TP\n");
	print_line(".B", command_usage_format(spec, usage, sizeof(usage)), out);
	fputc(toupper((unsigned char)spec->summary[0]), out);
	print_text(spec->summary + 1, out);
	fprintf(out, ".\n");
	print_line("", spec->help, out);
}

static void print_verbs(FILE *out)
{
	const struct command_spec *specs;
	size_t n;

	specs = command_specs(&n);
	fprintf(out, ".SH VERBS\n");
	for (int group = 0; group < GROUP_N; group++) {
		print_line(".SS", command_group_name(group), out);
		for (size_t i = 0; i < n; i++)
			if ((int)specs[i].group == group)
				print_verb(&specs[i], out);
	}
}

static void print_aliases(FILE *out)
{
	const struct command_alias *aliases;
	size_t n;

	aliases = command_aliases(&n);
	fprintf(out, ".SS Names from Open vSwitch\n");
	for (size_t i = 0; i < n; i++) {
		fprintf(out, ".TP\n");
		print_line(".B", aliases[i].name, out);
		fprintf(out, "Same as ");
		print_text(aliases[i].verb, out);
		fprintf(out, ".\n");
	}
}

static void print_options(FILE *out)
{
	fprintf(out, ".SH OPTIONS\nOptions may stand before or after the verb. Everything after\n"
		     ".B \\-\\-\nis words.\n");
	for (int id = 0; id < OPTION_MAY_EXIST; id++)
		print_option(id, out);
	fprintf(out, ".SS Options of single verbs\n");
	for (int id = OPTION_MAY_EXIST; id < OPTION_N; id++)
		print_option(id, out);
}

static void print_exit_status(FILE *out)
{
	static const struct {
		const char *status, *meaning;
	} rows[] = {
		{"0", "Done."},
		{"1", "Failed before weftd could answer: usage, or no connection."},
		{"2", "weftd answered with an error, or br-exists says no."},
		{"65", "The configuration is saved but parts of it did not take effect."},
	};

	fprintf(out, ".SH EXIT STATUS\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fprintf(out, ".TP\n.B %s\n", rows[i].status);
		print_line("", rows[i].meaning, out);
	}
	fprintf(out, ".PP\nguest/exec exits with the status of the guest's command.\n");
}

void help_print_man(FILE *out)
{
	fprintf(out,
		".TH WEFT 8 \"\" \"weft %s\" \"weft\"\n"
		".SH NAME\nweft \\- control the weft switch and its guests\n"
		".SH SYNOPSIS\n.B weft\n[\\fIOPTION\\fR...] \\fIVERB\\fR [\\fIWORD\\fR...]\n"
		".SH DESCRIPTION\n"
		"weft asks a running\n.BR weftd (8)\nto show or change what it does. "
		"Bridges, ports and forwarding tables are handled by the verbs that users of Open "
		"vSwitch know; verbs with a slash look at or act on what runs. Each verb that "
		"prints "
		"does so as JSON with \\fB\\-\\-json\\fR; each verb that changes something says "
		"what "
		"it would do with \\fB\\-\\-dry\\-run\\fR.\n",
		version_text);
	print_options(out);
	print_verbs(out);
	print_aliases(out);
	print_exit_status(out);
	fprintf(out, ".SH ENVIRONMENT\n.TP\n.B WEFT_SOCKET\nweftd's control socket.\n");
	fprintf(out, ".SH FILES\n.TP\n.I %s\nThe control socket unless another is named.\n",
		RPC_SOCKET_DEFAULT);
	fprintf(out, ".SH SEE ALSO\n.BR weftd (8),\n.BR weft.yaml (5)\n");
}
