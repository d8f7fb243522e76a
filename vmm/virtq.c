/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/virtq.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"

#define WRAP 0x8000

static uint16_t *used_event(struct virtq *vq)
{
	return &vq->avail->ring[vq->size];
}

static uint16_t *avail_event(struct virtq *vq)
{
	return (uint16_t *)&vq->used->ring[vq->size];
}

int virtq_start(struct virtq *vq, const struct virtio *d, unsigned q)
{
	const struct virtio_queue *from = &d->queues[q];
	bool packed = virtio_has(d, VIRTIO_F_RING_PACKED);
	uint64_t n = from->size, event = sizeof(struct vring_packed_desc_event);
	uint64_t avail = packed ? event : sizeof(struct vring_avail) + 2 * n + 2;
	uint64_t used =
		packed ? event : sizeof(struct vring_used) + n * sizeof(struct vring_used_elem) + 2;

	*vq = (struct virtq){
		.mem = d->mem,
		.size = from->size,
		.next_avail = packed ? WRAP : 0,
		.next_used = packed ? WRAP : 0,
		.packed = packed,
		.event_idx = virtio_has(d, VIRTIO_RING_F_EVENT_IDX),
		.call_fd = virtio_call_fd(d, q),
		.desc = memory_at_aligned(d->mem, from->desc, n * sizeof(struct vring_desc), 16),
		.avail = memory_at_aligned(d->mem, from->avail, avail, packed ? 4 : 2),
		.used = memory_at_aligned(d->mem, from->used, used, 4),
	};
	return vq->desc && vq->avail && vq->used ? 0 : -EFAULT;
}

static int broken(struct virtq *vq)
{
	vq->broken = true;
	return -EPROTO;
}

/* Read once, whatever the guest does to it meanwhile. An indirect table may lie at any address. */
static struct vring_desc read_desc(const void *table, uint32_t index)
{
	struct vring_desc d;

	memcpy(&d, (const uint8_t *)table + index * sizeof(d), sizeof(d));
	atomic_signal_fence(memory_order_seq_cst);
	return d;
}

static int add_buffer(struct virtq *vq, struct virtq_chain *c, const struct vring_desc *d)
{
	bool in = d->flags & VRING_DESC_F_WRITE;
	void *at = memory_at(vq->mem, d->addr, d->len);

	if (c->n_out + c->n_in == VIRTQ_IOV_MAX || (!at && d->len) || (!in && c->n_in))
		return broken(vq);
	c->iov[c->n_out + c->n_in] = (struct iovec){at, d->len};
	if (in) {
		c->n_in++;
		c->in_bytes += d->len;
	} else {
		c->n_out++;
		c->out_bytes += d->len;
	}
	return 0;
}

/* The table of an indirect descriptor and how many it has. NULL: the queue is broken. */
static const void *indirect_table(struct virtq *vq, const struct vring_desc *d, uint32_t *entries)
{
	const void *table = memory_at(vq->mem, d->addr, d->len);

	*entries = d->len / sizeof(*d);
	if (table && d->len % sizeof(*d) == 0 && *entries && *entries <= UINT16_MAX &&
	    !(d->flags & VRING_DESC_F_NEXT))
		return table;
	broken(vq);
	return NULL;
}

/* --- split ---------------------------------------------------------------------------------------
 */

static int walk(struct virtq *vq, struct virtq_chain *c, const void *table, uint32_t entries,
		uint32_t index, bool indirect);

static int walk_indirect(struct virtq *vq, struct virtq_chain *c, const struct vring_desc *d)
{
	uint32_t entries;
	const void *table = indirect_table(vq, d, &entries);

	return table ? walk(vq, c, table, entries, 0, true) : -EPROTO;
}

static int walk(struct virtq *vq, struct virtq_chain *c, const void *table, uint32_t entries,
		uint32_t index, bool indirect)
{
	struct vring_desc d;
	int ret;

	for (uint32_t hops = 0; hops < entries; hops++) {
		if (index >= entries)
			return broken(vq);
		d = read_desc(table, index);
		if (d.flags & VRING_DESC_F_INDIRECT)
			return indirect ? broken(vq) : walk_indirect(vq, c, &d);
		ret = add_buffer(vq, c, &d);
		if (ret)
			return ret;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		index = d.next;
	}
	return broken(vq);
}

static int split_pop(struct virtq *vq, struct virtq_chain *c)
{
	uint16_t avail = __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE);

	if (avail == vq->next_avail)
		return 0;
	if ((uint16_t)(avail - vq->next_avail) > vq->size)
		return broken(vq);
	c->id = __atomic_load_n(&vq->avail->ring[vq->next_avail % vq->size], __ATOMIC_RELAXED);
	c->n_desc = 1;
	return walk(vq, c, vq->desc, vq->size, c->id, false) < 0 ? -EPROTO : 1;
}

static bool split_wants_interrupt(struct virtq *vq)
{
	if (!vq->event_idx)
		return !(__atomic_load_n(&vq->avail->flags, __ATOMIC_RELAXED) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	return vring_need_event(__atomic_load_n(used_event(vq), __ATOMIC_RELAXED), vq->next_used,
				(uint16_t)(vq->next_used - 1));
}

static void split_push(struct virtq *vq, const struct virtq_chain *c, uint32_t written)
{
	struct vring_used_elem *e = &vq->used->ring[vq->next_used % vq->size];

	e->id = c->id;
	e->len = written;
	vq->next_used++;
	__atomic_store_n(&vq->used->idx, vq->next_used, __ATOMIC_RELEASE);
	memory_written(vq->mem, e, sizeof(*e));
	memory_written(vq->mem, &vq->used->idx, sizeof(vq->used->idx));
}

/* --- packed --------------------------------------------------------------------------------------
 */

#define AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED  (1u << VRING_PACKED_DESC_F_USED)

static uint16_t move(const struct virtq *vq, uint16_t at, uint16_t n)
{
	uint16_t place = (at & (WRAP - 1)) + n;

	return place < vq->size ? place | (at & WRAP) : (place - vq->size) | (~at & WRAP);
}

/* 2.8.1. Acquire: what else the driver wrote about the chain was written before. */
static bool is_avail(const struct virtq *vq, uint16_t at)
{
	uint16_t flags = __atomic_load_n(&vq->ring[at & (WRAP - 1)].flags, __ATOMIC_ACQUIRE);

	return (flags & (AVAIL | USED)) == (at & WRAP ? AVAIL : USED);
}

/* As read_desc; a packed descriptor has its flags where a split one has the next. */
static struct vring_desc read_packed(const void *table, uint32_t index, uint16_t *id)
{
	struct vring_desc d = read_desc(table, index);

	*id = d.flags;
	d.flags = d.next;
	return d;
}

/* Flags but WRITE mean nothing in a table (2.8.8). */
static int walk_packed_table(struct virtq *vq, struct virtq_chain *c, const struct vring_desc *d)
{
	uint32_t entries;
	const void *table = indirect_table(vq, d, &entries);
	int ret = table ? 0 : -EPROTO;

	for (uint32_t i = 0; i < entries && !ret; i++) {
		uint16_t ignored;
		struct vring_desc part = read_packed(table, i, &ignored);

		ret = add_buffer(vq, c, &part);
	}
	return ret;
}

/* The last descriptor of a chain has its id. */
static int packed_pop(struct virtq *vq, struct virtq_chain *c)
{
	struct vring_desc d;
	int ret;

	if (!is_avail(vq, vq->next_avail))
		return 0;
	c->n_desc = 0;
	do {
		uint16_t at = move(vq, vq->next_avail, c->n_desc) & (WRAP - 1);

		if (c->n_desc++ == vq->size)
			return broken(vq);
		d = read_packed(vq->ring, at, &c->id);
		if (d.flags & VRING_DESC_F_INDIRECT)
			ret = c->n_desc > 1 ? broken(vq) : walk_packed_table(vq, c, &d);
		else
			ret = add_buffer(vq, c, &d);
	} while (!ret && (d.flags & VRING_DESC_F_NEXT));
	return ret ? -EPROTO : 1;
}

/* The driver's wish, for the `n` descriptors before next_used. */
static bool packed_wants_interrupt(struct virtq *vq, uint16_t n)
{
	uint16_t flags = __atomic_load_n(&vq->driver->flags, __ATOMIC_ACQUIRE);
	uint16_t to = vq->next_used & (WRAP - 1), off_wrap, event;

	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !vq->event_idx)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	off_wrap = __atomic_load_n(&vq->driver->off_wrap, __ATOMIC_RELAXED);
	event = off_wrap & (WRAP - 1);
	if ((off_wrap ^ vq->next_used) & WRAP)
		event = (uint16_t)(event - vq->size);
	return vring_need_event(event, to, (uint16_t)(to - n));
}

static void packed_push(struct virtq *vq, const struct virtq_chain *c, uint32_t written)
{
	struct vring_packed_desc *d = &vq->ring[vq->next_used & (WRAP - 1)];
	uint16_t flags =
		(vq->next_used & WRAP ? AVAIL | USED : 0) | (written ? VRING_DESC_F_WRITE : 0);

	d->id = c->id;
	d->len = written;
	__atomic_store_n(&d->flags, flags, __ATOMIC_RELEASE);
	memory_written(vq->mem, d, sizeof(*d));
	vq->next_used = move(vq, vq->next_used, c->n_desc);
}

/* --- both ----------------------------------------------------------------------------------------
 */

int virtq_pop(struct virtq *vq, struct virtq_chain *c)
{
	int ret;

	if (vq->broken)
		return -EPROTO;
	c->n_out = c->n_in = 0;
	c->out_bytes = c->in_bytes = 0;
	ret = vq->packed ? packed_pop(vq, c) : split_pop(vq, c);
	if (ret == 1) {
		vq->unpopped = vq->next_avail;
		vq->next_avail = vq->packed ? move(vq, vq->next_avail, c->n_desc)
					    : (uint16_t)(vq->next_avail + 1);
	}
	return ret;
}

void virtq_unpop(struct virtq *vq)
{
	vq->next_avail = vq->unpopped;
}

/* All of its buffers: how much of which was written is not known here. */
static void log_chain(const struct virtq *vq, const struct virtq_chain *c)
{
	for (unsigned i = c->n_out; i < c->n_out + c->n_in; i++)
		memory_written(vq->mem, c->iov[i].iov_base, c->iov[i].iov_len);
}

void virtq_push(struct virtq *vq, const struct virtq_chain *c, uint32_t written)
{
	const uint64_t one = 1;
	bool wanted;

	log_chain(vq, c);

	if (vq->packed)
		packed_push(vq, c, written);
	else
		split_push(vq, c, written);
	/* What was given back must be seen before we look whether anybody waits for it. */
	atomic_thread_fence(memory_order_seq_cst);
	wanted = vq->packed ? packed_wants_interrupt(vq, c->n_desc) : split_wants_interrupt(vq);
	if (wanted && vq->call_fd >= 0)
		(void)!write(vq->call_fd, &one, sizeof(one));
}

bool virtq_arm(struct virtq *vq)
{
	if (vq->broken)
		return false;
	if (vq->packed) {
		__atomic_store_n(&vq->device->off_wrap, vq->next_avail, __ATOMIC_RELAXED);
		__atomic_store_n(&vq->device->flags,
				 vq->event_idx ? VRING_PACKED_EVENT_FLAG_DESC
					       : VRING_PACKED_EVENT_FLAG_ENABLE,
				 __ATOMIC_RELEASE);
		memory_written(vq->mem, vq->device, sizeof(*vq->device));
	} else if (vq->event_idx) {
		__atomic_store_n(avail_event(vq), vq->next_avail, __ATOMIC_RELAXED);
		memory_written(vq->mem, avail_event(vq), sizeof(uint16_t));
	}
	atomic_thread_fence(memory_order_seq_cst);
	return vq->packed ? is_avail(vq, vq->next_avail)
			  : __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE) != vq->next_avail;
}

static size_t copy(const struct iovec *iov, unsigned n, size_t offset, void *bytes, size_t len,
		   bool out)
{
	uint8_t *p = bytes;
	size_t done = 0;

	for (unsigned i = 0; i < n && done < len; i++) {
		size_t part;

		if (offset >= iov[i].iov_len) {
			offset -= iov[i].iov_len;
			continue;
		}
		part = MIN_OF(iov[i].iov_len - offset, len - done);
		if (out)
			memcpy(p + done, (uint8_t *)iov[i].iov_base + offset, part);
		else
			memcpy((uint8_t *)iov[i].iov_base + offset, p + done, part);
		offset = 0;
		done += part;
	}
	return done;
}

size_t virtq_read(const struct virtq_chain *c, size_t offset, void *to, size_t len)
{
	return copy(c->iov, c->n_out, offset, to, len, true);
}

size_t virtq_write(const struct virtq_chain *c, size_t offset, const void *from, size_t len)
{
	return copy(c->iov + c->n_out, c->n_in, offset, (void *)(uintptr_t)from, len, false);
}

void virtq_save(const struct virtq *vq, const struct virtio *d, unsigned q, struct state_writer *w)
{
	if (!d->started || !d->queues[q].enabled)
		return;
	state_put_u16(w, vq->next_avail);
	state_put_u16(w, vq->next_used);
	state_put_u8(w, vq->broken);
}

int virtq_load(struct virtq *vq, const struct virtio *d, unsigned q, struct state_reader *r,
	       struct err *e)
{
	if (!d->started || !d->queues[q].enabled)
		return 0;
	if (virtq_start(vq, d, q) < 0)
		return state_refuse(r, e, "a queue that is not in the guest's memory");
	vq->next_avail = state_get_u16(r);
	vq->next_used = state_get_u16(r);
	vq->broken = state_get_u8(r) != 0;
	if (vq->packed &&
	    ((vq->next_avail & (WRAP - 1)) >= vq->size || (vq->next_used & (WRAP - 1)) >= vq->size))
		return state_refuse(r, e, "a place that the queue does not have");
	return 0;
}
