/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_ENDPOINT_H
#define PERF_LAB_ENDPOINT_H

/*
 * Where weft-perf runs: in a guest, or outside, which is this machine under the setup's `outside`
 * command ("ip netns exec NAME"): what guests reach through NAT or user-mode networking.
 */

#include "perf/lab/bench.h"

/* `client` or `server` of a setup when it is no guest. */
#define ENDPOINT_OUTSIDE "outside"

bool endpoint_is_outside(const char *name);

/*
 * Runs `argv` (ended by NULL, up to ENDPOINT_ARGS_MAX words) at endpoint `name`; argv[0] is looked
 * for beside weftd when it is outside. Otherwise as guest_run and child_run.
 */
#define ENDPOINT_ARGS_MAX 40
int endpoint_run(const struct bench *b, const char *name, const char *const *argv,
		 unsigned timeout_ms, struct output *out, struct err *e);

/* The same outside, in the background, its output appended to `log_path`. */
int endpoint_start_outside(const struct bench *b, struct child *c, const char *const *argv,
			   const char *log_path, struct err *e);

/* Puts `argv` behind a prefix of words that the shell reads; `line` and `out` are room for it. */
#define ENDPOINT_SHELL_WORDS 4
const char *const *endpoint_under(const char *prefix, const char *const *argv, char *line,
				  size_t line_size, const char **out);

#endif
