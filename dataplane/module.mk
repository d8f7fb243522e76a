# SPDX-License-Identifier: GPL-2.0-or-later
dataplane_SRCS := dataplane/copy.c dataplane/dataplane.c dataplane/drop.c dataplane/eal.c \
                  dataplane/frame.c dataplane/gso.c dataplane/pipeline.c dataplane/port.c \
                  dataplane/worker.c
dataplane_SRCS += dataplane/shaper.c

UNIT_TESTS += test_pipeline
test_pipeline_SRCS = tests/pipeline/test_bridge.c tests/lib/packet.c tests/lib/testport.c \
                     $(dataplane_SRCS) $(bridge_SRCS) $(common_SRCS)
test_pipeline_LIBS := libdpdk cmocka

UNIT_TESTS += test_guard test_guard6 test_shaper test_snoop
$(foreach t,test_guard test_guard6 test_shaper test_snoop, \
  $(eval $(t)_SRCS = tests/pipeline/$(t).c tests/lib/guardnet.c tests/lib/packet.c \
                     tests/lib/testport.c $$(dataplane_SRCS) $$(bridge_SRCS) $$(common_SRCS)) \
  $(eval $(t)_LIBS := libdpdk cmocka))
