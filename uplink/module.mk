# SPDX-License-Identifier: GPL-2.0-or-later
include uplink/nic.mk

# A program that links uplink_SRCS lists $(uplink_LIBS) in its _LIBS, for tap_SRCS libnl-route-3.0.
tap_SRCS    := uplink/link.c uplink/netns.c uplink/tap_dev.c uplink/tap_port.c
uplink_SRCS := $(tap_SRCS) uplink/host_ports.c uplink/host_rules.c uplink/host_uplink.c uplink/nftables.c \
               uplink/sysctls.c
uplink_LIBS := libnl-route-3.0 libnftables jansson

$(foreach s,$(uplink_SRCS),$(eval $(B)/obj/$(s:.c=.o): CPPFLAGS += $(call pkg_cflags,$(uplink_LIBS))))

UNIT_TESTS += test_tap test_tap_link
$(foreach t,test_tap test_tap_link, \
  $(eval $(t)_SRCS = tests/pipeline/$(t).c tests/lib/hosttap.c tests/lib/packet.c \
                     tests/lib/segment.c tests/lib/tapnet.c tests/lib/testport.c $$(tap_SRCS) \
                     $$(dataplane_SRCS) $$(bridge_SRCS) $$(common_SRCS)) \
  $(eval $(t)_LIBS := libdpdk libpcap cmocka libnl-route-3.0))

UNIT_TESTS += test_host_rules test_host_ports
test_host_rules_SRCS = tests/unit/test_host_rules.c uplink/host_rules.c uplink/nftables.c \
                       uplink/sysctls.c common/jsonx.c $(common_SRCS)
test_host_rules_LIBS := cmocka libnftables jansson
test_host_ports_SRCS = tests/unit/test_host_ports.c uplink/host_ports.c $(common_SRCS)
test_host_ports_LIBS := cmocka jansson
