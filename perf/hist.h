/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_HIST_H
#define PERF_HIST_H

/*
 * A log-linear histogram in the manner of HdrHistogram: any value from 1 ns to about 18 minutes is
 * kept to three significant digits (a bucket is never wider than 1/1024 of its value), recording
 * is a handful of instructions, and histograms of several runs add up without loss, which
 * percentiles do not. Values are nanoseconds everywhere. Not thread safe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hist;

/* One bucket in use: `count` values of low_ns to high_ns, both included. */
struct hist_bucket {
	uint64_t low_ns, high_ns, count;
};

/* Returns NULL and ENOMEM on failure. hist_destroy accepts NULL. */
struct hist *hist_create(void);
void hist_destroy(struct hist *h);
void hist_reset(struct hist *h);

/* Values beyond the range count in the last bucket; min and max stay exact. */
void hist_record(struct hist *h, uint64_t value_ns);
/* Records a value `count` times: how an exported histogram is read back, bucket by bucket. */
void hist_add(struct hist *h, uint64_t value_ns, uint64_t count);
/* Adds all of `from` to `h`. */
void hist_merge(struct hist *h, const struct hist *from);

uint64_t hist_count(const struct hist *h);
/* 0 when nothing was recorded, as are all below. Exact, but for values that hist_add rounded. */
uint64_t hist_min(const struct hist *h);
uint64_t hist_max(const struct hist *h);
double hist_mean(const struct hist *h);
double hist_sd(const struct hist *h);

/*
 * The smallest recorded value that at least `percent` of all values do not exceed, rounded up to
 * the end of its bucket, and never above hist_max.
 */
uint64_t hist_percentile(const struct hist *h, double percent);

/* Walks the buckets in use, smallest first: start with *cursor = 0; false when there is no more. */
bool hist_next(const struct hist *h, size_t *cursor, struct hist_bucket *bucket);

#endif
