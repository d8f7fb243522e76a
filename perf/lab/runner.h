/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_RUNNER_H
#define PERF_LAB_RUNNER_H

/* Runs a plan on a bench: brings setups up and down as the steps ask for, measures, records. */

#include <jansson.h>

#include "perf/lab/bench.h"
#include "perf/lab/labfile.h"

/*
 * Runs the whole lab and fills `results` (from results_create) up to results_finish. Setups that
 * this machine lacks something for are left out; one that fails twice is given up.
 * Returns 0 when every planned run was good, -EIO when some failed, -EINTR when interrupted; the
 * results are finished in all cases.
 */
int runner_run(const struct lab *lab, const struct bench_options *options, json_t *results);

#endif
