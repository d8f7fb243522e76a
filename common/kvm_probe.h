/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_KVM_PROBE_H
#define COMMON_KVM_PROBE_H

/*
 * Whether /dev/kvm runs kernel code at hardware speed. That it opens proves nothing: some hosts run
 * only user-mode code natively and emulate the guest's kernel, a thousand times slower and not
 * completely. So a tiny machine runs a loop at privilege level 0, in 64-bit mode, and the time that
 * takes decides.
 */

#include <stdbool.h>
#include <stdint.h>

struct kvm_probe {
	bool usable;
	char reason[160]; /* for people; says what to do where something can be done */
};

/* What happened, and what it means: the part of the probe without KVM. */
enum kvm_step { KVM_STEP_OPEN, KVM_STEP_SETUP, KVM_STEP_RUN, KVM_STEP_DONE, KVM_STEP_N };
struct kvm_sample {
	enum kvm_step step;    /* where it ended; DONE: the loop came to its end */
	int error;	       /* errno of OPEN or SETUP, exit reason of RUN */
	uint64_t instructions; /* of the loop */
	uint64_t cpu_ns;       /* the time they took; the time spent when `timed_out` */
	bool timed_out;
};
void kvm_probe_decide(const struct kvm_sample *s, struct kvm_probe *p);

/*
 * Probes the device `path` (NULL: /dev/kvm) in a child process, which is killed when it has used
 * 1 s of a CPU, or after 3 s: it never hangs, whatever the host's KVM does. Blocks meanwhile.
 */
void kvm_probe_run(const char *path, struct kvm_probe *p);

#endif
