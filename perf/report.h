/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_REPORT_H
#define PERF_REPORT_H

/* Results for people: a header, one line a result, and what must not be overlooked. */

#include <stdio.h>

#include "perf/hist.h"
#include "perf/options.h"
#include "perf/summary.h"
#include "perf/trial.h"

void report_header(FILE *f);
/* `last` is the last trial, for what is a state rather than a sum; `latency` of all trials. */
void report_line(FILE *f, const struct summary *s, const struct trial *last,
		 const struct hist *latency);

/* Says loudly, and with the widths reached, that the confidence asked for was not. */
void report_confidence(FILE *f, const struct summary *s, const struct client_options *o);

/* A trial_progress: one line on stderr. */
void report_progress(const struct run *r, const struct outcome_sample *s);

#endif
