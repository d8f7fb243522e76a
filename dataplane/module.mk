# SPDX-License-Identifier: GPL-2.0-or-later
dataplane_SRCS := dataplane/capture.c dataplane/capture_point.c \
                  dataplane/copy.c dataplane/dataplane.c dataplane/drop.c dataplane/eal.c \
                  dataplane/frame.c dataplane/gso.c dataplane/pipeline.c dataplane/port.c \
                  dataplane/worker.c

UNIT_TESTS += test_pipeline
test_pipeline_SRCS = tests/pipeline/test_bridge.c tests/lib/packet.c tests/lib/testport.c \
                     $(dataplane_SRCS) $(bridge_SRCS) $(common_SRCS)
test_pipeline_LIBS := libdpdk libpcap cmocka

UNIT_TESTS += test_capture
test_capture_SRCS = tests/pipeline/test_capture.c tests/lib/packet.c tests/lib/testport.c \
                    $(dataplane_SRCS) $(bridge_SRCS) $(common_SRCS)
test_capture_LIBS := libdpdk libpcap cmocka
