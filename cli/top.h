/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_TOP_H
#define CLI_TOP_H

/*
 * `weft top`: rates of ports and workers, made from the differences of two samples of weftd's
 * counters a second apart. A table that is drawn over itself on a terminal, one after the other
 * elsewhere; 80 columns, or as much as the ports' names need.
 */

#include <jansson.h>
#include <stdio.h>

#include "cli/args.h"

/*
 * Runs until the time limit of `a`, one table with --once, or for ever. Returns the exit status, or
 * -errno with the reason in `e`.
 */
int top_run(const struct args *a, struct err *e);

/*
 * The rates between two samples `seconds` apart, each {"ports": result of port/show, "workers":
 * result of pmd-perf-show}, as {"ports": [...], "workers": [...]}, the busiest port first.
 */
json_t *top_rates(const json_t *before, const json_t *after, double seconds);

/* Prints rates as the table. */
void top_print(const json_t *rates, FILE *out);

#endif
