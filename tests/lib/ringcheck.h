/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_RINGCHECK_H
#define TESTS_LIB_RINGCHECK_H

/* What tests of both kinds of virtqueue say about frames: packet_pattern, wherever it lies. */

#include "tests/lib/ring.h"

#define RING_HDR 12

/* Writes `len` bytes of the pattern at `gpa`, over the regions' edge too. */
void ring_pattern(struct ring *r, uint64_t gpa, uint32_t len);

/* Peeks; the frames are in r->burst. */
unsigned ring_peek(struct ring *r);

/* The frame consists of `len` bytes of the pattern. */
void assert_pattern(const struct frame *f, uint32_t len);

/* The next peek finds nothing, and the ring broken in this way. */
void assert_breaks(struct ring *r, enum virtqueue_fault fault);

/* A slice of `len` bytes (up to 1000) of the pattern; valid until the next call. */
struct slice pattern_slice(uint32_t len);

/* `len` bytes of the pattern, behind a header that tells of `n_buffers`, lie at `gpa`. */
void assert_delivered(struct ring *r, uint64_t gpa, uint32_t len, uint16_t n_buffers);

#endif
