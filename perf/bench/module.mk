# SPDX-License-Identifier: GPL-2.0-or-later
# What benchmarks need and nobody installs.
PROGRAMS += weft-fairness
weft-fairness_SRCS := perf/bench/fairness.c $(gen_frontend_SRCS) $(common_SRCS)
