/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/report.h"

#include <inttypes.h>
#include <math.h>

static const char *format(char text[16], double v, int decimals)
{
	if (isfinite(v))
		snprintf(text, 16, "%.*f", decimals, v);
	else
		snprintf(text, 16, "?");
	return text;
}

void report_header(FILE *f)
{
	fprintf(f, "%-11s %12s %-14s %11s %15s %-14s %s\n", "test", "throughput", "", "cpu% l/r",
		"demand l/r", "", "detail");
}

static void print_latency(FILE *f, const struct hist *h)
{
	static const double percents[] = {50, 90, 99, 99.9, 99.99};

	fprintf(f, "us: mean %.1f", hist_mean(h) / 1e3);
	for (size_t i = 0; i < ARRAY_SIZE(percents); i++)
		fprintf(f, " p%g %.1f", percents[i], (double)hist_percentile(h, percents[i]) / 1e3);
	fprintf(f, " max %.1f (closed loop)", (double)hist_max(h) / 1e3);
}

static void print_datagrams(FILE *f, const struct figures *m)
{
	double lost =
		m->sent_messages ? 100.0 * (double)m->lost_messages / (double)m->sent_messages : 0;

	fprintf(f, "sent %.2f, received %.2f, lost %.2f %%", m->sent, m->throughput, lost);
	if (m->reordered)
		fprintf(f, ", reordered %" PRIu64, m->reordered);
}

static void print_connection(FILE *f, const struct summary *s, const struct trial *t)
{
	bool reverse = kind_traits(s->kind)->reverse;
	const struct tcpinfo *tcp = reverse ? &t->remote.tcp : &t->local.tcp;

	fprintf(f, "retransmits %" PRIu64, s->mean.retransmits);
	if (tcp->valid)
		fprintf(f, " rtt %" PRIu64 "us cwnd %" PRIu64 " mss %" PRIu64 " %s", tcp->rtt_us,
			tcp->cwnd, tcp->mss, tcp->congestion);
}

static void print_trouble(FILE *f, const struct figures *m)
{
	if (m->resent)
		fprintf(f, ", resent %" PRIu64, m->resent);
	if (m->failed)
		fprintf(f, ", failed %" PRIu64, m->failed);
	if (m->damage)
		fprintf(f, ", NOT INTACT: %s", m->damage);
}

void report_line(FILE *f, const struct summary *s, const struct trial *last,
		 const struct hist *latency)
{
	const struct figures *m = &s->mean;
	char a[16], b[16], cpu[40], demand[40];

	snprintf(cpu, sizeof(cpu), "%s/%s", format(a, m->local_cpu, 1),
		 format(b, m->remote_cpu, 1));
	snprintf(demand, sizeof(demand), "%s/%s", format(a, m->local_sd, 3),
		 format(b, m->remote_sd, 3));
	fprintf(f, "%-11s %12.2f %-14s %11s %15s %-14s ", kind_traits(s->kind)->name, m->throughput,
		summary_unit(s->kind), cpu, demand, summary_demand_unit(s->kind));
	if (kind_traits(s->kind)->transactions)
		print_latency(f, latency);
	else if (s->kind == KIND_UDP_STREAM)
		print_datagrams(f, m);
	else
		print_connection(f, s, last);
	print_trouble(f, m);
	if (s->n > 1)
		fprintf(f, ", mean of %u, +-%.2f", s->n, s->throughput.half_width);
	fputc('\n', f);
}

void report_confidence(FILE *f, const struct summary *s, const struct client_options *o)
{
	if (!s->wanted || s->reached)
		return;
	fprintf(f,
		"!!! WARNING: the desired confidence was not reached: %.0f %% sure of +-%.2f %% "
		"was "
		"asked for.\n"
		"!!! After %u runs: throughput +-%.2f %%, local CPU +-%.2f %%, remote CPU "
		"+-%.2f %%.\n"
		"!!! The result is not as sure as it was meant to be: measure longer (-l), more "
		"often (-i), or on a quieter machine.\n",
		o->confidence * 100, o->interval * 50, s->n, stats_width(&s->throughput) * 50,
		stats_width(&s->local_cpu) * 50, stats_width(&s->remote_cpu) * 50);
}

void report_progress(const struct run *r, const struct outcome_sample *s)
{
	enum kind kind = (enum kind)r->setup->kind;
	bool sends = !r->traits->transactions && kind_client_sends(kind);

	fprintf(stderr, "%8.2f s %12.2f %s%s\n", (double)(r->sample_ns - r->window_ns) / 1e9,
		summary_throughput(kind, s->units, s->length_ns), summary_unit(kind),
		sends ? " (sent)" : "");
}
