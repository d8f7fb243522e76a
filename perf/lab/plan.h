/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_PLAN_H
#define PERF_LAB_PLAN_H

/*
 * Which run comes next.
 *
 * A cell is one test on one setup. Runs are interleaved: a round visits every setup in turn and
 * runs every test on it once, so that slow drifts of the machine hit all setups alike, and a setup
 * has to be brought up once a round. Every cell gets its floor of runs; with netperf's confidence
 * rule it then goes on, still interleaved, until its interval is narrow enough or its maximum is
 * reached.
 */

#include <stdbool.h>

#include "perf/lab/labfile.h"

struct plan_cell {
	double values[LAB_RUNS_MAX];
	unsigned n;	   /* good runs, in values */
	unsigned attempts; /* runs, failed ones too */
	bool dropped;
	bool confident;	    /* when confidence is wanted */
	double reached_pct; /* half width of the interval in percent of the mean, or INFINITY */
};

struct plan {
	const struct lab *lab;
	unsigned floor, max; /* runs of a cell */
	unsigned done;	     /* runs so far, of all cells */
	struct plan_cell cells[LAB_SETUPS_MAX][LAB_TESTS_MAX];
};

struct plan_step {
	unsigned setup, test;
	unsigned run; /* of its cell, from 0: the round */
};

/* The lab must outlive the plan. */
void plan_init(struct plan *p, const struct lab *lab);

/* The next step, or false when all is done. Asking again without plan_record gives the same. */
bool plan_next(const struct plan *p, struct plan_step *step);

/* Records the outcome of `step`; `value` is NULL when the run failed. */
void plan_record(struct plan *p, const struct plan_step *step, const double *value);

/* Takes a setup out: it gets no more runs. */
void plan_drop(struct plan *p, unsigned setup);

/*
 * Runs that remain as far as known now, and how often a setup has to come up for them; a setup that
 * is the only one left stays up from round to round.
 */
unsigned plan_remaining(const struct plan *p, unsigned *ups);

#endif
