/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/hist.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

/*
 * Layout: values below 2048 have a counter each. Above, every doubling has 1024 counters, each
 * covering 2^shift values, so an index is (value >> shift) + shift * 1024 with the shift that
 * brings the value into 1024..2047. The two halves meet without a gap: the first half of a
 * doubling's 2048 slots is where the doubling before it ends.
 */
#define SUB_BITS  11
#define HALF	  (1u << (SUB_BITS - 1))
#define RANGE	  40 /* bits */
#define SHIFT_MAX (RANGE - SUB_BITS)
#define SLOTS	  ((SHIFT_MAX + 2) * HALF)

struct hist {
	uint64_t count, min_ns, max_ns;
	double sum, squares;
	uint64_t slots[SLOTS];
};

struct hist *hist_create(void)
{
	struct hist *h = malloc(sizeof(*h));

	if (h)
		hist_reset(h);
	return h;
}

void hist_destroy(struct hist *h)
{
	free(h);
}

void hist_reset(struct hist *h)
{
	memset(h, 0, sizeof(*h));
	h->min_ns = UINT64_MAX;
}

static size_t slot_of(uint64_t value)
{
	unsigned bits, shift;

	if (value < 2 * HALF)
		return value;
	if (value >> RANGE)
		return SLOTS - 1;
	bits = 64 - (unsigned)__builtin_clzll(value);
	shift = bits - SUB_BITS;
	return (value >> shift) + shift * HALF;
}

static void slot_bounds(size_t slot, uint64_t *low, uint64_t *high)
{
	unsigned shift = slot < 2 * HALF ? 0 : (unsigned)(slot / HALF - 1);

	*low = (uint64_t)(slot - shift * HALF) << shift;
	*high = *low + (1ull << shift) - 1;
}

void hist_record(struct hist *h, uint64_t value_ns)
{
	hist_add(h, value_ns, 1);
}

void hist_add(struct hist *h, uint64_t value_ns, uint64_t count)
{
	double v = (double)value_ns, n = (double)count;

	if (count == 0)
		return;
	h->slots[slot_of(value_ns)] += count;
	h->count += count;
	h->sum += v * n;
	h->squares += v * v * n;
	h->min_ns = MIN_OF(h->min_ns, value_ns);
	h->max_ns = MAX_OF(h->max_ns, value_ns);
}

void hist_merge(struct hist *h, const struct hist *from)
{
	for (size_t i = 0; i < SLOTS; i++)
		h->slots[i] += from->slots[i];
	h->count += from->count;
	h->sum += from->sum;
	h->squares += from->squares;
	h->min_ns = MIN_OF(h->min_ns, from->min_ns);
	h->max_ns = MAX_OF(h->max_ns, from->max_ns);
}

uint64_t hist_count(const struct hist *h)
{
	return h->count;
}

uint64_t hist_min(const struct hist *h)
{
	return h->count ? h->min_ns : 0;
}

uint64_t hist_max(const struct hist *h)
{
	return h->max_ns;
}

double hist_mean(const struct hist *h)
{
	return h->count ? h->sum / (double)h->count : 0;
}

double hist_sd(const struct hist *h)
{
	double n = (double)h->count, mean = hist_mean(h), variance;

	if (h->count < 2)
		return 0;
	variance = (h->squares - n * mean * mean) / (n - 1);
	return variance > 0 ? sqrt(variance) : 0;
}

uint64_t hist_percentile(const struct hist *h, double percent)
{
	/* 99.9 % of 1000 is 999, and not the next one because 0.999 has no exact double. */
	uint64_t wanted = (uint64_t)ceil((double)h->count * percent / 100 - 1e-6);
	uint64_t seen = 0, low, high;

	if (h->count == 0)
		return 0;
	wanted = MIN_OF(MAX_OF(wanted, 1ull), h->count);
	for (size_t i = 0; i < SLOTS - 1; i++) {
		seen += h->slots[i];
		if (seen < wanted)
			continue;
		slot_bounds(i, &low, &high);
		return MIN_OF(high, h->max_ns);
	}
	return h->max_ns;
}

bool hist_next(const struct hist *h, size_t *cursor, struct hist_bucket *bucket)
{
	for (; *cursor < SLOTS; (*cursor)++) {
		if (h->slots[*cursor] == 0)
			continue;
		slot_bounds(*cursor, &bucket->low_ns, &bucket->high_ns);
		bucket->count = h->slots[(*cursor)++];
		return true;
	}
	return false;
}
