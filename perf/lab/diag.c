/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct diag_entry *diag_add(struct diag *d, int line, int col, const char *fmt, ...)
{
	struct diag_entry *entry;
	va_list ap;

	d->total++;
	if (d->n == DIAG_MAX)
		return NULL;

	entry = &d->list[d->n++];
	*entry = (struct diag_entry){.line = line, .col = col};
	va_start(ap, fmt);
	vsnprintf(entry->text, sizeof(entry->text), fmt, ap);
	va_end(ap);
	return entry;
}

void diag_help(struct diag_entry *entry, const char *fmt, ...)
{
	va_list ap;

	if (!entry)
		return;
	va_start(ap, fmt);
	vsnprintf(entry->help, sizeof(entry->help), fmt, ap);
	va_end(ap);
}

static int by_position(const void *a, const void *b)
{
	const struct diag_entry *x = a, *y = b;

	return x->line != y->line ? x->line - y->line : x->col - y->col;
}

static void print_line(const char *text, size_t len, int line, int col, FILE *out)
{
	const char *p = text, *end = text + len, *nl;

	while (--line > 0 && (nl = memchr(p, '\n', (size_t)(end - p))))
		p = nl + 1;
	if (line > 0)
		return;
	nl = memchr(p, '\n', (size_t)(end - p));
	if (!nl)
		nl = end;

	fprintf(out, "    %.*s\n    ", (int)(nl - p), p);
	for (int i = 0; i < col - 1; i++)
		fputc(p + i < nl && p[i] == '\t' ? '\t' : ' ', out);
	fputs("^\n", out);
}

void diag_print(const struct diag *d, const char *file, const char *text, size_t len, FILE *out)
{
	struct diag sorted = *d;

	qsort(sorted.list, sorted.n, sizeof(sorted.list[0]), by_position);
	for (unsigned i = 0; i < sorted.n; i++) {
		const struct diag_entry *e = &sorted.list[i];

		if (e->line)
			fprintf(out, "%s:%d:%d: error: %s\n", file, e->line, e->col, e->text);
		else
			fprintf(out, "%s: error: %s\n", file, e->text);
		if (e->line && text)
			print_line(text, len, e->line, e->col, out);
		if (e->help[0])
			fprintf(out, "    help: %s\n", e->help);
	}
	if (d->total > d->n)
		fprintf(out, "%s: %u more errors\n", file, d->total - d->n);
}
