/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/summary.h"

#include <math.h>
#include <string.h>

#include "common/util.h"
#include "perf/options.h"
#include "perf/payload.h"

const char *summary_unit(enum kind kind)
{
	return kind_traits(kind)->transactions ? "transactions/s" : "10^6 bits/s";
}

const char *summary_demand_unit(enum kind kind)
{
	return kind_traits(kind)->transactions ? "us/transaction" : "us/KB";
}

double summary_throughput(enum kind kind, uint64_t units, uint64_t length_ns)
{
	double factor = kind_traits(kind)->transactions ? 1e9 : 8e3;

	return length_ns ? (double)units * factor / (double)length_ns : NAN;
}

/* How many KB or transactions a second a throughput is. */
static double demand_rate(enum kind kind, double throughput)
{
	return kind_traits(kind)->transactions ? throughput : throughput * 1e6 / 8 / 1024;
}

static double cpu_percent(const struct outcome *o)
{
	double percent = cpu_use_percent(&o->cpu);

	return percent < 0 ? NAN : percent;
}

static double service_demand(const struct outcome *o, double rate)
{
	double busy_us = (double)cpu_use_busy_ns(&o->cpu) / 1e3;
	double seconds = (double)o->window_ns / 1e9;

	return o->cpu.cores && rate > 0 && seconds > 0 ? busy_us / seconds / rate : NAN;
}

static const char *damage_of(const struct setup *s, const struct trial *t, const struct figures *f)
{
	const struct outcome *l = &t->local, *r = &t->remote;

	if (!s->verify)
		return NULL;
	if (f->corrupt)
		return "datagrams arrived with a wrong digest";
	if (kind_traits((enum kind)s->kind)->udp)
		return NULL;
	if (l->failed || r->failed)
		return "connections failed, so that the two ends cannot be compared";
	if (l->sent_bytes_total != r->received_bytes_total ||
	    r->sent_bytes_total != l->received_bytes_total)
		return "bytes are missing or too many";
	if (l->sent_digest != r->received_digest || r->sent_digest != l->received_digest)
		return "bytes changed on the way";
	return NULL;
}

static void count_datagrams(struct figures *f, const struct setup *s, const struct trial *t)
{
	bool numbered = MIN_OF(s->send_size, s->recv_size) >= PAYLOAD_SEQUENCE;
	uint64_t got = numbered ? t->remote.marked : t->remote.messages;

	f->sent = summary_throughput(KIND_UDP_STREAM, t->local.units, t->local.window_ns);
	f->sent_messages = t->local.messages;
	f->lost_messages = f->sent_messages - MIN_OF(got, f->sent_messages);
}

void figures_of(struct figures *f, const struct setup *s, const struct trial *t)
{
	enum kind kind = (enum kind)s->kind;
	const struct kind_traits *traits = kind_traits(kind);
	const struct outcome *l = &t->local, *r = &t->remote;
	const struct outcome *counting = traits->transactions || traits->reverse ? l : r;

	*f = (struct figures){.sent = NAN};
	f->throughput = summary_throughput(kind, counting->units, counting->window_ns);
	f->retransmits_known = !traits->udp && !traits->connects;
	f->retransmits = l->tcp.retransmits + r->tcp.retransmits;
	f->reordered = r->reordered;
	f->corrupt = l->corrupt + r->corrupt;
	f->resent = l->resent;
	f->failed = l->failed + r->failed;
	if (kind == KIND_UDP_STREAM)
		count_datagrams(f, s, t);
	f->local_cpu = cpu_percent(l);
	f->remote_cpu = cpu_percent(r);
	f->local_sd = service_demand(
		l, demand_rate(kind, kind == KIND_UDP_STREAM ? f->sent : f->throughput));
	f->remote_sd = service_demand(r, demand_rate(kind, f->throughput));
	f->damage = damage_of(s, t, f);
}

static void add(struct figures *sum, const struct figures *f, double share)
{
	sum->throughput += f->throughput * share;
	sum->sent += f->sent * share;
	sum->local_cpu += f->local_cpu * share;
	sum->remote_cpu += f->remote_cpu * share;
	sum->local_sd += f->local_sd * share;
	sum->remote_sd += f->remote_sd * share;
	sum->retransmits_known = f->retransmits_known;
	sum->retransmits += f->retransmits;
	sum->sent_messages += f->sent_messages;
	sum->lost_messages += f->lost_messages;
	sum->reordered += f->reordered;
	sum->corrupt += f->corrupt;
	sum->resent += f->resent;
	sum->failed += f->failed;
	if (f->damage)
		sum->damage = f->damage;
}

void summary_make(struct summary *s, enum kind kind, const struct figures *f, unsigned n,
		  double confidence, double interval)
{
	double throughput[OPTIONS_RUNS_MAX], local[OPTIONS_RUNS_MAX], remote[OPTIONS_RUNS_MAX];

	memset(s, 0, sizeof(*s));
	n = MIN_OF(n, (unsigned)OPTIONS_RUNS_MAX);
	s->kind = kind;
	s->n = n;
	for (unsigned i = 0; i < n; i++) {
		add(&s->mean, &f[i], 1.0 / n);
		throughput[i] = f[i].throughput;
		local[i] = f[i].local_cpu;
		remote[i] = f[i].remote_cpu;
	}
	s->wanted = confidence > 0;
	confidence = s->wanted ? confidence : 0.95;
	stats_summarize(throughput, n, confidence, &s->throughput);
	stats_summarize(local, n, confidence, &s->local_cpu);
	stats_summarize(remote, n, confidence, &s->remote_cpu);
	s->reached = s->wanted && stats_confident(&s->throughput, interval);
}
