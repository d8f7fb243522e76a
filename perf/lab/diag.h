/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_DIAG_H
#define PERF_LAB_DIAG_H

/*
 * Complaints about a text, collected so that one run shows all of them, and printed as compilers
 * do: `file:line:col: error: what is wrong`, the line with a caret below it, a `help:` line.
 */

#include <stddef.h>
#include <stdio.h>

#include "common/util.h"

#define DIAG_MAX 32

struct diag_entry {
	int line, col; /* from 1; 0: about the whole text */
	char text[256];
	char help[192]; /* "" or the remedy */
};

struct diag {
	struct diag_entry list[DIAG_MAX];
	unsigned n;	/* entries in list */
	unsigned total; /* complaints seen, also those beyond the list */
};

/*
 * Adds a complaint at `line`:`col`. Returns its entry, to be given to diag_help; entries beyond
 * DIAG_MAX are counted only (NULL).
 */
struct diag_entry *diag_add(struct diag *d, int line, int col, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* Sets the help of `entry`; NULL is accepted. */
void diag_help(struct diag_entry *entry, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Prints all in the order of their positions. `text` (of `len` bytes) may be NULL: no carets. */
void diag_print(const struct diag *d, const char *file, const char *text, size_t len, FILE *out);

#endif
