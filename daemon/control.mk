# SPDX-License-Identifier: GPL-2.0-or-later
# The control socket; included by the folder's module.mk.
control_SRCS := daemon/call.c daemon/client.c daemon/control.c daemon/listener.c \
                common/command.c common/jsonx.c
controlworld_SRCS := tests/lib/controlworld.c tests/lib/rawclient.c $(control_SRCS) $(common_SRCS)

UNIT_TESTS += test_control
test_control_SRCS := tests/unit/test_control.c $(controlworld_SRCS)
test_control_LIBS := cmocka jansson

UNIT_TESTS += test_call
test_call_SRCS := tests/unit/test_call.c $(controlworld_SRCS)
test_call_LIBS := cmocka jansson

UNIT_TESTS += test_rpc
test_rpc_SRCS := tests/unit/test_rpc.c common/rpc.c $(controlworld_SRCS)
test_rpc_LIBS := cmocka jansson

UNIT_TESTS += test_listener
test_listener_SRCS := tests/unit/test_listener.c daemon/listener.c $(common_SRCS)
test_listener_LIBS := cmocka

FUZZERS += fuzz_control
fuzz_control_SRCS := tests/fuzz/fuzz_control.c $(control_SRCS) $(common_SRCS)
fuzz_control_LIBS := jansson
