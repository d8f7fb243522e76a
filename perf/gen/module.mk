# SPDX-License-Identifier: GPL-2.0-or-later
# gen_frontend_SRCS: a guest with a virtio-net device for tests of vhost-user backends.
gen_frontend_SRCS := perf/gen/frontend.c perf/gen/guestmem.c perf/gen/virtq.c perf/gen/driver.c
gen_frontend_SRCS += perf/gen/virtq_packed.c

PROGRAMS += weft-pktgen
weft-pktgen_SRCS := perf/gen/pktgen.c perf/gen/run.c perf/gen/result.c perf/gen/stream.c \
                    perf/gen/frame.c perf/gen/pick.c perf/gen/check.c perf/gen/ideal.c perf/hist.c $(gen_frontend_SRCS) $(common_SRCS)
weft-pktgen_LDLIBS := -lm -lpthread

UNIT_TESTS += test_frontend
test_frontend_SRCS := tests/unit/test_frontend.c $(gen_frontend_SRCS) $(common_SRCS)
test_frontend_LIBS := cmocka
test_frontend_LDLIBS := -lpthread

UNIT_TESTS += test_gen_driver
test_gen_driver_SRCS := tests/unit/test_gen_driver.c $(gen_frontend_SRCS) $(common_SRCS)
test_gen_driver_LIBS := cmocka

UNIT_TESTS += test_gen_stream
test_gen_stream_SRCS := tests/unit/test_gen_stream.c perf/gen/stream.c perf/gen/frame.c \
                        perf/gen/pick.c perf/gen/check.c perf/hist.c $(gen_frontend_SRCS) \
                        $(common_SRCS)
test_gen_stream_LIBS := cmocka
test_gen_stream_LDLIBS := -lm

UNIT_TESTS += test_gen_pick
test_gen_pick_SRCS := tests/unit/test_gen_pick.c perf/gen/pick.c common/err.c
test_gen_pick_LIBS := cmocka
test_gen_pick_LDLIBS := -lm

UNIT_TESTS += test_gen_check
test_gen_check_SRCS := tests/unit/test_gen_check.c perf/gen/check.c perf/gen/frame.c perf/hist.c \
                       $(common_SRCS)
test_gen_check_LIBS := cmocka
test_gen_check_LDLIBS := -lm

# For perf/bench/fairness.sh; not installed.
PROGRAMS += weft-fairness
weft-fairness_SRCS := perf/gen/fairness.c $(gen_frontend_SRCS) $(common_SRCS)
