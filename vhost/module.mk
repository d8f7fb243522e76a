# SPDX-License-Identifier: GPL-2.0-or-later
vhost_SRCS := vhost/features.c vhost/session.c vhost/vhost_port.c vhost/vhost_socket.c
vhost_SRCS += vhost/virtqueue.c vhost/virtqueue_attach.c vhost/split.c vhost/packed.c vhost/dirty_log.c

# What a virtqueue needs to be tested without librte_vhost.
virtqueue_SRCS := vhost/virtqueue.c vhost/virtqueue_attach.c vhost/split.c vhost/packed.c \
                  vhost/dirty_log.c \
                  dataplane/copy.c dataplane/frame.c dataplane/gso.c common/cksum.c \
                  tests/lib/ring.c

ringcheck_SRCS := tests/lib/ringcheck.c tests/lib/packet.c

UNIT_TESTS += test_virtqueue
test_virtqueue_SRCS := tests/unit/test_virtqueue.c $(ringcheck_SRCS) $(virtqueue_SRCS)
test_virtqueue_LIBS := cmocka

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
UNIT_TESTS += test_vhost
test_vhost_SRCS = $(sort tests/pipeline/test_vhost.c tests/lib/packet.c $(vhost_SRCS) \
                  $(dataplane_SRCS) $(bridge_SRCS) $(gen_frontend_SRCS) $(common_SRCS))
test_vhost_LIBS := libdpdk cmocka
