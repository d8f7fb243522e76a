/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_LAB_NOISE_H
#define PERF_LAB_NOISE_H

/*
 * Whether somebody else used the machine during a run. What counts is CPU time: that which the
 * hypervisor below took (steal) and that of processes which do not belong to the lab. The load
 * average is recorded too, but our own guests raise it.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct noise_sample {
	uint64_t busy, steal; /* of all CPUs, in clock ticks; interrupts are in neither */
	uint64_t ours;
	uint64_t now_ns;
	double load1;
};

struct noise {
	double steal_pct;  /* of all CPUs */
	double others_pct; /* of one CPU, by processes that are not ours */
	double lab_pct;	   /* of one CPU, by the setup: weftd, guests, another switch */
	double load1_before, load1_after;
	bool noisy;
};

void noise_sample(struct noise_sample *s);
void noise_judge(const struct noise_sample *before, const struct noise_sample *after,
		 unsigned n_cpus, struct noise *out);

/* As JSON, the caller's. */
json_t *noise_json(const struct noise *n);

#endif
