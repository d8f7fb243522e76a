/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perf/bench/compare.h"
#include "perf/bench/copyrate.h"
#include "perf/bench/report.h"

static struct series_set *set_of(void)
{
	struct series_set *set = calloc(1, sizeof(*set));

	assert_non_null(set);
	return set;
}

/* Five rounds around `middle` whose spread is `spread` of it. */
static void rounds(struct series_set *set, const char *row, const char *subject, const char *metric,
		   double middle, double spread)
{
	for (int i = -2; i <= 2; i++)
		assert_int_equal(
			series_add(set, row, subject, metric, middle * (1 + spread * i / 4), NULL),
			0);
}

static void probabilities_are_exact(void **state)
{
	const double low[] = {1, 2, 3, 4, 5}, high[] = {6, 7, 8, 9, 10};
	const double apart[] = {1, 2, 3}, mixed[] = {1.5, 2.5, 3.5};
	const double tied[] = {1, 1, 1, 1};

	assert_true(fabs(ranksum_p(low, 5, high, 5) - 2.0 / 252) < 1e-9);
	assert_true(fabs(ranksum_p(high, 5, low, 5) - 2.0 / 252) < 1e-9);
	assert_true(fabs(ranksum_p(apart, 3, mixed, 3) - 14.0 / 20) < 1e-9);
	assert_true(fabs(ranksum_p(tied, 4, tied, 4) - 1) < 1e-9);
	assert_true(fabs(ranksum_p(low, 5, low, 5) - 1) < 1e-9);
	assert_true(fabs(ranksum_p(low, 0, low, 5) - 1) < 1e-9);
}

static enum compare_verdict verdict(const char *metric, double old, double new, double spread)
{
	struct series_set *a = set_of(), *b = set_of();
	struct compare c;

	rounds(a, "64", "weft", metric, old, spread);
	rounds(b, "64", "weft", metric, new, spread);
	c = compare_series(&a->all[0], &b->all[0], 1);
	free(a);
	free(b);
	return c.verdict;
}

static void a_clear_loss_is_a_regression(void **state)
{
	assert_int_equal(verdict("Mpps", 20, 18, 0.05), COMPARE_WORSE);
	assert_int_equal(verdict("Mpps", 20, 22, 0.05), COMPARE_BETTER);
}

static void more_cycles_are_a_regression(void **state)
{
	assert_int_equal(verdict("cycles", 100, 120, 0.05), COMPARE_WORSE);
	assert_int_equal(verdict("cycles", 120, 100, 0.05), COMPARE_BETTER);
}

static void what_the_spread_explains_is_none(void **state)
{
	assert_int_equal(verdict("Mpps", 20, 18, 0.5), COMPARE_SAME);
}

static void what_is_certain_but_small_is_none(void **state)
{
	assert_int_equal(verdict("Mpps", 20, 19.2, 0.001), COMPARE_SAME);
}

static void one_spoilt_round_makes_no_regression(void **state)
{
	struct series_set *a = set_of(), *b = set_of();

	rounds(a, "64", "weft", "Mpps", 20, 0.04);
	rounds(b, "64", "weft", "Mpps", 20, 0.04);
	b->all[0].values[3] = 2;

	assert_int_equal(compare_series(&a->all[0], &b->all[0], 1).verdict, COMPARE_SAME);
	free(a);
	free(b);
}

static void too_few_rounds_give_no_verdict(void **state)
{
	struct series_set *a = set_of(), *b = set_of();

	rounds(a, "64", "weft", "Mpps", 20, 0.01);
	for (unsigned i = 0; i < 3; i++)
		series_add(b, "64", "weft", "Mpps", 10, NULL);

	assert_int_equal(compare_series(&a->all[0], &b->all[0], 1).verdict, COMPARE_FEW_ROUNDS);
	free(a);
	free(b);
}

/* Everything runs at two thirds, weft too: not its fault. */
static void a_slower_machine_is_no_regression_of_weft(void **state)
{
	struct series_set *a = set_of(), *b = set_of();
	FILE *out = tmpfile();

	rounds(a, "64", "weft", "Mpps", 30, 0.02);
	rounds(a, "64", "weft", "cycles", 100, 0.02);
	rounds(a, "64", "testpmd", "Mpps", 15, 0.02);
	rounds(a, "tso", "memcpy", "Gb/s", 200, 0.02);
	rounds(b, "64", "weft", "Mpps", 20, 0.02);
	rounds(b, "64", "weft", "cycles", 150, 0.02);
	rounds(b, "64", "testpmd", "Mpps", 10, 0.02);
	rounds(b, "tso", "memcpy", "Gb/s", 133.3, 0.02);

	assert_true(fabs(compare_machine(a, b) - 2.0 / 3) < 0.001);
	assert_int_equal(compare_print(a, b, out), 0);
	for (unsigned i = 0; i < 5; i++)
		b->all[0].values[i] *= 0.9;
	assert_int_equal(compare_print(a, b, out), 1);
	fclose(out);
	free(a);
	free(b);
}

static void one_control_is_not_enough_to_judge_the_machine(void **state)
{
	struct series_set *a = set_of(), *b = set_of();

	rounds(a, "tso", "memcpy", "Gb/s", 200, 0.02);
	rounds(b, "tso", "memcpy", "Gb/s", 100, 0.02);

	assert_true(compare_machine(a, b) == 1);
	free(a);
	free(b);
}

static void results_are_read_back_as_they_were_written(void **state)
{
	struct series_set *a = set_of(), *b = set_of();
	json_t *json;

	rounds(a, "64", "weft", "Mpps", 20, 0.1);
	rounds(a, "tso", "memcpy", "Gb/s", 200, 0.1);
	json = series_to_json(a, NULL);

	assert_int_equal(series_from_json(b, json, NULL), 0);
	assert_memory_equal(a, b, sizeof(*a));
	json_object_set_new(json, "schema_version", json_integer(2));
	assert_int_equal(series_from_json(b, json, NULL), -EINVAL);
	json_decref(json);
	free(a);
	free(b);
}

static void samples_are_lines_of_four_words(void **state)
{
	char good[] = "64\tweft\tMpps\t20.5\n64\tweft\tMpps\t21\n", bad[] = "64\tweft\t20.5\n";
	struct series_set *set = set_of();
	FILE *in = fmemopen(good, strlen(good), "r");

	assert_int_equal(series_read(set, in, NULL), 0);
	fclose(in);
	assert_int_equal(set->n, 1);
	assert_int_equal(set->all[0].n, 2);
	in = fmemopen(bad, strlen(bad), "r");
	assert_int_equal(series_read(set, in, NULL), -EINVAL);
	fclose(in);
	free(set);
}

static void the_table_has_the_best_peer_and_stars(void **state)
{
	struct series_set *set = set_of();
	char text[1024] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	rounds(set, "64", "weft", "Mpps", 20, 0.04);
	rounds(set, "64", "weft", "busy", 0.95, 0);
	rounds(set, "64", "weft", "cycles", 111, 0);
	rounds(set, "64", "ovs", "Mpps", 5, 0);
	rounds(set, "64", "testpmd", "Mpps", 16, 0);
	report_print(set, out);
	fclose(out);

	assert_non_null(strstr(text, "20.00* (19.60-20.40)"));
	assert_non_null(strstr(text, " 111 "));
	assert_non_null(strstr(text, " 1.25\n"));
	free(set);
}

static void the_copy_rate_counts_bytes(void **state)
{
	const struct copyrate c = {5000, 4096, 3, 5, false, 0.01};

	assert_true(copyrate_measure(&c, NULL) > 1e6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probabilities_are_exact),
		cmocka_unit_test(a_clear_loss_is_a_regression),
		cmocka_unit_test(more_cycles_are_a_regression),
		cmocka_unit_test(what_the_spread_explains_is_none),
		cmocka_unit_test(what_is_certain_but_small_is_none),
		cmocka_unit_test(one_spoilt_round_makes_no_regression),
		cmocka_unit_test(too_few_rounds_give_no_verdict),
		cmocka_unit_test(a_slower_machine_is_no_regression_of_weft),
		cmocka_unit_test(one_control_is_not_enough_to_judge_the_machine),
		cmocka_unit_test(results_are_read_back_as_they_were_written),
		cmocka_unit_test(samples_are_lines_of_four_words),
		cmocka_unit_test(the_table_has_the_best_peer_and_stars),
		cmocka_unit_test(the_copy_rate_counts_bytes),
	};

	return cmocka_run_group_tests_name("bench_compare", tests, NULL, NULL);
}
