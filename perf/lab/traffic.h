/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_TRAFFIC_H
#define PERF_LAB_TRAFFIC_H

/* weft-perf at the two ends of a setup that is up: the server, and clients one after the other. */

#include "perf/lab/bench.h"

/* Steps of bench_up: 0, -EINTR, or -errno with `e`. The server ends with its endpoint. */
int traffic_start_server(struct bench *b, struct err *e);
/* The first transaction: a switch may need a moment before frames pass. */
int traffic_reach_server(struct bench *b, struct err *e);

/* Runs one test. `perf` receives weft-perf's object, the caller's. 0, -EINTR, or -errno with `e`.
 */
int traffic_measure(struct bench *b, const struct lab_test *test, json_t **perf, struct err *e);

#endif
