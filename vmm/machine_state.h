/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_MACHINE_STATE_H
#define VMM_MACHINE_STATE_H

/*
 * A whole machine in a stream (vmm/state.h), for snapshots and migration alike. Its records, in
 * this order:
 *
 *   machine           what has to be the same at the other end: CPUs, memory, devices
 *   memory, zeroes    vmm/pages.h; for a migration some of it several times
 *   cpu               each, in order (vmm/vcpu_state.h)
 *   board             I/O APIC, clock, PCI host bridge, serial line, power
 *   device            each (vmm/virtio_state.h)
 *
 * All functions are the loop's, with the machine's lock.
 */

#include "vmm/machine.h"
#include "vmm/state.h"

/* Nothing moves any more in a suspended machine: CPUs, disks, backends of NICs. */
void machine_suspend(struct machine *m);
/* Goes on, or stays paused, as before. */
void machine_continue(struct machine *m);
/* -EBUSY while something is under way that no state can hold, such as a reset. */
int machine_check_settled(const struct machine *m, struct err *e);

/* The record "machine". */
void machine_describe(const struct machine *m, struct state_writer *w);
/* The records behind the memory, of a machine that is suspended. 0, or -errno with the reason. */
int machine_save(struct machine *m, struct state_writer *w, struct err *e);

/* The other end: a machine whose CPUs have never run takes over a state. */
struct machine_arrival {
	struct machine *machine;
	bool described, has_board, was_paused;
	unsigned n_cpus;
	uint32_t devices;	/* a bit for each that has come, by its place in the machine */
	uint64_t stopped_at_ns; /* of the real-time clock */
	struct vcpu_state *cpus[VCPUS_MAX];
};

void machine_arrival_init(struct machine_arrival *a, struct machine *m);
void machine_arrival_fini(struct machine_arrival *a);
/* Takes the record in hand. -EPROTO: it is corrupt, -ENOTSUP: it does not fit this machine. */
int machine_arrival_take(struct machine_arrival *a, struct state_reader *r, struct err *e);
/* -EPROTO when something is missing. */
int machine_arrival_check(const struct machine_arrival *a, struct err *e);
/*
 * The guest goes on, unless it was paused or `pause` says so. `live`: the time since it was stopped
 * has passed for it, too; else its clocks go on where they stood.
 */
int machine_arrival_go(struct machine_arrival *a, bool live, bool pause, struct err *e);

#endif
