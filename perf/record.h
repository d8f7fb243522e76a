/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_RECORD_H
#define PERF_RECORD_H

/*
 * A result as one JSON object, for programs: everything that the line for people says and all that
 * stands behind it (docs/perf.md lists the members). RECORD_SCHEMA changes when a member changes
 * its meaning or goes away; new members may come without.
 */

#include <stdio.h>

#include "perf/hist.h"
#include "perf/options.h"
#include "perf/summary.h"
#include "perf/trial.h"

#define RECORD_SCHEMA 1

/* The `s->n` trials at `t`, with their figures at `f`. */
void record_write(FILE *file, const struct client_options *o, const struct summary *s,
		  const struct trial *t, const struct figures *f, const struct hist *latency);

/* The object of a test that failed: the options and the error. */
void record_write_failure(FILE *file, const struct client_options *o, const char *error);

#endif
