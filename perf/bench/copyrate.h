/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_COPYRATE_H
#define BENCH_COPYRATE_H

/*
 * How fast one processor of this machine copies with memcpy, by the pattern of a benchmark's row:
 * `n_blocks` source blocks of `block_bytes`, one after the other and round again, into as many
 * pieces of `piece_bytes` of a destination of `n_pieces`, round again as well. That is what one
 * copy between two guests with rings of these sizes must do, without descriptors, headers and
 * interrupts: the bound that a switch of one copy can come near to.
 *
 * Cold is that pattern. Warm is one block into the same pieces again and again, all in the nearest
 * cache: what the processor could do if memory cost nothing.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct copyrate {
	size_t block_bytes, piece_bytes;
	unsigned n_blocks, n_pieces;
	bool huge; /* 2 MiB pages where some are free */
	double seconds;
};

/* Bytes a second, or a negative -errno. */
double copyrate_measure(const struct copyrate *c, struct err *e);

#endif
