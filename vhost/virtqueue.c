/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/virtqueue.h"

#include <assert.h>
#include <sys/eventfd.h>

#include "vhost/chain.h"
#include "vhost/packed.h"
#include "vhost/split.h"

unsigned virtqueue_peek(struct virtqueue *vq, struct burst *b, unsigned max)
{
	unsigned n;

	vq->n_peeked = 0;
	if (virtqueue_is_broken(vq))
		return 0;
	n = vq->packed ? packed_peek(vq, b, max) : split_peek(vq, b, max);
	vq->n_peeked = (uint16_t)n;
	return b->n = n;
}

void virtqueue_release(struct virtqueue *vq, unsigned n)
{
	assert(n <= vq->n_peeked);
	if (vq->packed)
		packed_release(vq, n);
	else
		split_release(vq, n);
	vq->n_peeked = 0;
	if (virtqueue_unnotified(vq) >= vq->size / 4)
		virtqueue_notify(vq);
}

uint64_t virtqueue_put_plain(struct virtqueue *vq, const struct burst *b, uint64_t mask,
			     const struct offloads *takes)
{
	/* Whoever follows the guest's memory wants each piece marked, which is not usual. */
	if (virtqueue_is_broken(vq) || vq->log)
		return 0;
	return vq->packed ? packed_put_plain(vq, b, mask, takes)
			  : split_put_plain(vq, b, mask, takes);
}

void virtqueue_flush(struct virtqueue *vq)
{
	if (vq->packed ? packed_flush(vq) : split_flush(vq))
		virtqueue_notify(vq);
}

void virtqueue_notify(struct virtqueue *vq)
{
	int fd = atomic_load_explicit(&vq->call_fd, memory_order_relaxed);

	if (vq->notified == vq->published)
		return;
	if (fd >= 0 && (vq->packed ? packed_wants_call(vq) : split_wants_call(vq))) {
		vq->interrupts++;
		eventfd_write(fd, 1);
	}
	vq->notified = vq->published;
}

void virtqueue_prefetch(struct virtqueue *vq, unsigned n)
{
	if (virtqueue_is_broken(vq))
		return;
	if (vq->packed)
		packed_prefetch(vq, n);
	else
		split_prefetch(vq, n);
}

struct virtqueue_mark virtqueue_mark(const struct virtqueue *vq)
{
	return (struct virtqueue_mark){vq->next_avail, vq->next_used, vq->n_unflushed};
}

void virtqueue_rewind(struct virtqueue *vq, struct virtqueue_mark mark)
{
	if (vq->packed)
		packed_rewind(vq, mark);
	else
		split_rewind(vq, mark);
}

bool virtqueue_arm(struct virtqueue *vq)
{
	if (virtqueue_is_broken(vq))
		return false;
	vq->armed = true;
	return vq->packed ? packed_arm(vq) : split_arm(vq);
}

void virtqueue_disarm(struct virtqueue *vq)
{
	if (!vq->armed || virtqueue_is_broken(vq))
		return;
	vq->armed = false;
	if (vq->packed)
		packed_disarm(vq);
	else
		split_disarm(vq);
}

uint16_t virtqueue_posted(const struct virtqueue *vq)
{
	return vq->packed ? packed_posted(vq) : split_posted(vq);
}
