/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_CAPTURE_RING_H
#define DATAPLANE_CAPTURE_RING_H

/*
 * What both sides of a capture share: its rings.
 *
 * A ring is a row of records with one writer and one reader. Positions count bytes and never wrap;
 * modulo the ring's size they are places. A record is never split: what is left at the end of the
 * ring is skipped, by a record that says so or, when not even that fits, by both sides alike.
 */

#include <assert.h>

#include "dataplane/capture.h"

struct capture_ring {
	uint8_t *bytes;
	_Atomic uint64_t head __attribute__((aligned(64))); /* w: the worker */
	_Atomic uint64_t missed;			    /* w: the worker */
	_Atomic uint64_t tail __attribute__((aligned(64))); /* w: control */
};

struct capture {
	struct capture_params params;
	struct dataplane *dp;
	unsigned slot;
	struct capture_ring *peeked; /* the ring of the record that was last peeked */
	unsigned n_rings;
	struct capture_ring rings[WORKERS_MAX];
};

#define CAPTURE_WRAP UINT32_MAX /* cap_len of a record that only fills the end of the ring */

static_assert(CAPTURES_MAX <= 8, "a bit of port.captures for each");
static_assert((CAPTURE_RING_BYTES & (CAPTURE_RING_BYTES - 1)) == 0, "places are positions masked");

static inline size_t capture_ring_to_end(uint64_t pos)
{
	return CAPTURE_RING_BYTES - (pos & (CAPTURE_RING_BYTES - 1));
}

static inline struct capture_record *capture_ring_at(const struct capture_ring *r, uint64_t pos)
{
	return (struct capture_record *)(r->bytes + (pos & (CAPTURE_RING_BYTES - 1)));
}

#endif
