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

#define VM_GSIS 1024

struct vm {
	struct hv hv;
	int kvm, fd;
	bool any_length;	     /* ioeventfds for writes of any length */
	uint64_t gsis[VM_GSIS / 64]; /* bits of those in use */
	struct kvm_irq_routing *routes;
};

/* Makes the machine with RAM `m` out of the descriptor of /dev/kvm, which it owns from now on. */
int vm_init(struct vm *vm, int kvm, const struct memory *m, struct err *e);
void vm_fini(struct vm *vm);
/* Raises an interrupt of the I/O APIC, as an edge. */
void vm_pulse(struct vm *vm, unsigned gsi);

#endif
