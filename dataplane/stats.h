/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_STATS_H
#define DATAPLANE_STATS_H

/*
 * Counters. Each worker has its own set for each port, so that no cache line is shared per packet;
 * readers sum them and may see a burst half counted. In the sum over all ports
 * `rx = tx + punted + dropped - copies` holds whenever no burst is in flight.
 */

#include <stdint.h>

#include "dataplane/drop.h"

/* Buffers of a ring, by powers of two: none, 1, 2 to 3, 4 to 7, ..., 32768. */
#define RING_FILL_BUCKETS 17

struct ring_fill {
	uint64_t bursts;
	uint64_t sampled[RING_FILL_BUCKETS]; /* some of them, by what was posted then */
};

struct port_stats {
	uint64_t rx_packets, rx_bytes; /* frames taken from the port */
	uint64_t tx_packets, tx_bytes; /* frames given to the port; a segmented frame counts once */
	uint64_t tx_segments;	       /* frames that the receiver saw, after software GSO */
	uint64_t punted;	       /* frames handed to the control thread */
	uint64_t copies;	       /* extra copies made by flooding frames of this port */
	uint64_t drops[DROP_N];
	struct ring_fill rx_fill, tx_fill;
} __attribute__((aligned(64)));

/* What a worker did with its time; w: the worker, r: anyone. */
struct worker_perf {
	uint64_t iterations, busy_iterations;
	uint64_t busy_cycles, idle_cycles; /* TSC; sleeping counts as neither */
	uint64_t sleeps, sleep_ns, wakeups;
	uint64_t rx_packets, rx_bursts, tx_packets;
};

static inline unsigned ring_fill_bucket(uint16_t posted)
{
	return posted ? 32u - (unsigned)__builtin_clz(posted) : 0;
}

static inline uint64_t port_stats_dropped(const struct port_stats *s)
{
	uint64_t n = 0;

	for (int i = DROP_NONE + 1; i < DROP_N; i++)
		n += s->drops[i];
	return n;
}

static inline void port_stats_add(struct port_stats *sum, const struct port_stats *s)
{
	const uint64_t *from = (const uint64_t *)s;
	uint64_t *to = (uint64_t *)sum;

	for (unsigned i = 0; i < sizeof(*s) / sizeof(uint64_t); i++)
		to[i] += from[i];
}

#endif
