/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

/*
 * The guest's CPUs: a thread each, which runs guest code in KVM and brings what the guest does to
 * ports and device memory to the buses.
 *
 * All device models are under one lock, the machine's: the threads take it for an access, the main
 * thread for an event. Pausing waits, on that lock, until no thread is in KVM any more.
 */

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>

#include "vmm/bus.h"
#include "vmm/cpuid.h"
#include "vmm/kernel.h"
#include "vmm/vm.h"

#define VCPUS_MAX     64
#define VCPU_MSRS_MAX 512 /* of KVM's list; there are some 200 */

enum vcpus_wish { VCPUS_PAUSE, VCPUS_RUN, VCPUS_STOP };

/* Called in a CPU's thread, with the lock, when the guest cannot go on. */
struct vcpus_ops {
	void (*triple_fault)(void *arg);
	void (*failed)(void *arg, const char *why);
};

struct vcpu {
	unsigned index;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	struct vcpus *all;
	bool unfinished;	  /* KVM has not seen yet what became of its access to a device */
	struct kvm_cpuid2 *cpuid; /* of CPUID_ENTRIES_MAX entries */
	struct vcpu_state *pristine; /* as KVM made it, for reset */
};

struct vcpus {
	struct vm *vm;
	const struct bus *ports, *memory;
	pthread_mutex_t *lock;
	pthread_cond_t changed;
	enum vcpus_wish wish; /* under the lock, as the two below */
	unsigned n_paused, n_threads;
	const struct vcpus_ops *ops;
	void *arg;
	unsigned n;
	size_t run_bytes, xsave_bytes;
	bool has_xsave2;
	unsigned n_msrs; /* those that are state */
	uint32_t msrs[VCPU_MSRS_MAX];
	struct vcpu cpus[VCPUS_MAX];
};

/* Makes `n` CPUs of a model, without threads. vcpus_fini takes what is not complete, too. */
int vcpus_init(struct vcpus *v, struct vm *vm, unsigned n, enum cpu_model model, struct err *e);
void vcpus_fini(struct vcpus *v);

/* Sets the first CPU to the kernel's entry and lets the others wait for it. */
int vcpus_boot(struct vcpus *v, const struct kernel *k, struct err *e);
/* As after vcpus_init. They are paused. */
int vcpus_reset(struct vcpus *v, struct err *e);

/*
 * Starts the threads, paused. `pins` has a host CPU for each CPU, -1 for any, or is NULL; `prepare`
 * (may be NULL) is called in each thread before it runs anything.
 */
int vcpus_start(struct vcpus *v, const int *pins, void (*prepare)(void), struct err *e);

/*
 * With the lock, which pausing and stopping let go while they wait. Paused CPUs have finished their
 * accesses to devices, so that their state can be read.
 */
void vcpus_pause(struct vcpus *v);
void vcpus_resume(struct vcpus *v);
/* The guest's watchdogs are to overlook the time for which it has been paused. */
void vcpus_excuse(struct vcpus *v);
void vcpus_stop(struct vcpus *v);

#endif
