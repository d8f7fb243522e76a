/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_CHAIN_H
#define VHOST_CHAIN_H

/*
 * The walk over a descriptor chain that a guest wrote: bounded in hops, in the ring's own table or
 * in one indirect table, each descriptor read once into local memory (VIRTIO 1.2, 2.7.5 and 2.8.5).
 * Anything else breaks the ring. Inline, because both directions of a virtqueue step through it per
 * frame; `packed` is a constant wherever it is called, so each kind of ring has code of its own.
 *
 * The descriptor in hand has the form of a split ring's: NEXT in its flags says that there is
 * another. In a packed ring the next one is the next of the ring; in its indirect tables it is the
 * next of the table, and the flag that the guest wrote there means nothing (2.8.8).
 */

#include <linux/virtio_ring.h>

#include <rte_branch_prediction.h>

#include "vhost/virtqueue.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

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
	const void *table;   /* the indirect one */
	uint32_t table_size; /* of it, or of a split ring */
	uint32_t hops;
	struct vring_desc d; /* the descriptor in hand, a private copy */
	uint16_t id;	     /* what its used entry will be called */
	uint16_t at;	     /* packed: position of the ring's descriptor in hand */
	uint16_t n_desc;     /* entries of the ring so far */
	bool in_indirect;
};

/* A descriptor of either kind as it lies in memory; an indirect table may begin at any byte. */
struct raw_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t half[2]; /* split: flags and next; packed: id and flags */
} __attribute__((packed));

/* One read of each field: what is checked is what is used. */
static inline struct vring_desc desc_read(const void *p)
{
	const volatile struct raw_desc *v = p;

	return (struct vring_desc){v->addr, v->len, v->half[0], v->half[1]};
}

/* --- positions in a packed ring --------------------------------------------------------------- */

#define PACKED_WRAP 0x8000

/* `n` descriptors on from `at`, at most once round the ring. */
static inline uint16_t packed_advance(const struct virtqueue *vq, uint16_t at, uint32_t n)
{
	uint32_t pos = (at & ~PACKED_WRAP) + n;

	if (pos < vq->size)
		return (uint16_t)(pos | (at & PACKED_WRAP));
	return (uint16_t)((pos - vq->size) | (~at & PACKED_WRAP));
}

/* Descriptors from `from` to `to`, which is at most once round the ring ahead. */
static inline uint32_t packed_distance(const struct virtqueue *vq, uint16_t from, uint16_t to)
{
	uint32_t round = (from ^ to) & PACKED_WRAP ? vq->size : 0;

	return round + (to & ~PACKED_WRAP) - (from & ~PACKED_WRAP);
}

static inline struct vring_packed_desc *packed_desc(const struct virtqueue *vq, uint16_t at)
{
	return &vq->desc_packed[at & ~PACKED_WRAP];
}

#define PACKED_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED  (1u << VRING_PACKED_DESC_F_USED)

/* Whether flags read at `at` say that the driver made it available: 2.8.1. */
static inline bool packed_is_avail(uint16_t flags, uint16_t at)
{
	return (flags & (PACKED_AVAIL | PACKED_USED)) ==
	       (at & PACKED_WRAP ? PACKED_AVAIL : PACKED_USED);
}

/* One whose flags were read already. */
static inline struct vring_desc packed_read(const void *p, uint16_t flags)
{
	const volatile struct raw_desc *v = p;

	return (struct vring_desc){v->addr, v->len, flags, v->half[0]};
}

/* --- indirect tables -------------------------------------------------------------------------- */

/* Takes descriptor `hops` of the indirect table in hand; it must not be a table again. */
static ALWAYS_INLINE bool chain_take_indirect(struct virtqueue *vq, struct chain *c, uint32_t i,
					      const bool packed)
{
	const volatile struct raw_desc *p = (const volatile struct raw_desc *)c->table + i;

	if (packed) {
		uint16_t flags = p->half[1] & (VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT);

		if (i + 1 < c->table_size)
			flags |= VRING_DESC_F_NEXT;
		c->d = packed_read((const void *)p, flags);
	} else {
		c->d = desc_read((const void *)p);
	}
	if (unlikely(c->d.flags & VRING_DESC_F_INDIRECT)) {
		virtqueue_break(vq, VIRTQUEUE_BAD_INDIRECT);
		return false;
	}
	return true;
}

/* Goes on in the indirect table that the descriptor in hand names, or breaks the ring. */
static ALWAYS_INLINE bool chain_enter_table(struct virtqueue *vq, struct chain *c,
					    const bool packed)
{
	uint64_t len = c->d.len;

	if (!vq->indirect || c->in_indirect || (c->d.flags & VRING_DESC_F_NEXT) || len == 0 ||
	    len % sizeof(struct vring_desc) ||
	    len / sizeof(struct vring_desc) > VIRTQUEUE_SIZE_MAX) {
		virtqueue_break(vq, VIRTQUEUE_BAD_INDIRECT);
		return false;
	}
	c->table = guest_memory_translate(vq->mem, c->d.addr, &len);
	if (!c->table || len != c->d.len) {
		virtqueue_break(vq, VIRTQUEUE_BAD_ADDRESS);
		return false;
	}
	c->table_size = c->d.len / sizeof(struct vring_desc);
	c->in_indirect = true;
	c->hops = 0;
	return chain_take_indirect(vq, c, 0, packed);
}

/* --- the walk ----------------------------------------------------------------------------------
 */

/* Starts at descriptor `head` of a split ring, which was read as `d`; false when the ring broke. */
static inline bool chain_begin_split(struct virtqueue *vq, struct chain *c, uint16_t head,
				     struct vring_desc d)
{
	c->table = NULL;
	c->table_size = vq->size;
	c->hops = 0;
	c->in_indirect = false;
	c->id = head;
	c->n_desc = 1;
	c->d = d;
	if (unlikely(d.flags & VRING_DESC_F_INDIRECT))
		return chain_enter_table(vq, c, false);
	return true;
}

/* Starts at `at` of a packed ring; false when nothing is available there or the ring broke. */
static inline bool chain_begin_packed(struct virtqueue *vq, struct chain *c, uint16_t at)
{
	const struct vring_packed_desc *p = packed_desc(vq, at);
	/* Acquire: the rest of the descriptor, and of its chain, was written before. */
	uint16_t flags = __atomic_load_n(&p->flags, __ATOMIC_ACQUIRE);

	if (!packed_is_avail(flags, at))
		return false;
	c->d = packed_read(p, flags);
	c->table = NULL;
	c->table_size = 0;
	c->hops = 0;
	c->in_indirect = false;
	c->at = at;
	c->id = c->d.next;
	c->n_desc = 1;
	if (unlikely(flags & VRING_DESC_F_INDIRECT))
		return chain_enter_table(vq, c, true);
	return true;
}

static inline bool chain_step_split(struct virtqueue *vq, struct chain *c)
{
	if (c->d.next >= c->table_size) {
		virtqueue_break(vq, VIRTQUEUE_BAD_HEAD);
		return false;
	}
	if (++c->hops >= c->table_size) {
		virtqueue_break(vq, VIRTQUEUE_BAD_CHAIN);
		return false;
	}
	if (c->in_indirect)
		return chain_take_indirect(vq, c, c->d.next, false);
	c->d = desc_read(&vq->desc[c->d.next]);
	return !(c->d.flags & VRING_DESC_F_INDIRECT) || chain_enter_table(vq, c, false);
}

static inline bool chain_step_packed(struct virtqueue *vq, struct chain *c)
{
	const struct vring_packed_desc *p;

	if (c->in_indirect)
		return chain_take_indirect(vq, c, ++c->hops, true);
	if (c->n_desc >= vq->size) {
		virtqueue_break(vq, VIRTQUEUE_BAD_CHAIN);
		return false;
	}
	c->at = packed_advance(vq, c->at, 1);
	p = packed_desc(vq, c->at);
	c->d = packed_read(p, __atomic_load_n(&p->flags, __ATOMIC_RELAXED));
	c->id = c->d.next;
	c->n_desc++;
	return !(c->d.flags & VRING_DESC_F_INDIRECT) || chain_enter_table(vq, c, true);
}

/* Moves to the next descriptor; false at the end of the chain or when the ring broke. */
static ALWAYS_INLINE bool chain_next(struct virtqueue *vq, struct chain *c, const bool packed)
{
	if (!(c->d.flags & VRING_DESC_F_NEXT))
		return false;
	return packed ? chain_step_packed(vq, c) : chain_step_split(vq, c);
}

#endif
