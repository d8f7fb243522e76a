/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A hostile guest behind a packed ring: see hostile_ring.h. */

#include "tests/fuzz/hostile_ring.h"
#include "tests/lib/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return hostile_ring_run(data, size, RING_PACKED,
				RING_EVENT_IDX | RING_INDIRECT | RING_MERGEABLE | RING_IN_ORDER |
					RING_LOG);
}
