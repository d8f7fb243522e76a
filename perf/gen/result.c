/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/gen/result.h"

#define MPPS	     1e6
#define NEAR_CEILING 0.9

static double percentile_us(const struct run *r, double percent)
{
	return (double)hist_percentile(r->latency, percent) / 1000;
}

void result_print(const struct run *r, const struct run_result *res, double ceiling_pps, FILE *out)
{
	char size[32];

	fprintf(out, "rx %.3f Mpps  %.2f Gb/s  tx %.3f Mpps  loss %.4f %%", res->rx_pps / MPPS,
		res->rx_bps / 1e9, res->tx_pps / MPPS, res->loss * 100);
	if (r->latency)
		fprintf(out, "  latency p50 %.1f p99 %.1f p99.9 %.1f us", percentile_us(r, 50),
			percentile_us(r, 99), percentile_us(r, 99.9));
	if (r->o.verify_every)
		fprintf(out, "  corrupt %lu  lost %lu  late %lu  unstamped %lu", res->corrupt,
			res->seq_lost, res->seq_late, res->unstamped);
	fprintf(out, "  generator busy %.0f %%", res->busy * 100);
	if (ceiling_pps > 0)
		fprintf(out, "  ceiling %.1f Mpps%s", ceiling_pps / MPPS,
			res->rx_pps > NEAR_CEILING * ceiling_pps
				? " (reached: the switch may be faster)"
				: "");
	fprintf(out, "  (%s, macs %ux%u%s, ring %u, %.1f s)\n",
		frame_size_format(&r->o.frame, size, sizeof(size)), r->o.n_stations[0],
		r->o.n_stations[1], r->o.touch ? ", touched" : "", r->o.ring_size, res->seconds);
}

static void print_latency_json(const struct run *r, FILE *out)
{
	static const double percents[] = {50, 90, 99, 99.9};

	fprintf(out,
		", \"latency_ns\": {\"samples\": %lu, \"min\": %lu, \"mean\": %.0f, \"max\": %lu",
		hist_count(r->latency), hist_min(r->latency), hist_mean(r->latency),
		hist_max(r->latency));
	for (size_t i = 0; i < ARRAY_SIZE(percents); i++)
		fprintf(out, ", \"p%g\": %lu", percents[i],
			hist_percentile(r->latency, percents[i]));
	fputc('}', out);
}

void result_print_json(const struct run *r, const struct run_result *res, double ceiling_pps,
		       FILE *out)
{
	char size[32];

	fprintf(out, "{\"size\": \"%s\", \"macs\": [%u, %u], \"touch\": %s, \"ring\": %u",
		frame_size_format(&r->o.frame, size, sizeof(size)), r->o.n_stations[0],
		r->o.n_stations[1], r->o.touch ? "true" : "false", r->o.ring_size);
	if (r->o.rate_pps > 0)
		fprintf(out, ", \"rate_pps\": %.0f", r->o.rate_pps);
	fprintf(out, ", \"batch\": %u, \"queue_pairs\": %u, \"huge_pages\": %s, \"seconds\": %.3f",
		r->o.batch, r->o.n_pairs, res->huge ? "true" : "false", res->seconds);
	fprintf(out, ", \"tx_pps\": %.0f, \"rx_pps\": %.0f, \"gbps\": %.3f, \"loss\": %.9f",
		res->tx_pps, res->rx_pps, res->rx_bps / 1e9, res->loss);
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
	if (ceiling_pps > 0)
		fprintf(out, ", \"ceiling_pps\": %.0f", ceiling_pps);
	fprintf(out, "}\n");
}
