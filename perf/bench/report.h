/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

/*
 * The table of a benchmark for people: a line a row of traffic; for each switch the median and the
 * range of its rounds; weft's busy cycles a packet; weft's rate as a multiple of the best peer's;
 * and the memcpy rate beside rows of large frames. A star marks cells where the generator was busy
 * for more than nine tenths of the time: the switch may be faster than what they say.
 */

#include "perf/bench/series.h"

void report_print(const struct series_set *set, FILE *out);

#endif
