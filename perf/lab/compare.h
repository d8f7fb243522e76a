/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_COMPARE_H
#define PERF_LAB_COMPARE_H

/*
 * Whether a later result is really better or worse than an earlier one. Both must hold: the means
 * differ beyond chance (Welch's t test at 99 %), and the medians differ by more than what matters
 * in practice (3 %).
 */

#include <jansson.h>
#include <stdio.h>

#define COMPARE_THRESHOLD_PCT 3.0
#define COMPARE_ALPHA	      0.01

enum compare_verdict {
	COMPARE_NO_CHANGE,
	COMPARE_PROGRESSION,
	COMPARE_REGRESSION,
	COMPARE_TOO_FEW, /* less than 3 runs on a side: nothing can be said */
	COMPARE_N
};

struct compare {
	enum compare_verdict verdict;
	double change_pct; /* of the medians */
	double p;	   /* probability of such a difference by chance, 0 to 1 */
};

/* Compares `nb` new values with `na` old ones; more is better. */
struct compare compare_values(const double *a, unsigned na, const double *b, unsigned nb);

const char *compare_verdict_name(enum compare_verdict v);

/*
 * Prints what became of every setup and test that both results have, and where their circumstances
 * differ. Returns the number of regressions.
 */
unsigned compare_print(const json_t *old, const json_t *new, FILE *out);

#endif
