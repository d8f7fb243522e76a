/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/endpoint.h"

#include <string.h>

#include "perf/lab/guest.h"

#define WORDS_MAX (ENDPOINT_ARGS_MAX + ENDPOINT_SHELL_WORDS + 1)

bool endpoint_is_outside(const char *name)
{
	return strcmp(name, ENDPOINT_OUTSIDE) == 0;
}

const char *const *endpoint_under(const char *prefix, const char *const *argv, char *line,
				  size_t line_size, const char **out)
{
	unsigned n = ENDPOINT_SHELL_WORDS;

	if (!prefix[0])
		return argv;
	snprintf(line, line_size, "exec %s \"$@\"", prefix);
	out[0] = "/bin/sh";
	out[1] = "-c";
	out[2] = line;
	out[3] = "sh";
	for (; *argv && n < WORDS_MAX - 1; argv++)
		out[n++] = *argv;
	out[n] = NULL;
	return out;
}

/* weft-perf lies where weftd does. */
static void beside_weftd(const struct bench *b, const char *name, char *path, size_t size)
{
	const char *slash = strrchr(b->options->weftd, '/');
	int len = slash ? (int)(slash - b->options->weftd) + 1 : 0;

	snprintf(path, size, "%.*s%s", len, b->options->weftd, name);
}

struct outside_words {
	char program[512], line[512];
	const char *own[WORDS_MAX], *all[WORDS_MAX];
};

static const char *const *outside_argv(const struct bench *b, const char *const *argv,
				       struct outside_words *w)
{
	unsigned n = 0;

	beside_weftd(b, argv[0], w->program, sizeof(w->program));
	for (; argv[n] && n < ENDPOINT_ARGS_MAX; n++)
		w->own[n] = argv[n];
	w->own[0] = w->program;
	w->own[n] = NULL;
	return endpoint_under(b->setup->outside, w->own, w->line, sizeof(w->line), w->all);
}

int endpoint_run(const struct bench *b, const char *name, const char *const *argv,
		 unsigned timeout_ms, struct output *out, struct err *e)
{
	struct outside_words w;

	if (!endpoint_is_outside(name))
		return guest_run(b->rpc, name, argv, timeout_ms, out, e);
	return child_run(outside_argv(b, argv, &w), timeout_ms, out, e);
}

int endpoint_start_outside(const struct bench *b, struct child *c, const char *const *argv,
			   const char *log_path, struct err *e)
{
	struct outside_words w;

	return child_start(c, outside_argv(b, argv, &w), log_path, e);
}
