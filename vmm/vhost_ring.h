/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_VHOST_RING_H
#define VMM_VHOST_RING_H

/*
 * A virtqueue as a vhost-user backend is given it: where it is in our memory, and where in it the
 * backend begins.
 *
 * The rings of a new session begin where the last one stopped: where the backend said so, there.
 * One that died said nothing: in a split ring that place is the used index, which it wrote before;
 * what it had taken and not used yet is taken again. A packed ring holds no such index (QEMU loses
 * it, too); there it is found by walking the ring.
 */

#include "vmm/vhost_user.h"
#include "vmm/virtio.h"

/* -EFAULT when queue `i` does not lie in the guest's memory. `base` is left 0. */
int vhost_ring_locate(const struct virtio *d, unsigned i, struct vhost_user_ring *r);

/* Bases, as SET_VRING_BASE has them: of a ring that the driver has just made, and of one in use. */
uint32_t vhost_ring_new_base(const struct virtio *d);
uint32_t vhost_ring_found_base(const struct virtio *d, const struct vhost_user_ring *r);
/* Whether queue `i` can have that base. */
bool vhost_ring_is_base(const struct virtio *d, unsigned i, uint32_t base);

#endif
