/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_GOVERNOR_H
#define DAEMON_GOVERNOR_H

/*
 * How long workers poll for more work before they sleep, when the configuration says `auto`.
 *
 * A worker that polls answers sooner than one that must be woken up, as long as nobody else wants
 * its processor; guests that compute get less done beside it. So the governor looks, as the
 * haltpoll governors of Linux do, whether polling pays: for one tick, workers sleep soon (PROBE),
 * and it measures how much processor time the machine leaves idle. If that is enough for a worker,
 * workers poll long (SPIN) for a number of ticks, and then it looks again. Each look that comes out
 * the same way puts off the next, so that a steady load is disturbed little.
 *
 * No clocks, no files in governor_tick: the caller measures. Control thread.
 */

#include <stdbool.h>
#include <stdint.h>

#define GOVERNOR_TICK_MS 100
#define GOVERNOR_LONG_NS 1000000

struct governor {
	bool spin;
	unsigned left; /* ticks until spinning is over */
	unsigned span; /* ticks that the next spinning lasts; 0: nothing is known yet */
};

struct governor_sample {
	uint64_t wall_ns; /* length of the tick */
	uint64_t idle_ns; /* processor time that nobody used in it, all processors together */
	bool worked;	  /* frames moved in it */
};

/* A tick is over: returns whether workers are to poll long in the next. */
bool governor_tick(struct governor *g, const struct governor_sample *s);

/*
 * Processor time that has been idle since boot, of all processors that run: proc_stat(5). `fd` is
 * /proc/stat, open for reading. Steps of 10 ms. Returns 0 or -errno.
 */
int governor_read_idle(int fd, uint64_t *idle_ns);

#endif
