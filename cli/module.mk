PROGRAMS += weft
weft_SRCS := cli/args.c cli/complete.c cli/console.c cli/exec.c cli/help.c cli/help_man.c cli/local.c \
             cli/main.c cli/params.c cli/render.c cli/render_port.c cli/render_show.c \
             cli/render_stats.c cli/table.c common/command.c common/jsonx.c common/rpc.c $(common_SRCS)
weft_LIBS := jansson

UNIT_TESTS += test_command test_cli
test_command_SRCS := tests/unit/test_command.c cli/complete.c cli/help.c cli/help_man.c \
                     common/command.c common/jsonx.c common/rpc.c $(common_SRCS)
test_command_LIBS := cmocka jansson

test_cli_SRCS := tests/unit/test_cli.c daemon/call.c daemon/client.c daemon/control.c \
                 daemon/listener.c common/command.c common/jsonx.c $(common_SRCS)
test_cli_LIBS := cmocka jansson
$(B)/test/test_cli: $(B)/bin/weft
