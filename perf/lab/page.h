/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_PAGE_H
#define PERF_LAB_PAGE_H

/*
 * Results as one HTML page that needs nothing beside it: style and charts (SVG) are inside, and it
 * asks no network for anything. Every text of the results is escaped.
 */

#include <jansson.h>
#include <stdio.h>

void page_write(const json_t *results, FILE *out);

/* The page to a file. Returns 0 or -errno. */
int page_save(const json_t *results, const char *path);

#endif
