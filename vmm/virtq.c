/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/virtq.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"

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
	uint64_t n = from->size;

	*vq = (struct virtq){
		.mem = d->mem,
		.size = from->size,
		.event_idx = virtio_has(d, VIRTIO_RING_F_EVENT_IDX),
		.call_fd = virtio_call_fd(d, q),
		.desc = memory_at_aligned(d->mem, from->desc, n * sizeof(struct vring_desc), 16),
		.avail = memory_at_aligned(d->mem, from->avail,
					   sizeof(struct vring_avail) + 2 * n + 2, 2),
		.used = memory_at_aligned(
			d->mem, from->used,
			sizeof(struct vring_used) + n * sizeof(struct vring_used_elem) + 2, 4),
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

static int walk(struct virtq *vq, struct virtq_chain *c, const void *table, uint32_t entries,
		uint32_t index, bool indirect);

static int walk_indirect(struct virtq *vq, struct virtq_chain *c, const struct vring_desc *d)
{
	uint32_t entries = d->len / sizeof(*d);
	const void *table = memory_at(vq->mem, d->addr, d->len);

	if (!table || d->len % sizeof(*d) || entries == 0 || entries > UINT16_MAX ||
	    d->flags & VRING_DESC_F_NEXT)
		return broken(vq);
	return walk(vq, c, table, entries, 0, true);
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

int virtq_pop(struct virtq *vq, struct virtq_chain *c)
{
	uint16_t avail;

	if (vq->broken)
		return -EPROTO;
	avail = __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE);
	if (avail == vq->next_avail)
		return 0;
	if ((uint16_t)(avail - vq->next_avail) > vq->size)
		return broken(vq);
	c->head = __atomic_load_n(&vq->avail->ring[vq->next_avail % vq->size], __ATOMIC_RELAXED);
	c->n_out = c->n_in = 0;
	c->out_bytes = c->in_bytes = 0;
	if (walk(vq, c, vq->desc, vq->size, c->head, false) < 0)
		return -EPROTO;
	vq->next_avail++;
	return 1;
}

void virtq_unpop(struct virtq *vq)
{
	vq->next_avail--;
}

static bool wants_interrupt(struct virtq *vq, uint16_t before)
{
	if (!vq->event_idx)
		return !(__atomic_load_n(&vq->avail->flags, __ATOMIC_RELAXED) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	return vring_need_event(__atomic_load_n(used_event(vq), __ATOMIC_RELAXED), vq->next_used,
				before);
}

void virtq_push(struct virtq *vq, const struct virtq_chain *c, uint32_t written)
{
	struct vring_used_elem *e = &vq->used->ring[vq->next_used % vq->size];
	const uint64_t one = 1;

	e->id = c->head;
	e->len = written;
	vq->next_used++;
	__atomic_store_n(&vq->used->idx, vq->next_used, __ATOMIC_RELEASE);
	/* The index must be seen before we look whether anybody waits for it. */
	atomic_thread_fence(memory_order_seq_cst);
	if (wants_interrupt(vq, (uint16_t)(vq->next_used - 1)) && vq->call_fd >= 0)
		(void)!write(vq->call_fd, &one, sizeof(one));
}

bool virtq_arm(struct virtq *vq)
{
	if (vq->broken)
		return false;
	if (vq->event_idx)
		__atomic_store_n(avail_event(vq), vq->next_avail, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_seq_cst);
	return __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE) != vq->next_avail;
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
