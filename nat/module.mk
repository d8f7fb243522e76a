# SPDX-License-Identifier: GPL-2.0-or-later
# Translation, below nat/nat.h.
nat_core_SRCS := nat/arena.c nat/expect.c nat/flow_table.c nat/flush.c nat/fragment.c nat/ftp.c nat/icmp_error.c \
                 nat/inside.c nat/mapping.c nat/mss.c nat/nat.c nat/npt6.c nat/open.c nat/open_routed.c nat/opening.c nat/outside.c \
                 nat/packet.c nat/permit.c nat/pool.c nat/session.c nat/tcp_state.c \
                 nat/translate.c nat/visit.c nat/wheel.c
nat_SRCS += $(nat_core_SRCS)

# The router, above it.
nat_SRCS += nat/arp.c nat/filter6.c nat/gateway.c nat/gateway_advert.c nat/gateway_link.c nat/gateway_wait.c nat/icmp_make.c nat/ip_fragment.c nat/nd.c nat/neigh.c \
            nat/ra.c nat/route.c nat/router.c nat/router_input.c nat/router_slow.c nat/router_way.c \
            nat/session6.c

# The pipeline calls all stages: whoever links one links the router.
bridge_SRCS += $(nat_SRCS)

routernet_SRCS = tests/lib/routernet.c tests/lib/packet.c tests/lib/testport.c \
                 $(dataplane_SRCS) $(bridge_SRCS) $(common_SRCS)

router_tests := test_filter6 test_router test_router_advert test_router_icmp test_router_link test_router_nat \
                test_router_way6
UNIT_TESTS += $(router_tests)
$(foreach t,$(router_tests), \
  $(eval $(t)_SRCS = tests/pipeline/$(t).c $$(routernet_SRCS)) \
  $(eval $(t)_LIBS := libdpdk libpcap cmocka))
nat_core_tests := test_nat_udp test_nat_tcp test_nat_icmp test_nat_fragment test_nat_quota test_nat_forward \
                  test_nat_table test_nat_race test_nat_npt6 test_nat_alg test_nat_packet
UNIT_TESTS += $(nat_core_tests)
$(foreach t,$(nat_core_tests), \
  $(eval $(t)_SRCS = tests/unit/$(t).c tests/lib/natworld.c $$(nat_core_SRCS) common/cksum.c \
                     common/err.c common/ip.c common/ipaddr.c common/mac.c dataplane/drop.c) \
  $(eval $(t)_LIBS := libdpdk cmocka))

filter6_SRCS := nat/arena.c nat/filter6.c nat/packet.c nat/session6.c nat/tcp_state.c nat/wheel.c \
                common/cksum.c common/ipaddr.c common/mac.c dataplane/drop.c
UNIT_TESTS += test_filter6_race
test_filter6_race_SRCS := tests/unit/test_filter6_race.c $(filter6_SRCS)
test_filter6_race_LIBS := libdpdk cmocka

# What translation costs by itself; it stays in the tree.
PROGRAMS += weft-bench-nat
weft-bench-nat_SRCS = tests/bench/nat_bench.c $(nat_core_SRCS) nat/filter6.c nat/session6.c common/cksum.c common/err.c \
                       common/ip.c common/ipaddr.c common/mac.c dataplane/drop.c
weft-bench-nat_LIBS := libdpdk

FUZZERS += fuzz_nat
fuzz_nat_SRCS = tests/fuzz/fuzz_nat.c $(nat_core_SRCS) common/cksum.c common/err.c common/ip.c \
                common/ipaddr.c common/mac.c dataplane/frame.c
fuzz_nat_LIBS := libdpdk

FUZZERS += fuzz_router
fuzz_router_SRCS := tests/fuzz/fuzz_router.c nat/arp.c nat/icmp_make.c nat/ip_fragment.c nat/nd.c \
                    nat/ra.c dataplane/frame.c $(filter6_SRCS)
