/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "perf/lab/plan.h"

/* A lab of `setups` x `tests` with a floor of `repeats`, named A, B, ... and 1, 2, ... */
static struct lab lab_of(unsigned setups, unsigned tests, unsigned repeats)
{
	struct lab lab = {.n_setups = setups, .n_tests = tests, .repeats = repeats};

	return lab;
}

static struct lab with_confidence(struct lab lab, double interval, unsigned max)
{
	lab.confidence = (struct lab_confidence){
		.wanted = true, .level = 99, .interval = interval, .min = lab.repeats, .max = max};
	return lab;
}

/* Runs the plan to its end, each run giving `value` of its step; the order as text: "A1 A2 B1". */
static const char *play(struct plan *p, double (*value)(const struct plan_step *))
{
	static char order[1024];
	struct plan_step step;

	order[0] = '\0';
	while (plan_next(p, &step)) {
		double v = value(&step);

		snprintf(order + strlen(order), sizeof(order) - strlen(order), "%c%u ",
			 'A' + (char)step.setup, step.test + 1);
		assert_true(strlen(order) < sizeof(order) - 8);
		plan_record(p, &step, &v);
	}
	return order;
}

static double steady(const struct plan_step *step)
{
	return 1000 + step->run % 2;
}

/* Test 2 on setup B swings; all others are steady. */
static double b2_swings(const struct plan_step *step)
{
	return step->setup == 1 && step->test == 1 ? (step->run % 2 ? 500 : 1500) : steady(step);
}

/* Swings in the first four runs, then stays at their mean. */
static double settles(const struct plan_step *step)
{
	return step->run < 4 ? (step->run % 2 ? 990 : 1010) : 1000;
}

static void setups_take_turns_in_every_round(void **state)
{
	struct lab lab = lab_of(3, 2, 2);
	struct plan p;

	plan_init(&p, &lab);

	assert_string_equal(play(&p, steady), "A1 A2 B1 B2 C1 C2 A1 A2 B1 B2 C1 C2 ");
	assert_int_equal(p.done, 12);
}

static void without_confidence_every_cell_gets_its_repeats(void **state)
{
	struct lab lab = lab_of(1, 1, 4);
	struct plan p;

	plan_init(&p, &lab);

	assert_string_equal(play(&p, b2_swings), "A1 A1 A1 A1 ");
}

static void a_confident_cell_stops_at_the_minimum(void **state)
{
	struct lab lab = with_confidence(lab_of(2, 1, 3), 5, 10);
	struct plan p;

	plan_init(&p, &lab);

	assert_string_equal(play(&p, steady), "A1 B1 A1 B1 A1 B1 ");
	assert_true(p.cells[0][0].confident);
}

static void only_cells_that_swing_go_on_to_the_maximum(void **state)
{
	struct lab lab = with_confidence(lab_of(2, 2, 3), 5, 6);
	struct plan p;

	plan_init(&p, &lab);

	assert_string_equal(play(&p, b2_swings), "A1 A2 B1 B2 A1 A2 B1 B2 A1 A2 B1 B2 B2 B2 B2 ");
	assert_false(p.cells[1][1].confident);
	assert_true(p.cells[1][1].reached_pct > 2.5);
}

static void a_cell_stops_as_soon_as_its_interval_is_narrow(void **state)
{
	struct lab lab = with_confidence(lab_of(1, 1, 3), 2.5, 30);
	struct plan p;

	plan_init(&p, &lab);
	play(&p, settles);

	assert_true(p.cells[0][0].confident);
	assert_in_range(p.cells[0][0].n, 5, 12);
	assert_true(2 * p.cells[0][0].reached_pct <= 2.5);
}

static void failed_runs_count_as_attempts_and_end(void **state)
{
	struct lab lab = with_confidence(lab_of(1, 1, 3), 5, 4);
	struct plan_step step;
	unsigned asked = 0;
	struct plan p;

	plan_init(&p, &lab);
	for (; plan_next(&p, &step); asked++)
		plan_record(&p, &step, NULL);

	assert_int_equal(asked, 4);
	assert_int_equal(p.cells[0][0].n, 0);
}

static void a_dropped_setup_gets_no_more_runs(void **state)
{
	struct lab lab = lab_of(2, 1, 2);
	struct plan p;

	plan_init(&p, &lab);
	plan_drop(&p, 0);

	assert_string_equal(play(&p, steady), "B1 B1 ");
}

static void remaining_counts_runs_and_ups(void **state)
{
	struct lab lab = lab_of(2, 3, 4);
	struct plan p;
	unsigned ups;

	plan_init(&p, &lab);
	assert_int_equal(plan_remaining(&p, &ups), 24);
	assert_int_equal(ups, 8);

	plan_drop(&p, 1);
	assert_int_equal(plan_remaining(&p, &ups), 12);
	assert_int_equal(ups, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setups_take_turns_in_every_round),
		cmocka_unit_test(without_confidence_every_cell_gets_its_repeats),
		cmocka_unit_test(a_confident_cell_stops_at_the_minimum),
		cmocka_unit_test(only_cells_that_swing_go_on_to_the_maximum),
		cmocka_unit_test(a_cell_stops_as_soon_as_its_interval_is_narrow),
		cmocka_unit_test(failed_runs_count_as_attempts_and_end),
		cmocka_unit_test(a_dropped_setup_gets_no_more_runs),
		cmocka_unit_test(remaining_counts_runs_and_ups),
	};

	return cmocka_run_group_tests_name("lab plan", tests, NULL, NULL);
}
