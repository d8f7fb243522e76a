/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_BENCH_H
#define PERF_LAB_BENCH_H

/*
 * A setup that is up: weftd, its guests, and whatever else the setup's commands started. At most
 * one exists at a time, because a peer that busy-polls would disturb the others.
 *
 * Up: private run directory, `up` command, weftd (under `host`), guests' agents, `prepare` in each
 * guest, the server at its end, a first transaction from client to server. Down is the same
 * backwards, bounded in time, and also what follows when a step of up fails; after it no process,
 * socket or file of the setup is left.
 */

#include <jansson.h>

#include "common/err.h"
#include "perf/lab/child.h"
#include "perf/lab/labfile.h"
#include "perf/lab/progress.h"

struct bench_options {
	const char *weftd;   /* path of the program */
	const char *log_dir; /* weftd's output is appended to SETUP.log there */
	struct progress *progress;
};

struct bench {
	const struct lab *lab;
	const struct bench_options *options;
	const struct lab_setup *setup; /* NULL: nothing is up */
	char run_dir[64];
	struct child weftd;
	struct child server; /* weft-perf outside */
	struct rpc *rpc;
	json_t *guests; /* guest/list when all were ready */
	char server_address[64];
};

/*
 * 0 when the machine has what the setup needs: KVM for engine weft, and what its `check` command
 * asks for. -ENOENT with `e` if not.
 */
int bench_check(const struct lab *lab, const struct lab_setup *setup, struct err *e);

/* Brings `setup` up. On failure (-errno, `e`) everything is down again; -EINTR: interrupted. */
int bench_up(struct bench *b, const struct lab_setup *setup, struct err *e);

/* Takes down what is up, if anything. Returns 0, or -ECHILD and `e` when it had to use force. */
int bench_down(struct bench *b, struct err *e);

/* Waits a little. 0, -EINTR on interrupt, or what happened to weftd. */
int bench_pause(struct bench *b, struct err *e);

/* Adds what is known of the setup that is up to its entry in the results. */
void bench_describe(const struct bench *b, json_t *entry);

#endif
