/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_STATS_H
#define PERF_STATS_H

/*
 * Statistics of a handful of repeated measurements, and netperf's stopping rule: repeat until the
 * mean is known within an interval at a confidence level, by Student's t distribution. The values
 * are taken as independent and roughly normal, which whole runs of a test are and which single
 * latencies are not (those go into a histogram). Link with -lm.
 */

#include <stdbool.h>

struct stats_summary {
	unsigned n;
	double mean, sd; /* sd: of the sample (n - 1); 0 when n < 2 */
	double min, max;
	double median, q1, q3; /* linear interpolation between the two nearest ranks */
	double half_width;     /* the mean is known to +-half_width; 0 when n < 2 */
};

/*
 * Summarises the `n` values at `v` into `s`; `confidence` is 0.95 or 0.99 (anything below 0.97
 * counts as 0.95). No values give a summary of zeros. `v` is not changed.
 */
void stats_summarize(const double *v, unsigned n, double confidence, struct stats_summary *s);

/*
 * True when the confidence interval is at most `interval` of the mean wide: 0.05 asks for +-2.5 %.
 * Never true for fewer than two values or a mean of 0.
 */
bool stats_confident(const struct stats_summary *s, double interval);

/* The width reached, as a share of the mean: what `interval` would have to be. INFINITY if none. */
double stats_width(const struct stats_summary *s);

/* The two-sided quantile of Student's t with `df` >= 1 degrees of freedom. */
double stats_t(double confidence, unsigned df);

#endif
