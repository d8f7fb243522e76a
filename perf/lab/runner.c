/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/runner.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/jsonx.h"
#include "perf/lab/interrupt.h"
#include "perf/lab/noise.h"
#include "perf/lab/plan.h"
#include "perf/lab/results.h"
#include "perf/lab/traffic.h"

/* A setup that fails to come up, or a test that fails on it, this often in a row is given up. */
#define FAILURES_MAX 2

/* What a step is thought to cost, until it was seen. */
#define GUESS_UP_S	 12.0
#define GUESS_OVERHEAD_S 0.5

struct runner {
	const struct lab *lab;
	struct progress *progress;
	json_t *results;
	struct plan plan;
	struct bench bench;
	unsigned failures[LAB_SETUPS_MAX];
	unsigned ups, runs;
	double up_s, run_s; /* spent so far on ups and runs */
	uint64_t started_ns;
	bool failed;
};

static double since_s(uint64_t ns)
{
	return (double)(clock_now_ns() - ns) / 1e9;
}

static double left_s(const struct runner *r, unsigned runs, unsigned ups)
{
	double up = r->ups ? r->up_s / r->ups : GUESS_UP_S;
	double run = r->runs ? r->run_s / r->runs
			     : r->lab->duration_s + r->lab->warmup_s + GUESS_OVERHEAD_S;

	return runs * run + ups * up;
}

static void announce(struct runner *r)
{
	unsigned ups, runs = plan_remaining(&r->plan, &ups);

	if (r->bench.setup && ups)
		ups--;
	progress_step(r->progress, r->plan.done + 1, r->plan.done + runs, left_s(r, runs, ups));
}

static void give_up(struct runner *r, unsigned setup, const char *key, const char *why)
{
	const char *name = r->lab->setups[setup].name;
	json_t *entry = results_setup(r->results, name);

	plan_drop(&r->plan, setup);
	json_object_set_new(entry, key, json_string(why));
	results_warn(r->results, "%s is left out: %s", name, why);
	progress_keep(r->progress, "weft-lab: %s is left out: %s", name, why);
}

/* Takes out the setups that this machine cannot have. */
static int check_setups(struct runner *r)
{
	struct err e;
	int ret;

	for (unsigned i = 0; i < r->lab->n_setups; i++) {
		ret = bench_check(r->lab, &r->lab->setups[i], &e);
		if (ret == -EINTR)
			return ret;
		if (ret)
			give_up(r, i, "left_out", e.text);
	}
	return 0;
}

static void take_down(struct runner *r)
{
	const struct lab_setup *setup = r->bench.setup;
	struct err e;

	if (bench_down(&r->bench, &e)) {
		results_warn(r->results, "%s: while stopping: %s", setup->name, e.text);
		progress_keep(r->progress, "weft-lab: %s: while stopping: %s", setup->name, e.text);
	}
}

static void note_failure(struct runner *r, unsigned setup, const char *what, const char *why)
{
	r->failed = true;
	progress_keep(r->progress, "weft-lab: %s: %s failed: %s", r->lab->setups[setup].name, what,
		      why);
	if (++r->failures[setup] == FAILURES_MAX)
		give_up(r, setup, "error", why);
}

/* Makes `setup` the one that is up. */
static int switch_to(struct runner *r, unsigned setup)
{
	const struct lab_setup *wanted = &r->lab->setups[setup];
	uint64_t begin = clock_now_ns();
	struct err e = {""};
	int ret;

	if (r->bench.setup == wanted)
		return 0;
	take_down(r);
	announce(r);
	ret = bench_up(&r->bench, wanted, &e);
	if (ret) {
		if (ret != -EINTR)
			note_failure(r, setup, "bringing it up", e.text);
		return ret;
	}
	r->ups++;
	r->up_s += since_s(begin);
	bench_describe(&r->bench, results_setup(r->results, wanted->name));
	return 0;
}

static void show_run(struct runner *r, const struct plan_step *step, const char *outcome)
{
	progress_show(r->progress, "%s %s run %u/%u  %s", r->lab->setups[step->setup].name,
		      r->lab->tests[step->test].label, step->run + 1,
		      MAX_OF(r->plan.floor, step->run + 1), outcome);
}

static void record_noise(json_t *run, const struct noise_sample *before)
{
	struct noise_sample after;
	struct noise noise;

	noise_sample(&after);
	noise_judge(before, &after, (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &noise);
	json_object_set_new(run, "noise", noise_json(&noise));
	json_object_set_new(run, "noisy", json_boolean(noise.noisy));
}

/* The units of a progress line, which has little room. */
static const char *short_units(const char *units)
{
	if (strcmp(units, "10^6 bits/s") == 0)
		return "Mb/s";
	return strcmp(units, "transactions/s") == 0 ? "tps" : units;
}

static void record_good(struct runner *r, const struct plan_step *step, json_t *run, json_t *perf)
{
	double value = jsonx_number(perf, "throughput", 0);
	const char *units = jsonx_string(perf, "units", "");
	char outcome[64];

	json_object_set_new(run, "throughput", json_real(value));
	json_object_set_new(run, "units", json_string(units));
	json_object_set_new(run, "perf", perf);
	r->failures[step->setup] = 0;
	plan_record(&r->plan, step, &value);
	snprintf(outcome, sizeof(outcome), "%.*f %s", value < 100 ? 1 : 0, value,
		 short_units(units));
	show_run(r, step, outcome);
}

static int run_step(struct runner *r, const struct plan_step *step)
{
	const struct lab_test *test = &r->lab->tests[step->test];
	struct noise_sample before;
	struct err e = {""};
	json_t *run, *perf;
	uint64_t begin;
	int ret = switch_to(r, step->setup);

	if (ret)
		return ret == -EINTR ? ret : 0;
	announce(r);
	if (r->progress->terminal)
		show_run(r, step, "...");
	begin = clock_now_ns();
	noise_sample(&before);
	ret = traffic_measure(&r->bench, test, &perf, &e);
	if (interrupt_pending()) {
		json_decref(perf);
		return -EINTR;
	}

	run = results_add_run(r->results, r->bench.setup->name, test->label, step->run,
			      since_s(r->started_ns));
	json_object_set_new(
		run, "engine",
		json_string(jsonx_string(results_setup(r->results, r->bench.setup->name), "engine",
					 "")));
	record_noise(run, &before);
	if (ret == 0) {
		r->runs++;
		r->run_s += since_s(begin);
		record_good(r, step, run, perf);
		return 0;
	}
	json_object_set_new(run, "error", json_string(e.text));
	plan_record(&r->plan, step, NULL);
	note_failure(r, step->setup, test->label, e.text);
	take_down(r);
	return 0;
}

int runner_run(const struct lab *lab, const struct bench_options *options, json_t *results)
{
	struct runner r = {
		.lab = lab,
		.progress = options->progress,
		.results = results,
		.bench = {.lab = lab, .options = options},
		.started_ns = clock_now_ns(),
	};
	struct plan_step step;
	int ret;

	plan_init(&r.plan, lab);
	ret = check_setups(&r);
	while (ret == 0 && plan_next(&r.plan, &step))
		ret = interrupt_pending() ? -EINTR : run_step(&r, &step);
	take_down(&r);
	progress_end(r.progress);
	results_finish(results, &r.plan, ret == -EINTR, since_s(r.started_ns));
	if (ret == 0 && r.failed)
		ret = -EIO;
	return ret;
}
