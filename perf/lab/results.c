/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/results.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/jsonx.h"
#include "perf/stats.h"

static json_t *describe_lab(const struct lab *lab, const char *text)
{
	const struct lab_confidence *c = &lab->confidence;
	json_t *o = json_pack("{s:f, s:f, s:i, s:s, s:s}", "duration_s", lab->duration_s,
			      "warmup_s", lab->warmup_s, "repeats", (int)lab->repeats, "baseline",
			      lab->setups[lab->baseline].name, "text", text);

	if (c->wanted)
		json_object_set_new(o, "confidence",
				    json_pack("{s:f, s:f, s:i, s:i}", "level", c->level, "interval",
					      c->interval, "min", (int)lab->repeats, "max",
					      (int)c->max));
	return o;
}

json_t *results_create(const struct lab *lab, const char *name, const char *text,
		       const char *command)
{
	json_t *setups = json_array(), *tests = json_array();
	char started[32];
	time_t now = time(NULL);
	struct tm tm;

	strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	for (unsigned i = 0; i < lab->n_setups; i++) {
		const struct lab_setup *s = &lab->setups[i];

		json_array_append_new(setups,
				      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", s->name,
						"config", s->config, "client", s->client, "server",
						s->server, "up", s->up, "down", s->down));
	}
	for (unsigned i = 0; i < lab->n_tests; i++)
		json_array_append_new(tests, json_string(lab->tests[i].label));
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:[], s:[], s:[]}",
			 "schema", RESULTS_SCHEMA, "schema_version", RESULTS_VERSION, "name", name,
			 "command", command, "started", started, "partial", 1, "lab",
			 describe_lab(lab, text), "setups", setups, "tests", tests, "runs", "cells",
			 "warnings");
}

json_t *results_setup(const json_t *results, const char *setup)
{
	json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(results, "setups"), i, entry)
		if (strcmp(jsonx_string(entry, "name", ""), setup) == 0)
			return entry;
	return NULL;
}

json_t *results_add_run(json_t *results, const char *setup, const char *test, unsigned run,
			double at_s)
{
	json_t *o = json_pack("{s:s, s:s, s:i, s:f}", "setup", setup, "test", test, "run", (int)run,
			      "at_s", at_s);

	json_array_append_new(json_object_get(results, "runs"), o);
	return o;
}

void results_warn(json_t *results, const char *fmt, ...)
{
	json_t *warnings = json_object_get(results, "warnings"), *said;
	char text[1024];
	va_list ap;
	size_t i;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_foreach (warnings, i, said)
		if (strcmp(json_string_value(said), text) == 0)
			return;
	json_array_append_new(warnings, json_string(text));
}

static bool is_run_of(const json_t *run, const char *setup, const char *test)
{
	return strcmp(jsonx_string(run, "setup", ""), setup) == 0 &&
	       strcmp(jsonx_string(run, "test", ""), test) == 0;
}

static const json_t *walk(const json_t *o, const char *path)
{
	char key[64];
	size_t len;

	while (o && *path) {
		len = strcspn(path, "/");
		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		o = json_object_get(o, key);
		path += len + (path[len] == '/');
	}
	return o;
}

unsigned results_values(const json_t *results, const char *setup, const char *test,
			const char *path, double *v, unsigned max)
{
	unsigned n = 0;
	json_t *run;
	size_t i;

	json_array_foreach (json_object_get(results, "runs"), i, run) {
		const json_t *value = walk(run, path);

		if (n < max && is_run_of(run, setup, test) && json_is_number(value) &&
		    !json_object_get(run, "error"))
			v[n++] = json_number_value(value);
	}
	return n;
}

/* Counts runs of a cell that failed and that were disturbed; takes the units from any. */
static unsigned count_runs(const json_t *results, const char *setup, const char *test,
			   unsigned *noisy, const char **units)
{
	unsigned failed = 0;
	json_t *run;
	size_t i;

	*noisy = 0;
	*units = "";
	json_array_foreach (json_object_get(results, "runs"), i, run) {
		if (!is_run_of(run, setup, test))
			continue;
		failed += json_object_get(run, "error") != NULL;
		*noisy += jsonx_bool(run, "noisy");
		*units = jsonx_string(run, "units", *units);
	}
	return failed;
}

static json_t *cell_create(const json_t *results, const struct lab *lab, const char *setup,
			   const char *test)
{
	double level = lab->confidence.wanted ? lab->confidence.level / 100 : 0.95;
	double v[LAB_RUNS_MAX], width;
	struct stats_summary s;
	unsigned failed, noisy;
	const char *units;
	json_t *cell;

	stats_summarize(v, results_values(results, setup, test, "throughput", v, LAB_RUNS_MAX),
			level, &s);
	failed = count_runs(results, setup, test, &noisy, &units);
	if (s.n == 0)
		return NULL;
	width = stats_width(&s);
	cell = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f}",
			 "setup", setup, "test", test, "units", units, "n", (int)s.n, "failed",
			 (int)failed, "noisy", (int)noisy, "median", s.median, "q1", s.q1, "q3",
			 s.q3, "mean", s.mean, "sd", s.sd, "min", s.min, "max", s.max);
	if (isfinite(width))
		json_object_set_new(cell, "half_width_percent", json_real(width / 2 * 100));
	if (lab->confidence.wanted)
		json_object_set_new(
			cell, "confident",
			json_boolean(stats_confident(&s, lab->confidence.interval / 100)));
	return cell;
}

static void warn_about_cell(json_t *results, const struct lab *lab, const json_t *cell)
{
	const char *setup = jsonx_string(cell, "setup", ""), *test = jsonx_string(cell, "test", "");
	double reached = jsonx_number(cell, "half_width_percent", INFINITY);
	int failed = (int)jsonx_int(cell, "failed", 0);

	if (lab->confidence.wanted && !isfinite(reached))
		results_warn(results, "!!! %s %s: confidence not reached: one run has no interval",
			     setup, test);
	else if (lab->confidence.wanted && !jsonx_bool(cell, "confident"))
		results_warn(results,
			     "!!! %s %s: confidence not reached: +-%.1f %% instead of +-%.1f %% at "
			     "%g %% after %d runs",
			     setup, test, reached, lab->confidence.interval / 2,
			     lab->confidence.level, (int)jsonx_int(cell, "n", 0));
	if (failed)
		results_warn(results, "%s %s: %d runs failed", setup, test, failed);
}

static void warn_about_noise(json_t *results)
{
	json_t *runs = json_object_get(results, "runs"), *run;
	unsigned noisy = 0;
	size_t i;

	json_array_foreach (runs, i, run)
		noisy += jsonx_bool(run, "noisy");
	if (noisy)
		results_warn(results,
			     "%u of %zu runs were noisy: others used the machine meanwhile", noisy,
			     json_array_size(runs));
}

static void set_ratio(const json_t *results, json_t *cell, const char *baseline)
{
	const json_t *base = results_cell(results, baseline, jsonx_string(cell, "test", ""));
	double median = jsonx_number(base, "median", 0);

	if (median > 0)
		json_object_set_new(cell, "ratio",
				    json_real(jsonx_number(cell, "median", 0) / median));
}

void results_finish(json_t *results, const struct plan *plan, bool partial, double seconds)
{
	const struct lab *lab = plan->lab;
	json_t *cells = json_object_get(results, "cells"), *cell;
	size_t i;

	json_object_set_new(results, "partial", json_boolean(partial));
	json_object_set_new(results, "seconds", json_real(seconds));
	for (unsigned t = 0; t < lab->n_tests; t++)
		for (unsigned s = 0; s < lab->n_setups; s++) {
			cell = cell_create(results, lab, lab->setups[s].name, lab->tests[t].label);
			if (cell)
				json_array_append_new(cells, cell);
			else if (plan->cells[s][t].attempts)
				results_warn(results, "%s %s: every run failed",
					     lab->setups[s].name, lab->tests[t].label);
		}
	json_array_foreach (cells, i, cell) {
		set_ratio(results, cell, lab->setups[lab->baseline].name);
		warn_about_cell(results, lab, cell);
	}
	warn_about_noise(results);
	if (partial)
		results_warn(results, "!!! partial: the run was interrupted");
}

const json_t *results_cell(const json_t *results, const char *setup, const char *test)
{
	json_t *cell;
	size_t i;

	json_array_foreach (json_object_get(results, "cells"), i, cell)
		if (is_run_of(cell, setup, test))
			return cell;
	return NULL;
}

int results_save(const json_t *results, const char *path, struct err *e)
{
	char tmp[4096];

	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	if (json_dump_file(results, tmp, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) < 0 ||
	    rename(tmp, path) < 0) {
		int code = errno ? errno : EIO;

		unlink(tmp);
		return err_set(e, code, "cannot write %s: %s", path, strerror(code));
	}
	return 0;
}

json_t *results_load(const char *path, struct err *e)
{
	json_error_t error;
	json_t *o = json_load_file(path, 0, &error);

	if (!o) {
		err_set(e, EINVAL, "%s:%d:%d: %s", path, error.line, error.column, error.text);
		return NULL;
	}
	if (strcmp(jsonx_string(o, "schema", ""), RESULTS_SCHEMA) != 0 ||
	    jsonx_int(o, "schema_version", 0) != RESULTS_VERSION) {
		err_set(e, EINVAL,
			"%s is not a result of this weft-lab: schema \"%s\" version %d is "
			"expected",
			path, RESULTS_SCHEMA, RESULTS_VERSION);
		json_decref(o);
		return NULL;
	}
	return o;
}
