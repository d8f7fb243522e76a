/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_REPORT_H
#define PERF_LAB_REPORT_H

/* Results for people. Every number comes from the results object and nothing else is looked at. */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct table;

#define REPORT_PERCENTILES 6

/* Where percentiles stand in weft-perf's own object, from p50 to the maximum. */
extern const struct report_percentile {
	const char *name, *path;
} report_percentiles[REPORT_PERCENTILES];

/* The table of tests and setups; the caller destroys it. NULL when there is no memory. */
struct table *report_table(const json_t *results);

/* The units of a test's throughput. */
const char *report_units(const json_t *results, const char *test);

/* True for tests of transactions. */
bool report_has_latency(const char *test);

/* Median over the runs of the number at `path`; false when no run has it. */
bool report_median(const json_t *results, const char *setup, const char *test, const char *path,
		   double *median);

/* The table of tests and setups, for a terminal, with the warnings below it. */
void report_print(const json_t *results, FILE *out);

/* The whole report as Markdown. */
void report_markdown(const json_t *results, FILE *out);

/* The Markdown to a file. Returns 0 or -errno. */
int report_save(const json_t *results, const char *path);

#endif
