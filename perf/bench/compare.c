/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/bench/compare.h"

#include <assert.h>
#include <math.h>

#include "common/util.h"
#include "perf/stats.h"

static const char *const verdict_names[] = {
	[COMPARE_SAME] = "no change",
	[COMPARE_BETTER] = "faster",
	[COMPARE_WORSE] = "REGRESSION",
	[COMPARE_FEW_ROUNDS] = "too few rounds",
};
static_assert(ARRAY_SIZE(verdict_names) == COMPARE_VERDICT_N, "every verdict has a name");

const char *compare_verdict_name(enum compare_verdict v)
{
	return NAME_OF(verdict_names, v);
}

static const struct series *same_in(const struct series_set *set, const struct series *s)
{
	return series_find(set, s->row, s->subject, s->metric);
}

/* The new speed as a multiple of the old one; 0 when either is unknown. */
static double speed(const struct series *old, const struct series *new)
{
	double a = series_median(old), b = series_median(new);

	if (a <= 0 || b <= 0)
		return 0;
	return series_less_is_better(old) ? a / b : b / a;
}

double compare_machine(const struct series_set *old, const struct series_set *new)
{
	double speeds[SERIES_MAX];
	struct stats_summary summary;
	unsigned n = 0;

	for (unsigned i = 0; i < old->n; i++) {
		const struct series *a = &old->all[i], *b = same_in(new, a);

		if (b && series_is_control(a) && series_is_result(a) && speed(a, b) > 0)
			speeds[n++] = speed(a, b);
	}
	if (n < COMPARE_CONTROLS_MIN)
		return 1;
	stats_summarize(speeds, n, 0.95, &summary);
	return summary.median;
}

struct compare compare_series(const struct series *old, const struct series *new, double machine)
{
	struct compare c = {series_median(old), series_median(new), 0, 1, COMPARE_SAME};
	bool less = series_less_is_better(old);
	double scale = less ? machine : 1 / machine, corrected[RANKSUM_VALUES_MAX];

	for (unsigned i = 0; i < new->n; i++)
		corrected[i] = new->values[i] * scale;
	if (c.old_median > 0)
		c.percent = (c.new_median * scale / c.old_median - 1) * 100;
	if (old->n < COMPARE_ROUNDS_MIN || new->n < COMPARE_ROUNDS_MIN) {
		c.verdict = COMPARE_FEW_ROUNDS;
		return c;
	}
	c.p = ranksum_p(old->values, old->n, corrected, new->n);
	if (c.p < COMPARE_ALPHA && fabs(c.percent) > COMPARE_MIN_PERCENT)
		c.verdict = (c.percent > 0) == less ? COMPARE_WORSE : COMPARE_BETTER;
	return c;
}

static void print_row(const struct series *s, const struct compare *c, FILE *out)
{
	char name[2 * SERIES_NAME_MAX + 4];

	snprintf(name, sizeof(name), "%s, %s", s->row, s->metric);
	fprintf(out, "%-28s %10.3f %10.3f %+8.1f %% %8.3f  %s\n", name, c->old_median,
		c->new_median, c->percent, c->p, compare_verdict_name(c->verdict));
}

unsigned compare_print(const struct series_set *old, const struct series_set *new, FILE *out)
{
	double machine = compare_machine(old, new);
	unsigned n_worse = 0;

	fprintf(out, "%-28s %10s %10s %10s %8s\n", "weft", "old", "new", "change", "p");
	for (unsigned i = 0; i < old->n; i++) {
		const struct series *a = &old->all[i], *b = same_in(new, a);
		struct compare c;

		if (series_is_control(a) || !series_is_result(a))
			continue;
		if (!b) {
			fprintf(out, "%s, %s: only in the old result\n", a->row, a->metric);
			continue;
		}
		c = compare_series(a, b, machine);
		print_row(a, &c, out);
		n_worse += c.verdict == COMPARE_WORSE;
	}
	fprintf(out,
		"the machine, by what is not weft: %.2f of its former speed; the changes are what "
		"remains\n",
		machine);
	return n_worse;
}
