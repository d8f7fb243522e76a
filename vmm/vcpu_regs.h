/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_VCPU_REGS_H
#define VMM_VCPU_REGS_H

/* The registers of one CPU: as a boot protocol wants them, and all of them, for reset. */

#include "vmm/vcpu.h"

/* Each returns 0 or -errno. */
int vcpu_set_cpuid(struct vcpu *c, enum cpu_model model, unsigned cpus);
int vcpu_init_lapic(struct vcpu *c);
int vcpu_set_entry(struct vcpu *c, const struct kernel *k);

struct vcpu_state;
/* NULL and errno. Free with free(). */
struct vcpu_state *vcpu_save(struct vcpu *c);
int vcpu_restore(struct vcpu *c, const struct vcpu_state *s);

#endif
