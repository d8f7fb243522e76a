/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_RESULT_H
#define GEN_RESULT_H

/* What a run says: one line for people, or one JSON object on a line. */

#include <stdio.h>

#include "perf/gen/run.h"

/*
 * `ceiling_pps` is the generator's own limit under the same options, 0 when it was not measured.
 * A result near it measures the generator and not the switch, and is marked so.
 */
void result_print(const struct run *r, const struct run_result *res, double ceiling_pps, FILE *out);
void result_print_json(const struct run *r, const struct run_result *res, double ceiling_pps,
		       FILE *out);

#endif
