/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

/*
 * One message for people, filled in where the cause is known and printed where somebody listens.
 * Control code returns 0 or -errno beside it; the message says what is wrong and what to do next.
 */

#include "common/util.h"

#define ERR_TEXT_MAX 512

struct err {
	char text[ERR_TEXT_MAX];
};

/*
 * Writes the message into `e` (NULL is allowed: the caller does not want it).
 * Returns -code, so that `return err_set(e, EINVAL, ...)` reads well; `code` is a positive errno.
 */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "prefix: " before the message that `e` already holds. Returns `ret` unchanged. */
int err_prefix(struct err *e, int ret, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
