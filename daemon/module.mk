# SPDX-License-Identifier: GPL-2.0-or-later
-include daemon/control.mk daemon/guests.mk

daemon_SRCS := daemon/apply.c daemon/cmd.c daemon/cmd_capture.c daemon/cmd_config.c \
               daemon/cmd_daemon.c daemon/cmd_fdb.c daemon/cmd_guest.c daemon/cmd_stats.c \
               daemon/cmd_switch.c daemon/cmd_trace.c daemon/doctor.c daemon/doctor_host.c \
               daemon/packet_text.c daemon/governor.c daemon/http.c daemon/http_request.c daemon/main.c \
               daemon/member.c daemon/metrics.c daemon/metrics_nat.c daemon/options.c daemon/policy.c \
               daemon/dhcp.c daemon/dhcp_files.c daemon/dhcp_process.c daemon/dhcp_server.c \
               daemon/dhcp_show.c daemon/cmd_dhcp.c daemon/port_nic.c daemon/port_tap.c daemon/port_vhost.c \
               daemon/running.c daemon/vswitch.c

# The router and the ways out.
daemon_SRCS += daemon/cmd_nat.c daemon/cmd_route.c daemon/gateway_rules.c daemon/gateways.c \
               daemon/port_gateway.c daemon/trace_route.c daemon/uplink.c daemon/uplink_host.c \
               daemon/uplink_nic.c daemon/uplink_vhost.c

PROGRAMS += weftd
weftd_SRCS   = $(sort $(common_SRCS) $(config_SRCS) $(dataplane_SRCS) $(bridge_SRCS) \
               $(vhost_SRCS) $(uplink_SRCS) $(nic_SRCS) $(dhcp_SRCS) $(daemon_SRCS) $(control_SRCS) $(guests_SRCS))
weftd_LIBS   = libdpdk libpcap jansson yaml-0.1 libsystemd $(uplink_LIBS) $(nic_LIBS)

UNIT_TESTS += test_options test_governor
test_governor_SRCS := tests/unit/test_governor.c daemon/governor.c
test_governor_LIBS := cmocka
test_options_SRCS := tests/unit/test_options.c daemon/options.c
test_options_LIBS := cmocka

UNIT_TESTS += test_packet_text test_http
test_packet_text_SRCS := tests/unit/test_packet_text.c daemon/packet_text.c dataplane/drop.c \
                         dataplane/frame.c tests/lib/packet.c $(common_SRCS)
test_packet_text_LIBS := cmocka
test_http_SRCS := tests/unit/test_http.c daemon/http.c daemon/http_request.c daemon/listener.c \
                  $(common_SRCS)
test_http_LIBS := cmocka

FUZZERS += fuzz_observe
fuzz_observe_SRCS := tests/fuzz/fuzz_observe.c daemon/http_request.c daemon/packet_text.c \
                     $(common_SRCS)
