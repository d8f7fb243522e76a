# SPDX-License-Identifier: GPL-2.0-or-later
vhost_SRCS := vhost/features.c vhost/filter.c vhost/message.c vhost/session.c vhost/sigbus.c vhost/vhost_port.c vhost/vhost_socket.c \
              vhost/virtqueue.c

# What a virtqueue needs to be tested without librte_vhost.
virtqueue_SRCS := vhost/virtqueue.c dataplane/copy.c dataplane/frame.c dataplane/gso.c \
                  common/cksum.c tests/lib/ring.c

UNIT_TESTS += test_virtqueue
test_virtqueue_SRCS := tests/unit/test_virtqueue.c tests/lib/packet.c $(virtqueue_SRCS)
test_virtqueue_LIBS := cmocka

FUZZERS += fuzz_virtqueue
fuzz_virtqueue_SRCS := tests/fuzz/fuzz_virtqueue.c $(virtqueue_SRCS)

# virtio-user: sessions with our own frontend.
UNIT_TESTS += test_vhost
test_vhost_SRCS = $(sort tests/pipeline/test_vhost.c tests/lib/packet.c $(vhost_SRCS) \
                  $(dataplane_SRCS) $(bridge_SRCS) $(gen_frontend_SRCS) $(common_SRCS))
test_vhost_LIBS := libdpdk cmocka

# Attacks: three ports and what it takes to attack one of them.
vhostnet_SRCS = $(sort tests/lib/vhostnet.c tests/lib/packet.c $(vhost_SRCS) $(dataplane_SRCS) \
                $(bridge_SRCS) $(gen_frontend_SRCS) $(common_SRCS))

UNIT_TESTS += test_vhost_cve
test_vhost_cve_SRCS = tests/pipeline/test_vhost_cve.c tests/lib/scene.c $(vhostnet_SRCS)
test_vhost_cve_LIBS := libdpdk cmocka

UNIT_TESTS += test_vhost_hostile
test_vhost_hostile_SRCS = tests/pipeline/test_vhost_hostile.c tests/lib/scene.c $(vhostnet_SRCS)
test_vhost_hostile_LIBS := libdpdk cmocka

FUZZERS += fuzz_vhost_user
fuzz_vhost_user_SRCS = tests/fuzz/fuzz_vhost_user.c $(vhostnet_SRCS)
fuzz_vhost_user_LIBS := libdpdk

# kill -9 of weftd and of guests: weftd is run from the same build.
UNIT_TESTS += test_kill
test_kill_SRCS = tests/pipeline/test_kill.c tests/lib/packet.c $(gen_frontend_SRCS) $(common_SRCS)
test_kill_LIBS := cmocka
