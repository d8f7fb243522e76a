/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/layout.h"

static const struct {
	int cap;
	const char *name;
} needed[] = {
	{KVM_CAP_IRQCHIP, "interrupt controllers"},
	{KVM_CAP_USER_MEMORY, "memory slots"},
	{KVM_CAP_IRQFD, "irqfd"},
	{KVM_CAP_IOEVENTFD, "ioeventfd"},
	{KVM_CAP_IRQ_ROUTING, "interrupt routing"},
	{KVM_CAP_SIGNAL_MSI, "MSI"},
	{KVM_CAP_TSC_DEADLINE_TIMER, "the TSC-deadline timer"},
	{KVM_CAP_IMMEDIATE_EXIT, "immediate exit"},
};

static struct vm *vm_of(struct hv *hv)
{
	return container_of(hv, struct vm, hv);
}

static int vm_irqfd(struct hv *hv, unsigned gsi, int fd, bool on)
{
	struct kvm_irqfd arg = {
		.fd = (uint32_t)fd, .gsi = gsi, .flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN};

	return ioctl(vm_of(hv)->fd, KVM_IRQFD, &arg) < 0 ? -errno : 0;
}

static int vm_ioeventfd(struct hv *hv, uint64_t address, int fd, bool on)
{
	struct vm *vm = vm_of(hv);
	struct kvm_ioeventfd arg = {.addr = address,
				    .len = vm->any_length ? 0 : 2,
				    .fd = fd,
				    .flags = on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN};

	return ioctl(vm->fd, KVM_IOEVENTFD, &arg) < 0 ? -errno : 0;
}

static struct kvm_irq_routing_entry *route_of(struct vm *vm, unsigned gsi)
{
	for (unsigned i = 0; i < vm->routes->nr; i++)
		if (vm->routes->entries[i].gsi == gsi)
			return &vm->routes->entries[i];
	return NULL;
}

/* The kernel takes the whole table, for which it waits for all CPUs: not without need. */
static int vm_route(struct hv *hv, unsigned gsi, uint64_t address, uint32_t data)
{
	struct vm *vm = vm_of(hv);
	struct kvm_irq_routing_entry *r = route_of(vm, gsi);
	struct kvm_irq_routing_entry wanted = {.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI};

	wanted.u.msi.address_lo = (uint32_t)address;
	wanted.u.msi.address_hi = (uint32_t)(address >> 32);
	wanted.u.msi.data = data;
	if (r && memcmp(r, &wanted, sizeof(wanted)) == 0)
		return 0;
	if (!r)
		r = &vm->routes->entries[vm->routes->nr++];
	*r = wanted;
	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, vm->routes) < 0 ? -errno : 0;
}

static int vm_gsi_get(struct hv *hv)
{
	struct vm *vm = vm_of(hv);

	for (unsigned gsi = GSI_MSI_FIRST; gsi < VM_GSIS; gsi++) {
		if (vm->gsis[gsi / 64] >> gsi % 64 & 1)
			continue;
		vm->gsis[gsi / 64] |= 1ull << gsi % 64;
		return (int)gsi;
	}
	return -ENOSPC;
}

static void vm_gsi_put(struct hv *hv, unsigned gsi)
{
	struct vm *vm = vm_of(hv);
	struct kvm_irq_routing_entry *r = route_of(vm, gsi);

	vm->gsis[gsi / 64] &= ~(1ull << gsi % 64);
	if (r)
		*r = vm->routes->entries[--vm->routes->nr];
}

static const struct hv_ops vm_ops = {
	.irqfd = vm_irqfd,
	.route = vm_route,
	.ioeventfd = vm_ioeventfd,
	.gsi_get = vm_gsi_get,
	.gsi_put = vm_gsi_put,
};

static int refused(struct vm *vm, const char *what, struct err *e)
{
	int code = errno;

	vm_fini(vm);
	return err_set(e, code, "KVM refuses %s: %s; see the host's kernel log", what,
		       strerror(code));
}

static int check_capabilities(struct vm *vm, struct err *e)
{
	if (ioctl(vm->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return err_set(e, ENODEV, "/dev/kvm is no KVM; is the right device there?");
	for (unsigned i = 0; i < ARRAY_SIZE(needed); i++)
		if (ioctl(vm->kvm, KVM_CHECK_EXTENSION, needed[i].cap) <= 0)
			return err_set(e, ENODEV,
				       "the host's KVM lacks %s; update the host's kernel, or use "
				       "engine: qemu",
				       needed[i].name);
	vm->any_length = ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_IOEVENTFD_ANY_LENGTH) > 0;
	return 0;
}

/* Pins of the I/O APIC; there is no 8259, hardware-reduced ACPI tells the guest so. */
static int init_routes(struct vm *vm)
{
	vm->routes =
		calloc(1, sizeof(*vm->routes) + VM_GSIS * sizeof(struct kvm_irq_routing_entry));
	if (!vm->routes)
		return -1;
	for (unsigned pin = 0; pin < GSI_MSI_FIRST; pin++) {
		struct kvm_irq_routing_entry *r = &vm->routes->entries[vm->routes->nr++];

		r->gsi = pin;
		r->type = KVM_IRQ_ROUTING_IRQCHIP;
		r->u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		r->u.irqchip.pin = pin;
	}
	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, vm->routes);
}

static int set_memory(struct vm *vm, const struct memory *m, uint32_t flags)
{
	for (unsigned i = 0; i < m->n_regions; i++) {
		const struct memory_region *r = &m->regions[i];
		struct kvm_userspace_memory_region slot = {
			.slot = i,
			.flags = flags,
			.guest_phys_addr = r->gpa,
			.memory_size = r->bytes,
			.userspace_addr = (uintptr_t)(m->base + r->offset),
		};

		if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
			return -1;
	}
	return 0;
}

int vm_init(struct vm *vm, int kvm, const struct memory *m, struct err *e)
{
	uint64_t identity = KVM_IDENTITY_AT;
	int ret;

	*vm = (struct vm){.hv.ops = &vm_ops, .kvm = kvm, .fd = -1, .mem = m};
	ret = check_capabilities(vm, e);
	if (ret) {
		vm_fini(vm);
		return ret;
	}
	vm->fd = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return refused(vm, "a virtual machine", e);
	if (ioctl(vm->fd, KVM_SET_TSS_ADDR, KVM_TSS_AT) < 0 ||
	    ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0)
		return refused(vm, "the addresses of its own pages", e);
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0 || init_routes(vm) < 0)
		return refused(vm, "interrupt controllers", e);
	return set_memory(vm, m, 0) < 0 ? refused(vm, "the guest's memory", e) : 0;
}

void vm_fini(struct vm *vm)
{
	free(vm->routes);
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->kvm >= 0)
		close(vm->kvm);
	*vm = (struct vm){.kvm = -1, .fd = -1};
}

void vm_pulse(struct vm *vm, unsigned gsi)
{
	struct kvm_irq_level line = {.irq = gsi, .level = 1};

	ioctl(vm->fd, KVM_IRQ_LINE, &line);
	line.level = 0;
	ioctl(vm->fd, KVM_IRQ_LINE, &line);
}

/* --- in a machine's state ------------------------------------------------------------------------
 */

int vm_log(struct vm *vm, bool on)
{
	return set_memory(vm, vm->mem, on ? KVM_MEM_LOG_DIRTY_PAGES : 0) < 0 ? -errno : 0;
}

int vm_log_take(struct vm *vm, unsigned region, uint64_t *bits)
{
	uint64_t words = vm->mem->regions[region].bytes / MEMORY_PAGE / 64;
	struct kvm_dirty_log log = {.slot = region, .dirty_bitmap = calloc(words, 8)};
	uint64_t *from = log.dirty_bitmap;
	int ret = -ENOMEM;

	if (from)
		ret = ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log) < 0 ? -errno : 0;
	for (uint64_t i = 0; i < words && ret == 0; i++)
		bits[i] |= from[i];
	free(from);
	return ret;
}

int vm_save(struct vm *vm, struct state_writer *w)
{
	struct kvm_irqchip chip = {.chip_id = KVM_IRQCHIP_IOAPIC};
	struct kvm_clock_data clock = {0};

	if (ioctl(vm->fd, KVM_GET_IRQCHIP, &chip) < 0 || ioctl(vm->fd, KVM_GET_CLOCK, &clock) < 0)
		return -errno;
	state_put_bytes(w, &chip, sizeof(chip));
	state_put_u64(w, clock.clock);
	return 0;
}

int vm_load(struct vm *vm, struct state_reader *r, struct err *e)
{
	struct kvm_irqchip chip;

	state_get_bytes(r, &chip, sizeof(chip));
	vm->loaded_clock = state_get_u64(r);
	if (r->bad || chip.chip_id != KVM_IRQCHIP_IOAPIC)
		return state_refuse(r, e, "no I/O APIC is in it");
	if (ioctl(vm->fd, KVM_SET_IRQCHIP, &chip) < 0)
		return err_set(e, errno, "KVM refuses the I/O APIC's state: %s", strerror(errno));
	return 0;
}

int vm_restore_clock(struct vm *vm, uint64_t later_ns)
{
	struct kvm_clock_data clock = {.clock = vm->loaded_clock + later_ns};

	return ioctl(vm->fd, KVM_SET_CLOCK, &clock) < 0 ? -errno : 0;
}
