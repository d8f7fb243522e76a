/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

/* weftd's command line. */

#include <stdbool.h>
#include <stdio.h>

/* What is to be done; all but the first end at once. */
enum options_task {
	TASK_RUN,
	TASK_CHECK,
	TASK_DOCTOR,
	TASK_PRINT_EXAMPLE,
	TASK_CLEANUP,
	TASK_PRINT_SCHEMA,
	TASK_PRINT_MAN,
	TASK_VERSION,
	TASK_HELP,
};

/* Texts are borrowed from the arguments; NULL: not given. */
struct options {
	enum options_task task;
	const char *config_file;
	const char *check_file;
	const char *run_dir;
	const char *log_level;
	const char *engine;
	bool example, json;
};

/*
 * Parses the arguments. Returns 0, or -EINVAL when they make no sense: the usage is then due, and
 * what getopt had to say stands on stderr.
 */
int options_parse(struct options *o, int argc, char **argv);

void options_usage(FILE *out);

#endif
