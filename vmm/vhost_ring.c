/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/vhost_ring.h"

#include <errno.h>

#define PACKED_WRAP_BIT	 15
#define PACKED_PLACE	 0x7fffu
#define PACKED_BASE_BOTH 0x80008000u /* position 0, wrap counter 1, for both sides */

/*
 * Where the device stands in a packed ring (2.8) that it used in order: behind the used descriptors
 * of this lap, which is the one that the first descriptor's bits tell. Each chain has one
 * descriptor, which is why check_recoverable wants indirect ones: the rest of a longer chain would
 * look available.
 */
static uint32_t packed_base(const struct vring_packed_desc *ring, uint16_t size)
{
	const uint16_t used_bit = 1 << VRING_PACKED_DESC_F_USED;
	const uint16_t avail_bit = 1 << VRING_PACKED_DESC_F_AVAIL;
	uint16_t flags = __atomic_load_n(&ring[0].flags, __ATOMIC_ACQUIRE), position = 0;
	bool wrap = flags & used_bit, is_used = !(flags & used_bit) == !(flags & avail_bit);

	/* Nothing of this lap is used: the device stands at the beginning of it. */
	if (!is_used)
		return (uint32_t)!wrap << PACKED_WRAP_BIT;
	for (uint16_t i = 0; i < size; i++) {
		flags = __atomic_load_n(&ring[i].flags, __ATOMIC_ACQUIRE);
		if (!(flags & used_bit) == !wrap && !(flags & avail_bit) == !wrap)
			position = i + 1;
	}
	if (position == size)
		return (uint32_t)!wrap << PACKED_WRAP_BIT;
	return position | (uint32_t)wrap << PACKED_WRAP_BIT;
}

uint32_t vhost_ring_new_base(const struct virtio *d)
{
	return virtio_has(d, VIRTIO_F_RING_PACKED) ? PACKED_BASE_BOTH : 0;
}

uint32_t vhost_ring_found_base(const struct virtio *d, const struct vhost_user_ring *r)
{
	const struct vring_used *used = r->used;

	if (virtio_has(d, VIRTIO_F_RING_PACKED))
		return packed_base(r->desc, r->size) * 0x10001u;
	return __atomic_load_n(&used->idx, __ATOMIC_ACQUIRE);
}

bool vhost_ring_is_base(const struct virtio *d, unsigned i, uint32_t base)
{
	uint16_t size = d->queues[i].size;

	if (!virtio_has(d, VIRTIO_F_RING_PACKED))
		return base <= UINT16_MAX;
	return (base & PACKED_PLACE) < size && (base >> 16 & PACKED_PLACE) < size;
}

int vhost_ring_locate(const struct virtio *d, unsigned i, struct vhost_user_ring *r)
{
	const struct virtio_queue *q = &d->queues[i];
	const struct memory *m = d->mem;
	bool packed = virtio_has(d, VIRTIO_F_RING_PACKED);
	uint64_t size = q->size, avail_bytes = packed ? 4 : 6 + 2 * size,
		 used_bytes = packed ? 4 : 6 + 8 * size;

	*r = (struct vhost_user_ring){
		.size = q->size,
		.desc = memory_at_aligned(m, q->desc, 16 * size, 16),
		.avail = memory_at_aligned(m, q->avail, avail_bytes, packed ? 4 : 2),
		.used = memory_at_aligned(m, q->used, used_bytes, 4),
		.used_gpa = q->used,
		.kick_fd = q->kick_fd,
		.call_fd = virtio_call_fd(d, i),
	};
	return r->desc && r->avail && r->used ? 0 : -EFAULT;
}
