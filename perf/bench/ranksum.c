/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/bench/ranksum.h"

#include <stdlib.h>
#include <string.h>

#define N_MAX	(2 * RANKSUM_VALUES_MAX)
#define SUM_MAX (N_MAX * (N_MAX + 1)) /* of doubled ranks */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Twice the mean rank of `v` among the sorted values, so that tied ranks are whole. */
static unsigned doubled_rank(const double *sorted, unsigned n, double v)
{
	unsigned below = 0, same = 0;

	for (unsigned i = 0; i < n; i++) {
		below += sorted[i] < v;
		same += sorted[i] == v;
	}
	return 2 * below + same + 1;
}

/* ways[k][s]: choices of k of the ranks whose sum is s. */
static void count_ways(double (*ways)[SUM_MAX + 1], const unsigned *ranks, unsigned n, unsigned na)
{
	unsigned total = 0;

	ways[0][0] = 1;
	for (unsigned i = 0; i < n; i++) {
		total += ranks[i];
		for (unsigned k = na < i + 1 ? na : i + 1; k > 0; k--)
			for (unsigned s = total; s >= ranks[i]; s--)
				ways[k][s] += ways[k - 1][s - ranks[i]];
	}
}

static double tail(const double *ways, unsigned mean, unsigned distance)
{
	double all = 0, far = 0;

	for (unsigned s = 0; s <= SUM_MAX; s++) {
		all += ways[s];
		if ((s > mean ? s - mean : mean - s) >= distance)
			far += ways[s];
	}
	return far / all;
}

double ranksum_p(const double *a, unsigned na, const double *b, unsigned nb)
{
	double(*ways)[SUM_MAX + 1] = calloc(RANKSUM_VALUES_MAX + 1, sizeof(*ways));
	unsigned n = na + nb, ranks[N_MAX], sum = 0, mean = na * (n + 1);
	double sorted[N_MAX], p = 1;

	if (!ways || !na || !nb)
		goto out;
	memcpy(sorted, a, na * sizeof(*a));
	memcpy(sorted + na, b, nb * sizeof(*b));
	qsort(sorted, n, sizeof(*sorted), by_value);
	for (unsigned i = 0; i < n; i++)
		ranks[i] = doubled_rank(sorted, n, sorted[i]);
	for (unsigned i = 0; i < na; i++)
		sum += doubled_rank(sorted, n, a[i]);
	count_ways(ways, ranks, n, na);
	p = tail(ways[na], mean, sum > mean ? sum - mean : mean - sum);
out:
	free(ways);
	return p;
}
