/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/virtqueue.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "common/util.h"
#include "vhost/chain.h"
#include "vhost/packed.h"
#include "vhost/split.h"

static const char *const fault_texts[] = {
	"no fault",
	"the guest moved the avail index more than a ring ahead",
	"a descriptor chain points outside the descriptor table",
	"a descriptor chain is longer than the ring",
	"a descriptor's address is not in the guest's memory",
	"an indirect descriptor table is malformed",
	"a descriptor has the wrong direction",
	"the ring does not lie at a multiple of its alignment",
	"weftd has no memory for it",
};
static_assert(ARRAY_SIZE(fault_texts) == VIRTQUEUE_FAULT_N, "a text for each fault");

const char *virtqueue_fault_text(enum virtqueue_fault fault)
{
	return NAME_OF(fault_texts, fault);
}

static bool is_aligned(const struct virtqueue_params *p)
{
	uintptr_t driver = p->packed ? 4 : 2, device = 4;

	return (uintptr_t)p->desc % 16 == 0 && (uintptr_t)p->avail % driver == 0 &&
	       (uintptr_t)p->used % device == 0;
}

void virtqueue_attach(struct virtqueue *vq, const struct virtqueue_params *p)
{
	virtqueue_fini(vq);
	*vq = (struct virtqueue){
		.desc = p->desc,
		.avail = p->avail,
		.used = p->used,
		.mem = p->mem,
		.log = p->log,
		.size = p->size,
		.mask = p->size - 1,
		.next_avail = p->next_avail,
		.next_used = p->next_used,
		.seen_avail = p->next_avail,
		.published = p->next_used,
		.notified = p->next_used,
		.packed = p->packed,
		.in_order = p->in_order,
		.event_idx = p->event_idx,
		.indirect = p->indirect,
		.mergeable = p->mergeable,
		.armed = true,
		.hdr_len = p->mergeable || p->version_1 ? 12 : 10,
		.call_fd = p->call_fd,
	};
	if (vq->packed) {
		vq->unflushed = calloc(vq->size, sizeof(*vq->unflushed));
		if (!vq->unflushed)
			virtqueue_break(vq, VIRTQUEUE_NO_MEMORY);
		/* A frontend may set any base; positions are inside the ring from here on. */
		if ((vq->next_avail & ~PACKED_WRAP) >= vq->size)
			vq->next_avail &= PACKED_WRAP;
		/* Used in order, nothing is between the two when a ring starts. */
		vq->next_used = vq->next_avail;
	}
	if (is_aligned(p))
		virtqueue_disarm(vq);
	else
		virtqueue_break(vq, VIRTQUEUE_BAD_ALIGNMENT);
}

void virtqueue_fini(struct virtqueue *vq)
{
	free(vq->unflushed);
	vq->unflushed = NULL;
}

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
