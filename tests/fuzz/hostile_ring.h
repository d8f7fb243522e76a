/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_HOSTILE_RING_H
#define TESTS_FUZZ_HOSTILE_RING_H

/*
 * A hostile guest in both directions, for either kind of ring. The input's first byte chooses
 * features (RING_* of tests/lib/ring.h), the rest becomes the guest's memory from the rings on.
 * With bit 7 of the first byte a second thread goes on changing it while the switch reads, which is
 * what finds double fetches; it has ended when this returns.
 */

#include <stddef.h>
#include <stdint.h>

/* `forced` features are on, of the input's own only those in `allowed` count. */
int hostile_ring_run(const uint8_t *data, size_t size, unsigned forced, unsigned allowed);

#endif
