# SPDX-License-Identifier: GPL-2.0-or-later
dataplane_SRCS := dataplane/copy.c dataplane/dataplane.c dataplane/drop.c dataplane/eal.c \
                  dataplane/frame.c dataplane/gso.c dataplane/pipeline.c dataplane/port.c \
                  dataplane/vlan_tag.c dataplane/worker.c

UNIT_TESTS += test_pipeline test_vlan test_bridge_ports
test_pipeline_SRCS = tests/pipeline/test_bridge.c tests/lib/packet.c tests/lib/testport.c \
                     $(dataplane_SRCS) $(bridge_SRCS) $(common_SRCS)
test_pipeline_LIBS := libdpdk cmocka
test_vlan_SRCS = $(filter-out tests/pipeline/%,$(test_pipeline_SRCS)) tests/lib/bridgenet.c \
                 tests/pipeline/test_vlan.c
test_vlan_LIBS := libdpdk cmocka
test_bridge_ports_SRCS = $(filter-out tests/pipeline/%,$(test_pipeline_SRCS)) \
                         tests/lib/bridgenet.c tests/pipeline/test_bridge_ports.c
test_bridge_ports_LIBS := libdpdk cmocka

FUZZERS += fuzz_vlan_tag
fuzz_vlan_tag_SRCS := tests/fuzz/fuzz_vlan_tag.c dataplane/copy.c dataplane/frame.c \
                      dataplane/gso.c dataplane/vlan_tag.c common/cksum.c
