/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_REPORT_H
#define PERF_LAB_REPORT_H

/* Results for people. Every number comes from the results object and nothing else is looked at. */

#include <jansson.h>
#include <stdio.h>

/* The table of tests and setups, for a terminal, with the warnings below it. */
void report_print(const json_t *results, FILE *out);

/* The whole report as Markdown. */
void report_markdown(const json_t *results, FILE *out);

/* The Markdown to a file. Returns 0 or -errno. */
int report_save(const json_t *results, const char *path);

#endif
