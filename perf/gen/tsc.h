/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_TSC_H
#define GEN_TSC_H

/* The processor's time stamp counter: a clock that costs some ten nanoseconds and no call. */

#include <stdint.h>
#include <x86intrin.h>

#include "common/clock.h"

static inline uint64_t tsc_now(void)
{
	return __rdtsc();
}

/* Ticks a second, measured against the monotonic clock over 20 ms. */
static inline double tsc_measure_hz(void)
{
	uint64_t start_ns = clock_now_ns(), start = tsc_now();

	while (clock_now_ns() - start_ns < 20 * NS_PER_MS)
		_mm_pause();
	return (double)(tsc_now() - start) * (double)NS_PER_S / (double)(clock_now_ns() - start_ns);
}

#endif
