/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/compare.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "common/jsonx.h"
#include "perf/lab/results.h"
#include "perf/lab/table.h"
#include "perf/stats.h"

#define RUNS_MIN 3

static const char *const verdict_names[] = {
	[COMPARE_NO_CHANGE] = "no change",
	[COMPARE_PROGRESSION] = "progression",
	[COMPARE_REGRESSION] = "REGRESSION",
	[COMPARE_TOO_FEW] = "too few runs",
};
static_assert(ARRAY_SIZE(verdict_names) == COMPARE_N, "every verdict has a name");

const char *compare_verdict_name(enum compare_verdict v)
{
	return NAME_OF(verdict_names, v);
}

/* The continued fraction of the incomplete beta function, by Lentz's method. */
static double beta_fraction(double a, double b, double x)
{
	double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), h = d;

	for (int m = 1; m < 300; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double step;

		d = 1 / (1 + even * d);
		c = 1 + even / c;
		h *= d * c;
		d = 1 / (1 + odd * d);
		c = 1 + odd / c;
		step = d * c;
		h *= step;
		if (fabs(step - 1) < 1e-12)
			break;
	}
	return h;
}

/* The regularised incomplete beta function I_x(a, b). */
static double beta_incomplete(double a, double b, double x)
{
	double front;

	if (x <= 0 || x >= 1)
		return x <= 0 ? 0 : 1;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* Two-sided probability of a difference of means as large as this, by Welch's t test. */
static double welch(const struct stats_summary *a, const struct stats_summary *b)
{
	double va = a->sd * a->sd / a->n, vb = b->sd * b->sd / b->n;
	double difference = a->mean - b->mean, t2, df;

	if (va + vb == 0)
		return difference == 0 ? 1 : 0;
	t2 = difference * difference / (va + vb);
	df = (va + vb) * (va + vb) / (va * va / (a->n - 1) + vb * vb / (b->n - 1));
	return beta_incomplete(df / 2, 0.5, df / (df + t2));
}

struct compare compare_values(const double *a, unsigned na, const double *b, unsigned nb)
{
	struct compare c = {.verdict = COMPARE_NO_CHANGE, .p = 1};
	struct stats_summary sa, sb;

	stats_summarize(a, na, 0.95, &sa);
	stats_summarize(b, nb, 0.95, &sb);
	if (sa.median > 0)
		c.change_pct = (sb.median / sa.median - 1) * 100;
	if (na < RUNS_MIN || nb < RUNS_MIN) {
		c.verdict = COMPARE_TOO_FEW;
		return c;
	}
	c.p = welch(&sa, &sb);
	if (c.p >= COMPARE_ALPHA)
		return c;
	if (c.change_pct > COMPARE_THRESHOLD_PCT && sb.mean > sa.mean)
		c.verdict = COMPARE_PROGRESSION;
	else if (c.change_pct < -COMPARE_THRESHOLD_PCT && sb.mean < sa.mean)
		c.verdict = COMPARE_REGRESSION;
	return c;
}

static void compare_text(const char *what, const char *a, const char *b, FILE *out)
{
	if (strcmp(a, b) != 0)
		fprintf(out, "differs: %s: %s -> %s\n", what, a, b);
}

static void compare_circumstances(const json_t *old, const json_t *new, FILE *out)
{
	const json_t *env = json_object_get(new, "environment");
	json_t *value, *setup;
	const char *key;
	size_t i;

	json_object_foreach (json_object_get(old, "environment"), key, value)
		compare_text(key, json_string_value(value), jsonx_string(env, key, "unknown"), out);
	json_array_foreach (json_object_get(old, "setups"), i, setup) {
		const char *name = jsonx_string(setup, "name", "");
		const json_t *other = results_setup(new, name);

		if (other) {
			compare_text(name, jsonx_string(setup, "vmm", ""),
				     jsonx_string(other, "vmm", ""), out);
			compare_text(name, jsonx_string(setup, "engine", "not run"),
				     jsonx_string(other, "engine", "not run"), out);
		} else
			fprintf(out, "only in the old result: %s\n", name);
	}
}

/* Compares one cell into a row. Returns its verdict. */
static enum compare_verdict compare_cell(const json_t *old, const json_t *new, const json_t *cell,
					 struct table *t, unsigned row)
{
	const char *setup = jsonx_string(cell, "setup", ""), *test = jsonx_string(cell, "test", "");
	double a[LAB_RUNS_MAX], b[LAB_RUNS_MAX];
	unsigned na = results_values(old, setup, test, "throughput", a, LAB_RUNS_MAX);
	unsigned nb = results_values(new, setup, test, "throughput", b, LAB_RUNS_MAX);
	struct compare c = compare_values(a, na, b, nb);

	table_set(t, row, 0, "%s %s, %s", setup, test, jsonx_string(cell, "units", ""));
	table_set(t, row, 1, "%.6g", jsonx_number(cell, "median", 0));
	table_set(t, row, 2, "%.6g", jsonx_number(results_cell(new, setup, test), "median", 0));
	table_set(t, row, 3, "%+.1f %%", c.change_pct);
	table_set(t, row, 4, "%.2g", c.p);
	table_set(t, row, 5, "%s", compare_verdict_name(c.verdict));
	return c.verdict;
}

unsigned compare_print(const json_t *old, const json_t *new, FILE *out)
{
	static const char *const heading[] = {"setup and test", "old", "new",
					      "change",		"p",   "verdict"};
	const json_t *cells = json_object_get(old, "cells");
	unsigned rows = 1, row = 1, regressions = 0;
	struct table *t;
	json_t *cell;
	size_t i;

	json_array_foreach (cells, i, cell)
		rows += results_cell(new, jsonx_string(cell, "setup", ""),
				     jsonx_string(cell, "test", "")) != NULL;
	t = table_create(rows, ARRAY_SIZE(heading));
	if (!t)
		return 0;
	for (unsigned c = 0; c < ARRAY_SIZE(heading); c++)
		table_set(t, 0, c, "%s", heading[c]);
	json_array_foreach (cells, i, cell)
		if (results_cell(new, jsonx_string(cell, "setup", ""),
				 jsonx_string(cell, "test", "")))
			regressions += compare_cell(old, new, cell, t, row++) == COMPARE_REGRESSION;
	table_print(t, out);
	table_destroy(t);
	compare_circumstances(old, new, out);
	return regressions;
}
