/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <math.h>
#include <stdlib.h>

#include "perf/hist.h"

#define N 20000

static uint64_t values[N];

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Latencies over six decades: every size of bucket is used. */
static struct hist *recorded(uint64_t seed)
{
	struct hist *h = hist_create();
	uint64_t x = seed;

	for (size_t i = 0; i < N; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		values[i] = (uint64_t)pow(10, 2 + 6 * (double)(x >> 40) / (1 << 24));
		hist_record(h, values[i]);
	}
	qsort(values, N, sizeof(values[0]), compare);
	return h;
}

static void assert_three_digits(uint64_t got, uint64_t exact)
{
	assert_true(got >= exact);
	assert_true(got - exact <= exact / 1000 + 1);
}

static void percentiles_agree_with_sorting_to_three_digits(void **state)
{
	static const double percents[] = {0.1, 10, 50, 90, 99, 99.5, 99.99};
	struct hist *h = recorded(1);

	for (size_t i = 0; i < ARRAY_SIZE(percents); i++) {
		size_t rank = (size_t)ceil(N * percents[i] / 100);

		assert_three_digits(hist_percentile(h, percents[i]), values[rank - 1]);
	}

	assert_int_equal(hist_percentile(h, 100), values[N - 1]);
	hist_destroy(h);
}

static void a_percentile_is_the_least_value_that_covers_the_share(void **state)
{
	struct hist *h = hist_create();

	for (uint64_t v = 1; v <= 1000; v++)
		hist_record(h, v);

	assert_int_equal(hist_percentile(h, 50), 500);
	assert_int_equal(hist_percentile(h, 50.01), 501);
	assert_int_equal(hist_percentile(h, 99.9), 999);
	assert_int_equal(hist_percentile(h, 99.91), 1000);
	assert_int_equal(hist_percentile(h, 0), 1);
	hist_destroy(h);
}

static void mean_min_and_max_are_exact(void **state)
{
	struct hist *h = recorded(2);
	double mean = 0, squares = 0;

	for (size_t i = 0; i < N; i++)
		mean += (double)values[i] / N;
	for (size_t i = 0; i < N; i++)
		squares += ((double)values[i] - mean) * ((double)values[i] - mean);

	assert_int_equal(hist_count(h), N);
	assert_int_equal(hist_min(h), values[0]);
	assert_int_equal(hist_max(h), values[N - 1]);
	assert_true(fabs(hist_mean(h) / mean - 1) < 1e-9);
	assert_true(fabs(hist_sd(h) / sqrt(squares / (N - 1)) - 1) < 1e-6);
	hist_destroy(h);
}

static void buckets_cover_every_value_without_a_gap(void **state)
{
	struct hist_bucket b;

	for (uint64_t v = 0; v < 1ull << 40; v = v < 5000 ? v + 1 : v + v / 700) {
		struct hist *h = hist_create();
		size_t cursor = 0;

		hist_record(h, v);

		assert_true(hist_next(h, &cursor, &b));
		assert_true(b.low_ns <= v && v <= b.high_ns && b.count == 1);
		assert_true(b.high_ns - b.low_ns <= v / 1000);
		assert_false(hist_next(h, &cursor, &b));
		hist_destroy(h);
	}
}

static void a_merge_is_the_histogram_of_all_values(void **state)
{
	struct hist *a = recorded(3), *b = recorded(4), *both = hist_create();
	uint64_t p99 = hist_percentile(b, 99);

	hist_merge(both, b);
	assert_int_equal(hist_percentile(both, 99), p99);
	hist_merge(both, a);

	assert_int_equal(hist_count(both), 2 * N);
	assert_int_equal(hist_min(both), MIN_OF(hist_min(a), hist_min(b)));
	assert_int_equal(hist_max(both), MAX_OF(hist_max(a), hist_max(b)));
	hist_destroy(a);
	hist_destroy(b);
	hist_destroy(both);
}

static void an_export_reads_back_to_the_same_percentiles(void **state)
{
	struct hist *h = recorded(5), *copy = hist_create();
	struct hist_bucket b;
	size_t cursor = 0;

	while (hist_next(h, &cursor, &b))
		hist_add(copy, b.low_ns, b.count);

	assert_int_equal(hist_count(copy), hist_count(h));
	assert_int_equal(hist_percentile(copy, 50), hist_percentile(h, 50));
	assert_int_equal(hist_percentile(copy, 99.9), hist_percentile(h, 99.9));
	hist_destroy(h);
	hist_destroy(copy);
}

static void values_beyond_the_range_still_count(void **state)
{
	struct hist *h = hist_create();

	hist_record(h, UINT64_MAX);
	hist_record(h, 5);

	assert_int_equal(hist_count(h), 2);
	assert_int_equal(hist_percentile(h, 50), 5);
	assert_int_equal(hist_percentile(h, 100), UINT64_MAX);
	hist_destroy(h);
}

static void an_empty_histogram_is_all_zeros(void **state)
{
	struct hist *h = hist_create();

	assert_int_equal(hist_min(h), 0);
	assert_int_equal(hist_max(h), 0);
	assert_int_equal(hist_percentile(h, 99), 0);
	assert_true(hist_mean(h) == 0 && hist_sd(h) == 0);
	hist_destroy(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_agree_with_sorting_to_three_digits),
		cmocka_unit_test(a_percentile_is_the_least_value_that_covers_the_share),
		cmocka_unit_test(mean_min_and_max_are_exact),
		cmocka_unit_test(buckets_cover_every_value_without_a_gap),
		cmocka_unit_test(a_merge_is_the_histogram_of_all_values),
		cmocka_unit_test(an_export_reads_back_to_the_same_percentiles),
		cmocka_unit_test(values_beyond_the_range_still_count),
		cmocka_unit_test(an_empty_histogram_is_all_zeros),
	};

	return cmocka_run_group_tests_name("perf_hist", tests, NULL, NULL);
}
