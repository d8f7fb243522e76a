# SPDX-License-Identifier: GPL-2.0-or-later
# weft-bench: what the benchmark's scripts cannot do themselves. It stays in the tree.
bench_SRCS := perf/bench/compare.c perf/bench/copyrate.c perf/bench/ranksum.c perf/bench/report.c \
              perf/bench/series.c perf/stats.c common/jsonx.c common/err.c

PROGRAMS += weft-bench
weft-bench_SRCS   := perf/bench/main.c $(bench_SRCS)
weft-bench_LIBS   := jansson
weft-bench_LDLIBS := -lm

UNIT_TESTS += test_bench_compare
test_bench_compare_SRCS   := tests/unit/test_bench_compare.c $(bench_SRCS)
test_bench_compare_LIBS   := cmocka jansson
test_bench_compare_LDLIBS := -lm
