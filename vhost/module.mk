# SPDX-License-Identifier: GPL-2.0-or-later
vhost_SRCS := vhost/announce.c vhost/dirty_log.c vhost/features.c vhost/filter.c vhost/message.c \
              vhost/packed.c vhost/pair.c vhost/session.c vhost/sigbus.c vhost/split.c vhost/vhost_port.c \
              vhost/vhost_socket.c vhost/virtqueue.c vhost/virtqueue_attach.c

# What a virtqueue needs to be tested without librte_vhost.
virtqueue_SRCS := vhost/virtqueue.c vhost/virtqueue_attach.c vhost/split.c vhost/packed.c \
                  vhost/dirty_log.c \
                  dataplane/copy.c dataplane/frame.c dataplane/gso.c common/cksum.c \
                  tests/lib/ring.c

ringcheck_SRCS := tests/lib/ringcheck.c tests/lib/packet.c

UNIT_TESTS += test_virtqueue
test_virtqueue_SRCS := tests/unit/test_virtqueue.c $(ringcheck_SRCS) $(virtqueue_SRCS)
test_virtqueue_LIBS := cmocka

UNIT_TESTS += test_virtqueue_put
test_virtqueue_put_SRCS := tests/unit/test_virtqueue_put.c $(ringcheck_SRCS) $(virtqueue_SRCS)
test_virtqueue_put_LIBS := cmocka

UNIT_TESTS += test_virtqueue_packed
test_virtqueue_packed_SRCS := tests/unit/test_virtqueue_packed.c $(ringcheck_SRCS) \
                              $(virtqueue_SRCS)
test_virtqueue_packed_LIBS := cmocka

UNIT_TESTS += test_packed_hostile
test_packed_hostile_SRCS := tests/unit/test_packed_hostile.c $(ringcheck_SRCS) $(virtqueue_SRCS)
test_packed_hostile_LIBS := cmocka

UNIT_TESTS += test_dirty_log
test_dirty_log_SRCS := tests/unit/test_dirty_log.c $(ringcheck_SRCS) $(virtqueue_SRCS)
test_dirty_log_LIBS := cmocka

FUZZERS += fuzz_virtqueue
fuzz_virtqueue_SRCS := tests/fuzz/fuzz_virtqueue.c tests/fuzz/hostile_ring.c $(virtqueue_SRCS)

FUZZERS += fuzz_packed
fuzz_packed_SRCS := tests/fuzz/fuzz_packed.c tests/fuzz/hostile_ring.c $(virtqueue_SRCS)

# virtio-user: sessions with our own frontend.
vhostnet_SRCS = $(sort tests/lib/vhostnet.c tests/lib/packet.c $(vhost_SRCS) $(dataplane_SRCS) \
                $(bridge_SRCS) $(gen_frontend_SRCS) $(common_SRCS))

UNIT_TESTS += test_vhost
test_vhost_SRCS = tests/pipeline/test_vhost.c $(vhostnet_SRCS)
test_vhost_LIBS := libdpdk libpcap cmocka

UNIT_TESTS += test_vhost_session
test_vhost_session_SRCS = tests/pipeline/test_vhost_session.c $(vhostnet_SRCS)
test_vhost_session_LIBS := libdpdk libpcap cmocka

UNIT_TESTS += test_vhost_queues
test_vhost_queues_SRCS = tests/pipeline/test_vhost_queues.c $(vhostnet_SRCS)
test_vhost_queues_LIBS := libdpdk libpcap cmocka

UNIT_TESTS += test_offload_matrix
test_offload_matrix_SRCS = $(sort tests/pipeline/test_offload_matrix.c tests/lib/packet.c \
                           tests/lib/segment.c $(vhost_SRCS) $(dataplane_SRCS) $(bridge_SRCS) \
                           $(gen_frontend_SRCS) $(common_SRCS))
test_offload_matrix_LIBS := libdpdk libpcap cmocka

# Attacks: three ports and what it takes to attack one of them.
attacknet_SRCS = $(sort tests/lib/attacknet.c tests/lib/packet.c $(vhost_SRCS) $(dataplane_SRCS) \
                $(bridge_SRCS) $(gen_frontend_SRCS) $(common_SRCS))

UNIT_TESTS += test_vhost_cve
test_vhost_cve_SRCS = tests/pipeline/test_vhost_cve.c tests/lib/scene.c $(attacknet_SRCS)
test_vhost_cve_LIBS := libdpdk libpcap cmocka

UNIT_TESTS += test_vhost_hostile
test_vhost_hostile_SRCS = tests/pipeline/test_vhost_hostile.c tests/lib/scene.c $(attacknet_SRCS)
test_vhost_hostile_LIBS := libdpdk libpcap cmocka

FUZZERS += fuzz_vhost_user
fuzz_vhost_user_SRCS = tests/fuzz/fuzz_vhost_user.c $(attacknet_SRCS)
fuzz_vhost_user_LIBS := libdpdk libpcap

# kill -9 of weftd and of guests: weftd is run from the same build.
UNIT_TESTS += test_kill
test_kill_SRCS = tests/pipeline/test_kill.c tests/lib/packet.c $(gen_frontend_SRCS) $(common_SRCS)
test_kill_LIBS := cmocka

UNIT_TESTS += test_features
test_features_SRCS := tests/unit/test_features.c vhost/features.c
test_features_LIBS := cmocka
