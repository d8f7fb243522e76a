/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_TRIAL_H
#define PERF_TRIAL_H

/* One test from the client's side: connect, agree, start together, run, collect both outcomes. */

#include "perf/address.h"
#include "perf/hist.h"
#include "perf/outcome.h"
#include "perf/run.h"
#include "perf/setup.h"

struct trial {
	struct outcome local, remote;
	uint64_t start_rtt_ns; /* the client's clock started at most this much after the server's */
};

typedef void trial_progress(const struct run *r, const struct outcome_sample *s);

/*
 * Runs the test that `s` describes against the server at `server`. Latencies of RR tests are added
 * to `latency`; `progress`, if not NULL, is called with each sample.
 * Returns 0 with `t` filled, or -errno; takes as long as the test does.
 */
int trial_run(const struct setup *s, const struct address *server, trial_progress *progress,
	      struct trial *t, struct hist *latency, struct err *e);

#endif
