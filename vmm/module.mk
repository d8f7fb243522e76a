# SPDX-License-Identifier: GPL-2.0-or-later
# weft-vmm; no DPDK. vmm_device_SRCS: what works without KVM, for tests and the fuzz target.
vmm_device_SRCS := vmm/acpi.c vmm/aml.c vmm/boot.c vmm/bus.c vmm/cpuid.c vmm/device.c vmm/kernel.c \
                   vmm/memory.c vmm/msix.c vmm/pages.c vmm/passed.c vmm/pci.c vmm/power.c vmm/sandbox.c vmm/serial.c vmm/state.c \
                   vmm/stream.c vmm/unix_socket.c vmm/vhost_ring.c vmm/vhost_user.c vmm/virtio.c vmm/virtio_state.c vmm/virtio_balloon.c vmm/virtio_blk.c \
                   vmm/virtio_console.c vmm/virtio_net.c vmm/virtio_net_state.c vmm/virtio_rng.c vmm/virtio_tap.c \
                   vmm/virtq.c

PROGRAMS += weft-vmm
weft-vmm_SRCS := vmm/api.c vmm/call.c vmm/incoming.c vmm/machine.c vmm/machine_state.c vmm/main.c vmm/migrate.c vmm/options.c vmm/snapshot.c vmm/vcpu.c vmm/vcpu_regs.c vmm/vcpu_state.c \
                 vmm/vm.c common/jsonx.c common/kvm_probe.c $(vmm_device_SRCS) $(common_SRCS)
weft-vmm_LIBS := jansson libseccomp
weft-vmm_LDLIBS := -lpthread

# $(1): name, $(2): sources beside its own
define vmm_test
UNIT_TESTS += $(1)
$(1)_SRCS := tests/unit/$(1).c $(2) $$(vmm_device_SRCS) $$(common_SRCS)
$(1)_LIBS := cmocka libseccomp
$(1)_LDLIBS := -lpthread
endef
$(eval $(call vmm_test,test_vmm_virtio,tests/lib/vmmguest.c))
$(eval $(call vmm_test,test_vmm_boot,))
$(eval $(call vmm_test,test_vmm_balloon,tests/lib/vmmguest.c))
$(eval $(call vmm_test,test_vmm_devices,tests/lib/vmmguest.c))
$(eval $(call vmm_test,test_vmm_moved,tests/lib/statefile.c tests/lib/vmmguest.c))
$(eval $(call vmm_test,test_vmm_net,tests/lib/vhostbackend.c tests/lib/vmmguest.c))
$(eval $(call vmm_test,test_vmm_options,vmm/options.c))
$(eval $(call vmm_test,test_vmm_passed,tests/lib/vmmguest.c))
$(eval $(call vmm_test,test_vmm_sandbox,))
$(eval $(call vmm_test,test_vmm_state,tests/lib/statefile.c))
$(eval $(call vmm_test,test_vmm_virtq,))

# $(1): name
define vmm_fuzz
FUZZERS += $(1)
$(1)_SRCS := tests/fuzz/$(1).c tests/lib/vmmguest.c $$(vmm_device_SRCS) $$(common_SRCS)
$(1)_LIBS := cmocka libseccomp
$(1)_LDLIBS := -lpthread
endef
$(eval $(call vmm_fuzz,fuzz_vmm))
$(eval $(call vmm_fuzz,fuzz_vmm_state))
