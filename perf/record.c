/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/record.h"

#include <inttypes.h>
#include <math.h>

#include "common/version.h"
#include "perf/jsonout.h"

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static double micros(double ns)
{
	return ns / 1e3;
}

static void write_head(struct jsonout *j, const struct client_options *o)
{
	jsonout_integer(j, "schema_version", RECORD_SCHEMA);
	jsonout_text(j, "program", "weft-perf");
	jsonout_text(j, "version", version_text);
	jsonout_text(j, "test", kind_traits(o->kind)->name);
	jsonout_text(j, "host", o->host);
}

static void write_options(struct jsonout *j, const struct client_options *o)
{
	const struct setup *s = &o->setup;

	jsonout_object(j, "options");
	jsonout_integer(j, "port", o->port);
	jsonout_number(j, "duration_s", seconds(s->window_ns));
	jsonout_number(j, "warmup_s", seconds(s->warmup_ns));
	jsonout_number(j, "interval_s", seconds(s->interval_ns));
	if (kind_traits(o->kind)->transactions) {
		jsonout_integer(j, "request_bytes", s->request_size);
		jsonout_integer(j, "response_bytes", s->response_size);
	} else {
		jsonout_integer(j, "send_bytes", s->send_size);
		jsonout_integer(j, "recv_bytes", s->recv_size);
	}
	jsonout_integer(j, "local_sndbuf", s->client_sndbuf);
	jsonout_integer(j, "local_rcvbuf", s->client_rcvbuf);
	jsonout_integer(j, "remote_sndbuf", s->server_sndbuf);
	jsonout_integer(j, "remote_rcvbuf", s->server_rcvbuf);
	jsonout_integer(j, "local_data_port", s->client_port);
	jsonout_integer(j, "remote_data_port", s->server_port);
	jsonout_bool(j, "nodelay", s->nodelay);
	jsonout_bool(j, "verify", s->verify);
	jsonout_text(j, "fill", s->random_fill ? "random" : "pattern");
	jsonout_end(j);
}

static void write_window(struct jsonout *j, const struct client_options *o, const struct trial *t)
{
	jsonout_object(j, "window");
	jsonout_number(j, "warmup_s", seconds(o->setup.warmup_ns));
	jsonout_number(j, "requested_s", seconds(o->setup.window_ns));
	jsonout_number(j, "local_s", seconds(t->local.window_ns));
	jsonout_number(j, "remote_s", seconds(t->remote.window_ns));
	jsonout_number(j, "local_start_unix_s", seconds(t->local.started_ns));
	jsonout_number(j, "remote_start_unix_s", seconds(t->remote.started_ns));
	jsonout_number(j, "start_skew_max_us", micros((double)t->start_rtt_ns));
	jsonout_end(j);
}

static void write_intervals(struct jsonout *j, const struct summary *s, const struct trial *t)
{
	const struct kind_traits *traits = kind_traits(s->kind);
	bool local = traits->transactions || traits->reverse;

	jsonout_array(j, "intervals");
	for (unsigned run = 0; run < s->n; run++) {
		const struct outcome *o = local ? &t[run].local : &t[run].remote;
		uint64_t end_ns = 0;

		for (unsigned i = 0; i < o->n_samples; i++) {
			const struct outcome_sample *sample = &o->samples[i];

			end_ns += sample->length_ns;
			jsonout_object(j, NULL);
			jsonout_integer(j, "run", run);
			jsonout_number(j, "end_s", seconds(end_ns));
			jsonout_number(j, "length_s", seconds(sample->length_ns));
			jsonout_number(
				j, "throughput",
				summary_throughput(s->kind, sample->units, sample->length_ns));
			jsonout_end(j);
		}
	}
	jsonout_end(j);
}

static void write_latency(struct jsonout *j, const struct hist *h)
{
	static const struct {
		const char *key;
		double percent;
	} percentiles[] = {
		{"p50_us", 50},	    {"p90_us", 90},	  {"p99_us", 99},
		{"p99_9_us", 99.9}, {"p99_99_us", 99.99},
	};
	struct hist_bucket b;
	size_t cursor = 0;

	jsonout_object(j, "latency");
	jsonout_text(j, "loop", "closed");
	jsonout_integer(j, "count", hist_count(h));
	jsonout_number(j, "mean_us", micros(hist_mean(h)));
	jsonout_number(j, "sd_us", micros(hist_sd(h)));
	jsonout_number(j, "min_us", micros((double)hist_min(h)));
	for (size_t i = 0; i < ARRAY_SIZE(percentiles); i++)
		jsonout_number(j, percentiles[i].key,
			       micros((double)hist_percentile(h, percentiles[i].percent)));
	jsonout_number(j, "max_us", micros((double)hist_max(h)));
	jsonout_array(j, "histogram_ns");
	while (hist_next(h, &cursor, &b)) {
		jsonout_array(j, NULL);
		jsonout_integer(j, NULL, b.low_ns);
		jsonout_integer(j, NULL, b.count);
		jsonout_end(j);
	}
	jsonout_end(j);
	jsonout_end(j);
}

static double share(uint64_t part_ns, const struct cpu_use *u)
{
	uint64_t all = cpu_use_busy_ns(u) + u->idle_ns + u->steal_ns;

	return all ? 100.0 * (double)part_ns / (double)all : NAN;
}

static void write_cpu(struct jsonout *j, const struct cpu_use *u)
{
	jsonout_object(j, "process");
	jsonout_number(j, "user_s", seconds(u->process_user_ns));
	jsonout_number(j, "system_s", seconds(u->process_system_ns));
	jsonout_integer(j, "voluntary_switches", u->voluntary_switches);
	jsonout_integer(j, "involuntary_switches", u->involuntary_switches);
	jsonout_end(j);
	if (!u->cores) {
		jsonout_null(j, "cpu");
		return;
	}
	jsonout_object(j, "cpu");
	jsonout_integer(j, "cores", u->cores);
	jsonout_number(j, "busy_percent", cpu_use_percent(u));
	jsonout_number(j, "user_percent", share(u->user_ns, u));
	jsonout_number(j, "system_percent", share(u->system_ns, u));
	jsonout_number(j, "irq_percent", share(u->irq_ns, u));
	jsonout_number(j, "softirq_percent", share(u->softirq_ns, u));
	jsonout_number(j, "steal_percent", share(u->steal_ns, u));
	jsonout_number(j, "idle_percent", share(u->idle_ns, u));
	jsonout_number(j, "busiest_core_percent", (double)u->peak_permille / 10);
	jsonout_integer(j, "busiest_core", u->peak_core);
	jsonout_end(j);
}

static void write_tcp(struct jsonout *j, const struct tcpinfo *t)
{
	if (!t->valid) {
		jsonout_null(j, "tcp");
		return;
	}
	jsonout_object(j, "tcp");
	jsonout_integer(j, "retransmits", t->retransmits);
	jsonout_integer(j, "rtt_us", t->rtt_us);
	jsonout_integer(j, "rttvar_us", t->rttvar_us);
	jsonout_integer(j, "cwnd", t->cwnd);
	jsonout_integer(j, "mss", t->mss);
	jsonout_text(j, "congestion", t->congestion);
	jsonout_end(j);
}

static void write_end(struct jsonout *j, const char *key, const struct outcome *o)
{
	jsonout_object(j, key);
	write_cpu(j, &o->cpu);
	write_tcp(j, &o->tcp);
	jsonout_integer(j, "sndbuf_bytes", o->sndbuf);
	jsonout_integer(j, "rcvbuf_bytes", o->rcvbuf);
	jsonout_integer(j, "units", o->units);
	jsonout_integer(j, "messages", o->messages);
	jsonout_end(j);
}

static void write_loss(struct jsonout *j, const struct summary *s)
{
	const struct figures *m = &s->mean;

	if (s->kind != KIND_UDP_STREAM) {
		jsonout_null(j, "loss");
		return;
	}
	jsonout_object(j, "loss");
	jsonout_integer(j, "sent", m->sent_messages);
	jsonout_integer(j, "lost", m->lost_messages);
	jsonout_number(j, "percent",
		       m->sent_messages
			       ? 100.0 * (double)m->lost_messages / (double)m->sent_messages
			       : NAN);
	jsonout_integer(j, "reordered", m->reordered);
	jsonout_end(j);
}

static void write_verify(struct jsonout *j, const struct client_options *o, const struct summary *s,
			 const struct trial *t)
{
	uint64_t sent = 0, received = 0;

	if (!o->setup.verify) {
		jsonout_null(j, "verify");
		return;
	}
	for (unsigned i = 0; i < s->n; i++) {
		sent += t[i].local.sent_bytes_total;
		received += t[i].local.received_bytes_total;
	}
	jsonout_object(j, "verify");
	jsonout_bool(j, "intact", !s->mean.damage);
	jsonout_text(j, "damage", s->mean.damage);
	jsonout_integer(j, "bytes_sent", sent);
	jsonout_integer(j, "bytes_received", received);
	jsonout_integer(j, "corrupt_datagrams", s->mean.corrupt);
	jsonout_end(j);
}

static void write_confidence(struct jsonout *j, const struct client_options *o,
			     const struct summary *s)
{
	const struct stats_summary *t = &s->throughput;

	if (!s->wanted) {
		jsonout_null(j, "confidence");
		return;
	}
	jsonout_object(j, "confidence");
	jsonout_number(j, "level_percent", o->confidence * 100);
	jsonout_number(j, "wanted_width_percent", o->interval * 100);
	jsonout_bool(j, "reached", s->reached);
	jsonout_number(j, "width_percent", stats_width(t) * 100);
	jsonout_number(j, "local_cpu_width_percent", stats_width(&s->local_cpu) * 100);
	jsonout_number(j, "remote_cpu_width_percent", stats_width(&s->remote_cpu) * 100);
	jsonout_number(j, "half_width", t->half_width);
	jsonout_number(j, "sd", t->sd);
	jsonout_number(j, "min", t->min);
	jsonout_number(j, "q1", t->q1);
	jsonout_number(j, "median", t->median);
	jsonout_number(j, "q3", t->q3);
	jsonout_number(j, "max", t->max);
	jsonout_end(j);
}

static void write_retransmits(struct jsonout *j, const struct figures *f)
{
	if (f->retransmits_known)
		jsonout_integer(j, "retransmits", f->retransmits);
	else
		jsonout_null(j, "retransmits");
}

static void write_runs(struct jsonout *j, const struct figures *f, unsigned n)
{
	jsonout_array(j, "runs");
	for (unsigned i = 0; i < n; i++) {
		jsonout_object(j, NULL);
		jsonout_number(j, "throughput", f[i].throughput);
		jsonout_number(j, "throughput_sent", f[i].sent);
		jsonout_number(j, "local_cpu_percent", f[i].local_cpu);
		jsonout_number(j, "remote_cpu_percent", f[i].remote_cpu);
		jsonout_number(j, "sd_local", f[i].local_sd);
		jsonout_number(j, "sd_remote", f[i].remote_sd);
		write_retransmits(j, &f[i]);
		jsonout_end(j);
	}
	jsonout_end(j);
}

static void write_errors(struct jsonout *j, const struct figures *m)
{
	char text[64];

	jsonout_array(j, "errors");
	if (m->failed) {
		snprintf(text, sizeof(text), "%" PRIu64 " connections or sends failed", m->failed);
		jsonout_text(j, NULL, text);
	}
	if (m->damage)
		jsonout_text(j, NULL, m->damage);
	jsonout_end(j);
}

void record_write(FILE *file, const struct client_options *o, const struct summary *s,
		  const struct trial *t, const struct figures *f, const struct hist *latency)
{
	const struct trial *last = &t[s->n - 1];
	struct jsonout j;

	jsonout_init(&j, file);
	jsonout_object(&j, NULL);
	write_head(&j, o);
	write_options(&j, o);
	write_window(&j, o, last);
	jsonout_number(&j, "throughput", s->mean.throughput);
	jsonout_number(&j, "throughput_sent", s->mean.sent);
	jsonout_text(&j, "units", summary_unit(s->kind));
	write_intervals(&j, s, t);
	if (kind_traits(s->kind)->transactions)
		write_latency(&j, latency);
	else
		jsonout_null(&j, "latency");
	write_end(&j, "local", &last->local);
	write_end(&j, "remote", &last->remote);
	jsonout_number(&j, "sd_local", s->mean.local_sd);
	jsonout_number(&j, "sd_remote", s->mean.remote_sd);
	jsonout_text(&j, "sd_units", summary_demand_unit(s->kind));
	write_retransmits(&j, &s->mean);
	write_loss(&j, s);
	jsonout_integer(&j, "resent", s->mean.resent);
	jsonout_integer(&j, "failed", s->mean.failed);
	write_verify(&j, o, s, t);
	write_confidence(&j, o, s);
	write_runs(&j, f, s->n);
	write_errors(&j, &s->mean);
	jsonout_end(&j);
}

void record_write_failure(FILE *file, const struct client_options *o, const char *error)
{
	struct jsonout j;

	jsonout_init(&j, file);
	jsonout_object(&j, NULL);
	write_head(&j, o);
	write_options(&j, o);
	jsonout_null(&j, "throughput");
	jsonout_text(&j, "units", summary_unit(o->kind));
	jsonout_array(&j, "errors");
	jsonout_text(&j, NULL, error);
	jsonout_end(&j);
	jsonout_end(&j);
}
