/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_RANKSUM_H
#define BENCH_RANKSUM_H

/*
 * The rank sum test of Wilcoxon, Mann and Whitney: how likely two samples differ at least as much
 * as these when both come from the same distribution. It asks for no normal distribution, and one
 * round that a neighbour spoilt counts as one rank, however bad it was; that is why it is used for
 * rounds on shared machines. Five values a side, all of one below all of the other, give 2/252.
 *
 * The distribution of the rank sum is counted exactly, ties included, so no sample is too small.
 */

#define RANKSUM_VALUES_MAX 64

/* The two-sided probability, 1 where a side has no value. At most RANKSUM_VALUES_MAX a side. */
double ranksum_p(const double *a, unsigned na, const double *b, unsigned nb);

#endif
