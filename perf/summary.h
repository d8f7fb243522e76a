/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_SUMMARY_H
#define PERF_SUMMARY_H

/*
 * The numbers of a result, from what both ends saw. Throughput is what the receiver got, in 10^6
 * bits/s, or the client's transactions/s. Service demand is netperf's: the busy time of all
 * processors of one end, in microseconds, per KB (1024 bytes) that it moved or per transaction.
 */

#include <stdbool.h>
#include <stdint.h>

#include "perf/kind.h"
#include "perf/stats.h"
#include "perf/trial.h"

/* Of one trial. NAN is unknown. */
struct figures {
	double throughput, sent;      /* sent: UDP_STREAM, 10^6 bits/s; else NAN */
	double local_cpu, remote_cpu; /* percent of all cores */
	double local_sd, remote_sd;
	bool retransmits_known;
	uint64_t retransmits;		       /* both ends, within their windows */
	uint64_t sent_messages, lost_messages; /* UDP_STREAM, of the sender's window */
	uint64_t reordered, corrupt, resent, failed;
	const char *damage; /* with verify: what differs; NULL: intact */
};

/* Of all trials. */
struct summary {
	enum kind kind;
	unsigned n;
	struct figures mean; /* counts are sums */
	struct stats_summary throughput, local_cpu, remote_cpu;
	bool wanted, reached; /* a confidence; `wanted` false: one run was asked for */
};

const char *summary_unit(enum kind kind);
const char *summary_demand_unit(enum kind kind);

/* Units of `kind` in `length_ns`, as throughput. */
double summary_throughput(enum kind kind, uint64_t units, uint64_t length_ns);

void figures_of(struct figures *f, const struct setup *s, const struct trial *t);

/*
 * Summarises `n` >= 1 trials by their figures; `confidence` is 0 when none was asked for, and
 * `interval` the width wanted.
 */
void summary_make(struct summary *s, enum kind kind, const struct figures *f, unsigned n,
		  double confidence, double interval);

#endif
