/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/log.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static_assert(ARRAY_SIZE(level_names) == LOG_LEVEL_N, "a name for each level");

static const char *const module_names[] = {"main",   "config", "control", "apply",
					   "worker", "vhost",  "bridge",  "guest",
					   "uplink", "dhcp",   "eal"};
static_assert(ARRAY_SIZE(module_names) == LOG_MODULE_N, "a name for each module");

/* w: control thread; r: any thread. With what log_tail keeps the global state of common/. */
static _Atomic unsigned char levels[LOG_MODULE_N] = {
	[0 ... LOG_EAL - 1] = LOG_LEVEL_INFO,
	[LOG_EAL] = LOG_LEVEL_WARN,
};

const char *log_level_name(enum log_level level)
{
	return NAME_OF(level_names, level);
}

const char *log_module_name(enum log_module module)
{
	return NAME_OF(module_names, module);
}

enum log_level log_level_get(enum log_module module)
{
	return (enum log_level)levels[module];
}

static int index_of(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

int log_level_set(const char *module, const char *level, struct err *e)
{
	int l = index_of(level_names, LOG_LEVEL_N, level);
	int m = index_of(module_names, LOG_MODULE_N, module);
	bool any = strcmp(module, "any") == 0;

	if (l < 0)
		return err_set(e, EINVAL, "unknown log level '%s': use error, warn, info or debug",
			       level);
	if (m < 0 && !any)
		return err_set(e, EINVAL, "unknown log module '%s': `weft log/list` names them",
			       module);

	for (int i = 0; i < LOG_MODULE_N; i++)
		if (any || i == m)
			levels[i] = (unsigned char)l;
	return 0;
}

/* The last bytes written, for log_tail. */
static struct {
	pthread_mutex_t lock;
	char bytes[LOG_TAIL_BYTES];
	size_t written; /* in all; the place of the next byte modulo the size */
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void keep(const char *line, size_t len)
{
	pthread_mutex_lock(&kept.lock);
	for (size_t i = 0; i < len; i++)
		kept.bytes[kept.written++ % LOG_TAIL_BYTES] = line[i];
	pthread_mutex_unlock(&kept.lock);
}

size_t log_tail(char *text, size_t size)
{
	size_t len, start;
	char *line;

	pthread_mutex_lock(&kept.lock);
	len = MIN_OF(MIN_OF(kept.written, (size_t)LOG_TAIL_BYTES), size - 1);
	start = kept.written - len;
	for (size_t i = 0; i < len; i++)
		text[i] = kept.bytes[(start + i) % LOG_TAIL_BYTES];
	pthread_mutex_unlock(&kept.lock);
	text[len] = '\0';
	line = start ? strchr(text, '\n') : NULL;
	if (!line)
		return len;
	len -= (size_t)(line + 1 - text);
	memmove(text, line + 1, len + 1);
	return len;
}

static int print_prefix(char *buf, size_t size, enum log_module module, enum log_level level)
{
	static const int syslog_priority[] = {3, 4, 6, 7};
	struct timespec ts;
	struct tm tm;

	if (getenv("JOURNAL_STREAM"))
		return snprintf(buf, size, "<%d>%s: ", syslog_priority[level],
				log_module_name(module));

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	return snprintf(buf, size,
			"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %-5s %s: ", tm.tm_year + 1900,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
			ts.tv_nsec / 1000000, level_names[level], log_module_name(module));
}

void log_write(enum log_module module, enum log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n, m;

	if (level > levels[module])
		return;

	n = print_prefix(line, sizeof(line) - 1, module, level);
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - 1 - (size_t)n, fmt, ap);
	va_end(ap);
	if (m < 0)
		return;

	n = MIN_OF(n + m, (int)sizeof(line) - 2);
	line[n++] = '\n';
	keep(line, (size_t)n);
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nobody reads the log: nothing better is left to do */
}

bool log_ratelimit_ok(struct log_ratelimit *state, unsigned burst)
{
	uint64_t now_s = clock_now_ns() / NS_PER_S;

	if (state->window_s != now_s) {
		state->window_s = now_s;
		state->count = 0;
	}
	return state->count++ < burst;
}
