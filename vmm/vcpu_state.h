/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_VCPU_STATE_H
#define VMM_VCPU_STATE_H

/*
 * All of one CPU's state: for reset, and in a machine's state (vmm/state.h). The CPU is paused, and
 * has finished the access to a device that made it stop.
 */

#include "vmm/state.h"
#include "vmm/vcpu.h"

struct vcpu_state;

/* NULL and errno. Free with free(). */
struct vcpu_state *vcpu_save(struct vcpu *c);
/*
 * Returns 0 or -errno. `strict`: also when an MSR cannot be had as it was, with the reason in `e`;
 * else such an MSR stays as it is.
 */
int vcpu_restore(struct vcpu *c, const struct vcpu_state *s, bool strict, struct err *e);
/* Sets the time stamp counter, `later_ns` after that of the state, and its timer. */
int vcpu_restore_time(struct vcpu *c, const struct vcpu_state *s, uint64_t later_ns);

/* The record "cpu" but for its head: number, what CPUID says, state. */
void vcpu_state_put(const struct vcpu *c, const struct vcpu_state *s, struct state_writer *w);
/*
 * Takes the rest of a record "cpu", behind the number: makes CPUID say the same, unless this host's
 * CPU lacks a feature, and returns the state. NULL with the reason.
 */
struct vcpu_state *vcpu_state_get(struct vcpu *c, struct state_reader *r, struct err *e);

#endif
