/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/bench/report.h"

#include <string.h>

#include "common/util.h"
#include "perf/stats.h"

#define BUSY_MAX 0.9

static const char *const switches[] = {SERIES_SUBJECT, "ovs", "testpmd"};
static const char *const rates[] = {"Mpps", "Gb/s", "us", "percent"};

static const struct series *rate_of(const struct series_set *set, const char *row,
				    const char *subject)
{
	const struct series *s = NULL;

	for (size_t i = 0; !s && i < ARRAY_SIZE(rates); i++)
		s = series_find(set, row, subject, rates[i]);
	return s;
}

static double median_of(const struct series *s)
{
	return s ? series_median(s) : 0;
}

static void print_cell(const struct series_set *set, const char *row, const char *subject,
		       FILE *out)
{
	const struct series *s = rate_of(set, row, subject);
	const struct series *busy = series_find(set, row, subject, "busy");
	struct stats_summary summary;
	char text[64];

	if (!s) {
		fprintf(out, " %23s", "-");
		return;
	}
	stats_summarize(s->values, s->n, 0.95, &summary);
	snprintf(text, sizeof(text), "%.2f%s (%.2f-%.2f)", summary.median,
		 median_of(busy) > BUSY_MAX ? "*" : " ", summary.min, summary.max);
	fprintf(out, " %23s", text);
}

static void print_number(double v, const char *format, FILE *out)
{
	char text[32] = "-";

	if (v > 0)
		snprintf(text, sizeof(text), format, v);
	fprintf(out, " %9s", text);
}

static bool has(const struct series_set *set, const char *subject, const char *metric)
{
	for (unsigned i = 0; i < set->n; i++)
		if (!strcmp(set->all[i].subject, subject) &&
		    (!metric || !strcmp(set->all[i].metric, metric)))
			return true;
	return false;
}

static double best_peer(const struct series_set *set, const char *row)
{
	double best = 0;

	for (size_t i = 1; i < ARRAY_SIZE(switches); i++)
		best = MAX_OF(best, median_of(rate_of(set, row, switches[i])));
	return best;
}

/* Columns that would be empty are left out. */
static void print_row(const struct series_set *set, const char *row, FILE *out)
{
	const struct series *weft = rate_of(set, row, SERIES_SUBJECT), *any = weft;
	double best = best_peer(set, row);

	for (size_t i = 1; !any && i < ARRAY_SIZE(switches); i++)
		any = rate_of(set, row, switches[i]);
	fprintf(out, "%-16s %-7s", row, any ? any->metric : "");
	if (has(set, "ceiling", NULL))
		print_number(median_of(rate_of(set, row, "ceiling")), "%.1f", out);
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (has(set, switches[i], NULL))
			print_cell(set, row, switches[i], out);
	if (has(set, SERIES_SUBJECT, "cycles"))
		print_number(median_of(series_find(set, row, SERIES_SUBJECT, "cycles")), "%.0f",
			     out);
	if (has(set, switches[1], NULL) || has(set, switches[2], NULL))
		print_number(best > 0 ? median_of(weft) / best : 0, "%.2f", out);
	if (has(set, "memcpy", NULL))
		print_number(median_of(rate_of(set, row, "memcpy")), "%.0f", out);
	fprintf(out, "\n");
}

static void print_heading(const struct series_set *set, FILE *out)
{
	fprintf(out, "%-24s", "median (range)");
	if (has(set, "ceiling", NULL))
		fprintf(out, " %9s", "ceiling");
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (has(set, switches[i], NULL))
			fprintf(out, " %23s", switches[i]);
	if (has(set, SERIES_SUBJECT, "cycles"))
		fprintf(out, " %9s", "cycles");
	if (has(set, switches[1], NULL) || has(set, switches[2], NULL))
		fprintf(out, " %9s", "weft/best");
	if (has(set, "memcpy", NULL))
		fprintf(out, " %9s", "memcpy");
	fprintf(out, "\n");
}

static bool row_is_first(const struct series_set *set, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (!strcmp(set->all[k].row, set->all[i].row))
			return false;
	return true;
}

void report_print(const struct series_set *set, FILE *out)
{
	print_heading(set, out);
	for (unsigned i = 0; i < set->n; i++)
		if (row_is_first(set, i))
			print_row(set, set->all[i].row, out);
}
