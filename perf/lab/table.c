/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define CELL_MAX 128

struct table {
	unsigned rows, columns;
	char cells[][CELL_MAX];
};

struct table *table_create(unsigned rows, unsigned columns)
{
	struct table *t = calloc(1, sizeof(*t) + (size_t)rows * columns * CELL_MAX);

	if (t) {
		t->rows = rows;
		t->columns = columns;
	}
	return t;
}

void table_destroy(struct table *t)
{
	free(t);
}

unsigned table_rows(const struct table *t)
{
	return t->rows;
}

unsigned table_columns(const struct table *t)
{
	return t->columns;
}

const char *table_cell(const struct table *t, unsigned row, unsigned column)
{
	return t->cells[row * t->columns + column];
}

void table_set(struct table *t, unsigned row, unsigned column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->cells[row * t->columns + column], CELL_MAX, fmt, ap);
	va_end(ap);
}

static int column_width(const struct table *t, unsigned column)
{
	size_t width = 0;

	for (unsigned row = 0; row < t->rows; row++)
		width = MAX_OF(width, strlen(table_cell(t, row, column)));
	return (int)width;
}

void table_print(const struct table *t, FILE *out)
{
	for (unsigned row = 0; row < t->rows; row++) {
		for (unsigned c = 0; c < t->columns; c++)
			fprintf(out, c ? "  %*s" : "%-*s", column_width(t, c),
				table_cell(t, row, c));
		fputc('\n', out);
	}
}

void table_print_markdown(const struct table *t, FILE *out)
{
	for (unsigned row = 0; row < t->rows; row++) {
		for (unsigned c = 0; c < t->columns; c++)
			fprintf(out, "| %s ", table_cell(t, row, c));
		fputs("|\n", out);
		for (unsigned c = 0; row == 0 && c < t->columns; c++)
			fputs(c ? "| ---: " : "| --- ", out);
		if (row == 0)
			fputs("|\n", out);
	}
}
