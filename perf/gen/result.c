/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/gen/result.h"

#define MPPS	     1e6
#define GBPS	     1e9
#define NEAR_CEILING 0.9

static const double percents[] = {50, 90, 99, 99.9, 99.99};

static double percentile_us(const struct run *r, double percent)
{
	return (double)hist_percentile(r->latency, percent) / 1000;
}

/* In bits, since a frame may arrive as many. */
static bool is_near(const struct run_result *res, const struct run_result *ceiling)
{
	return ceiling->rx_bps > 0 && res->rx_bps > NEAR_CEILING * ceiling->rx_bps;
}

static void print_ceiling(const struct run_result *res, const struct run_result *ceiling, FILE *out)
{
	if (ceiling->rx_bps == 0)
		return;
	fprintf(out, "  ceiling %.2f Mpps %.0f Gb/s%s", ceiling->rx_pps / MPPS,
		ceiling->rx_bps / GBPS,
		is_near(res, ceiling) ? " (reached: the switch may be faster)" : "");
}

static void print_options(const struct run *r, const struct run_result *res, FILE *out)
{
	char size[32], pick[32];

	fprintf(out, "  (%s, macs %ux%u", frame_size_format(&r->o.frame, size, sizeof(size)),
		r->o.n_stations[0], r->o.n_stations[1]);
	if (r->o.n_flows > 1)
		fprintf(out, ", flows %u", r->o.n_flows);
	if (r->o.n_stations[0] > 1 || r->o.n_stations[1] > 1 || r->o.n_flows > 1)
		fprintf(out, " %s", pick_format(&r->o.pick, pick, sizeof(pick)));
	fprintf(out, "%s, ring %u, %.1f s)\n", r->o.touch ? ", touched" : "", r->o.ring_size,
		res->seconds);
}

void result_print(const struct run *r, const struct run_result *res,
		  const struct run_result *ceiling, FILE *out)
{
	fprintf(out, "rx %.3f Mpps  %.2f Gb/s  tx %.3f Mpps  loss %.4f %%", res->rx_pps / MPPS,
		res->rx_bps / GBPS, res->tx_pps / MPPS, res->loss * 100);
	if (r->latency)
		fprintf(out, "  latency p50 %.1f p99 %.1f p99.9 %.1f max %.1f us",
			percentile_us(r, 50), percentile_us(r, 99), percentile_us(r, 99.9),
			percentile_us(r, 100));
	if (r->o.verify_every)
		fprintf(out, "  corrupt %lu  lost %lu  late %lu  unstamped %lu", res->corrupt,
			res->seq_lost, res->seq_late, res->unstamped);
	fprintf(out, "  generator busy %.0f %%", res->busy * 100);
	print_ceiling(res, ceiling, out);
	print_options(r, res, out);
}

static void print_latency_json(const struct run *r, FILE *out)
{
	struct hist_bucket bucket;
	const char *comma = "";
	size_t cursor = 0;

	fprintf(out,
		", \"latency_ns\": {\"samples\": %lu, \"min\": %lu, \"mean\": %.0f, \"max\": %lu",
		hist_count(r->latency), hist_min(r->latency), hist_mean(r->latency),
		hist_max(r->latency));
	for (size_t i = 0; i < ARRAY_SIZE(percents); i++)
		fprintf(out, ", \"p%g\": %lu", percents[i],
			hist_percentile(r->latency, percents[i]));
	fprintf(out, ", \"histogram\": [");
	while (hist_next(r->latency, &cursor, &bucket)) {
		fprintf(out, "%s[%lu, %lu]", comma, bucket.low_ns, bucket.count);
		comma = ", ";
	}
	fprintf(out, "]}");
}

static void print_options_json(const struct run *r, const struct run_result *res, FILE *out)
{
	char size[32], pick[32];

	fprintf(out, "{\"schema_version\": %d, \"size\": \"%s\"", RESULT_SCHEMA_VERSION,
		frame_size_format(&r->o.frame, size, sizeof(size)));
	fprintf(out, ", \"macs\": [%u, %u], \"flows\": %u, \"distribution\": \"%s\"",
		r->o.n_stations[0], r->o.n_stations[1], r->o.n_flows,
		pick_format(&r->o.pick, pick, sizeof(pick)));
	fprintf(out, ", \"touch\": %s, \"rounds\": %s, \"segmented\": %s",
		r->o.touch ? "true" : "false", r->o.rounds ? "true" : "false",
		run_is_segmented(&r->o) ? "true" : "false");
	if (r->o.rate_pps > 0)
		fprintf(out, ", \"rate_pps\": %.0f", r->o.rate_pps);
	fprintf(out, ", \"ports\": %u, \"ring\": %u, \"batch\": %u, \"queue_pairs\": %u",
		r->o.n_ports, r->o.ring_size, r->o.batch, r->o.n_pairs);
	fprintf(out, ", \"huge_pages\": %s, \"seconds\": %.3f", res->huge ? "true" : "false",
		res->seconds);
}

void result_print_json(const struct run *r, const struct run_result *res,
		       const struct run_result *ceiling, FILE *out)
{
	print_options_json(r, res, out);
	fprintf(out, ", \"tx_pps\": %.0f, \"rx_pps\": %.0f, \"gbps\": %.3f, \"loss\": %.9f",
		res->tx_pps, res->rx_pps, res->rx_bps / GBPS, res->loss);
	fprintf(out, ", \"sent\": %lu, \"received\": %lu", res->sent, res->received);
	fprintf(out, ", \"sent_bytes\": %lu, \"received_bytes\": %lu", res->sent_bytes,
		res->received_bytes);
	if (r->o.verify_every)
		fprintf(out,
			", \"corrupt\": %lu, \"seq_lost\": %lu, \"seq_late\": %lu"
			", \"unstamped\": %lu",
			res->corrupt, res->seq_lost, res->seq_late, res->unstamped);
	if (r->latency)
		print_latency_json(r, out);
	fprintf(out, ", \"kicks\": %lu, \"generator_busy\": %.3f", res->kicks, res->busy);
	if (ceiling->rx_bps > 0)
		fprintf(out, ", \"ceiling_pps\": %.0f, \"ceiling_gbps\": %.3f", ceiling->rx_pps,
			ceiling->rx_bps / GBPS);
	fprintf(out, "}\n");
}
