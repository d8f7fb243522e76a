# SPDX-License-Identifier: GPL-2.0-or-later
# Translation, below nat/nat.h.
nat_core_SRCS := nat/arena.c nat/flow_table.c nat/flush.c nat/fragment.c nat/icmp_error.c \
                 nat/inside.c nat/mapping.c nat/mss.c nat/nat.c nat/open.c nat/outside.c \
                 nat/packet.c nat/permit.c nat/pool.c nat/session.c nat/tcp_state.c \
                 nat/translate.c nat/visit.c nat/wheel.c
nat_SRCS += $(nat_core_SRCS)

# The router, above it.
nat_SRCS += nat/arp.c nat/gateway.c nat/icmp_make.c nat/ip_fragment.c nat/nd.c nat/neigh.c \
            nat/route.c nat/router.c nat/router_input.c nat/router_slow.c

# The pipeline calls all stages: whoever links one links the router.
bridge_SRCS += $(nat_SRCS)

routernet_SRCS = tests/lib/routernet.c tests/lib/packet.c tests/lib/testport.c \
                 $(dataplane_SRCS) $(bridge_SRCS) $(common_SRCS)

UNIT_TESTS += test_router
test_router_SRCS = tests/pipeline/test_router.c $(routernet_SRCS)
test_router_LIBS := libdpdk libpcap cmocka
