# SPDX-License-Identifier: GPL-2.0-or-later
-include daemon/control.mk daemon/guests.mk

daemon_SRCS := daemon/apply.c daemon/cmd.c daemon/cmd_config.c daemon/cmd_daemon.c \
               daemon/cmd_fdb.c daemon/cmd_guest.c daemon/cmd_stats.c daemon/cmd_switch.c \
               daemon/governor.c daemon/main.c daemon/member.c daemon/options.c daemon/running.c daemon/vswitch.c

PROGRAMS += weftd
weftd_SRCS   = $(sort $(common_SRCS) $(config_SRCS) $(dataplane_SRCS) $(bridge_SRCS) \
               $(vhost_SRCS) $(daemon_SRCS) $(control_SRCS) $(guests_SRCS))
weftd_LIBS  := libdpdk jansson yaml-0.1 libsystemd

UNIT_TESTS += test_options test_governor
test_governor_SRCS := tests/unit/test_governor.c daemon/governor.c
test_governor_LIBS := cmocka
test_options_SRCS := tests/unit/test_options.c daemon/options.c
test_options_LIBS := cmocka
