/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/virtqueue.h"

#include <assert.h>
#include <stdlib.h>

#include "common/util.h"
#include "vhost/chain.h"

/* The control side of a virtqueue: what happens while no worker sees it. */

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
