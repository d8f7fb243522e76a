# SPDX-License-Identifier: GPL-2.0-or-later
dataplane_SRCS := dataplane/capture.c dataplane/capture_point.c dataplane/copy.c \
                  dataplane/dataplane.c dataplane/drop.c dataplane/eal.c dataplane/fair.c \
                  dataplane/frame.c dataplane/gso.c dataplane/pipeline.c dataplane/port.c \
                  dataplane/shaper.c dataplane/vlan_tag.c dataplane/worker.c

# Queues: which worker polls one, and which one a flow goes to.
dataplane_SRCS += dataplane/balance.c dataplane/flow.c

UNIT_TESTS += test_pipeline test_vlan test_bridge_ports
test_pipeline_SRCS = tests/pipeline/test_bridge.c tests/lib/packet.c tests/lib/testport.c \
                     $(dataplane_SRCS) $(bridge_SRCS) $(common_SRCS)
test_pipeline_LIBS := libdpdk libpcap cmocka

UNIT_TESTS += test_offload_liars
test_offload_liars_SRCS = tests/unit/test_offload_liars.c tests/lib/packet.c tests/lib/segment.c \
                          tests/lib/testport.c $(dataplane_SRCS) $(bridge_SRCS) $(common_SRCS)
test_offload_liars_LIBS := libdpdk libpcap cmocka

FUZZERS += fuzz_gso
fuzz_gso_SRCS := tests/fuzz/fuzz_gso.c dataplane/copy.c dataplane/frame.c dataplane/gso.c common/cksum.c

UNIT_TESTS += test_fairness
test_fairness_SRCS = tests/pipeline/test_fairness.c tests/lib/packet.c tests/lib/testport.c \
                     $(dataplane_SRCS) $(bridge_SRCS) $(common_SRCS)
test_fairness_LIBS := libdpdk libpcap cmocka

UNIT_TESTS += test_balance
test_balance_SRCS := tests/unit/test_balance.c dataplane/balance.c dataplane/flow.c
test_balance_LIBS := libdpdk libpcap cmocka

UNIT_TESTS += test_guard test_guard6 test_shaper test_snoop
$(foreach t,test_guard test_guard6 test_shaper test_snoop, \
  $(eval $(t)_SRCS = tests/pipeline/$(t).c tests/lib/guardnet.c tests/lib/packet.c \
                     tests/lib/testport.c $$(dataplane_SRCS) $$(bridge_SRCS) $$(common_SRCS)) \
  $(eval $(t)_LIBS := libdpdk libpcap cmocka))

UNIT_TESTS += test_capture
test_capture_SRCS = tests/pipeline/test_capture.c tests/lib/packet.c tests/lib/testport.c \
                    $(dataplane_SRCS) $(bridge_SRCS) $(common_SRCS)
test_capture_LIBS := libdpdk libpcap cmocka

test_vlan_SRCS = $(filter-out tests/pipeline/%,$(test_pipeline_SRCS)) tests/lib/bridgenet.c \
                 tests/pipeline/test_vlan.c
test_vlan_LIBS := libdpdk libpcap cmocka
test_bridge_ports_SRCS = $(filter-out tests/pipeline/%,$(test_pipeline_SRCS)) \
                         tests/lib/bridgenet.c tests/pipeline/test_bridge_ports.c
test_bridge_ports_LIBS := libdpdk libpcap cmocka

FUZZERS += fuzz_vlan_tag
fuzz_vlan_tag_SRCS := tests/fuzz/fuzz_vlan_tag.c dataplane/copy.c dataplane/frame.c \
                      dataplane/gso.c dataplane/vlan_tag.c common/cksum.c
