/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "perf/gen/pick.h"

static struct pick made(const char *text, unsigned n_dst, unsigned n_src, unsigned n_flow)
{
	const unsigned n[] = {n_dst, n_src, n_flow};
	struct pick_options o;
	struct pick p;

	assert_int_equal(pick_parse(text, &o, NULL), 0);
	assert_int_equal(pick_init(&p, &o, n, 42, NULL), 0);
	return p;
}

/* How often each receiver is chosen in `n` choices, as a share. */
static void shares(struct pick *p, double *share, unsigned n)
{
	unsigned choice[PICK_DIMENSIONS];

	for (unsigned i = 0; i < p->n[PICK_DST]; i++)
		share[i] = 0;
	for (unsigned i = 0; i < n; i++) {
		pick_next(p, choice);
		assert_in_range(choice[PICK_DST], 0, p->n[PICK_DST] - 1);
		share[choice[PICK_DST]] += 1.0 / n;
	}
}

static void random_gives_each_the_same_share(void **state)
{
	struct pick p = made("random", 50, 1, 1);
	double share[50];

	shares(&p, share, 200000);

	for (unsigned i = 0; i < 50; i++)
		assert_true(fabs(share[i] - 0.02) < 0.002);
	pick_fini(&p);
}

static void zipf_gives_shares_by_rank(void **state)
{
	struct pick p = made("zipf", 100, 1, 1);
	double share[100], harmonic = 0;

	shares(&p, share, 1000000);

	for (unsigned i = 1; i <= 100; i++)
		harmonic += 1.0 / i;
	for (unsigned i = 0; i < 100; i++)
		assert_true(fabs(share[i] - 1 / (harmonic * (i + 1))) < 0.001);
	pick_fini(&p);
}

static void a_larger_skew_prefers_the_first_more(void **state)
{
	struct pick p = made("zipf:2", 1000, 1, 1);
	double share[1000];

	shares(&p, share, 200000);

	assert_true(fabs(share[0] - 1 / 1.6439) < 0.01);
	assert_true(fabs(share[1] - 0.25 / 1.6439) < 0.01);
	pick_fini(&p);
}

static void zipf_chooses_in_each_dimension(void **state)
{
	struct pick p = made("zipf", 3, 5, 7);
	unsigned choice[PICK_DIMENSIONS], most[PICK_DIMENSIONS] = {0};

	for (unsigned i = 0; i < 10000; i++) {
		pick_next(&p, choice);
		for (unsigned d = 0; d < PICK_DIMENSIONS; d++)
			most[d] = choice[d] > most[d] ? choice[d] : most[d];
	}

	assert_int_equal(most[PICK_DST], 2);
	assert_int_equal(most[PICK_SRC], 4);
	assert_int_equal(most[PICK_FLOW], 6);
	pick_fini(&p);
}

static void round_robin_visits_every_combination_before_it_repeats_one(void **state)
{
	struct pick p = made("round-robin", 3, 4, 5);
	unsigned choice[PICK_DIMENSIONS], visits[3][4][5] = {0};

	for (unsigned i = 0; i < 2 * 3 * 4 * 5; i++) {
		pick_next(&p, choice);
		visits[choice[0]][choice[1]][choice[2]]++;
		if (i == 0)
			assert_int_equal(choice[0] + choice[1] + choice[2], 0);
	}

	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(visits[i % 3][i / 3 % 4][i / 12], 2);
	pick_fini(&p);
}

static void one_of_each_is_always_the_first(void **state)
{
	static const char *const kinds[] = {"random", "zipf:3", "round-robin"};
	unsigned choice[PICK_DIMENSIONS];

	for (unsigned k = 0; k < 3; k++) {
		struct pick p = made(kinds[k], 1, 1, 1);

		for (unsigned i = 0; i < 10; i++) {
			pick_next(&p, choice);
			assert_int_equal(choice[0] + choice[1] + choice[2], 0);
		}
		pick_fini(&p);
	}
}

static void names_are_read_back_and_others_refused(void **state)
{
	static const char *const good[] = {"random", "round-robin", "zipf:1.2"};
	static const char *const bad[] = {"", "Random", "zipf:", "zipf:0", "zipf:11", "zipf:1x"};
	struct pick_options o;
	char text[32];

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pick_parse(good[i], &o, NULL), 0);
		assert_string_equal(pick_format(&o, text, sizeof(text)), good[i]);
	}
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(pick_parse(bad[i], &o, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_gives_each_the_same_share),
		cmocka_unit_test(zipf_gives_shares_by_rank),
		cmocka_unit_test(a_larger_skew_prefers_the_first_more),
		cmocka_unit_test(zipf_chooses_in_each_dimension),
		cmocka_unit_test(round_robin_visits_every_combination_before_it_repeats_one),
		cmocka_unit_test(one_of_each_is_always_the_first),
		cmocka_unit_test(names_are_read_back_and_others_refused),
	};

	return cmocka_run_group_tests_name("gen_pick", tests, NULL, NULL);
}
