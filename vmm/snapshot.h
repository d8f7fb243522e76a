/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_SNAPSHOT_H
#define VMM_SNAPSHOT_H

/*
 * A machine's state in a file. The machine is suspended and the loop waits for as long as the file
 * takes to write or read; the machine's lock is held.
 */

#include "vmm/machine.h"

struct snapshot_report {
	uint64_t bytes;
	unsigned stopped_ms;
};

/* Writes it to `fd`, a regular file, which stays the caller's. 0, or -errno with the reason. */
int snapshot_write(struct machine *m, int fd, struct snapshot_report *report, struct err *e);
/*
 * Takes it over from `fd`, into a machine whose CPUs have never run, which then goes on as it was;
 * `pause`: waits for resume. -EPROTO, -ENOTSUP as machine_arrival_take.
 */
int snapshot_read(struct machine *m, int fd, bool pause, struct err *e);

#endif
