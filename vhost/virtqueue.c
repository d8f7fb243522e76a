/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/virtqueue.h"

#include <assert.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include <rte_branch_prediction.h>
#include <rte_memcpy.h>

#include "common/util.h"
#include "dataplane/copy.h"
#include "vhost/chain.h"

#define IOV_MAX_PUT 256 /* pieces of the receiver's buffers that one frame may be spread over */

static const char *const fault_texts[] = {
	"no fault",
	"the guest moved the avail index more than a ring ahead",
	"a descriptor chain points outside the descriptor table",
	"a descriptor chain is longer than the ring",
	"a descriptor's address is not in the guest's memory",
	"an indirect descriptor table is malformed",
	"a descriptor has the wrong direction",
};
static_assert(ARRAY_SIZE(fault_texts) == VIRTQUEUE_FAULT_N, "a text for each fault");

const char *virtqueue_fault_text(enum virtqueue_fault fault)
{
	return NAME_OF(fault_texts, fault);
}

/* The words behind the rings that EVENT_IDX uses, VIRTIO 1.2 2.7.7 and 2.7.10. */
static inline uint16_t *used_event(const struct virtqueue *vq)
{
	return &vq->avail->ring[vq->size];
}

static inline uint16_t *avail_event(const struct virtqueue *vq)
{
	return (uint16_t *)&vq->used->ring[vq->size];
}

void virtqueue_attach(struct virtqueue *vq, const struct virtqueue_params *p)
{
	*vq = (struct virtqueue){
		.desc = p->desc,
		.avail = p->avail,
		.used = p->used,
		.mem = p->mem,
		.size = p->size,
		.mask = p->size - 1,
		.next_avail = p->next_avail,
		.next_used = p->next_used,
		.seen_avail = p->next_avail,
		.published = p->next_used,
		.notified = p->next_used,
		.event_idx = p->event_idx,
		.indirect = p->indirect,
		.mergeable = p->mergeable,
		.armed = true,
		.hdr_len = p->mergeable || p->version_1 ? 12 : 10,
		.call_fd = p->call_fd,
	};
	virtqueue_disarm(vq);
}

/* --- notifications --------------------------------------------------------------------------- */

bool virtqueue_arm(struct virtqueue *vq)
{
	if (virtqueue_is_broken(vq))
		return false;
	vq->armed = true;
	if (vq->event_idx)
		__atomic_store_n(avail_event(vq), vq->seen_avail, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&vq->used->flags, 0, __ATOMIC_RELAXED);

	/*
	 * Our request must be visible before we look once more: the guest stores its index and
	 * then reads the request, so one of the two sees the other's store.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	return __atomic_load_n(&vq->avail->idx, __ATOMIC_RELAXED) != vq->seen_avail;
}

void virtqueue_disarm(struct virtqueue *vq)
{
	if (!vq->armed)
		return;
	vq->armed = false;
	/* With EVENT_IDX the event index just stays behind, which asks for nothing. */
	if (!vq->event_idx)
		__atomic_store_n(&vq->used->flags, VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
}

static bool guest_wants_call(const struct virtqueue *vq)
{
	/* The used index must be visible before the guest's wish is read, 2.7.7.1. */
	atomic_thread_fence(memory_order_seq_cst);
	if (vq->event_idx)
		return vring_need_event(__atomic_load_n(used_event(vq), __ATOMIC_RELAXED),
					vq->published, vq->notified);
	return !(__atomic_load_n(&vq->avail->flags, __ATOMIC_RELAXED) & VRING_AVAIL_F_NO_INTERRUPT);
}

void virtqueue_notify(struct virtqueue *vq)
{
	int fd = atomic_load_explicit(&vq->call_fd, memory_order_relaxed);

	if (vq->notified == vq->published)
		return;
	if (fd >= 0 && guest_wants_call(vq)) {
		vq->interrupts++;
		eventfd_write(fd, 1);
	}
	vq->notified = vq->published;
}

static inline void publish(struct virtqueue *vq)
{
	/* Entries of the used ring and the buffers they are about come before the index. */
	__atomic_store_n(&vq->used->idx, vq->next_used, __ATOMIC_RELEASE);
	vq->published = vq->next_used;
}

void virtqueue_flush(struct virtqueue *vq)
{
	if (vq->next_used == vq->published)
		return;
	publish(vq);
	virtqueue_notify(vq);
}

/* --- chains ---------------------------------------------------------------------------------- */

/* Entries of the avail ring that are ready, at most `want`. */
static inline unsigned ready(struct virtqueue *vq, unsigned want)
{
	uint16_t n = (uint16_t)(vq->seen_avail - vq->next_avail);

	if (n < want) {
		/* Acquire: descriptors that the index covers are read after it. */
		vq->seen_avail = __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE);
		n = (uint16_t)(vq->seen_avail - vq->next_avail);
		if (unlikely(n > vq->size)) {
			virtqueue_break(vq, VIRTQUEUE_BAD_INDEX);
			return 0;
		}
	}
	return n < want ? n : want;
}

uint16_t virtqueue_posted(const struct virtqueue *vq)
{
	return (uint16_t)(__atomic_load_n(&vq->avail->idx, __ATOMIC_RELAXED) - vq->next_avail);
}

/* --- guest to switch ------------------------------------------------------------------------- */

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
static bool read_chain(struct virtqueue *vq, struct chain *c, struct burst *b, struct frame *f)
{
	struct reader r = {
		.f = f, .segs = b->segs + b->n_segs, .max_segs = BURST_SEGS_MAX - b->n_segs};

	f->len = 0;
	f->head_len = 0;
	f->bad = DROP_NONE;
	do {
		if (!read_desc_buffer(vq, &r, &c->d))
			return false;
	} while (chain_next(vq, c));
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
static inline bool read_single(struct virtqueue *vq, const struct chain *c, struct burst *b,
			       struct frame *f)
{
	uint32_t shortest = vq->hdr_len + (uint32_t)sizeof(struct eth_hdr);
	uint64_t len = c->d.len;
	const uint8_t *p;

	if ((c->d.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE)) || c->d.len < shortest ||
	    c->d.len > FRAME_LEN_MAX || b->n_segs == BURST_SEGS_MAX)
		return false;
	p = guest_memory_translate(vq->mem, c->d.addr, &len);
	if (unlikely(!p || len < c->d.len))
		return false;

	f->len = c->d.len - vq->hdr_len;
	f->head_len = (uint16_t)MIN_OF(f->len, (uint32_t)FRAME_HEAD_MAX);
	f->bad = DROP_NONE;
	memcpy(&f->vnet, p, sizeof(f->vnet));
	f->vnet.flags &= VNET_NEEDS_CSUM;
	p += vq->hdr_len;
	rte_memcpy(f->head, p, f->head_len);
	f->segs = &b->segs[b->n_segs];
	f->n_segs = f->len > f->head_len;
	b->segs[b->n_segs] = (struct seg){p + f->head_len, f->len - f->head_len};
	b->n_segs += f->n_segs;
	return true;
}

unsigned virtqueue_peek(struct virtqueue *vq, struct burst *b, unsigned max)
{
	struct chain chains[BURST_MAX];
	unsigned n, i;

	vq->n_peeked = 0;
	if (virtqueue_is_broken(vq))
		return 0;
	n = ready(vq, max);
	for (i = 0; i < n; i++) {
		vq->heads[i] =
			__atomic_load_n(&vq->avail->ring[(uint16_t)(vq->next_avail + i) & vq->mask],
					__ATOMIC_RELAXED);
		__builtin_prefetch(&vq->desc[vq->heads[i] & vq->mask]);
	}
	for (i = 0; i < n; i++) {
		uint64_t len = 1;

		if (!chain_begin(vq, &chains[i], vq->heads[i]))
			return 0;
		__builtin_prefetch(guest_memory_translate(vq->mem, chains[i].d.addr, &len));
	}
	for (i = 0; i < n; i++) {
		/* Stop early rather than start a chain that may not find room for its segments. */
		if (unlikely(i > 0 && BURST_SEGS_MAX - b->n_segs < 64))
			break;
		if (!read_single(vq, &chains[i], b, &b->frames[i]) &&
		    !read_chain(vq, &chains[i], b, &b->frames[i]))
			return 0;
	}
	vq->n_peeked = (uint16_t)i;
	return b->n = i;
}

static inline void push_used(struct virtqueue *vq, uint16_t head, uint32_t len)
{
	struct vring_used_elem *e = &vq->used->ring[vq->next_used & vq->mask];

	e->id = head;
	e->len = len;
	vq->next_used++;
}

void virtqueue_release(struct virtqueue *vq, unsigned n)
{
	assert(n <= vq->n_peeked);
	for (unsigned i = 0; i < n; i++)
		push_used(vq, vq->heads[i], 0);
	vq->next_avail = (uint16_t)(vq->next_avail + n);
	vq->n_peeked = 0;
	publish(vq);
	if (virtqueue_unnotified(vq) >= vq->size / 4)
		virtqueue_notify(vq);
}

/* --- switch to guest ------------------------------------------------------------------------- */

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

/* Gathers a chain's buffers, as far as `need` bytes in all ask for them. */
static bool gather_chain(struct virtqueue *vq, struct room *room, uint16_t head, uint64_t need)
{
	struct chain c;

	if (!chain_begin(vq, &c, head))
		return false;
	do {
		if (!gather_buffer(vq, room, &c.d))
			return false;
	} while (room->bytes < need && chain_next(vq, &c));
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
static inline void copy_header(const struct virtqueue *vq, void *dst, const void *src)
{
	if (likely(vq->hdr_len == 12))
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
		copy_header(vq, room->iov[0].iov_base, from);
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

static inline uint16_t avail_entry(const struct virtqueue *vq, unsigned i)
{
	return __atomic_load_n(&vq->avail->ring[(uint16_t)(vq->next_avail + i) & vq->mask],
			       __ATOMIC_RELAXED);
}

/* The general case: any number of chains of any layout, as merged receive buffers need it. */
static enum virtqueue_put put_gathered(struct virtqueue *vq, const struct slice *s, uint64_t need)
{
	uint16_t heads[IOV_MAX_PUT];
	uint32_t lens[IOV_MAX_PUT];
	uint64_t left = need;
	struct room room;
	unsigned k = 0;

	room.n_iov = 0;
	room.bytes = 0;
	while (room.bytes < need) {
		uint64_t before = room.bytes;

		if (k && !vq->mergeable)
			return VIRTQUEUE_PUT_NO_FIT;
		if (room.n_iov == IOV_MAX_PUT || k == IOV_MAX_PUT || k == vq->size)
			return VIRTQUEUE_PUT_NO_FIT;
		if (ready(vq, k + 1) <= k)
			return virtqueue_is_broken(vq) ? VIRTQUEUE_PUT_BROKEN
						       : VIRTQUEUE_PUT_NO_ROOM;
		heads[k] = avail_entry(vq, k);
		if (!gather_chain(vq, &room, heads[k], need))
			return VIRTQUEUE_PUT_BROKEN;
		lens[k] = (uint32_t)MIN_OF(room.bytes - before, left);
		left -= lens[k++];
	}

	write_frame(vq, &room, s, (uint16_t)k);
	for (unsigned i = 0; i < k; i++)
		push_used(vq, heads[i], lens[i]);
	vq->next_avail = (uint16_t)(vq->next_avail + k);
	return VIRTQUEUE_PUT_DONE;
}

/*
 * The usual case: the frame fits the first descriptor of the next chain, in one region. Returns
 * false, with nothing done, when it is not that; the general case then finds out what it is.
 */
static inline bool put_single(struct virtqueue *vq, const struct slice *s, uint64_t need)
{
	uint16_t head = avail_entry(vq, 0);
	struct vring_desc d;
	struct iovec iov;
	uint64_t len = need;

	if (unlikely(head >= vq->size))
		return false;
	d = desc_read(&vq->desc[head]);
	if ((d.flags & (VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)) != VRING_DESC_F_WRITE ||
	    d.len < need)
		return false;
	iov.iov_base = guest_memory_translate(vq->mem, d.addr, &len);
	iov.iov_len = len;
	if (unlikely(!iov.iov_base || len < need))
		return false;

	if (likely(s->plain)) {
		copy_header(vq, iov.iov_base, &plain_header);
	} else {
		struct header hdr = header_of(s, 1);

		copy_header(vq, iov.iov_base, &hdr);
	}
	slice_copy(s, &iov, 1, vq->hdr_len);
	push_used(vq, head, (uint32_t)need);
	vq->next_avail++;
	return true;
}

enum virtqueue_put virtqueue_put(struct virtqueue *vq, const struct slice *s)
{
	uint64_t need = vq->hdr_len + (uint64_t)slice_len(s);

	if (virtqueue_is_broken(vq))
		return VIRTQUEUE_PUT_BROKEN;
	if (unlikely(ready(vq, 1) == 0))
		return virtqueue_is_broken(vq) ? VIRTQUEUE_PUT_BROKEN : VIRTQUEUE_PUT_NO_ROOM;
	if (likely(put_single(vq, s, need)))
		return VIRTQUEUE_PUT_DONE;
	return put_gathered(vq, s, need);
}

void virtqueue_prefetch(struct virtqueue *vq, unsigned n)
{
	uint16_t heads[BURST_MAX];

	if (virtqueue_is_broken(vq))
		return;
	n = ready(vq, MIN_OF(n, (unsigned)BURST_MAX));
	for (unsigned i = 0; i < n; i++) {
		heads[i] = avail_entry(vq, i) & vq->mask;
		__builtin_prefetch(&vq->desc[heads[i]]);
	}
	for (unsigned i = 0; i < n; i++) {
		uint64_t len = 1;

		/* What the guest wrote there is checked when it is used; this is only a hint. */
		__builtin_prefetch(guest_memory_translate(vq->mem, vq->desc[heads[i]].addr, &len),
				   1);
	}
}

struct virtqueue_mark virtqueue_mark(const struct virtqueue *vq)
{
	return (struct virtqueue_mark){vq->next_avail, vq->next_used};
}

void virtqueue_rewind(struct virtqueue *vq, struct virtqueue_mark mark)
{
	vq->next_avail = mark.next_avail;
	vq->next_used = mark.next_used;
}
