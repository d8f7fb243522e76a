/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/noise.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "perf/lab/child.h"

/* A run with more than this is marked noisy. */
#define STEAL_LIMIT_PCT	 2.0
#define OTHERS_LIMIT_PCT 15.0

void noise_sample(struct noise_sample *s)
{
	uint64_t user = 0, nice = 0, system = 0, steal = 0;
	FILE *f = fopen("/proc/stat", "re");

	*s = (struct noise_sample){.now_ns = clock_now_ns()};
	if (f) {
		if (fscanf(f, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %*u %*u %" SCNu64,
			   &user, &nice, &system, &steal) != 4)
			steal = 0;
		fclose(f);
	}
	s->busy = user + nice + system;
	s->steal = steal;
	s->ours = child_cpu_ticks();
	f = fopen("/proc/loadavg", "re");
	if (f) {
		if (fscanf(f, "%lf", &s->load1) != 1)
			s->load1 = 0;
		fclose(f);
	}
}

void noise_judge(const struct noise_sample *before, const struct noise_sample *after,
		 unsigned n_cpus, struct noise *out)
{
	double ticks =
		(double)(after->now_ns - before->now_ns) / 1e9 * (double)sysconf(_SC_CLK_TCK);
	double busy = (double)(after->busy - before->busy);
	double ours = (double)after->ours - (double)before->ours;

	*out = (struct noise){.load1_before = before->load1, .load1_after = after->load1};
	if (ticks <= 0)
		return;
	out->steal_pct = (double)(after->steal - before->steal) / ticks / n_cpus * 100;
	out->others_pct = busy > ours ? (busy - ours) / ticks * 100 : 0;
	out->lab_pct = ours > 0 ? ours / ticks * 100 : 0;
	out->noisy = out->steal_pct > STEAL_LIMIT_PCT || out->others_pct > OTHERS_LIMIT_PCT;
}

json_t *noise_json(const struct noise *n)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f}", "steal_percent", n->steal_pct,
			 "others_cpu_percent", n->others_pct, "lab_cpu_percent", n->lab_pct,
			 "load1_before", n->load1_before, "load1_after", n->load1_after);
}
