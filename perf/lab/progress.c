/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void progress_init(struct progress *p)
{
	*p = (struct progress){.terminal = isatty(STDERR_FILENO)};
}

void progress_step(struct progress *p, unsigned k, unsigned n, double left_s)
{
	unsigned left = left_s > 0 ? (unsigned)(left_s + 0.5) : 0;

	snprintf(p->prefix, sizeof(p->prefix), "[%u/%u] ", k, n);
	if (left_s < 0)
		p->eta[0] = '\0';
	else if (left >= 60)
		snprintf(p->eta, sizeof(p->eta), "  ETA %um%02us", left / 60, left % 60);
	else
		snprintf(p->eta, sizeof(p->eta), "  ETA %us", left);
}

void progress_show(struct progress *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (p->terminal)
		fprintf(stderr, "\r\033[K%s%.100s%s", p->prefix, text, p->eta);
	else
		fprintf(stderr, "%s%s%s\n", p->prefix, text, p->eta);
	p->open = p->terminal;
	fflush(stderr);
}

void progress_keep(struct progress *p, const char *fmt, ...)
{
	va_list ap;

	progress_end(p);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void progress_end(struct progress *p)
{
	if (p->open)
		fputs("\r\033[K", stderr);
	p->open = false;
}
