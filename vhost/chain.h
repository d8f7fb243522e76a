/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_CHAIN_H
#define VHOST_CHAIN_H

/*
 * The walk over a descriptor chain that a guest wrote: bounded in hops, in the ring's own table or
 * in one indirect table, each descriptor read once into local memory (VIRTIO 1.2, 2.7.5). Anything
 * else breaks the ring. Inline, because both directions of a virtqueue step through it per frame.
 */

#include <linux/virtio_ring.h>

#include <rte_branch_prediction.h>

#include "vhost/virtqueue.h"

static inline void virtqueue_break(struct virtqueue *vq, enum virtqueue_fault fault)
{
	atomic_store_explicit(&vq->broken, (uint8_t)fault, memory_order_relaxed);
}

static inline bool virtqueue_is_broken(const struct virtqueue *vq)
{
	return unlikely(atomic_load_explicit(&vq->broken, memory_order_relaxed) != VIRTQUEUE_OK);
}

/* A walk over one chain: its table may be the ring's own or an indirect one. */
struct chain {
	const struct vring_desc *table;
	uint32_t table_size;
	uint32_t hops;
	struct vring_desc d; /* the descriptor in hand, a private copy */
	bool in_indirect;
};

/* One read of each field: what is checked is what is used. */
static inline struct vring_desc desc_read(const struct vring_desc *p)
{
	const volatile struct vring_desc *v = p;

	return (struct vring_desc){v->addr, v->len, v->flags, v->next};
}

/* Goes on in the indirect table that the descriptor in hand names, or breaks the ring. */
static inline bool chain_enter_table(struct virtqueue *vq, struct chain *c)
{
	uint64_t len = c->d.len;

	if (!vq->indirect || c->in_indirect || (c->d.flags & VRING_DESC_F_NEXT) || len == 0 ||
	    len % sizeof(struct vring_desc) ||
	    len / sizeof(struct vring_desc) > VIRTQUEUE_SIZE_MAX) {
		virtqueue_break(vq, VIRTQUEUE_BAD_INDIRECT);
		return false;
	}
	c->table = (const struct vring_desc *)guest_memory_translate(vq->mem, c->d.addr, &len);
	if (!c->table || len != c->d.len) {
		virtqueue_break(vq, VIRTQUEUE_BAD_ADDRESS);
		return false;
	}
	c->table_size = c->d.len / sizeof(struct vring_desc);
	c->in_indirect = true;
	c->hops = 0;
	c->d = desc_read(&c->table[0]);
	if (c->d.flags & VRING_DESC_F_INDIRECT) {
		virtqueue_break(vq, VIRTQUEUE_BAD_INDIRECT);
		return false;
	}
	return true;
}

/* Starts at `head`; false when the ring broke. */
static inline bool chain_begin(struct virtqueue *vq, struct chain *c, uint16_t head)
{
	if (unlikely(head >= vq->size)) {
		virtqueue_break(vq, VIRTQUEUE_BAD_HEAD);
		return false;
	}
	c->table = vq->desc;
	c->table_size = vq->size;
	c->hops = 0;
	c->in_indirect = false;
	c->d = desc_read(&vq->desc[head]);
	if (unlikely(c->d.flags & VRING_DESC_F_INDIRECT))
		return chain_enter_table(vq, c);
	return true;
}

/* Moves to the next descriptor; false at the end of the chain or when the ring broke. */
static inline bool chain_next(struct virtqueue *vq, struct chain *c)
{
	if (!(c->d.flags & VRING_DESC_F_NEXT))
		return false;
	if (c->d.next >= c->table_size) {
		virtqueue_break(vq, VIRTQUEUE_BAD_HEAD);
		return false;
	}
	if (++c->hops >= c->table_size) {
		virtqueue_break(vq, VIRTQUEUE_BAD_CHAIN);
		return false;
	}
	c->d = desc_read(&c->table[c->d.next]);
	if (c->d.flags & VRING_DESC_F_INDIRECT) {
		if (c->in_indirect) {
			virtqueue_break(vq, VIRTQUEUE_BAD_INDIRECT);
			return false;
		}
		return chain_enter_table(vq, c);
	}
	return true;
}

#endif
