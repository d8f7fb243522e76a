/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_ERRORS_H
#define CONFIG_ERRORS_H

/*
 * Filling the list of config_errors. The list stays sorted by position, whatever the order in
 * which the passes find things. The list must have been zeroed (config_parse does it).
 */

#include "common/err.h"
#include "common/util.h"
#include "config/config.h"

/*
 * Adds "path.to.key: what is wrong". Returns the entry, for errors_help, or NULL when the list is
 * full and the error was only counted. The entry is valid until the next call.
 */
struct config_error *errors_add(struct config_errors *errs, struct config_pos pos, const char *fmt,
				...) PRINTF_LIKE(3, 4);
struct config_error *errors_warn(struct config_errors *errs, struct config_pos pos, const char *fmt,
				 ...) PRINTF_LIKE(3, 4);

/* Sets the remedy of `entry`, which may be NULL. */
void errors_help(struct config_error *entry, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* " (line 12)" for a message about another place; "" when that is not from a file. */
#define ERRORS_LINE_MAX 24
char *errors_line(struct config_pos pos, char text[ERRORS_LINE_MAX]);

/* The error of a failed allocation. Returns -ENOMEM. */
int errors_no_memory(struct config_errors *errs);

/* Sums the list up in one message: the first error with its remedy, and how many more. */
void errors_to_err(const struct config_errors *errs, struct err *e);

#endif
