/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/gen/virtq_packed.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/*
 * avail_idx and used_idx are positions in the ring with the wrap counter in bit 15. A chain is
 * written as it is added, but for the flags of the first descriptor since the last publish: these
 * are written last, so that a backend which sees them sees everything behind them.
 *
 * The device writes its used descriptor over the first one of a chain. Which chain began where is
 * kept in our own memory (`order`): with IN_ORDER one used descriptor may stand for several chains.
 */

#define WRAP 0x8000

static uint16_t position(uint16_t at)
{
	return at & (uint16_t)~WRAP;
}

static uint16_t step(const struct virtq *vq, uint16_t at, unsigned n)
{
	unsigned pos = position(at) + n;

	if (pos < vq->size)
		return (uint16_t)(pos | (at & WRAP));
	return (uint16_t)((pos - vq->size) | (~at & WRAP));
}

void virtq_packed_reset(struct virtq *vq)
{
	memset(vq->desc_packed, 0, vq->size * sizeof(*vq->desc_packed));
	memset(vq->driver_event, 0, sizeof(*vq->driver_event));
	memset(vq->device_event, 0, sizeof(*vq->device_event));
	for (unsigned i = 0; i < vq->size; i++)
		vq->heads[i].next_free = (uint16_t)(i + 1);
	vq->avail_idx = vq->used_idx = vq->publish_at = WRAP;
	vq->n_unkicked = 0;
	vq->in_batch = false;
}

/* Writes one descriptor where avail_idx stands, or keeps its flags for publish. */
static void push(struct virtq *vq, uint64_t addr, uint32_t len, uint16_t id, uint16_t flags)
{
	struct vring_packed_desc *d = &vq->desc_packed[position(vq->avail_idx)];

	flags |= virtq_packed_avail_flags(vq->avail_idx & WRAP);
	d->addr = addr;
	d->len = len;
	d->id = id;
	if (vq->avail_idx == vq->publish_at)
		vq->publish_flags = flags;
	else
		__atomic_store_n(&d->flags, flags, __ATOMIC_RELAXED);
	vq->avail_idx = step(vq, vq->avail_idx, 1);
	vq->n_unkicked++;
	vq->n_free--;
}

static void fill_indirect(struct virtq *vq, struct vring_packed_desc *table,
			  const struct virtq_buf *bufs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		table[i] = (struct vring_packed_desc){
			.addr = guestmem_gpa(vq->mem, bufs[i].at),
			.len = bufs[i].len,
			.flags = bufs[i].writable ? VRING_DESC_F_WRITE : 0,
		};
}

int virtq_packed_add(struct virtq *vq, const struct virtq_buf *bufs, unsigned n,
		     struct vring_desc *indirect, void *cookie)
{
	unsigned n_desc = indirect ? 1 : n;
	uint16_t id = vq->free_head;

	if (!n || n_desc > vq->n_free)
		return -ENOSPC;
	vq->free_head = vq->heads[id].next_free;
	vq->heads[id].cookie = cookie;
	vq->heads[id].n_desc = (uint16_t)n_desc;
	vq->heads[position(vq->avail_idx)].order = id;
	if (indirect) {
		fill_indirect(vq, (struct vring_packed_desc *)indirect, bufs, n);
		push(vq, guestmem_gpa(vq->mem, indirect), (uint32_t)(n * sizeof(*indirect)), id,
		     VRING_DESC_F_INDIRECT);
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		push(vq, guestmem_gpa(vq->mem, bufs[i].at), bufs[i].len, id,
		     (uint16_t)((bufs[i].writable ? VRING_DESC_F_WRITE : 0) |
				(i + 1 < n ? VRING_DESC_F_NEXT : 0)));
	return 0;
}

void virtq_packed_publish(struct virtq *vq)
{
	if (vq->publish_at == vq->avail_idx)
		return;
	__atomic_store_n(&vq->desc_packed[position(vq->publish_at)].flags, vq->publish_flags,
			 __ATOMIC_RELEASE);
	vq->publish_at = vq->avail_idx;
}

bool virtq_packed_wants_kick(struct virtq *vq)
{
	uint16_t to = position(vq->avail_idx), from = (uint16_t)(to - vq->n_unkicked);
	uint16_t flags, off_wrap, event;

	if (!vq->n_unkicked)
		return false;
	vq->n_unkicked = 0;
	flags = __atomic_load_n(&vq->device_event->flags, __ATOMIC_ACQUIRE);
	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !vq->event_idx)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	off_wrap = __atomic_load_n(&vq->device_event->off_wrap, __ATOMIC_RELAXED);
	event = position(off_wrap);
	if ((off_wrap ^ vq->avail_idx) & WRAP)
		event = (uint16_t)(event - vq->size);
	return vring_need_event(event, to, from);
}

uint16_t virtq_packed_n_used(const struct virtq *vq)
{
	const struct vring_packed_desc *d = &vq->desc_packed[position(vq->used_idx)];

	return vq->in_batch || virtq_packed_is_used(__atomic_load_n(&d->flags, __ATOMIC_ACQUIRE),
						    vq->used_idx & WRAP);
}

/* The chain that is next in order; the used descriptor of the last one of a batch counts. */
static uint16_t next_in_order(struct virtq *vq, uint16_t used_id, uint32_t *len)
{
	uint16_t id = vq->heads[position(vq->used_idx)].order;

	if (vq->in_batch)
		*len = 0;
	else
		vq->batch_id = used_id;
	vq->in_batch = id != vq->batch_id;
	if (vq->in_batch)
		*len = 0;
	return id;
}

int virtq_packed_get(struct virtq *vq, void **cookie, uint32_t *len)
{
	const struct vring_packed_desc *d = &vq->desc_packed[position(vq->used_idx)];
	uint16_t id;

	if (!virtq_packed_n_used(vq))
		return 0;
	id = d->id;
	*len = d->len;
	if (vq->in_order)
		id = next_in_order(vq, id, len);
	if (id >= vq->size || !vq->heads[id].n_desc)
		return -EPROTO;
	*cookie = vq->heads[id].cookie;
	vq->used_idx = step(vq, vq->used_idx, vq->heads[id].n_desc);
	vq->n_free = (uint16_t)(vq->n_free + vq->heads[id].n_desc);
	vq->heads[id].n_desc = 0;
	vq->heads[id].next_free = vq->free_head;
	vq->free_head = id;
	return 1;
}

void virtq_packed_callbacks(struct virtq *vq, bool on)
{
	uint16_t flags = VRING_PACKED_EVENT_FLAG_DISABLE;

	if (on && vq->event_idx) {
		__atomic_store_n(&vq->driver_event->off_wrap, vq->used_idx, __ATOMIC_RELAXED);
		flags = VRING_PACKED_EVENT_FLAG_DESC;
	} else if (on) {
		flags = VRING_PACKED_EVENT_FLAG_ENABLE;
	}
	__atomic_store_n(&vq->driver_event->flags, flags, __ATOMIC_RELEASE);
}
