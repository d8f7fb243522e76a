/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_CPUID_H
#define VMM_CPUID_H

/*
 * What a guest's CPU says that it is: what KVM supports on this host, with the topology of this
 * guest; for the model "baseline" no more than every x86-64-v2 processor has, so that a guest can
 * move between unlike hosts.
 */

#include <linux/kvm.h>

#include "common/err.h"

enum cpu_model { CPU_HOST, CPU_BASELINE, CPU_MODEL_N };

#define CPUID_ENTRIES_MAX 256

const char *cpu_model_name(enum cpu_model model);

/* Fits the table, as KVM_GET_SUPPORTED_CPUID gives it, to CPU `cpu` of `cpus`. */
void cpuid_fit(struct kvm_cpuid2 *table, enum cpu_model model, unsigned cpu, unsigned cpus);

/* Whether a CPU that is as `own` says has all features that a guest knows by `theirs`; -ENOTSUP. */
int cpuid_check(const struct kvm_cpuid2 *theirs, const struct kvm_cpuid2 *own, struct err *e);

#endif
