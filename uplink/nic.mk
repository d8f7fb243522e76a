# SPDX-License-Identifier: GPL-2.0-or-later
# NIC ports: AF_XDP and DPDK. Needs libxdp and libbpf; what links nic_SRCS lists nic_LIBS.
nic_SRCS := uplink/af_xdp.c uplink/eth_queue.c uplink/ethdev.c uplink/group_tap.c \
            uplink/link_watch.c uplink/netdev.c uplink/nic.c uplink/partial_csum.c uplink/steer.c uplink/umem.c uplink/xsk.c
nic_LIBS := libxdp libbpf

# The XDP program in its two forms: compiled for BPF, and held by steer.o. Debian's asm/ is below the
# host's triplet.
BPF_CLANG   ?= clang
BPF_TRIPLET := $(shell $(CC) -print-multiarch 2>/dev/null)
BPF_OBJECT  := $(B)/obj/uplink/xdp_steer
$(BPF_OBJECT)_tags.bpf.o: BPF_FLAGS := -DSTEER_TAGS
$(BPF_OBJECT).bpf.o $(BPF_OBJECT)_tags.bpf.o: uplink/xdp_steer.bpf.c uplink/xdp_steer.h
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) -target bpf -O2 -g -Wall -Werror -I. $(BPF_FLAGS) \
		$(if $(BPF_TRIPLET),-I/usr/include/$(BPF_TRIPLET)) -c -o $@ $<
$(B)/obj/uplink/steer.o: $(BPF_OBJECT).bpf.o $(BPF_OBJECT)_tags.bpf.o
$(B)/obj/uplink/steer.o: CPPFLAGS += -DSTEER_OBJECT='"$(BPF_OBJECT)"'

UNIT_TESTS += test_steer
test_steer_SRCS = tests/unit/test_steer.c tests/lib/steer_model.c uplink/steer.c $(common_SRCS)
test_steer_LIBS := $(nic_LIBS) cmocka

UNIT_TESTS += test_partial_csum
test_partial_csum_SRCS := tests/unit/test_partial_csum.c tests/lib/packet.c uplink/partial_csum.c \
                          dataplane/copy.c dataplane/frame.c common/cksum.c
test_partial_csum_LIBS := cmocka

UNIT_TESTS += test_af_xdp
test_af_xdp_SRCS = tests/pipeline/test_af_xdp.c tests/lib/wire.c tests/lib/nicnet.c tests/lib/packet.c \
                   tests/lib/testport.c $(nic_SRCS) $(dataplane_SRCS) $(bridge_SRCS) $(common_SRCS)
test_af_xdp_LIBS := $(nic_LIBS) libdpdk libpcap cmocka
