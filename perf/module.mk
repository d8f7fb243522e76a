# SPDX-License-Identifier: GPL-2.0-or-later
# weft-perf: static, so that the same file runs in the host and in any guest.
perf_stats_SRCS := perf/stats.c
perf_hist_SRCS := perf/hist.c
perf_SRCS := perf/address.c perf/client.c perf/control.c perf/cpu.c perf/crr.c perf/data.c \
             perf/digest.c perf/field.c perf/jsonout.c perf/kind.c perf/message.c perf/options.c \
             perf/outcome.c perf/payload.c perf/record.c perf/report.c perf/rr.c perf/run.c \
             perf/server.c perf/session.c perf/setup.c perf/stream.c perf/summary.c \
             perf/tcpinfo.c perf/transfer.c perf/trial.c perf/udp.c perf/wake.c \
             $(perf_stats_SRCS) $(perf_hist_SRCS) common/err.c common/units.c \
             common/version.c

PROGRAMS += weft-perf
weft-perf_SRCS := perf/main.c $(perf_SRCS)
weft-perf_LDFLAGS := $(if $(filter release,$(VARIANT)),-static)
weft-perf_LDLIBS := -lm

UNIT_TESTS += test_perf_hist test_perf_stats test_perf_options test_perf_message test_perf_parts \
              test_perf_trial
test_perf_hist_SRCS := tests/unit/test_perf_hist.c $(perf_hist_SRCS)
test_perf_hist_LIBS := cmocka
test_perf_hist_LDLIBS := -lm
test_perf_stats_SRCS := tests/unit/test_perf_stats.c $(perf_stats_SRCS)
test_perf_stats_LIBS := cmocka
test_perf_stats_LDLIBS := -lm
test_perf_options_SRCS := tests/unit/test_perf_options.c $(perf_SRCS)
test_perf_options_LIBS := cmocka
test_perf_options_LDLIBS := -lm
test_perf_message_SRCS := tests/unit/test_perf_message.c $(perf_SRCS)
test_perf_message_LIBS := cmocka
test_perf_message_LDLIBS := -lm
test_perf_parts_SRCS := tests/unit/test_perf_parts.c $(perf_SRCS)
test_perf_parts_LIBS := cmocka
test_perf_parts_LDLIBS := -lm
test_perf_trial_SRCS := tests/unit/test_perf_trial.c $(perf_SRCS)
test_perf_trial_LIBS := cmocka jansson
test_perf_trial_LDLIBS := -lm

FUZZERS += fuzz_perf
fuzz_perf_SRCS := tests/fuzz/fuzz_perf.c perf/field.c perf/kind.c perf/message.c perf/outcome.c \
                  perf/setup.c common/err.c
