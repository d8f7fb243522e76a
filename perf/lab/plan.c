/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/plan.h"

#include <string.h>

#include "perf/stats.h"

void plan_init(struct plan *p, const struct lab *lab)
{
	memset(p, 0, sizeof(*p));
	p->lab = lab;
	p->floor = lab->repeats;
	p->max = lab->confidence.wanted ? lab->confidence.max : lab->repeats;
}

/* How many runs this cell is to have, as far as its values tell. */
static unsigned wanted_runs(const struct plan *p, const struct plan_cell *c)
{
	if (c->dropped)
		return c->attempts;
	if (c->attempts < p->floor)
		return p->floor;
	if (!p->lab->confidence.wanted || c->confident || c->attempts >= p->max)
		return c->attempts;
	return c->attempts + 1;
}

bool plan_next(const struct plan *p, struct plan_step *step)
{
	unsigned best = LAB_RUNS_MAX;

	for (unsigned s = 0; s < p->lab->n_setups; s++)
		for (unsigned t = 0; t < p->lab->n_tests; t++) {
			const struct plan_cell *c = &p->cells[s][t];

			if (wanted_runs(p, c) == c->attempts || c->attempts >= best)
				continue;
			best = c->attempts;
			*step = (struct plan_step){.setup = s, .test = t, .run = best};
		}
	return best < LAB_RUNS_MAX;
}

static void judge(const struct lab_confidence *conf, struct plan_cell *c)
{
	struct stats_summary s;

	if (!conf->wanted)
		return;
	stats_summarize(c->values, c->n, conf->level / 100, &s);
	c->reached_pct = stats_width(&s) / 2 * 100;
	c->confident = stats_confident(&s, conf->interval / 100);
}

void plan_record(struct plan *p, const struct plan_step *step, const double *value)
{
	struct plan_cell *c = &p->cells[step->setup][step->test];

	p->done++;
	c->attempts++;
	if (value && c->n < LAB_RUNS_MAX)
		c->values[c->n++] = *value;
	judge(&p->lab->confidence, c);
}

void plan_drop(struct plan *p, unsigned setup)
{
	for (unsigned t = 0; t < p->lab->n_tests; t++)
		p->cells[setup][t].dropped = true;
}

unsigned plan_remaining(const struct plan *p, unsigned *ups)
{
	unsigned runs = 0, setups = 0;

	*ups = 0;
	for (unsigned s = 0; s < p->lab->n_setups; s++) {
		unsigned rounds = 0;

		for (unsigned t = 0; t < p->lab->n_tests; t++) {
			const struct plan_cell *c = &p->cells[s][t];
			unsigned left = wanted_runs(p, c) - c->attempts;

			runs += left;
			rounds = MAX_OF(rounds, left);
		}
		*ups += rounds;
		setups += rounds > 0;
	}
	if (setups == 1)
		*ups = 1;
	return runs;
}
