/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages may quote what a file holds; they end up on terminals and in JSON, so every text is
 * passed through utf8_excerpt: no control characters, no character cut in two.
 */
#include "config/errors.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "config/utf8.h"

#define LINE_EXCERPT_COLUMNS 120 /* of a long source line, what is shown around the caret */

static void format_clean(char *out, size_t size, const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	utf8_excerpt(text, out, size);
}

static bool is_before(struct config_pos a, struct config_pos b)
{
	return a.line < b.line || (a.line == b.line && a.col < b.col);
}

/* Makes room at place `i`; NULL when the list is full. */
static struct config_error *entry_insert(struct config_errors *errs, unsigned i,
					 struct config_pos pos)
{
	if (errs->n == CONFIG_ERRORS_MAX)
		return NULL;
	memmove(&errs->list[i + 1], &errs->list[i], (errs->n - i) * sizeof(errs->list[0]));
	errs->n++;
	errs->list[i] = (struct config_error){.pos = pos};
	return &errs->list[i];
}

static struct config_error *entry_open(struct config_errors *errs, struct config_pos pos)
{
	unsigned i = errs->n;

	while (i > 0 && is_before(pos, errs->list[i - 1].pos))
		i--;
	return entry_insert(errs, i, pos);
}

struct config_error *errors_add(struct config_errors *errs, struct config_pos pos, const char *fmt,
				...)
{
	struct config_error *entry = entry_open(errs, pos);
	va_list ap;

	errs->n_errors++;
	if (!entry)
		return NULL;
	va_start(ap, fmt);
	format_clean(entry->text, sizeof(entry->text), fmt, ap);
	va_end(ap);
	return entry;
}

struct config_error *errors_warn(struct config_errors *errs, struct config_pos pos, const char *fmt,
				 ...)
{
	struct config_error *entry = entry_open(errs, pos);
	va_list ap;

	if (!entry)
		return NULL;
	entry->warning = true;
	va_start(ap, fmt);
	format_clean(entry->text, sizeof(entry->text), fmt, ap);
	va_end(ap);
	return entry;
}

void errors_help(struct config_error *entry, const char *fmt, ...)
{
	va_list ap;

	if (!entry)
		return;
	va_start(ap, fmt);
	format_clean(entry->help, sizeof(entry->help), fmt, ap);
	va_end(ap);
}

char *errors_line(struct config_pos pos, char text[ERRORS_LINE_MAX])
{
	text[0] = '\0';
	if (pos.line)
		snprintf(text, ERRORS_LINE_MAX, " (line %d)", pos.line);
	return text;
}

/* It comes first: what else is in the list may have come of it. */
int errors_no_memory(struct config_errors *errs)
{
	struct config_error *entry;

	if (errs->n == CONFIG_ERRORS_MAX)
		errs->n--;
	entry = entry_insert(errs, 0, (struct config_pos){0});
	snprintf(entry->text, sizeof(entry->text), "out of memory");
	errors_help(entry, "free some memory and try again");
	errs->n_errors++;
	return -ENOMEM;
}

void errors_to_err(const struct config_errors *errs, struct err *e)
{
	const struct config_error *first = NULL;
	char more[32] = "";

	for (unsigned i = 0; i < errs->n && !first; i++)
		if (!errs->list[i].warning)
			first = &errs->list[i];
	if (!first)
		return;
	if (errs->n_errors > 1)
		snprintf(more, sizeof(more), " (and %u more)", errs->n_errors - 1);
	err_set(e, EINVAL, "%s%s%s%s", first->text, first->help[0] ? "; " : "", first->help, more);
}

/* Finds line number `line` (from 1). Returns false when the text has fewer lines. */
static bool line_find(const char *text, size_t len, int line, const char **start, size_t *line_len)
{
	const char *p = text, *end = text + len;

	for (; line > 1; line--) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return false;
		p++;
	}
	*start = p;
	p = memchr(p, '\n', (size_t)(end - p));
	*line_len = (size_t)((p ? p : end) - *start);
	if (*line_len && (*start)[*line_len - 1] == '\r')
		--*line_len;
	return true;
}

/*
 * Prints the part of the line around column `col`, counted in characters, and a caret under it.
 * A tab becomes one space, so that the caret stands right whatever the terminal makes of tabs.
 */
static void caret_print(const char *line, size_t len, int col, FILE *out)
{
	char part[4 * LINE_EXCERPT_COLUMNS + 1], clean[sizeof(part) + 8];
	int from = col > LINE_EXCERPT_COLUMNS ? col - LINE_EXCERPT_COLUMNS / 2 : 1;
	int at = 0;
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < sizeof(part); i++) {
		at += ((unsigned char)line[i] & 0xc0) != 0x80;
		if (at >= from && at < from + LINE_EXCERPT_COLUMNS)
			part[n++] = line[i] == '\t' || !line[i] ? ' ' : line[i];
	}
	part[n] = '\0';
	fprintf(out, "%s\n%*s^\n", utf8_excerpt(part, clean, sizeof(clean)), col - from, "");
}

static void error_print(const struct config_error *e, const char *file, const char *text,
			size_t len, FILE *out)
{
	const char *line;
	size_t line_len;

	fputs(file, out);
	if (e->pos.line)
		fprintf(out, ":%d:%d", e->pos.line, e->pos.col);
	fprintf(out, ": %s: %s\n", e->warning ? "warning" : "error", e->text);
	if (text && e->pos.line && line_find(text, len, e->pos.line, &line, &line_len))
		caret_print(line, line_len, e->pos.col, out);
	if (e->help[0])
		fprintf(out, "help: %s\n", e->help);
}

void config_errors_print(const struct config_errors *errs, const char *file, const char *text,
			 size_t len, FILE *out)
{
	unsigned listed = 0;

	for (unsigned i = 0; i < errs->n; i++) {
		error_print(&errs->list[i], file, text, len, out);
		listed += !errs->list[i].warning;
	}
	if (errs->n_errors > listed)
		fprintf(out, "%s: %u more errors\n", file, errs->n_errors - listed);
}
