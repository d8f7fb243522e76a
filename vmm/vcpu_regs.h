/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_VCPU_REGS_H
#define VMM_VCPU_REGS_H

/* What one CPU is, and its registers as a boot protocol wants them. */

#include "vmm/vcpu.h"

/* Each returns 0 or -errno. */
/* Its CPUID table, which is kept in `c`. */
int vcpu_set_cpuid(struct vcpu *c, enum cpu_model model, unsigned cpus);
int vcpu_init_lapic(struct vcpu *c);
int vcpu_set_entry(struct vcpu *c, const struct kernel *k);
int vcpu_set_msr(struct vcpu *c, uint32_t index, uint64_t value);

#endif
