/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_CLIENT_H
#define PERF_CLIENT_H

/*
 * The client: runs the test once, or as often as netperf's confidence rule asks for (at least
 * runs_min times, until the mean is sure enough, at most runs_max times), and prints the result.
 */

#include "perf/options.h"

/* Prints to stdout, and warnings and progress to stderr. Returns 0 or -errno with a message. */
int client_run(const struct client_options *o, struct err *e);

#endif
