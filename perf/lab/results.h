/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_RESULTS_H
#define PERF_LAB_RESULTS_H

/*
 * results.json: everything that a lab run learned, and the only thing that reports read.
 *
 *   schema, schema_version   "weft-lab-results", 1; a reader refuses what it does not know
 *   name, command, started   of the run; `seconds` it took; `partial` when it was cut short
 *   lab                      durations, repeats, confidence, baseline, and the file's text
 *   environment              texts
 *   setups[]                 name, config and its text, commands, engine, guests;
 *                            `left_out`: why it has no runs, `error`: why it has fewer
 *   tests[]                  labels
 *   runs[]                   setup, test, run, at_s, noise, noisy, and either throughput, units
 *                            and `perf` (weft-perf's own object) or `error`
 *   cells[]                  per setup and test, derived from the runs by results_finish
 *   warnings[]               texts
 */

#include <jansson.h>

#include "common/err.h"
#include "perf/lab/plan.h"

#define RESULTS_SCHEMA	"weft-lab-results"
#define RESULTS_VERSION 1

/* A new object without runs. `name` and `text` are the lab file's. */
json_t *results_create(const struct lab *lab, const char *name, const char *text,
		       const char *command);

/* The entry of a setup, borrowed; NULL when there is none. */
json_t *results_setup(const json_t *results, const char *setup);

/* A new run, appended; borrowed. */
json_t *results_add_run(json_t *results, const char *setup, const char *test, unsigned run,
			double at_s);

/* Appends a warning. */
void results_warn(json_t *results, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Derives the cells from the runs, with ratios of medians to the baseline's, and the warnings that
 * follow from them. Call once, when no run will come any more.
 */
void results_finish(json_t *results, const struct plan *plan, bool partial, double seconds);

/* The cell of a setup and test, borrowed; NULL when it has no good run. */
const json_t *results_cell(const json_t *results, const char *setup, const char *test);

/*
 * The numbers at `path` (keys joined by slashes) in the good runs of a setup and test, into `v`.
 * Returns how many there are, at most `max`.
 */
unsigned results_values(const json_t *results, const char *setup, const char *test,
			const char *path, double *v, unsigned max);

/* Writes to `path` in one step. 0 or -errno. */
int results_save(const json_t *results, const char *path, struct err *e);

/* Reads a file and checks schema and version. NULL with `e`. */
json_t *results_load(const char *path, struct err *e);

#endif
