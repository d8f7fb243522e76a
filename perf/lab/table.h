/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_TABLE_H
#define PERF_LAB_TABLE_H

/* A table of texts, aligned for a terminal or written as Markdown. Row 0 is the heading. */

#include <stdio.h>

#include "common/util.h"

struct table;

/* Returns NULL and errno on failure. table_destroy accepts NULL. */
struct table *table_create(unsigned rows, unsigned columns);
void table_destroy(struct table *t);

/* Sets a cell; one that was never set is empty. Texts longer than 127 bytes are cut. */
void table_set(struct table *t, unsigned row, unsigned column, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

unsigned table_rows(const struct table *t);
unsigned table_columns(const struct table *t);
const char *table_cell(const struct table *t, unsigned row, unsigned column);

void table_print(const struct table *t, FILE *out);
void table_print_markdown(const struct table *t, FILE *out);

#endif
