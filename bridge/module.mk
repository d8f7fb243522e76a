# SPDX-License-Identifier: GPL-2.0-or-later
bridge_SRCS := bridge/bridge.c bridge/bridge_filter.c bridge/bridge_input.c bridge/bridge_output.c \
               bridge/bridge_port.c bridge/bridge_routed.c bridge/fdb.c bridge/storm.c
bridge_SRCS += bridge/guard.c bridge/headers.c bridge/snoop.c bridge/snoop_input.c

UNIT_TESTS += test_fdb
test_fdb_SRCS := tests/unit/test_fdb.c bridge/fdb.c
test_fdb_LIBS := cmocka

FUZZERS += fuzz_guard
fuzz_guard_SRCS = tests/fuzz/fuzz_guard.c $(dataplane_SRCS) $(bridge_SRCS) $(common_SRCS)
fuzz_guard_LIBS := libdpdk libpcap
