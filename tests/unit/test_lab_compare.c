/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <math.h>
#include <stdlib.h>

#include "perf/lab/compare.h"

/* A generator of our own: the same values on every machine. */
static double uniform(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (double)(*seed >> 11) / 9007199254740992.0;
}

/* `n` values around `mean` with a relative standard deviation of about `noise`. */
static void measure(double *v, unsigned n, double mean, double noise, uint64_t *seed)
{
	for (unsigned i = 0; i < n; i++) {
		double sum = 0;

		for (int j = 0; j < 12; j++)
			sum += uniform(seed);
		v[i] = mean * (1 + noise * (sum - 6));
	}
}

static void a_slowdown_of_5_percent_is_found(void **state)
{
	uint64_t seed = 1;
	unsigned found = 0;
	double a[5], b[5];

	for (int i = 0; i < 200; i++) {
		measure(a, 5, 1000, 0.01, &seed);
		measure(b, 5, 950, 0.01, &seed);
		found += compare_values(a, 5, b, 5).verdict == COMPARE_REGRESSION;
	}

	assert_true(found >= 180);
}

static void noise_is_not_a_change(void **state)
{
	uint64_t seed = 2;
	unsigned wrong = 0;
	double a[5], b[5];

	for (int i = 0; i < 500; i++) {
		measure(a, 5, 1000, 0.08, &seed);
		measure(b, 5, 1000, 0.08, &seed);
		wrong += compare_values(a, 5, b, 5).verdict != COMPARE_NO_CHANGE;
	}

	assert_true(wrong <= 10);
}

static void a_difference_below_3_percent_does_not_matter(void **state)
{
	const double a[] = {1000, 1001, 999, 1000}, b[] = {980, 981, 979, 980};
	struct compare c = compare_values(a, 4, b, 4);

	assert_int_equal(c.verdict, COMPARE_NO_CHANGE);
	assert_true(c.p < 0.001);
	assert_true(fabs(c.change_pct + 2) < 0.01);
}

static void faster_is_a_progression(void **state)
{
	const double a[] = {100, 101, 99}, b[] = {120, 121, 119};

	assert_int_equal(compare_values(a, 3, b, 3).verdict, COMPARE_PROGRESSION);
}

static void two_runs_prove_nothing(void **state)
{
	const double a[] = {100, 100}, b[] = {50, 50, 50};

	assert_int_equal(compare_values(a, 2, b, 3).verdict, COMPARE_TOO_FEW);
}

static void equal_values_without_spread_are_no_change(void **state)
{
	const double a[] = {100, 100, 100}, b[] = {90, 90, 90};

	assert_int_equal(compare_values(a, 3, a, 3).verdict, COMPARE_NO_CHANGE);
	assert_int_equal(compare_values(a, 3, b, 3).verdict, COMPARE_REGRESSION);
}

static void the_probability_is_students(void **state)
{
	/* t = sqrt(6) with 4 degrees of freedom, for which the distribution has a closed form */
	const double a[] = {9, 10, 11}, b[] = {11, 12, 13};
	struct compare c = compare_values(a, 3, b, 3);

	assert_true(fabs(c.p - 0.070484) < 1e-6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slowdown_of_5_percent_is_found),
		cmocka_unit_test(noise_is_not_a_change),
		cmocka_unit_test(a_difference_below_3_percent_does_not_matter),
		cmocka_unit_test(faster_is_a_progression),
		cmocka_unit_test(two_runs_prove_nothing),
		cmocka_unit_test(equal_values_without_spread_are_no_change),
		cmocka_unit_test(the_probability_is_students),
	};

	return cmocka_run_group_tests_name("lab compare", tests, NULL, NULL);
}
