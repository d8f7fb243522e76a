/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/vcpu_regs.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/layout.h"

enum {
	CR0_PE = 1,
	CR0_ET = 0x10,
	CR0_NE = 0x20,
	CR4_PAE = 0x20,
	EFER_LME = 0x100,
	EFER_LMA = 0x400,
	RFLAGS_FIXED = 2,
	SELECTOR_CODE = 0x10,
	SELECTOR_DATA = 0x18,
	APIC_LVT0 = 0x350,
	APIC_LVT1 = 0x360,
	APIC_MODE_NMI = 0x400,
	APIC_MODE_EXTINT = 0x700,
	MSR_MISC_ENABLE = 0x1a0,
	MISC_ENABLE_FAST_STRING = 1,
	MSR_MTRR_DEFAULT = 0x2ff,
	MTRR_ENABLED_WRITE_BACK = 0xc06,
};
#define CR0_PG (1u << 31)

static int call(struct vcpu *c, unsigned long request, void *arg)
{
	return ioctl(c->fd, request, arg) < 0 ? -errno : 0;
}

int vcpu_set_cpuid(struct vcpu *c, enum cpu_model model, unsigned cpus)
{
	struct kvm_cpuid2 *table =
		calloc(1, sizeof(*table) + CPUID_ENTRIES_MAX * sizeof(table->entries[0]));
	int ret;

	if (!table)
		return -ENOMEM;
	table->nent = CPUID_ENTRIES_MAX;
	ret = ioctl(c->all->vm->kvm, KVM_GET_SUPPORTED_CPUID, table) < 0 ? -errno : 0;
	if (!ret) {
		cpuid_fit(table, model, c->index, cpus);
		ret = call(c, KVM_SET_CPUID2, table);
	}
	c->cpuid = table;
	return ret;
}

static void set_mode(struct kvm_lapic_state *l, unsigned reg, uint32_t mode)
{
	memcpy(l->regs + reg, &mode, sizeof(mode));
}

int vcpu_init_lapic(struct vcpu *c)
{
	struct kvm_lapic_state l;
	int ret = call(c, KVM_GET_LAPIC, &l);

	if (ret)
		return ret;
	set_mode(&l, APIC_LVT0, APIC_MODE_EXTINT);
	set_mode(&l, APIC_LVT1, APIC_MODE_NMI);
	return call(c, KVM_SET_LAPIC, &l);
}

static struct kvm_segment segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){.limit = 0xffffffff,
				    .selector = selector,
				    .type = type,
				    .present = 1,
				    .db = 1,
				    .s = 1,
				    .g = 1};
}

static void set_long_mode(struct kvm_sregs *s)
{
	s->cs.db = 0;
	s->cs.l = 1;
	s->cr0 |= CR0_PG;
	s->cr3 = BOOT_PAGES_AT;
	s->cr4 = CR4_PAE;
	s->efer = EFER_LME | EFER_LMA;
}

static int set_sregs(struct vcpu *c, enum kernel_entry entry)
{
	struct kvm_sregs s;
	int ret = call(c, KVM_GET_SREGS, &s);

	if (ret)
		return ret;
	s.cs = segment(SELECTOR_CODE, 11);
	s.ds = s.es = s.fs = s.gs = s.ss = segment(SELECTOR_DATA, 3);
	s.gdt = (struct kvm_dtable){.base = BOOT_GDT_AT, .limit = 4 * 8 - 1};
	s.idt = (struct kvm_dtable){0};
	s.cr0 = CR0_PE | CR0_ET | CR0_NE;
	s.cr4 = 0;
	if (entry == KERNEL_LINUX64)
		set_long_mode(&s);
	return call(c, KVM_SET_SREGS, &s);
}

/* struct kvm_msrs with one entry. */
struct one_msr {
	uint32_t n, padding;
	struct kvm_msr_entry entry;
};
static_assert(offsetof(struct one_msr, entry) == offsetof(struct kvm_msrs, entries), "as KVM's");

int vcpu_set_msr(struct vcpu *c, uint32_t index, uint64_t value)
{
	struct one_msr m = {.n = 1, .entry = {.index = index, .data = value}};

	return ioctl(c->fd, KVM_SET_MSRS, &m) == 1 ? 0 : -EINVAL;
}

int vcpu_set_entry(struct vcpu *c, const struct kernel *k)
{
	struct kvm_regs r = {.rip = k->start, .rflags = RFLAGS_FIXED, .rsp = BOOT_STACK_AT};
	int ret = set_sregs(c, k->entry);

	if (k->entry == KERNEL_LINUX64)
		r.rsi = BOOT_PARAMS_AT;
	else
		r.rbx = BOOT_START_INFO_AT;
	ret = ret ?: call(c, KVM_SET_REGS, &r);
	/* Not every KVM has them; the kernel does without. */
	vcpu_set_msr(c, MSR_MISC_ENABLE, MISC_ENABLE_FAST_STRING);
	vcpu_set_msr(c, MSR_MTRR_DEFAULT, MTRR_ENABLED_WRITE_BACK);
	return ret;
}
