/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/cpuid.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/util.h"

enum {
	LEAF1_ECX_X2APIC = 1 << 21,
	LEAF1_ECX_TSC_DEADLINE = 1 << 24,
	LEAF1_ECX_HYPERVISOR = 1u << 31,
	LEAF1_EDX_HTT = 1 << 28,
	LEAF1_EBX_KEEP = 0xffff, /* brand, CLFLUSH size */
	LEAF4_KEEP = 0x3fff,
	TOPOLOGY_THREAD = 1 << 8,
	TOPOLOGY_CORE = 2 << 8,
};

/* x86-64-v2 and what a kernel under KVM takes for granted; no XSAVE, hence nothing wider. */
#define BASELINE_1_ECX	 0x81b82201u /* SSE3 SSSE3 CX16 SSE4 x2APIC MOVBE POPCNT deadline, hv. */
#define BASELINE_1_EDX	 0x178bfbffu
#define BASELINE_EXT_ECX 0x00000001u /* LAHF */
#define BASELINE_EXT_EDX 0x2c100800u /* SYSCALL NX RDTSCP LM; 1 GiB pages left out */

static const char *const names[] = {[CPU_HOST] = "host", [CPU_BASELINE] = "baseline"};
static_assert(ARRAY_SIZE(names) == CPU_MODEL_N, "a name for each model");

const char *cpu_model_name(enum cpu_model model)
{
	return NAME_OF(names, model);
}

static unsigned bits_for(unsigned n)
{
	return n > 1 ? 32 - (unsigned)__builtin_clz(n - 1) : 0;
}

static void reduce(struct kvm_cpuid_entry2 *x)
{
	switch (x->function) {
	case 1:
		x->ecx &= BASELINE_1_ECX;
		x->edx &= BASELINE_1_EDX;
		break;
	case 6:
	case 7:
	case 0xd:
	case 0x14:
	case 0x19:
	case 0x1d:
	case 0x1e:
	case 0x80000007:
	case 0x8000000a:
		x->eax = x->ebx = x->ecx = x->edx = 0;
		break;
	case 0x80000001:
		x->ecx &= BASELINE_EXT_ECX;
		x->edx &= BASELINE_EXT_EDX;
		break;
	}
}

/* All CPUs are cores of one package, a thread each. */
static void fit_topology(struct kvm_cpuid_entry2 *x, unsigned cpu, unsigned cpus)
{
	x->edx = cpu;
	if (x->index == 0) {
		x->eax = 0;
		x->ebx = 1;
		x->ecx = TOPOLOGY_THREAD;
	} else if (x->index == 1) {
		x->eax = bits_for(cpus);
		x->ebx = cpus;
		x->ecx = 1 | TOPOLOGY_CORE;
	} else {
		x->eax = x->ebx = 0;
		x->ecx = x->index;
	}
}

static void fit_leaf1(struct kvm_cpuid_entry2 *x, unsigned cpu, unsigned cpus)
{
	x->ecx |= LEAF1_ECX_X2APIC | LEAF1_ECX_TSC_DEADLINE | LEAF1_ECX_HYPERVISOR;
	x->ebx = (x->ebx & LEAF1_EBX_KEEP) | MIN_OF(cpus, 255u) << 16 | (cpu & 0xff) << 24;
	if (cpus > 1)
		x->edx |= LEAF1_EDX_HTT;
	else
		x->edx &= ~(uint32_t)LEAF1_EDX_HTT;
}

static void fit(struct kvm_cpuid_entry2 *x, unsigned cpu, unsigned cpus)
{
	switch (x->function) {
	case 1:
		fit_leaf1(x, cpu, cpus);
		break;
	case 4:
		x->eax = (x->eax & LEAF4_KEEP) | (MIN_OF(cpus, 64u) - 1) << 26;
		break;
	case 0xb:
	case 0x1f:
		fit_topology(x, cpu, cpus);
		break;
	case 0x80000008:
		x->ecx = (cpus - 1) | bits_for(cpus) << 12;
		break;
	case 0x8000001e: /* AMD: its id, one thread a core, one node */
		x->eax = cpu;
		x->ebx = cpu;
		x->ecx = 0;
		break;
	}
}

void cpuid_fit(struct kvm_cpuid2 *table, enum cpu_model model, unsigned cpu, unsigned cpus)
{
	for (uint32_t i = 0; i < table->nent; i++) {
		if (model == CPU_BASELINE)
			reduce(&table->entries[i]);
		fit(&table->entries[i], cpu, cpus);
	}
}

/* Registers of CPUID whose bits are features. */
static const struct {
	uint32_t function, index;
	bool eax, ebx, ecx, edx;
} feature_leaves[] = {
	{.function = 1, .ecx = true, .edx = true},
	{.function = 7, .ebx = true, .ecx = true, .edx = true},
	{.function = 7, .index = 1, .eax = true},
	{.function = 0xd, .eax = true},
	{.function = 0xd, .index = 1, .eax = true},
	{.function = 0x40000001, .eax = true},
	{.function = 0x80000001, .ecx = true, .edx = true},
	{.function = 0x80000008, .ebx = true},
};

static struct kvm_cpuid_entry2 leaf(const struct kvm_cpuid2 *table, uint32_t function,
				    uint32_t index)
{
	for (uint32_t i = 0; i < table->nent; i++)
		if (table->entries[i].function == function && table->entries[i].index == index)
			return table->entries[i];
	return (struct kvm_cpuid_entry2){0};
}

int cpuid_check(const struct kvm_cpuid2 *theirs, const struct kvm_cpuid2 *own, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(feature_leaves); i++) {
		uint32_t function = feature_leaves[i].function, index = feature_leaves[i].index;
		struct kvm_cpuid_entry2 a = leaf(theirs, function, index);
		struct kvm_cpuid_entry2 b = leaf(own, function, index);
		uint32_t eax = feature_leaves[i].eax ? a.eax & ~b.eax : 0;
		uint32_t ebx = feature_leaves[i].ebx ? a.ebx & ~b.ebx : 0;
		uint32_t ecx = feature_leaves[i].ecx ? a.ecx & ~b.ecx : 0;
		uint32_t edx = feature_leaves[i].edx ? a.edx & ~b.edx : 0;

		if (eax | ebx | ecx | edx)
			return err_set(
				e, ENOTSUP,
				"this host's CPU lacks features that the guest has seen (CPUID "
				"0x%x: eax 0x%x ebx 0x%x ecx 0x%x edx 0x%x); use --cpu-model "
				"baseline for guests that move between unlike hosts",
				function, eax, ebx, ecx, edx);
	}
	return 0;
}
