/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_CHAIN_READ_H
#define VHOST_CHAIN_READ_H

/*
 * A chain from the guest becomes a frame: its header and head are copied, the rest is noted as
 * segments where it lies. For split and packed rings alike; `packed` is a constant.
 */

#include <string.h>

#include <rte_memcpy.h>

#include "common/util.h"
#include "dataplane/copy.h"
#include "vhost/chain.h"

/* A chain may take as many segments as this without another look at what is left of the burst. */
#define CHAIN_SEGS_SPARE 64

/* Reads a chain's bytes in order: first the header, then the frame's head, then segments. */
struct reader {
	uint8_t hdr[12];
	uint32_t hdr_have;
	struct frame *f;
	struct seg *segs;
	unsigned n_segs, max_segs;
};

static inline uint32_t take(uint8_t *dst, uint32_t want, const uint8_t **p, uint64_t *len)
{
	uint32_t n = *len < want ? (uint32_t)*len : want;

	rte_memcpy(dst, *p, n);
	*p += n;
	*len -= n;
	return n;
}

/* Adds `len` contiguous bytes at `p` to the frame. */
static inline void read_piece(struct virtqueue *vq, struct reader *r, const uint8_t *p,
			      uint64_t len)
{
	struct frame *f = r->f;

	if (r->hdr_have < vq->hdr_len)
		r->hdr_have += take(r->hdr + r->hdr_have, vq->hdr_len - r->hdr_have, &p, &len);
	if (len == 0 || f->bad)
		return;
	if (unlikely(f->len + len > FRAME_LEN_MAX)) {
		f->bad = DROP_OVERSIZE;
		return;
	}
	f->len += (uint32_t)len;
	if (f->head_len < FRAME_HEAD_MAX)
		f->head_len += (uint16_t)take(f->head + f->head_len, FRAME_HEAD_MAX - f->head_len,
					      &p, &len);
	if (len == 0)
		return;
	if (unlikely(r->n_segs == r->max_segs)) {
		f->bad = DROP_TOO_MANY_SEGMENTS;
		return;
	}
	r->segs[r->n_segs++] = (struct seg){p, (uint32_t)len};
}

/* Adds a descriptor's buffer, in pieces where it crosses a region's edge. */
static inline bool read_desc_buffer(struct virtqueue *vq, struct reader *r,
				    const struct vring_desc *d)
{
	uint64_t left = d->len, gpa = d->addr;

	if (unlikely(d->flags & VRING_DESC_F_WRITE)) {
		virtqueue_break(vq, VIRTQUEUE_BAD_DIRECTION);
		return false;
	}
	while (left) {
		uint64_t len = left;
		const uint8_t *p = guest_memory_translate(vq->mem, gpa, &len);

		if (unlikely(!p)) {
			virtqueue_break(vq, VIRTQUEUE_BAD_ADDRESS);
			return false;
		}
		read_piece(vq, r, p, len);
		gpa += len;
		left -= len;
	}
	return true;
}

/* The general case: header and frame spread over a chain in any way. */
static ALWAYS_INLINE bool chain_read(struct virtqueue *vq, struct chain *c, struct burst *b,
				     struct frame *f, const bool packed)
{
	struct reader r = {
		.f = f, .segs = b->segs + b->n_segs, .max_segs = BURST_SEGS_MAX - b->n_segs};

	f->len = 0;
	f->head_len = 0;
	f->bad = DROP_NONE;
	do {
		if (!read_desc_buffer(vq, &r, &c->d))
			return false;
	} while (chain_next(vq, c, packed));
	if (virtqueue_is_broken(vq))
		return false;

	if (unlikely(r.hdr_have < vq->hdr_len || f->len < sizeof(struct eth_hdr)))
		f->bad = f->bad ? f->bad : DROP_RUNT;
	memcpy(&f->vnet, r.hdr, sizeof(f->vnet));
	f->vnet.flags &= VNET_NEEDS_CSUM;
	f->segs = r.segs;
	f->n_segs = (uint16_t)r.n_segs;
	b->n_segs += r.n_segs;
	return true;
}

/* The usual case: header and frame in one descriptor and one region. False: it is not that. */
static ALWAYS_INLINE bool chain_read_single(const struct guest_memory *mem, uint32_t hdr_len,
					    const struct vring_desc *d, struct burst *b,
					    struct frame *f)
{
	uint32_t shortest = hdr_len + (uint32_t)sizeof(struct eth_hdr);
	uint64_t len = d->len;
	const uint8_t *p;

	if (unlikely(
		    (d->flags & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)) ||
		    d->len < shortest || d->len > FRAME_LEN_MAX || b->n_segs == BURST_SEGS_MAX))
		return false;
	p = guest_memory_translate(mem, d->addr, &len);
	if (unlikely(!p || len < d->len))
		return false;

	f->len = d->len - hdr_len;
	f->head_len = (uint16_t)MIN_OF(f->len, (uint32_t)FRAME_HEAD_MAX);
	f->bad = DROP_NONE;
	memcpy(&f->vnet, p, sizeof(f->vnet));
	f->vnet.flags &= VNET_NEEDS_CSUM;
	p += hdr_len;
	copy_head(f->head, p, f->head_len);
	f->segs = &b->segs[b->n_segs];
	f->n_segs = f->len > f->head_len;
	b->segs[b->n_segs] = (struct seg){p + f->head_len, f->len - f->head_len};
	b->n_segs += f->n_segs;
	return true;
}

#endif
