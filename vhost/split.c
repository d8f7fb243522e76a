/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/split.h"

#include "vhost/chain.h"
#include "vhost/chain_read.h"
#include "vhost/chain_write.h"

/*
 * A split ring is three areas: descriptors and the avail ring, which the guest writes, and the used
 * ring, which we write. Both rings count with free-running 16-bit indices.
 */

/* The words behind the rings that EVENT_IDX uses, VIRTIO 1.2 2.7.7 and 2.7.10. */
static inline uint16_t *used_event(const struct virtqueue *vq)
{
	return &vq->avail->ring[vq->size];
}

static inline uint16_t *avail_event(const struct virtqueue *vq)
{
	return (uint16_t *)&vq->used->ring[vq->size];
}

/* --- notifications --------------------------------------------------------------------------- */

static inline void store_word(struct virtqueue *vq, uint16_t *word, uint16_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
	if (unlikely(vq->log))
		dirty_log_mark_at(vq->log, vq->mem, word, sizeof(*word));
}

bool split_arm(struct virtqueue *vq)
{
	if (vq->event_idx)
		store_word(vq, avail_event(vq), vq->seen_avail);
	else
		store_word(vq, &vq->used->flags, 0);

	/*
	 * Our request must be visible before we look once more: the guest stores its index and
	 * then reads the request, so one of the two sees the other's store.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	return __atomic_load_n(&vq->avail->idx, __ATOMIC_RELAXED) != vq->seen_avail;
}

void split_disarm(struct virtqueue *vq)
{
	/* With EVENT_IDX the event index just stays behind, which asks for nothing. */
	if (!vq->event_idx)
		store_word(vq, &vq->used->flags, VRING_USED_F_NO_NOTIFY);
}

bool split_wants_call(const struct virtqueue *vq)
{
	/* The used index must be visible before the guest's wish is read, 2.7.7.1. */
	atomic_thread_fence(memory_order_seq_cst);
	if (vq->event_idx)
		return vring_need_event(__atomic_load_n(used_event(vq), __ATOMIC_RELAXED),
					vq->published, vq->notified);
	return !(__atomic_load_n(&vq->avail->flags, __ATOMIC_RELAXED) & VRING_AVAIL_F_NO_INTERRUPT);
}

/* --- the two rings ---------------------------------------------------------------------------- */

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

static inline uint16_t avail_entry(const struct virtqueue *vq, unsigned i)
{
	return __atomic_load_n(&vq->avail->ring[(uint16_t)(vq->next_avail + i) & vq->mask],
			       __ATOMIC_RELAXED);
}

/* Whether a chain may start at `head`; if not, the ring breaks. */
static inline bool check_head(struct virtqueue *vq, uint16_t head)
{
	if (likely(head < vq->size))
		return true;
	virtqueue_break(vq, VIRTQUEUE_BAD_HEAD);
	return false;
}

uint16_t split_posted(const struct virtqueue *vq)
{
	return (uint16_t)(__atomic_load_n(&vq->avail->idx, __ATOMIC_RELAXED) - vq->next_avail);
}

static inline void push_used(struct virtqueue *vq, uint16_t head, uint32_t len)
{
	struct vring_used_elem *e = &vq->used->ring[vq->next_used & vq->mask];

	e->id = head;
	e->len = len;
	vq->next_used++;
}

static void mark_published(struct virtqueue *vq)
{
	for (uint16_t i = vq->published; i != vq->next_used; i++)
		dirty_log_mark_at(vq->log, vq->mem, &vq->used->ring[i & vq->mask],
				  sizeof(*vq->used->ring));
	dirty_log_mark_at(vq->log, vq->mem, &vq->used->idx, sizeof(vq->used->idx));
}

static inline void publish(struct virtqueue *vq)
{
	/* Entries of the used ring and the buffers they are about come before the index. */
	__atomic_store_n(&vq->used->idx, vq->next_used, __ATOMIC_RELEASE);
	if (unlikely(vq->log))
		mark_published(vq);
	vq->published = vq->next_used;
}

/* --- guest to switch ------------------------------------------------------------------------- */

/* The chain that starts with `d`, whatever it is like. */
static bool read_chain(struct virtqueue *vq, uint16_t head, struct vring_desc d, struct burst *b,
		       struct frame *f)
{
	struct chain c;

	return chain_begin_split(vq, &c, head, d) && chain_read(vq, &c, b, f, false);
}

unsigned split_peek(struct virtqueue *vq, struct burst *b, unsigned max)
{
	const struct guest_memory *mem = vq->mem;
	const uint32_t hdr_len = vq->hdr_len;
	struct vring_desc descs[BURST_MAX];
	unsigned n = ready(vq, max), i;

	for (i = 0; i < n; i++) {
		uint16_t head = avail_entry(vq, i);

		vq->heads[i] = head;
		__builtin_prefetch(&vq->desc[head & vq->mask]);
	}
	for (i = 0; i < n; i++) {
		uint64_t len = 1;

		if (!check_head(vq, vq->heads[i]))
			return 0;
		descs[i] = desc_read(&vq->desc[vq->heads[i]]);
		__builtin_prefetch(guest_memory_translate(mem, descs[i].addr, &len));
	}
	for (i = 0; i < n; i++) {
		/* Stop early rather than start a chain that may not find room for its segments. */
		if (unlikely(i > 0 && BURST_SEGS_MAX - b->n_segs < CHAIN_SEGS_SPARE))
			break;
		if (!chain_read_single(mem, hdr_len, &descs[i], b, &b->frames[i]) &&
		    !read_chain(vq, vq->heads[i], descs[i], b, &b->frames[i]))
			return 0;
	}
	return i;
}

void split_release(struct virtqueue *vq, unsigned n)
{
	if (vq->in_order && n) {
		/* One entry for all: 2.7.9. It names the last; the index counts every one. */
		push_used(vq, vq->heads[n - 1], 0);
		vq->next_used = (uint16_t)(vq->next_used + n - 1);
	} else {
		for (unsigned i = 0; i < n; i++)
			push_used(vq, vq->heads[i], 0);
	}
	vq->next_avail = (uint16_t)(vq->next_avail + n);
	publish(vq);
}

/* --- switch to guest ------------------------------------------------------------------------- */

static inline bool find_chain(struct virtqueue *vq, struct chain *c, unsigned taken)
{
	uint16_t head;

	if (ready(vq, taken + 1) <= taken)
		return false;
	head = avail_entry(vq, taken);
	return check_head(vq, head) && chain_begin_split(vq, c, head, desc_read(&vq->desc[head]));
}

static enum virtqueue_put put_any(struct virtqueue *vq, const struct slice *s, uint64_t need)
{
	struct virtqueue_used used[IOV_MAX_PUT];
	unsigned n;
	enum virtqueue_put res = chain_write(vq, s, need, find_chain, used, &n, false);

	if (res != VIRTQUEUE_PUT_DONE)
		return res;
	for (unsigned i = 0; i < n; i++)
		push_used(vq, used[i].id, used[i].len);
	vq->next_avail = (uint16_t)(vq->next_avail + n);
	return VIRTQUEUE_PUT_DONE;
}

static inline bool put_single(struct virtqueue *vq, const struct slice *s, uint64_t need)
{
	uint16_t head = avail_entry(vq, 0);
	struct vring_desc d;

	if (unlikely(head >= vq->size))
		return false;
	d = desc_read(&vq->desc[head]);
	if ((d.flags & VRING_DESC_F_INDIRECT) || !chain_write_single(vq, s, need, &d))
		return false;
	push_used(vq, head, (uint32_t)need);
	vq->next_avail++;
	return true;
}

enum virtqueue_put split_put(struct virtqueue *vq, const struct slice *s)
{
	uint64_t need = vq->hdr_len + (uint64_t)slice_len(s);

	if (virtqueue_is_broken(vq))
		return VIRTQUEUE_PUT_BROKEN;
	if (unlikely(ready(vq, 1) == 0))
		return virtqueue_is_broken(vq) ? VIRTQUEUE_PUT_BROKEN : VIRTQUEUE_PUT_NO_ROOM;
	if (likely(put_single(vq, s, need)))
		return VIRTQUEUE_PUT_DONE;
	return put_any(vq, s, need);
}

/* Positions are in registers meanwhile: what is written to the guest could alias those of `vq`. */
uint64_t split_put_plain(struct virtqueue *vq, const struct burst *b, uint64_t mask,
			 const struct offloads *takes)
{
	const struct vring_desc *desc = vq->desc;
	const uint16_t *avail = vq->avail->ring;
	struct vring_used_elem *used = vq->used->ring;
	const struct guest_memory *mem = vq->mem;
	const uint32_t size = vq->size, hdr_len = vq->hdr_len;
	const uint16_t next_avail = vq->next_avail, next_used = vq->next_used;
	unsigned n, ready_n = ready(vq, (unsigned)__builtin_popcountll(mask));
	uint64_t left = mask;

	for (n = 0; n < ready_n; n++, left &= left - 1) {
		const struct frame *f = &b->frames[__builtin_ctzll(left)];
		uint16_t head =
			__atomic_load_n(&avail[(next_avail + n) & (size - 1)], __ATOMIC_RELAXED);
		struct vring_desc d;

		if (unlikely(!gso_is_plain(f, takes) || head >= size))
			break;
		d = desc_read(&desc[head]);
		if (unlikely(!chain_write_plain(mem, hdr_len, f, &d)))
			break;
		used[(next_used + n) & (size - 1)] =
			(struct vring_used_elem){head, hdr_len + f->len};
	}
	vq->next_avail = (uint16_t)(next_avail + n);
	vq->next_used = (uint16_t)(next_used + n);
	return mask & ~left;
}

bool split_flush(struct virtqueue *vq)
{
	if (vq->next_used == vq->published)
		return false;
	publish(vq);
	return true;
}

void split_prefetch(struct virtqueue *vq, unsigned n)
{
	uint16_t heads[BURST_MAX];

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

void split_rewind(struct virtqueue *vq, struct virtqueue_mark mark)
{
	vq->next_avail = mark.next_avail;
	vq->next_used = mark.next_used;
}
