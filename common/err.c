/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		vsnprintf(e->text, sizeof(e->text), fmt, ap);
		va_end(ap);
	}
	return -code;
}

int err_prefix(struct err *e, int ret, const char *fmt, ...)
{
	char tail[ERR_TEXT_MAX];
	va_list ap;
	int n;

	if (!e)
		return ret;

	memcpy(tail, e->text, sizeof(tail));
	va_start(ap, fmt);
	n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(e->text))
		snprintf(e->text + n, sizeof(e->text) - (size_t)n, ": %.*s", ERR_TEXT_MAX - 3,
			 tail);
	return ret;
}
