/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

/*
 * Text in columns: cells are given row by row, widths follow from the longest cell, and the last
 * column is not padded. An empty cell is shown as "-", so that rows keep their number of words.
 */

#include <stdbool.h>
#include <stdio.h>

#include "common/util.h"

struct table_column {
	const char *heading;
	bool right; /* aligned, for numbers */
};

struct table;

/* `columns` must outlive the table. NULL when out of memory; all others here accept NULL. */
struct table *table_create(const struct table_column *columns, unsigned n);
void table_destroy(struct table *t);

/* The next cell; after the last column a new row begins. Control characters become '?'. */
void table_cell(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

void table_print(const struct table *t, bool heading, FILE *out);

#endif
