/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_CHAIN_WRITE_H
#define VHOST_CHAIN_WRITE_H

/*
 * A slice goes into chains of buffers that the guest posted: one descriptor as a rule, any number
 * of chains of any layout otherwise. For split and packed rings alike; `packed` is a constant.
 */

#include <assert.h>
#include <string.h>
#include <sys/uio.h>

#include "common/util.h"
#include "dataplane/copy.h"
#include "vhost/chain.h"

#define IOV_MAX_PUT 256 /* pieces of the receiver's buffers that one frame may be spread over */

/* Buffers gathered for one frame. */
struct room {
	struct iovec iov[IOV_MAX_PUT];
	unsigned n_iov;
	uint64_t bytes;
};

static bool gather_buffer(struct virtqueue *vq, struct room *room, const struct vring_desc *d)
{
	uint64_t left = d->len, gpa = d->addr;

	if (unlikely(!(d->flags & VRING_DESC_F_WRITE))) {
		virtqueue_break(vq, VIRTQUEUE_BAD_DIRECTION);
		return false;
	}
	while (left && room->n_iov < IOV_MAX_PUT) {
		uint64_t len = left;
		uint8_t *p = guest_memory_translate(vq->mem, gpa, &len);

		if (unlikely(!p)) {
			virtqueue_break(vq, VIRTQUEUE_BAD_ADDRESS);
			return false;
		}
		room->iov[room->n_iov++] = (struct iovec){p, len};
		room->bytes += len;
		gpa += len;
		left -= len;
	}
	return true;
}

/*
 * Gathers a chain's buffers, as far as `need` bytes in all ask for them. The end of a packed ring's
 * chain must be found in any case: there the next one begins.
 */
static ALWAYS_INLINE bool gather_chain(struct virtqueue *vq, struct room *room, struct chain *c,
				       uint64_t need, const bool packed)
{
	do {
		if (!gather_buffer(vq, room, &c->d))
			return false;
	} while ((room->bytes < need || (packed && !c->in_indirect)) && chain_next(vq, c, packed));
	return !virtqueue_is_broken(vq);
}

/* struct virtio_net_hdr_v1; its first ten bytes are the legacy header. */
struct header {
	struct vnet vnet;
	uint16_t num_buffers;
};
static_assert(sizeof(struct header) == 12, "VIRTIO 1.2, 5.1.6");

static const struct header plain_header = {.num_buffers = 1};

static inline struct header header_of(const struct slice *s, uint16_t n_buffers)
{
	struct header hdr = {.num_buffers = n_buffers};

	if (!s->plain && !s->complete_csum)
		hdr.vnet = s->vnet;
	return hdr;
}

/* Copies of a length that the compiler knows: a variable one becomes a slow string instruction. */
static inline void copy_header(uint32_t hdr_len, void *dst, const void *src)
{
	if (likely(hdr_len == 12))
		memcpy(dst, src, 12);
	else
		memcpy(dst, src, 10);
}

/* The header goes in front of the frame, byte by byte of the guest's layout. */
static void write_header(struct virtqueue *vq, const struct room *room, const struct slice *s,
			 uint16_t n_buffers)
{
	struct header hdr = header_of(s, n_buffers);
	const uint8_t *from = (const uint8_t *)&hdr;
	size_t left = vq->hdr_len;

	if (likely(room->iov[0].iov_len >= left)) {
		copy_header(vq->hdr_len, room->iov[0].iov_base, from);
		return;
	}
	for (unsigned i = 0; left; i++) {
		size_t n = MIN_OF(left, room->iov[i].iov_len);

		memcpy(room->iov[i].iov_base, from, n);
		from += n;
		left -= n;
	}
}

static void write_frame(struct virtqueue *vq, const struct room *room, const struct slice *s,
			uint16_t n_buffers)
{
	const struct iovec *iov = room->iov;
	unsigned n = room->n_iov;
	size_t skip = vq->hdr_len;

	write_header(vq, room, s, n_buffers);
	while (skip >= iov->iov_len) {
		skip -= iov->iov_len;
		iov++;
		n--;
	}
	slice_copy(s, iov, n, (uint32_t)skip);
}

static void mark_frame(const struct virtqueue *vq, const struct room *room, uint64_t left)
{
	for (unsigned i = 0; i < room->n_iov && left; i++) {
		uint64_t n = MIN_OF(left, (uint64_t)room->iov[i].iov_len);

		dirty_log_mark_at(vq->log, vq->mem, room->iov[i].iov_base, n);
		left -= n;
	}
}

/*
 * The usual case: `need` bytes fit descriptor `d`, in one region. Returns false, with nothing done,
 * when they do not; the general case then finds out what it is.
 */
static ALWAYS_INLINE bool chain_write_single(struct virtqueue *vq, const struct slice *s,
					     uint64_t need, const struct vring_desc *d)
{
	uint64_t len = need;
	struct iovec iov;

	if (!(d->flags & VRING_DESC_F_WRITE) || d->len < need)
		return false;
	iov.iov_base = guest_memory_translate(vq->mem, d->addr, &len);
	iov.iov_len = len;
	if (unlikely(!iov.iov_base || len < need))
		return false;

	if (likely(s->plain)) {
		copy_header(vq->hdr_len, iov.iov_base, &plain_header);
	} else {
		struct header hdr = header_of(s, 1);

		copy_header(vq->hdr_len, iov.iov_base, &hdr);
	}
	slice_copy(s, &iov, 1, vq->hdr_len);
	if (unlikely(vq->log))
		dirty_log_mark(vq->log, d->addr, need);
	return true;
}

/*
 * The usual frame in its usual place: one without offloads, into one descriptor. Returns false,
 * with nothing done, when either is anything else.
 */
static ALWAYS_INLINE bool chain_write_plain(const struct guest_memory *mem, uint32_t hdr_len,
					    const struct frame *f, const struct vring_desc *d)
{
	const uint32_t need = hdr_len + f->len;
	uint64_t len = need;
	uint8_t *p;

	if (unlikely((d->flags & (VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)) !=
			     VRING_DESC_F_WRITE ||
		     d->len < need))
		return false;
	p = guest_memory_translate(mem, d->addr, &len);
	if (unlikely(!p || len < need))
		return false;
	copy_header(hdr_len, p, &plain_header);
	if (f->n_segs)
		frame_copy(f, p + hdr_len);
	else
		copy_head(p + hdr_len, f->head, f->head_len);
	return true;
}

/* Begins the chain that lies `taken` ring entries ahead. False: there is none, or the ring broke.
 */
typedef bool chain_find(struct virtqueue *vq, struct chain *c, unsigned taken);

/*
 * The general case: any number of chains of any layout, as merged receive buffers need it. Fills
 * `used` (room for IOV_MAX_PUT) and `*n_used`; the caller takes them off the ring.
 */
static ALWAYS_INLINE enum virtqueue_put chain_write(struct virtqueue *vq, const struct slice *s,
						    uint64_t need, chain_find *find,
						    struct virtqueue_used *used, unsigned *n_used,
						    const bool packed)
{
	uint64_t left = need;
	struct room room;
	unsigned k = 0, taken = 0;

	room.n_iov = 0;
	room.bytes = 0;
	while (room.bytes < need) {
		uint64_t before = room.bytes;
		struct chain c;

		if (k && !vq->mergeable)
			return VIRTQUEUE_PUT_NO_FIT;
		if (room.n_iov == IOV_MAX_PUT || k == IOV_MAX_PUT || taken >= vq->size)
			return VIRTQUEUE_PUT_NO_FIT;
		if (!find(vq, &c, taken))
			return virtqueue_is_broken(vq) ? VIRTQUEUE_PUT_BROKEN
						       : VIRTQUEUE_PUT_NO_ROOM;
		if (!gather_chain(vq, &room, &c, need, packed))
			return VIRTQUEUE_PUT_BROKEN;
		taken += c.n_desc;
		used[k] = (struct virtqueue_used){
			.len = (uint32_t)MIN_OF(room.bytes - before, left),
			.id = c.id,
			.n_desc = c.n_desc,
		};
		left -= used[k++].len;
	}
	write_frame(vq, &room, s, (uint16_t)k);
	if (unlikely(vq->log))
		mark_frame(vq, &room, need);
	*n_used = k;
	return VIRTQUEUE_PUT_DONE;
}

#endif
