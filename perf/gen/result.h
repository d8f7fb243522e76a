/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_RESULT_H
#define GEN_RESULT_H

/*
 * What a run says: one line for people, or one JSON object on a line, whose members are listed in
 * docs/bench.md. New members may come without a new version.
 */

#include <stdio.h>

#include "perf/gen/run.h"

#define RESULT_SCHEMA_VERSION 1

/*
 * `ceiling` is what the generator reaches by itself under the same options, all zero when it was
 * not measured. A result near it measures the generator and not the switch, and is marked so.
 */
void result_print(const struct run *r, const struct run_result *res,
		  const struct run_result *ceiling, FILE *out);
void result_print_json(const struct run *r, const struct run_result *res,
		       const struct run_result *ceiling, FILE *out);

#endif
