/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

/*
 * One guest: its memory, its CPUs, its buses and devices, from machine_create to machine_destroy.
 *
 * One lock, `lock`, is held by whoever touches the machine: by the loop for its handlers, by CPU
 * threads for accesses to devices. CPU threads never change the set of devices or end anything;
 * they leave a note (`wanted`) and wake the main thread.
 */

#include <pthread.h>

#include "vmm/boot.h"
#include "vmm/device.h"
#include "vmm/pci.h"
#include "vmm/power.h"
#include "vmm/serial.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

#define MACHINE_DEVICES_MAX (PCI_SLOTS - 1)
#define MACHINE_ID_MAX	    32

enum device_kind {
	DEVICE_NIC,
	DEVICE_DISK,
	DEVICE_PORT,
	DEVICE_RNG,
	DEVICE_TAP,
	DEVICE_BALLOON,
	DEVICE_KIND_N
};
const char *device_kind_name(enum device_kind kind);

enum machine_end {
	MACHINE_RUNS,
	MACHINE_OFF,	  /* by the guest, or asked to */
	MACHINE_RESET,	  /* by the guest; ends the machine only with `no_reboot` */
	MACHINE_CRASHED,  /* triple fault with `no_reboot` */
	MACHINE_FAILED,	  /* KVM or we cannot go on */
	MACHINE_MIGRATED, /* the guest runs elsewhere */
	MACHINE_REFUSED,  /* the state that arrived is of no use here */
};

struct machine_params {
	/* `kernel` may be NULL for a machine whose state arrives: it ends when it is reset. */
	const char *kernel, *initrd, *cmdline;
	unsigned cpus;
	enum cpu_model model;
	const int *pins; /* NULL, or a host CPU for each */
	struct memory_params memory;
	const char *console; /* where, as for stream_open */
	bool no_reboot;
};

struct machine_device {
	enum device_kind kind;
	char id[MACHINE_ID_MAX];
	struct virtio *d;
	unsigned slot; /* 0: not plugged in yet */
	bool leaving;  /* the guest was asked to let go of it */
	bool gone;     /* it did; only to be destroyed any more */
};

struct machine {
	pthread_mutex_t lock;
	struct loop *loop;
	struct memory mem;
	struct vm vm;
	struct vcpus cpus;
	struct bus ports, memory_bus;
	struct pci pci;
	struct power power;
	struct serial serial;
	struct stream console;
	int serial_irq_fd, event_irq_fd;
	int kernel_fd, initrd_fd;
	const struct machine_params *params;
	unsigned n_devices;
	struct machine_device devices[MACHINE_DEVICES_MAX];

	bool paused, started;
	bool arriving;		 /* its state is still to come */
	bool migrating;		 /* it is about to leave */
	enum machine_end wanted; /* noted by a CPU thread */
	enum machine_end end;
	char failure[200];
	struct loop_watch notes; /* the main thread's alarm clock */
	int notes_fd;
};

/* Out of the descriptor of /dev/kvm, which it owns. `p` has to outlive it. */
struct machine *machine_create(const struct machine_params *p, int kvm, struct err *e);
/* Accepts NULL. */
void machine_destroy(struct machine *m);
struct device_env machine_env(struct machine *m);
/* NULL: there is no device of that name. */
struct machine_device *machine_find(struct machine *m, const char *id);

/*
 * Puts `d`, which the machine owns from now on, into a slot. Returns 0 or -errno, and has destroyed
 * the device then. In a machine that runs, the guest is told; of a NIC only when machine_ready is
 * called for it, because its first backend decides what it is.
 */
int machine_add(struct machine *m, enum device_kind kind, const char *id, struct virtio *d,
		struct err *e);
/* For nic_params.ready; `arg` is the machine. */
void machine_ready(struct virtio *d, void *arg);
/* Asks the guest to let go of a device, which is gone some time later. */
int machine_remove(struct machine *m, const char *id, struct err *e);

/* Loads the kernel. Then starts the CPUs: the guest runs. */
int machine_boot(struct machine *m, struct err *e);
int machine_start(struct machine *m, void (*prepare_cpu)(void), struct err *e);
/* Runs the loop until the machine's end, which it returns. */
enum machine_end machine_run(struct machine *m);

/* For the loop's handlers. */
void machine_pause(struct machine *m);
void machine_resume(struct machine *m);
void machine_reset(struct machine *m);
void machine_stop(struct machine *m, enum machine_end end);

#endif
