/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

/*
 * What a benchmark learned: for each row of traffic, each subject (a switch, the generator, the
 * machine) and each metric one value a round. Two forms:
 *
 *   samples  lines of row, subject, metric and value, separated by tabs, as the scripts write them
 *   results  JSON: schema_version 1, `environment` (what the scripts know of the machine), and
 *            `series`: row, subject, metric, median, min, max, values
 *
 * Subjects other than weft are controls: a change of weft changes nothing in them.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/err.h"
#include "perf/bench/ranksum.h"

#define SERIES_SCHEMA_VERSION 1
#define SERIES_NAME_MAX	      48
#define SERIES_MAX	      512
#define SERIES_SUBJECT	      "weft"

struct series {
	char row[SERIES_NAME_MAX], subject[SERIES_NAME_MAX], metric[SERIES_NAME_MAX];
	unsigned n;
	double values[RANKSUM_VALUES_MAX]; /* in the order of the rounds; more are left out */
};

struct series_set {
	unsigned n;
	struct series all[SERIES_MAX];
};

/* Where less is better: cycles and times. */
bool series_less_is_better(const struct series *s);
/* Rates and costs, as opposed to what explains them (loss, how busy the generator was). */
bool series_is_result(const struct series *s);
bool series_is_control(const struct series *s);

/* NULL when there is none. */
const struct series *series_find(const struct series_set *set, const char *row, const char *subject,
				 const char *metric);
double series_median(const struct series *s);

/* Appends a value. 0 or -ENOSPC. */
int series_add(struct series_set *set, const char *row, const char *subject, const char *metric,
	       double value, struct err *e);

/* Reads samples to their end. 0 or -EINVAL with the line's number. */
int series_read(struct series_set *set, FILE *in, struct err *e);

/* `environment` is borrowed, may be NULL. Returns a new object, NULL when out of memory. */
json_t *series_to_json(const struct series_set *set, json_t *environment);
/* 0 or -EINVAL: not a result of a benchmark, or of another version. */
int series_from_json(struct series_set *set, const json_t *results, struct err *e);

#endif
