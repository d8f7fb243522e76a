# SPDX-License-Identifier: GPL-2.0-or-later
# Guests under QEMU; included by the folder's module.mk. Linked by its users beside common_SRCS,
# config/arena.c and jansson.
agent_SRCS  := daemon/agent_client.c daemon/channel.c common/agent_proto.c
guests_SRCS := $(agent_SRCS) daemon/guest.c daemon/guest_cmdline.c daemon/guest_policy.c \
               daemon/guest_record.c daemon/guest_run.c daemon/guest_show.c daemon/guest_start.c \
               daemon/hugepages.c daemon/image.c common/kvm_probe.c daemon/process.c daemon/qemu.c \
               daemon/qmp.c daemon/vmm_engine.c uplink/netdev.c uplink/xdp_features.c

# $(1): name, $(2): sources beside its own and common_SRCS
define guest_test
UNIT_TESTS += $(1)
$(1)_SRCS := tests/unit/$(1).c $(2) $$(common_SRCS)
$(1)_LIBS := cmocka jansson
endef
$(eval $(call guest_test,test_agent_proto,common/agent_proto.c))
$(eval $(call guest_test,test_agent,$(agent_SRCS)))
$(eval $(call guest_test,test_guest_policy,daemon/guest_policy.c))
$(eval $(call guest_test,test_guest_kvm,common/kvm_probe.c))
$(eval $(call guest_test,test_guest_qemu,daemon/qemu.c daemon/guest_cmdline.c))
$(eval $(call guest_test,test_guest_monitor,daemon/channel.c daemon/qmp.c common/jsonx.c))
$(eval $(call guest_test,test_guest_vmm,daemon/qemu.c daemon/guest_cmdline.c daemon/vmm_engine.c))
$(eval $(call guest_test,test_guest,$(guests_SRCS) config/arena.c common/jsonx.c))
$(eval $(call guest_test,test_guest_boot,$(guests_SRCS) config/arena.c common/jsonx.c))
$(B)/test/test_agent $(B)/test/test_guest_boot: $(B)/bin/weft-agent

FUZZERS += fuzz_agent
fuzz_agent_SRCS := tests/fuzz/fuzz_agent.c common/agent_proto.c
