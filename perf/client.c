/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/client.h"

#include <errno.h>
#include <stdlib.h>

#include "perf/record.h"
#include "perf/report.h"
#include "perf/summary.h"
#include "perf/trial.h"

struct client {
	const struct client_options *options;
	struct address server;
	struct trial *trials;
	struct figures figures[OPTIONS_RUNS_MAX];
	struct summary summary;
	struct hist *latency;
};

static int check_units(const struct client *c, const struct trial *t, struct err *e)
{
	if (!kind_traits(c->options->kind)->transactions || t->local.units > 0)
		return 0;
	return err_set(e, ENODATA,
		       "no transaction was completed (%llu connections or sends failed, %llu "
		       "requests resent): check that the data path works",
		       (unsigned long long)t->local.failed, (unsigned long long)t->local.resent);
}

static int repeat(struct client *c, struct err *e)
{
	const struct client_options *o = c->options;
	unsigned most = o->confidence > 0 ? o->runs_max : 1;
	unsigned least = o->confidence > 0 ? o->runs_min : 1;

	for (unsigned n = 0; n < most; n++) {
		struct trial *t = &c->trials[n];
		int ret = trial_run(&o->setup, &c->server,
				    o->interval_lines ? report_progress : NULL, t, c->latency, e);

		if (ret == 0)
			ret = check_units(c, t, e);
		if (ret < 0)
			return ret;
		figures_of(&c->figures[n], &o->setup, t);
		summary_make(&c->summary, o->kind, c->figures, n + 1, o->confidence, o->interval);
		if (n + 1 >= least && c->summary.reached)
			break;
	}
	return 0;
}

static int print(const struct client *c, struct err *e)
{
	const struct client_options *o = c->options;

	if (o->json) {
		record_write(stdout, o, &c->summary, c->trials, c->figures, c->latency);
	} else {
		if (!o->no_header)
			report_header(stdout);
		report_line(stdout, &c->summary, &c->trials[c->summary.n - 1], c->latency);
	}
	report_confidence(stderr, &c->summary, o);
	if (fflush(stdout) != 0)
		return err_set(e, errno, "cannot write the result to stdout");
	if (c->summary.mean.damage)
		return err_set(e, EBADMSG, "the data was not intact: %s", c->summary.mean.damage);
	return 0;
}

static int run(struct client *c, struct err *e)
{
	const struct client_options *o = c->options;
	int ret = address_resolve(&c->server, o->host, o->port, "/etc/hosts", e);

	if (ret == 0)
		ret = repeat(c, e);
	if (ret == 0)
		return print(c, e);
	if (o->json)
		record_write_failure(stdout, o, e->text);
	return ret;
}

int client_run(const struct client_options *o, struct err *e)
{
	struct client c = {.options = o};
	unsigned n = o->confidence > 0 ? o->runs_max : 1;
	int ret;

	c.trials = calloc(n, sizeof(*c.trials));
	c.latency = hist_create();
	if (c.trials && c.latency)
		ret = run(&c, e);
	else
		ret = err_set(e, ENOMEM, "out of memory");
	hist_destroy(c.latency);
	free(c.trials);
	return ret;
}
