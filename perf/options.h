/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_OPTIONS_H
#define PERF_OPTIONS_H

/* The command line, read into structs and checked as a whole. Letters are netperf's. */

#include <stdbool.h>
#include <stdio.h>

#include "perf/server.h"
#include "perf/setup.h"

#define OPTIONS_PORT	 12867
#define OPTIONS_RUNS_MIN 3 /* with -I, as in netperf */
#define OPTIONS_RUNS_MAX 30

struct client_options {
	const char *host;
	enum kind kind;
	uint16_t port;
	struct setup setup;
	bool json, interval_lines, no_header;
	double confidence; /* 0: one run; else 0.95 or 0.99 */
	double interval;   /* wanted width of the confidence interval, a share of the mean */
	unsigned runs_min, runs_max;
};

enum options_command { OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_SERVER, OPTIONS_CLIENT };

struct options {
	enum options_command command;
	struct server_options server;
	struct client_options client;
};

/*
 * Reads argv, whose order it may change and whose texts it keeps. A "--" is skipped, so that
 * netperf's test-specific options may follow one. Returns 0, or -EINVAL with a message in `e`.
 */
int options_parse(struct options *o, int argc, char **argv, struct err *e);

void options_usage(FILE *f);

#endif
