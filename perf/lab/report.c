/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/report.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/jsonx.h"
#include "perf/kind.h"
#include "perf/lab/results.h"
#include "perf/lab/table.h"
#include "perf/stats.h"

const struct report_percentile report_percentiles[REPORT_PERCENTILES] = {
	{"p50", "perf/latency/p50_us"},	      {"p90", "perf/latency/p90_us"},
	{"p99", "perf/latency/p99_us"},	      {"p99.9", "perf/latency/p99_9_us"},
	{"p99.99", "perf/latency/p99_99_us"}, {"max", "perf/latency/max_us"},
};

static const char *name_of(const json_t *setups, unsigned i)
{
	return jsonx_string(json_array_get(setups, i), "name", "?");
}

static const char *test_at(const json_t *tests, unsigned i)
{
	return json_string_value(json_array_get(tests, i));
}

static const char *baseline_of(const json_t *results)
{
	return jsonx_string(json_object_get(results, "lab"), "baseline", "");
}

/* The traits of a label such as "UDP_STREAM -m 1472", or NULL. */
static const struct kind_traits *traits_of(const char *label)
{
	char name[32];
	enum kind kind;

	snprintf(name, sizeof(name), "%.*s", (int)MIN_OF(strcspn(label, " "), sizeof(name) - 1),
		 label);
	return kind_parse(name, &kind, NULL) ? NULL : kind_traits(kind);
}

/* A number with three or more significant digits. */
static const char *number(double v, char *buf, size_t size)
{
	snprintf(buf, size, "%.*f", v < 10 ? 2 : v < 100 ? 1 : 0, v);
	return buf;
}

const char *report_units(const json_t *results, const char *test)
{
	json_t *cell;
	size_t i;

	json_array_foreach (json_object_get(results, "cells"), i, cell)
		if (strcmp(jsonx_string(cell, "test", ""), test) == 0)
			return jsonx_string(cell, "units", "");
	return "no run";
}

static void set_result(struct table *t, unsigned row, unsigned column, const json_t *cell,
		       bool with_ratio)
{
	char median[32], q1[32], q3[32], ratio[32] = "";

	if (!cell) {
		table_set(t, row, column, "-");
		return;
	}
	if (with_ratio && json_object_get(cell, "ratio"))
		snprintf(ratio, sizeof(ratio), " %.2fx", jsonx_number(cell, "ratio", 0));
	table_set(t, row, column, "%s [%s-%s]%s%s",
		  number(jsonx_number(cell, "median", 0), median, sizeof(median)),
		  number(jsonx_number(cell, "q1", 0), q1, sizeof(q1)),
		  number(jsonx_number(cell, "q3", 0), q3, sizeof(q3)), ratio,
		  json_is_false(json_object_get(cell, "confident")) ? " !" : "");
}

/* What ran the guests of a setup, and how: "weft, kvm"; "" and "kvm" in results of old. */
static const char *engine_of(const json_t *setup, const char *missing, char *text, size_t size)
{
	const char *vmm = jsonx_string(setup, "vmm", "");

	snprintf(text, size, "%s%s%s", vmm, vmm[0] ? ", " : "",
		 jsonx_string(setup, "engine", missing));
	return text;
}

static void set_heading(struct table *t, const json_t *results, const char *corner)
{
	const json_t *setups = json_object_get(results, "setups");
	char engine[64];

	table_set(t, 0, 0, "%s", corner);
	for (unsigned s = 0; s < json_array_size(setups); s++)
		table_set(t, 0, s + 1, "%s (%s)", name_of(setups, s),
			  engine_of(json_array_get(setups, s), "not run", engine, sizeof(engine)));
}

/* A table with a row a test and a column a setup, headings filled in. */
static struct table *matrix_create(const json_t *results, const char *corner)
{
	const json_t *tests = json_object_get(results, "tests");
	unsigned n_tests = (unsigned)json_array_size(tests);
	struct table *t = table_create(
		n_tests + 1, (unsigned)json_array_size(json_object_get(results, "setups")) + 1);

	if (!t)
		return NULL;
	set_heading(t, results, corner);
	for (unsigned i = 0; i < n_tests; i++)
		table_set(t, i + 1, 0, "%s", test_at(tests, i));
	return t;
}

struct table *report_table(const json_t *results)
{
	const json_t *setups = json_object_get(results, "setups");
	const json_t *tests = json_object_get(results, "tests");
	struct table *t = matrix_create(results, "median [q1-q3] ratio");

	for (unsigned i = 0; t && i < json_array_size(tests); i++) {
		const char *test = test_at(tests, i);

		table_set(t, i + 1, 0, "%s, %s", test, report_units(results, test));
		for (unsigned s = 0; s < json_array_size(setups); s++)
			set_result(t, i + 1, s + 1, results_cell(results, name_of(setups, s), test),
				   json_array_size(setups) > 1);
	}
	return t;
}

static void print_warnings(const json_t *results, const char *bullet, FILE *out)
{
	json_t *warning;
	size_t i;

	json_array_foreach (json_object_get(results, "warnings"), i, warning)
		fprintf(out, "%s%s\n", bullet, json_string_value(warning));
}

void report_print(const json_t *results, FILE *out)
{
	struct table *t = report_table(results);

	if (t)
		table_print(t, out);
	table_destroy(t);
	if (json_array_size(json_object_get(results, "setups")) > 1)
		fprintf(out, "ratios are to %s\n", baseline_of(results));
	print_warnings(results, "", out);
}

static void write_table(struct table *t, FILE *out)
{
	if (t)
		table_print_markdown(t, out);
	table_destroy(t);
}

bool report_median(const json_t *results, const char *setup, const char *test, const char *path,
		   double *median)
{
	double v[LAB_RUNS_MAX];
	struct stats_summary s;

	stats_summarize(v, results_values(results, setup, test, path, v, LAB_RUNS_MAX), 0.95, &s);
	*median = s.median;
	return s.n > 0;
}

static bool is_known(const json_t *results, const char *test, const char *path)
{
	json_t *setup;
	double v;
	size_t i;

	json_array_foreach (json_object_get(results, "setups"), i, setup)
		if (report_median(results, jsonx_string(setup, "name", ""), test, path, &v))
			return true;
	return false;
}

static void set_median(const json_t *results, struct table *t, unsigned row, unsigned column,
		       const char *setup, const char *test, const char *first, const char *second)
{
	char a[32] = "-", b[32] = "-";
	double v;

	if (report_median(results, setup, test, first, &v))
		number(v, a, sizeof(a));
	if (second && report_median(results, setup, test, second, &v))
		number(v, b, sizeof(b));
	if (second)
		table_set(t, row, column, "%s / %s", a, b);
	else
		table_set(t, row, column, "%s", a);
}

/* One or two numbers a cell, for the tests that have them; `second` may be NULL. */
static void write_medians(const json_t *results, const char *title, const char *first,
			  const char *second, FILE *out)
{
	const json_t *setups = json_object_get(results, "setups");
	const json_t *tests = json_object_get(results, "tests");
	unsigned row = 0;
	struct table *t;

	for (unsigned i = 0; i < json_array_size(tests); i++)
		row += is_known(results, test_at(tests, i), first);
	t = table_create(row + 1, (unsigned)json_array_size(setups) + 1);
	if (!t || !row)
		goto out;
	set_heading(t, results, title);
	row = 0;
	for (unsigned i = 0; i < json_array_size(tests); i++) {
		if (!is_known(results, test_at(tests, i), first))
			continue;
		table_set(t, ++row, 0, "%s", test_at(tests, i));
		for (unsigned s = 0; s < json_array_size(setups); s++)
			set_median(results, t, row, s + 1, name_of(setups, s), test_at(tests, i),
				   first, second);
	}
	table_print_markdown(t, out);
	fputc('\n', out);
out:
	table_destroy(t);
}

static void write_confidence(const json_t *results, FILE *out)
{
	const json_t *conf = json_object_get(json_object_get(results, "lab"), "confidence");
	const json_t *setups = json_object_get(results, "setups");
	const json_t *tests = json_object_get(results, "tests");
	struct table *t = matrix_create(results, "interval of the mean");

	for (unsigned i = 0; t && i < json_array_size(tests); i++)
		for (unsigned s = 0; s < json_array_size(setups); s++) {
			const json_t *c =
				results_cell(results, name_of(setups, s), test_at(tests, i));

			table_set(t, i + 1, s + 1, "-");
			if (c)
				table_set(t, i + 1, s + 1, "+-%.1f %%, n=%d%s",
					  jsonx_number(c, "half_width_percent", INFINITY),
					  (int)jsonx_int(c, "n", 0),
					  json_is_false(json_object_get(c, "confident")) ? " !"
											 : "");
		}
	if (conf)
		fprintf(out,
			"Wanted: +-%.1f %% at %g %% confidence, %d to %d runs; `!` marks what did "
			"not get there.\n\n",
			jsonx_number(conf, "interval", 0) / 2, jsonx_number(conf, "level", 0),
			(int)jsonx_int(conf, "min", 0), (int)jsonx_int(conf, "max", 0));
	else
		fputs("At 95 % confidence; no interval was asked for.\n\n", out);
	write_table(t, out);
}

bool report_has_latency(const char *test)
{
	const struct kind_traits *k = traits_of(test);

	return k && k->transactions;
}

static unsigned count_latency_tests(const json_t *tests)
{
	unsigned n = 0;

	for (unsigned i = 0; i < json_array_size(tests); i++)
		n += report_has_latency(test_at(tests, i));
	return n;
}

static void write_latency(const json_t *results, FILE *out)
{
	const json_t *setups = json_object_get(results, "setups");
	const json_t *tests = json_object_get(results, "tests");
	unsigned n_setups = (unsigned)json_array_size(setups), row = 1;
	struct table *t =
		table_create(count_latency_tests(tests) * n_setups + 1, REPORT_PERCENTILES + 1);
	char buf[32];
	double v;

	if (!t)
		return;
	table_set(t, 0, 0, "latency, us");
	for (unsigned p = 0; p < REPORT_PERCENTILES; p++)
		table_set(t, 0, p + 1, "%s", report_percentiles[p].name);
	for (unsigned i = 0; i < json_array_size(tests); i++) {
		if (!report_has_latency(test_at(tests, i)))
			continue;
		for (unsigned s = 0; s < n_setups; s++, row++) {
			table_set(t, row, 0, "%s, %s", test_at(tests, i), name_of(setups, s));
			for (unsigned p = 0; p < REPORT_PERCENTILES; p++)
				table_set(t, row, p + 1, "%s",
					  report_median(results, name_of(setups, s),
							test_at(tests, i),
							report_percentiles[p].path, &v)
						  ? number(v, buf, sizeof(buf))
						  : "-");
		}
	}
	write_table(t, out);
}

static void write_setups(const json_t *results, FILE *out)
{
	char engine[64];
	json_t *setup, *command;
	size_t i, j;

	json_array_foreach (json_object_get(results, "setups"), i, setup) {
		const char *why = jsonx_string(setup, "left_out", jsonx_string(setup, "error", ""));

		fprintf(out, "- **%s**: config `%s`, client %s, server %s, engine %s",
			name_of(json_object_get(results, "setups"), (unsigned)i),
			jsonx_string(setup, "config", ""), jsonx_string(setup, "client", ""),
			jsonx_string(setup, "server", ""),
			engine_of(setup, "none", engine, sizeof(engine)));
		if (jsonx_string(setup, "engine_reason", "")[0])
			fprintf(out, " (%s)", jsonx_string(setup, "engine_reason", ""));
		if (jsonx_string(setup, "up", "")[0])
			fprintf(out, ", up `%s`", jsonx_string(setup, "up", ""));
		fprintf(out, "%s%s\n", why[0] ? "; left out: " : "", why);
		json_array_foreach (json_object_get(setup, "commands"), j, command)
			fprintf(out, "  - `%s`\n", json_string_value(command));
	}
}

static void write_environment(const json_t *results, FILE *out)
{
	json_t *env = json_object_get(results, "environment"), *value;
	const char *key;

	fputs("| what | value |\n| --- | --- |\n", out);
	json_object_foreach (env, key, value)
		fprintf(out, "| %s | %s |\n", key, json_string_value(value));
}

static void write_heading(const json_t *results, FILE *out)
{
	const json_t *lab = json_object_get(results, "lab");

	fprintf(out, "# weft-lab: %s%s\n\n", jsonx_string(results, "name", "?"),
		jsonx_bool(results, "partial") ? " (partial)" : "");
	fprintf(out,
		"Started %s, took %.0f s. Each run: %g s after %g s of warm-up. The runs of the "
		"setups "
		"are interleaved; numbers are medians with quartiles, ratios are to %s.\n",
		jsonx_string(results, "started", "?"), jsonx_number(results, "seconds", 0),
		jsonx_number(lab, "duration_s", 0), jsonx_number(lab, "warmup_s", 0),
		baseline_of(results));
	if (json_array_size(json_object_get(results, "warnings"))) {
		fputs("\n## Warnings\n\n", out);
		print_warnings(results, "- ", out);
	}
}

void report_markdown(const json_t *results, FILE *out)
{
	write_heading(results, out);
	fputs("\n## Results\n\n", out);
	write_table(report_table(results), out);
	fputs("\n## Confidence\n\n", out);
	write_confidence(results, out);
	fputs("\n## CPU and service demand\n\nMedians over the runs, as the guests count them.\n\n",
	      out);
	write_medians(results, "CPU %, client / server", "perf/local/cpu/busy_percent",
		      "perf/remote/cpu/busy_percent", out);
	write_medians(results, "us per KB or transaction, client / server", "perf/sd_local",
		      "perf/sd_remote", out);
	write_medians(results, "host: % of one core in weftd, guests, switch",
		      "noise/lab_cpu_percent", NULL, out);
	if (count_latency_tests(json_object_get(results, "tests"))) {
		fputs("## Latency\n\nClosed loop: the next request waits for the answer. Each "
		      "number is "
		      "the median over the runs of that percentile.\n\n",
		      out);
		write_latency(results, out);
		fputc('\n', out);
	}
	fputs("## Retransmits and losses\n\nTCP: segments sent again, both ends. UDP_STREAM: what "
	      "was "
	      "sent in 10^6 bits/s, and the share that got lost.\n\n",
	      out);
	write_medians(results, "TCP retransmits", "perf/retransmits", NULL, out);
	write_medians(results, "UDP sent / lost %", "perf/throughput_sent", "perf/loss/percent",
		      out);
	fputs("## Setups\n\n", out);
	write_setups(results, out);
	fprintf(out, "\n## Reproduce\n\n```\n%s\n```\n\n## Environment\n\n",
		jsonx_string(results, "command", "?"));
	write_environment(results, out);
	fprintf(out, "\n## Lab file\n\n```yaml\n%s```\n",
		jsonx_string(json_object_get(results, "lab"), "text", ""));
}

int report_save(const json_t *results, const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	report_markdown(results, f);
	return fclose(f) ? -errno : 0;
}
