# SPDX-License-Identifier: GPL-2.0-or-later
include uplink/nic.mk

# A program that links uplink_SRCS lists $(uplink_LIBS) in its _LIBS, for tap_SRCS libnl-route-3.0.
tap_SRCS    := uplink/link.c uplink/netns.c uplink/tap_dev.c uplink/tap_port.c
uplink_SRCS := $(tap_SRCS) uplink/host_ports.c uplink/host_rules.c uplink/host_uplink.c uplink/nftables.c \
               uplink/sysctls.c
uplink_LIBS := libnl-route-3.0 libnftables jansson

$(foreach s,$(uplink_SRCS),$(eval $(B)/obj/$(s:.c=.o): CPPFLAGS += $(call pkg_cflags,$(uplink_LIBS))))

UNIT_TESTS += test_tap
test_tap_SRCS = tests/pipeline/test_tap.c tests/lib/hosttap.c tests/lib/packet.c \
                tests/lib/segment.c tests/lib/testport.c $(tap_SRCS) $(dataplane_SRCS) \
                $(bridge_SRCS) $(common_SRCS)
test_tap_LIBS = libdpdk libpcap cmocka libnl-route-3.0
