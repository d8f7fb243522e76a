/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

/*
 * Whether weft became slower between two results of the benchmark.
 *
 * A row changed when the rank sum test says so at 5 % and the medians differ by more than
 * COMPARE_MIN_PERCENT: a difference that is certain but small is no finding, and neither is a
 * large one that the spread of the rounds explains. Fewer than COMPARE_ROUNDS_MIN rounds on a side
 * give no verdict.
 *
 * Two results are seldom from the same machine in the same state. Controls (peers, the generator's
 * ceiling, the memcpy rate) tell: the median of the changes of their medians is taken for the
 * machine's, and the new values are brought to the old machine's speed before they are compared.
 * Cycles, too: what slows a shared machine down, slows each instruction of it. With fewer than
 * COMPARE_CONTROLS_MIN controls nothing is corrected.
 */

#include "perf/bench/series.h"

#define COMPARE_ALPHA	     0.05
#define COMPARE_MIN_PERCENT  5.0
#define COMPARE_ROUNDS_MIN   4
#define COMPARE_CONTROLS_MIN 2

enum compare_verdict {
	COMPARE_SAME,
	COMPARE_BETTER,
	COMPARE_WORSE,
	COMPARE_FEW_ROUNDS,
	COMPARE_VERDICT_N,
};

const char *compare_verdict_name(enum compare_verdict v);

struct compare {
	double old_median, new_median; /* as measured */
	double percent;		       /* change of the corrected median; more may be worse */
	double p;
	enum compare_verdict verdict;
};

/* How fast the new machine is, the old one being 1, as far as the controls of both tell. */
double compare_machine(const struct series_set *old, const struct series_set *new);

struct compare compare_series(const struct series *old, const struct series *new, double machine);

/* Prints a line a row of weft that both have, and what they do not share. Returns regressions. */
unsigned compare_print(const struct series_set *old, const struct series_set *new, FILE *out);

#endif
