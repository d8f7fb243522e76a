/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS 1000000ull
#undef NS_PER_S /* DPDK's is an int: include its headers first */
#define NS_PER_S 1000000000ull

/* Monotonic time. Functions that age or time out take it as an argument; only loops read it. */
static inline uint64_t clock_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static inline uint64_t clock_now_ms(void)
{
	return clock_now_ns() / NS_PER_MS;
}

#endif
