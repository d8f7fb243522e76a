/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_IDEAL_H
#define GEN_IDEAL_H

/*
 * The best backend that there can be, to learn the generator's own ceiling: a thread that reads
 * descriptors and marks what is sent as used, and as many receive buffers as filled, without
 * looking at a byte of either (unless the receiver is to check them). It sits in our process, works
 * on our rings directly, and needs a processor of its own.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "perf/gen/driver.h"

#define IDEAL_PATHS_MAX 256

/* Frames of one sending queue go to one receiving queue. */
struct ideal_path {
	struct virtq *from, *to;
	uint32_t rx_buf_bytes;
	uint32_t frame_bytes_max; /* with the header */
	bool copies; /* also deliver what is in the frames, for receivers that check it */
	uint16_t sent, posted;
};

struct ideal {
	struct ideal_path paths[IDEAL_PATHS_MAX];
	unsigned n_paths;
	pthread_t thread;
	_Atomic bool stop; /* w: the starter; r: the thread */
};

/* Starts on a processor other than the caller's. 0 or -errno, -ENODEV when there is only one. */
int ideal_start(struct ideal *b, struct err *e);
void ideal_stop(struct ideal *b);

#endif
