/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

/*
 * The command line taken apart: a verb, options before or after it, and words. Everything after
 * "--" is words, whatever it looks like. What the verb makes of them is not decided here.
 */

#include <stdbool.h>

#include "common/command.h"
#include "common/err.h"

struct args {
	const char *verb; /* as typed, NULL: none */
	const char *socket;
	double timeout_s; /* 0: not given */
	bool options[OPTION_N];
	const char *values[OPTION_N]; /* of options that take one and were given */
	const char **words;	      /* without the verb */
	int n_words;
};

/* Borrows from `argv`. Returns 0, or -EINVAL with the reason in `e`; args_fini is due anyway. */
int args_parse(struct args *a, int argc, char **argv, struct err *e);
void args_fini(struct args *a);

/* Refuses options that are not for this verb. Returns 0 or -EINVAL with the reason in `e`. */
int args_check_options(const struct args *a, const struct command_spec *spec, struct err *e);

/* The time limit for the verb in ms, -1: none. */
int args_timeout_ms(const struct args *a, const struct command_spec *spec);

#endif
