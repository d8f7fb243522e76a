# SPDX-License-Identifier: GPL-2.0-or-later
cli_render_SRCS := cli/render.c cli/render_dhcp.c cli/render_nat.c cli/render_port.c cli/render_show.c \
                   cli/render_stats.c cli/render_trace.c cli/render_ring.c cli/table.c
cli_help_SRCS   := cli/complete.c cli/help.c cli/help_man.c
cli_common_SRCS := common/command.c common/jsonx.c common/rpc.c $(common_SRCS)

PROGRAMS += weft
weft_SRCS := cli/args.c cli/bundle.c cli/capture.c cli/console.c cli/exec.c cli/local.c cli/main.c cli/params.c cli/tar.c \
             cli/top.c \
             $(cli_help_SRCS) $(cli_render_SRCS) $(cli_common_SRCS)
weft_LIBS := jansson libpcap

UNIT_TESTS += test_command
test_command_SRCS := tests/unit/test_command.c $(cli_help_SRCS) $(cli_common_SRCS)
test_command_LIBS := cmocka jansson

UNIT_TESTS += test_render
test_render_SRCS := tests/unit/test_render.c $(cli_render_SRCS) $(cli_common_SRCS)
test_render_LIBS := cmocka jansson

UNIT_TESTS += test_cli
test_cli_SRCS := tests/unit/test_cli.c daemon/call.c daemon/client.c daemon/control.c \
                 daemon/listener.c $(cli_common_SRCS)
test_cli_LIBS := cmocka jansson
$(B)/test/test_cli: $(B)/bin/weft

UNIT_TESTS += test_top
test_top_SRCS := tests/unit/test_top.c cli/top.c $(cli_render_SRCS) $(cli_common_SRCS)
test_top_LIBS := cmocka jansson
