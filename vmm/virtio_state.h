/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_VIRTIO_STATE_H
#define VMM_VIRTIO_STATE_H

/*
 * A virtio device in a machine's state (vmm/state.h): configuration space, MSI-X, the transport,
 * and what is the device's own. All functions want the machine's lock, and CPUs that are paused.
 *
 * An interrupt that was under way may not be in the state of a CPU yet. So all queues of a device
 * that goes on are kicked and interrupt once more: who finds nothing to do was woken in vain.
 */

#include "vmm/state.h"
#include "vmm/virtio.h"

void virtio_suspend(struct virtio *d);
void virtio_resume(struct virtio *d);

/* The fields of a device that is suspended. */
void virtio_save(const struct virtio *d, struct state_writer *w);
/*
 * Takes them: into a device of the same kind, which was never started. It sits in its slot and
 * stays suspended. `name` is for messages. -EPROTO: the state is corrupt, -ENOTSUP: it does not
 * fit.
 */
int virtio_load(struct virtio *d, struct state_reader *r, const char *name, struct err *e);

#endif
