/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>

#include "common/util.h"

#define LONG_ONLY 256 /* values of options without a letter begin here */
#define NOTHING	  ((size_t)-1)

/* An option sets a text, a flag, a task, or a text and a task. */
struct option_row {
	const char *name;
	char letter;
	size_t text, flag; /* offsets into struct options, or NOTHING */
	enum options_task task;
	const char *value, *help; /* "": it takes none */
};

#define TEXT(field) offsetof(struct options, field), NOTHING
#define FLAG(field) NOTHING, offsetof(struct options, field)
#define NONE	    NOTHING, NOTHING

static const struct option_row rows[] = {
	{"config", 'c', TEXT(config_file), TASK_RUN, "FILE", "the configuration, see weft.yaml(5)"},
	{"example", 0, FLAG(example), TASK_RUN, "",
	 "run the built-in example: two guests on a bridge"},
	{"run-dir", 0, TEXT(run_dir), TASK_RUN, "DIR",
	 "instead of the configuration's switch.run-dir"},
	{"engine", 0, TEXT(engine), TASK_RUN, "ENGINE",
	 "weft or qemu runs all guests, whatever the configuration says"},
	{"log", 0, TEXT(log_level), TASK_RUN, "LEVEL",
	 "error, warn, info or debug, for all modules"},
	{"check", 0, TEXT(check_file), TASK_CHECK, "FILE",
	 "say what is wrong with FILE, and do nothing else"},
	{"doctor", 0, NONE, TASK_DOCTOR, "", "say what this machine lacks"},
	{"cleanup", 0, NONE, TASK_CLEANUP, "",
	 "remove what a killed weftd of the run-dir left on the host"},
	{"json", 0, FLAG(json), TASK_RUN, "", "with --check and --doctor: as JSON"},
	{"print-example", 0, NONE, TASK_PRINT_EXAMPLE, "", "print the built-in example"},
	{"print-schema", 0, NONE, TASK_PRINT_SCHEMA, "", "print the configuration's JSON Schema"},
	{"print-man", 0, NONE, TASK_PRINT_MAN, "", "print weft.yaml(5)"},
	{"version", 'V', NONE, TASK_VERSION, "", "print the version"},
	{"help", 'h', NONE, TASK_HELP, "", "print this"},
};

static const char synopsis[] =
	"usage: weftd -c FILE [--run-dir DIR] [--engine ENGINE] [--log LEVEL]\n"
	"       weftd --example [--run-dir DIR] [--engine ENGINE]\n"
	"       weftd --check FILE [--json]\n"
	"       weftd --doctor [--json]\n"
	"       weftd --cleanup [--run-dir DIR]\n"
	"       weftd --print-example | --print-schema | --print-man\n"
	"\n";

void options_usage(FILE *out)
{
	fputs(synopsis, out);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct option_row *r = &rows[i];
		char letter[8] = "    ", word[32];

		if (r->letter)
			snprintf(letter, sizeof(letter), "-%c, ", r->letter);
		snprintf(word, sizeof(word), "--%s %s", r->name, r->value);
		fprintf(out, "  %s%-18s %s\n", letter, word, r->help);
	}
}

static void take(struct options *o, const struct option_row *r, const char *value)
{
	if (r->text != NOTHING)
		*(const char **)((char *)o + r->text) = value;
	if (r->flag != NOTHING)
		*(bool *)((char *)o + r->flag) = true;
	if (r->task != TASK_RUN)
		o->task = r->task;
}

static int row_value(size_t i)
{
	return rows[i].letter ? rows[i].letter : LONG_ONLY + (int)i;
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct option longs[ARRAY_SIZE(rows) + 1] = {0};
	int c;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		longs[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].text != NOTHING ? required_argument : no_argument,
			.val = row_value(i),
		};
	*o = (struct options){0};
	while ((c = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1) {
		if (c == '?')
			return -EINVAL;
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			if (row_value(i) == c)
				take(o, &rows[i], optarg);
	}
	if (optind < argc || (o->task == TASK_RUN && !o->config_file && !o->example))
		return -EINVAL;
	return 0;
}
