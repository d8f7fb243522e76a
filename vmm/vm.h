/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_VM_H
#define VMM_VM_H

/*
 * A virtual machine of KVM's, as far as it is not CPUs: memory slots, the interrupt controllers,
 * eventfds and interrupt routes (the hypervisor of vmm/hv.h).
 */

#include <linux/kvm.h>

#include "vmm/hv.h"
#include "vmm/memory.h"
#include "vmm/state.h"

#define VM_GSIS 1024

struct vm {
	struct hv hv;
	int kvm, fd;
	bool any_length;	     /* ioeventfds for writes of any length */
	uint64_t gsis[VM_GSIS / 64]; /* bits of those in use */
	struct kvm_irq_routing *routes;
	const struct memory *mem;
	uint64_t loaded_clock; /* ns */
};

/* Makes the machine with RAM `m` out of the descriptor of /dev/kvm, which it owns from now on. */
int vm_init(struct vm *vm, int kvm, const struct memory *m, struct err *e);
void vm_fini(struct vm *vm);
/* Raises an interrupt of the I/O APIC, as an edge. */
void vm_pulse(struct vm *vm, unsigned gsi);

/* Has KVM keep a log of the pages that the guest writes, or not. Returns 0 or -errno. */
int vm_log(struct vm *vm, bool on);
/* Adds the pages of a region that the guest wrote since the last time to `bits`; -errno. */
int vm_log_take(struct vm *vm, unsigned region, uint64_t *bits);

/* The I/O APIC and the clock, in a record. */
int vm_save(struct vm *vm, struct state_writer *w);
/* Returns 0, or -errno with the reason; the clock is set by vm_restore_clock only. */
int vm_load(struct vm *vm, struct state_reader *r, struct err *e);
/* The guest's clock goes on `later_ns` behind the one that was loaded. */
int vm_restore_clock(struct vm *vm, uint64_t later_ns);

#endif
