/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/page.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/jsonx.h"
#include "perf/lab/report.h"
#include "perf/lab/results.h"
#include "perf/lab/table.h"

/*
 * A test has a chart of bars: a row a setup, the bar ends at the median, the line across its end
 * joins the quartiles, and a dot stands for each run, so that one sees what the median hides. A
 * test with latencies has a second one: percentiles from left to right, microseconds on a
 * logarithmic scale upwards, a line a setup.
 */

/* Geometry of the charts, in units of the SVG's own coordinates. */
#define WIDTH	    720.0
#define LABEL_WIDTH 150.0
#define VALUE_WIDTH 90.0
#define ROW_HEIGHT  30.0
#define PLOT_HEIGHT 220.0
#define COLOURS	    6

static const char style[] =
	":root{--ink:#1d2330;--dim:#667;--paper:#fff;--line:#d8dce4;--c0:#2a6fdb;--c1:#8a94a6;"
	"--c2:#d9822b;--c3:#2f9e62;--c4:#b0468f;--c5:#7a5af0}"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6e9f0;--dim:#9aa3b5;--paper:#14171d;"
	"--line:#333a47}}"
	"body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);"
	"max-width:60rem;margin:2rem auto;padding:0 1rem}"
	"h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}"
	"table{border-collapse:collapse;display:block;overflow-x:auto}"
	"td,th{padding:.3rem .7rem;border-bottom:1px solid var(--line);text-align:right;"
	"white-space:nowrap}td:first-child,th:first-child{text-align:left}"
	"figure{margin:1.2rem 0}figcaption{font-weight:600}svg{width:100%;height:auto}"
	"svg text{font-size:12px;fill:var(--ink)}svg .dim{fill:var(--dim)}"
	"pre{overflow-x:auto;border:1px solid var(--line);padding:.7rem}.warn{color:#c2410c}"
	".k{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}";

static void put_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

static void put_element(const char *tag, const char *text, FILE *out)
{
	fprintf(out, "<%s>", tag);
	put_text(text, out);
	fprintf(out, "</%s>\n", tag);
}

static const char *setup_at(const json_t *setups, size_t i)
{
	return jsonx_string(json_array_get(setups, i), "name", "?");
}

/* --- bars ------------------------------------------------------------------------------------ */

struct bars {
	const json_t *results;
	const char *test;
	double scale; /* units of the SVG for one of the results' */
	FILE *out;
};

static double highest(const json_t *results, const char *test)
{
	const json_t *setups = json_object_get(results, "setups");
	double v[LAB_RUNS_MAX], max = 0;

	for (size_t s = 0; s < json_array_size(setups); s++) {
		unsigned n = results_values(results, setup_at(setups, s), test, "throughput", v,
					    LAB_RUNS_MAX);

		for (unsigned i = 0; i < n; i++)
			max = fmax(max, v[i]);
	}
	return max;
}

static double bar_x(const struct bars *b, double v)
{
	return LABEL_WIDTH + v * b->scale;
}

static void put_bar(const struct bars *b, const char *setup, size_t row, const json_t *cell)
{
	double median = jsonx_number(cell, "median", 0), y = ROW_HEIGHT * (double)row;
	double v[LAB_RUNS_MAX];
	unsigned n = results_values(b->results, setup, b->test, "throughput", v, LAB_RUNS_MAX);

	fprintf(b->out,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" "
		"fill=\"var(--c%zu)\" opacity=\".75\"/>\n",
		LABEL_WIDTH, y + 6, median * b->scale, ROW_HEIGHT - 12, row % COLOURS);
	fprintf(b->out, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"var(--ink)\" stroke-width=\"2\"/>\n",
		bar_x(b, jsonx_number(cell, "q1", median)), y + ROW_HEIGHT / 2,
		bar_x(b, jsonx_number(cell, "q3", median)));
	for (unsigned i = 0; i < n; i++)
		fprintf(b->out,
			"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"var(--paper)\" "
			"stroke=\"var(--ink)\"/>\n",
			bar_x(b, v[i]), y + ROW_HEIGHT / 2);
	fprintf(b->out, "<text x=\"%.1f\" y=\"%.1f\">%.*f</text>\n", WIDTH - VALUE_WIDTH + 8,
		y + ROW_HEIGHT / 2 + 4, median < 100 ? 1 : 0, median);
}

static void put_bars(const json_t *results, const char *test, const char *units, FILE *out)
{
	const json_t *setups = json_object_get(results, "setups");
	double max = highest(results, test);
	struct bars b = {results, test, (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / (max > 0 ? max : 1),
			 out};

	fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n", WIDTH,
		ROW_HEIGHT * (double)json_array_size(setups));
	for (size_t s = 0; s < json_array_size(setups); s++) {
		const json_t *cell = results_cell(results, setup_at(setups, s), test);
		double y = ROW_HEIGHT * ((double)s + 0.5) + 4;

		fprintf(out, "<text x=\"0\" y=\"%.1f\">", y);
		put_text(setup_at(setups, s), out);
		fputs("</text>\n", out);
		if (cell)
			put_bar(&b, setup_at(setups, s), s, cell);
		else
			fprintf(out, "<text class=\"dim\" x=\"%.1f\" y=\"%.1f\">no result</text>\n",
				LABEL_WIDTH, y);
	}
	fputs("</svg>\n<figcaption>", out);
	put_text(test, out);
	fputs(", ", out);
	put_text(units, out);
	fputs("</figcaption>\n", out);
}

/* --- latency --------------------------------------------------------------------------------- */

static double plot_x(unsigned percentile)
{
	return 50 + (WIDTH - 60) * percentile / (REPORT_PERCENTILES - 1);
}

/* A decade is a fifth of the plot: 1 us at the bottom, 0.1 s at the top. */
static double plot_y(double us)
{
	return PLOT_HEIGHT - 20 - (PLOT_HEIGHT - 30) * fmin(fmax(log10(fmax(us, 1)), 0), 5) / 5;
}

static void put_grid(FILE *out)
{
	static const char *const decades[] = {"1 us", "10 us", "100 us", "1 ms", "10 ms", "0.1 s"};
	double us = 1;

	for (unsigned i = 0; i < ARRAY_SIZE(decades); i++, us *= 10)
		fprintf(out,
			"<path d=\"M50 %.1fH%.0f\" stroke=\"var(--line)\"/>"
			"<text class=\"dim\" x=\"0\" y=\"%.1f\">%s</text>\n",
			plot_y(us), WIDTH, plot_y(us) + 4, decades[i]);
	for (unsigned i = 0; i < REPORT_PERCENTILES; i++)
		fprintf(out,
			"<text class=\"dim\" x=\"%.1f\" y=\"%.0f\" text-anchor=\"%s\">%s</text>\n",
			plot_x(i), PLOT_HEIGHT, i + 1 < REPORT_PERCENTILES ? "middle" : "end",
			report_percentiles[i].name);
}

static void put_line(const json_t *results, const char *setup, size_t colour, const char *test,
		     FILE *out)
{
	char step = 'M';
	double us;

	fprintf(out, "<path fill=\"none\" stroke-width=\"2\" stroke=\"var(--c%zu)\" d=\"",
		colour % COLOURS);
	for (unsigned i = 0; i < REPORT_PERCENTILES; i++) {
		if (!report_median(results, setup, test, report_percentiles[i].path, &us))
			continue;
		fprintf(out, "%c%.1f %.1f", step, plot_x(i), plot_y(us));
		step = 'L';
	}
	fputs("\"/>\n", out);
}

static void put_latency(const json_t *results, const char *test, FILE *out)
{
	const json_t *setups = json_object_get(results, "setups");

	fprintf(out, "<figure><svg viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n", WIDTH,
		PLOT_HEIGHT + 4);
	put_grid(out);
	for (size_t s = 0; s < json_array_size(setups); s++)
		put_line(results, setup_at(setups, s), s, test, out);
	fputs("</svg>\n<figcaption>", out);
	put_text(test, out);
	fputs(", latency by percentile", out);
	for (size_t s = 0; s < json_array_size(setups); s++) {
		fprintf(out, "<span class=\"k\" style=\"background:var(--c%zu)\"></span>",
			s % COLOURS);
		put_text(setup_at(setups, s), out);
	}
	fputs("</figcaption></figure>\n", out);
}

/* --- the page -------------------------------------------------------------------------------- */

static void put_heading(const json_t *results, FILE *out)
{
	const json_t *lab = json_object_get(results, "lab");
	json_t *warning;
	size_t i;

	fputs("<h1>weft-lab: ", out);
	put_text(jsonx_string(results, "name", "?"), out);
	fprintf(out, "%s</h1>\n<p>Started ", jsonx_bool(results, "partial") ? " (partial)" : "");
	put_text(jsonx_string(results, "started", "?"), out);
	fprintf(out,
		", took %.0f s. Each run: %g s after %g s of warm-up. The runs of the setups are "
		"interleaved. Bars end at the median, the line joins the quartiles, a dot is a "
		"run.</p>\n",
		jsonx_number(results, "seconds", 0), jsonx_number(lab, "duration_s", 0),
		jsonx_number(lab, "warmup_s", 0));
	json_array_foreach (json_object_get(results, "warnings"), i, warning) {
		fputs("<p class=\"warn\">", out);
		put_text(json_string_value(warning), out);
		fputs("</p>\n", out);
	}
}

static void put_results(const json_t *results, FILE *out)
{
	struct table *t = report_table(results);

	if (!t)
		return;
	fputs("<table>\n", out);
	for (unsigned row = 0; row < table_rows(t); row++) {
		fputs("<tr>", out);
		for (unsigned c = 0; c < table_columns(t); c++)
			put_element(row && c ? "td" : "th", table_cell(t, row, c), out);
		fputs("</tr>\n", out);
	}
	fputs("</table>\n", out);
	table_destroy(t);
}

static void put_charts(const json_t *results, FILE *out)
{
	const json_t *tests = json_object_get(results, "tests");

	for (size_t i = 0; i < json_array_size(tests); i++) {
		const char *test = json_string_value(json_array_get(tests, i));

		fputs("<figure>\n", out);
		put_bars(results, test, report_units(results, test), out);
		fputs("</figure>\n", out);
		if (report_has_latency(test))
			put_latency(results, test, out);
	}
}

static void put_environment(const json_t *results, FILE *out)
{
	json_t *env = json_object_get(results, "environment"), *value;
	const char *key;

	fputs("<h2>Reproduce</h2>\n", out);
	put_element("pre", jsonx_string(results, "command", "?"), out);
	put_element("pre", jsonx_string(json_object_get(results, "lab"), "text", ""), out);
	fputs("<h2>Environment</h2>\n<table>\n", out);
	json_object_foreach (env, key, value) {
		fputs("<tr>", out);
		put_element("th", key, out);
		put_element("td", json_string_value(value), out);
		fputs("</tr>\n", out);
	}
	fputs("</table>\n", out);
}

void page_write(const json_t *results, FILE *out)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>weft-lab: ",
	      out);
	put_text(jsonx_string(results, "name", "?"), out);
	fprintf(out, "</title>\n<style>%s</style></head><body>\n", style);
	put_heading(results, out);
	fputs("<h2>Results</h2>\n", out);
	put_results(results, out);
	put_charts(results, out);
	put_environment(results, out);
	fputs("</body></html>\n", out);
}

int page_save(const json_t *results, const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	page_write(results, f);
	return fclose(f) ? -errno : 0;
}
