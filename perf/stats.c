/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

/* Two-sided quantiles for 1 to 30 degrees of freedom; beyond, an expansion round the normal. */
static const double t95[] = {12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060,
			     2.2622,  2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199,
			     2.1098,  2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639,
			     2.0595,  2.0555, 2.0518, 2.0484, 2.0452, 2.0423};
static const double t99[] = {63.6567, 9.9248, 5.8409, 4.6041, 4.0321, 3.7074, 3.4995, 3.3554,
			     3.2498,  3.1693, 3.1058, 3.0545, 3.0123, 2.9768, 2.9467, 2.9208,
			     2.8982,  2.8784, 2.8609, 2.8453, 2.8314, 2.8188, 2.8073, 2.7969,
			     2.7874,  2.7787, 2.7707, 2.7633, 2.7564, 2.7500};

double stats_t(double confidence, unsigned df)
{
	const double *table = confidence < 0.97 ? t95 : t99;
	double z = confidence < 0.97 ? 1.959964 : 2.575829;
	double n = df;

	if (df == 0)
		return INFINITY;
	if (df <= ARRAY_SIZE(t95))
		return table[df - 1];
	return z + (pow(z, 3) + z) / (4 * n) +
	       (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / (96 * n * n);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *sorted, unsigned n, double q)
{
	double at = q * (n - 1);
	unsigned below = (unsigned)at;

	if (below + 1 >= n)
		return sorted[n - 1];
	return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

static void summarize_ranks(const double *v, unsigned n, struct stats_summary *s)
{
	double *sorted = malloc(n * sizeof(*sorted));

	if (!sorted) {
		s->median = s->q1 = s->q3 = NAN;
		return;
	}
	memcpy(sorted, v, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	s->min = sorted[0];
	s->max = sorted[n - 1];
	s->median = quantile(sorted, n, 0.5);
	s->q1 = quantile(sorted, n, 0.25);
	s->q3 = quantile(sorted, n, 0.75);
	free(sorted);
}

void stats_summarize(const double *v, unsigned n, double confidence, struct stats_summary *s)
{
	double squares = 0;

	memset(s, 0, sizeof(*s));
	if (n == 0)
		return;
	s->n = n;
	for (unsigned i = 0; i < n; i++)
		s->mean += v[i] / n;
	summarize_ranks(v, n, s);
	if (n < 2)
		return;
	for (unsigned i = 0; i < n; i++)
		squares += (v[i] - s->mean) * (v[i] - s->mean);
	s->sd = sqrt(squares / (n - 1));
	s->half_width = stats_t(confidence, n - 1) * s->sd / sqrt(n);
}

double stats_width(const struct stats_summary *s)
{
	return s->n < 2 || s->mean == 0 ? INFINITY : 2 * s->half_width / fabs(s->mean);
}

bool stats_confident(const struct stats_summary *s, double interval)
{
	return stats_width(s) <= interval;
}
