/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_RUN_H
#define PERF_RUN_H

/*
 * One end of one test while it runs: the clock's phases and the counters that the loops advance.
 *
 *   start ---- warm-up ---- | ---- window, sampled each interval ---- | -- tail -- over
 *
 * Both ends go through the same phases on their own clocks, the server a message earlier than the
 * client. Senders go on through a short tail so that the receiver's window, which is what counts,
 * is full to its end. A requesting client ends with the transaction that its window's end found
 * under way. Receivers and answering servers have a long tail, which the end of the stream or the
 * client's FINISH cuts short. Only run_turn looks at the clock and at the control
 * connection; loops call it when wake_pending says that there is a reason.
 */

#include <stdbool.h>
#include <stdint.h>

#include "perf/address.h"
#include "perf/control.h"
#include "perf/digest.h"
#include "perf/hist.h"
#include "perf/kind.h"
#include "perf/outcome.h"
#include "perf/setup.h"

enum run_phase { RUN_WARMUP, RUN_WINDOW, RUN_TAIL, RUN_OVER };
enum run_verdict { RUN_GO, RUN_END };

struct run {
	const struct setup *setup;
	const struct kind_traits *traits;
	bool server;
	struct control *control;
	int fd;		     /* data; TCP_CRR: the server's listener, -1 at the client */
	struct address peer; /* TCP_CRR: whom to connect to, or the only one to accept from */
	struct outcome *out;
	struct hist *latency; /* RR client only */
	/* Called with each sample taken; may be NULL. */
	void (*progress)(const struct run *r, const struct outcome_sample *s);

	uint8_t *tx, *rx; /* a message each */
	uint64_t units, messages, sequence;
	struct digest sent, received;

	enum run_phase phase;
	int failure; /* -errno, with its message in `err` */
	struct err err;
	uint64_t start_ns, mark_ns, window_ns, sample_ns;
	uint64_t window_units, window_messages, sample_units;
	uint64_t window_retransmits;
	struct cpu_sample cpu;
};

/* Allocates the buffers. Returns 0 or -ENOMEM. All pointers passed stay the caller's. */
int run_init(struct run *r, const struct setup *s, bool server, struct control *c, int fd,
	     struct outcome *out);
void run_fini(struct run *r);

/* Starts the clock and runs the test's loop to its end. Returns 0 or -errno, message in r->err. */
int run_execute(struct run *r);

/* For the loops: handles what is due at `now`. After RUN_END the loop returns. */
enum run_verdict run_turn(struct run *r, uint64_t now);

/*
 * For the loops, after a call failed with `error`: 0 when it was only interrupted (the caller goes
 * on, and finds wake_pending set), else -errno with "`what`: reason" as the run's message.
 */
int run_interrupted(struct run *r, int error, const char *what);

#endif
