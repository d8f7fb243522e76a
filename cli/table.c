/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/table.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN_GAP 2

struct table {
	const struct table_column *columns;
	unsigned n_columns;
	char **cells; /* row by row */
	size_t n_cells, size;
};

struct table *table_create(const struct table_column *columns, unsigned n)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->columns = columns;
	t->n_columns = n;
	return t;
}

void table_destroy(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

static bool grow(struct table *t)
{
	size_t size = t->size ? t->size * 2 : 64;
	char **cells;

	if (t->n_cells < t->size)
		return true;
	cells = realloc(t->cells, size * sizeof(*cells));
	if (!cells)
		return false;
	t->cells = cells;
	t->size = size;
	return true;
}

void table_cell(struct table *t, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int len;

	if (!t || !grow(t))
		return;
	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	for (char *p = text; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	t->cells[t->n_cells++] = text;
}

static const char *shown(const char *cell)
{
	return *cell ? cell : "-";
}

/* The width of a column, its heading included unless that is left out. */
static int width(const struct table *t, unsigned column, bool heading)
{
	size_t widest = heading ? strlen(t->columns[column].heading) : 0;

	for (size_t i = column; i < t->n_cells; i += t->n_columns)
		widest = MAX_OF(widest, strlen(shown(t->cells[i])));
	return (int)widest;
}

static void print_cell(const struct table *t, unsigned column, int cell_width, const char *text,
		       FILE *out)
{
	bool last = column + 1 == t->n_columns;

	if (t->columns[column].right)
		fprintf(out, "%*s", cell_width, text);
	else
		fprintf(out, "%-*s", last ? 0 : cell_width, text);
	fprintf(out, "%*s", last ? 0 : COLUMN_GAP, "");
	if (last)
		fputc('\n', out);
}

void table_print(const struct table *t, bool heading, FILE *out)
{
	int *widths = t ? calloc(t->n_columns, sizeof(*widths)) : NULL;

	if (!widths)
		return;
	for (unsigned i = 0; i < t->n_columns; i++)
		widths[i] = width(t, i, heading);

	for (unsigned i = 0; heading && i < t->n_columns; i++)
		print_cell(t, i, widths[i], t->columns[i].heading, out);
	for (size_t i = 0; i < t->n_cells; i++) {
		unsigned column = (unsigned)(i % t->n_columns);

		print_cell(t, column, widths[column], shown(t->cells[i]), out);
	}
	free(widths);
}
