/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <math.h>

#include "perf/stats.h"

static bool near(double a, double b)
{
	return fabs(a - b) < 5e-4;
}

static void t_quantiles_are_those_of_the_tables(void **state)
{
	static const struct {
		unsigned df;
		double t95, t99;
	} known[] = {
		{1, 12.7062, 63.6567},	  {2, 4.3027, 9.9248},	{4, 2.7764, 4.6041},
		{9, 2.2622, 3.2498},	  {29, 2.0452, 2.7564}, {30, 2.0423, 2.7500},
		{40, 2.0211, 2.7045},	  {60, 2.0003, 2.6603}, {120, 1.9799, 2.6174},
		{100000, 1.9600, 2.5758},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		assert_true(near(stats_t(0.95, known[i].df), known[i].t95));
		assert_true(near(stats_t(0.99, known[i].df), known[i].t99));
	}
}

static void a_summary_knows_mean_spread_and_ranks(void **state)
{
	const double v[] = {7, 1, 3, 5, 9, 11};
	struct stats_summary s;

	stats_summarize(v, ARRAY_SIZE(v), 0.95, &s);

	assert_int_equal(s.n, 6);
	assert_true(near(s.mean, 6) && near(s.sd, 3.741657));
	assert_true(near(s.min, 1) && near(s.max, 11));
	assert_true(near(s.median, 6) && near(s.q1, 3.5) && near(s.q3, 8.5));
	assert_true(near(s.half_width, 2.5706 * 3.741657 / sqrt(6)));
}

static void a_higher_level_is_a_wider_interval(void **state)
{
	const double v[] = {10, 11, 12};
	struct stats_summary s95, s99;

	stats_summarize(v, 3, 0.95, &s95);
	stats_summarize(v, 3, 0.99, &s99);

	assert_true(near(s95.half_width, 4.3027 / sqrt(3)));
	assert_true(near(s99.half_width, 9.9248 / sqrt(3)));
}

static void confidence_is_the_whole_width_within_the_interval(void **state)
{
	struct stats_summary s = {.n = 5, .mean = 1000, .half_width = 25};

	assert_true(stats_confident(&s, 0.05));
	s.half_width = 25.1;
	assert_false(stats_confident(&s, 0.05));
	assert_true(near(stats_width(&s), 0.0502));
}

static void one_value_or_a_mean_of_zero_is_never_confident(void **state)
{
	const double one[] = {5}, zeros[] = {0, 0, 0};
	struct stats_summary s;

	stats_summarize(one, 1, 0.95, &s);
	assert_true(near(s.mean, 5) && near(s.median, 5) && near(s.q1, 5));
	assert_false(stats_confident(&s, 0.5));
	stats_summarize(zeros, 3, 0.95, &s);
	assert_false(stats_confident(&s, 0.5));
	stats_summarize(zeros, 0, 0.95, &s);
	assert_int_equal(s.n, 0);
	assert_true(isinf(stats_width(&s)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_quantiles_are_those_of_the_tables),
		cmocka_unit_test(a_summary_knows_mean_spread_and_ranks),
		cmocka_unit_test(a_higher_level_is_a_wider_interval),
		cmocka_unit_test(confidence_is_the_whole_width_within_the_interval),
		cmocka_unit_test(one_value_or_a_mean_of_zero_is_never_confident),
	};

	return cmocka_run_group_tests_name("perf_stats", tests, NULL, NULL);
}
