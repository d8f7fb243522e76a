/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

/*
 * A guest's serial console on the caller's terminal. The terminal is raw meanwhile, so that every
 * key reaches the guest, and gets its settings back on every way out, signals included. Ctrl-]
 * leaves. Without a terminal, bytes are passed as they come.
 */

#include "common/err.h"

/*
 * Joins standard input and output with the console `fd` of `guest`, which is taken over, until the
 * console closes, the user leaves, or `timeout_ms` (-1: none) have passed. Returns 0 or -errno.
 */
int console_run(const char *guest, int fd, int timeout_ms, struct err *e);

#endif
