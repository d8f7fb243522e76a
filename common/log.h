/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

/*
 * Structured log to stderr: one line an event, `time level module: message key=value ...`.
 * Each module has its own level, settable at run time (`weft log/set vhost debug`).
 * Under systemd (JOURNAL_STREAM set) a line carries its syslog priority instead of the time.
 *
 * Thread safe: a line is one write(2). Stages of the data path never log.
 */

#include <stdbool.h>

#include "common/err.h"
#include "common/util.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_LEVEL_N };

enum log_module {
	LOG_MAIN,
	LOG_CONFIG,
	LOG_CONTROL,
	LOG_APPLY,
	LOG_WORKER,
	LOG_VHOST,
	LOG_BRIDGE,
	LOG_GUEST,
	LOG_UPLINK,
	LOG_DHCP,
	LOG_EAL,
	LOG_MODULE_N
};

/* Names in the order of the enums, for messages and completion. */
const char *log_level_name(enum log_level level);
const char *log_module_name(enum log_module module);

enum log_level log_level_get(enum log_module module);

/*
 * Sets the level of `module` ("any" for all of them) to `level`, both by name.
 * Returns 0, or -EINVAL with the valid names in `e`.
 */
int log_level_set(const char *module, const char *level, struct err *e);

void log_write(enum log_module module, enum log_level level, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/*
 * Copies the last lines written, whole ones, at most `size` - 1 bytes and a NUL, into `text`; a
 * line that is written meanwhile may be missing. Returns their length. Any thread.
 */
#define LOG_TAIL_BYTES 65536
size_t log_tail(char *text, size_t size);

/* True at most `burst` times a second for one call site's `state` (zeroed by the caller). */
struct log_ratelimit {
	_Atomic uint64_t window_s;
	_Atomic unsigned count;
};
bool log_ratelimit_ok(struct log_ratelimit *state, unsigned burst);

#define log_error(module, ...) log_write(module, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(module, ...)  log_write(module, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(module, ...)  log_write(module, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(module, ...) log_write(module, LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
