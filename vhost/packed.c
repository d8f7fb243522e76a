/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/packed.h"

#include "vhost/chain.h"
#include "vhost/chain_read.h"
#include "vhost/chain_write.h"

/*
 * A packed ring is one table that both sides write. The driver makes a descriptor available, and we
 * make it used, by its AVAIL and USED bits, compared with a wrap counter that flips each time
 * round. There is no index to read: whether something is there is seen in the descriptor itself,
 * and nothing lies between one chain and the next, so the end of a chain must be known to find the
 * next.
 *
 * A used descriptor is written over the first descriptor of its chain, and only one a chain. Since
 * we use chains in order, that is the place where the chain began, and next_used never overtakes
 * next_avail. What is put is noted in `unflushed` and written by flush; until then the descriptors
 * are as the guest wrote them, and a rewind has nothing to undo in them.
 *
 * Of several used descriptors the first one's flags are written last: the driver, which looks at
 * them in order, then finds all of them.
 */

/* --- notifications --------------------------------------------------------------------------- */

static void store_event(struct virtqueue *vq, uint16_t flags)
{
	/* Release: an offset that goes with the flags comes before them, 2.8.10. */
	__atomic_store_n(&vq->device_event->flags, flags, __ATOMIC_RELEASE);
	if (unlikely(vq->log))
		dirty_log_mark_at(vq->log, vq->mem, vq->device_event, sizeof(*vq->device_event));
}

/* Asks for a kick at the first descriptor that is not known to be available. */
bool packed_arm(struct virtqueue *vq)
{
	uint16_t at = packed_advance(vq, vq->next_avail, vq->n_seen);

	if (vq->event_idx) {
		__atomic_store_n(&vq->device_event->off_wrap, at, __ATOMIC_RELAXED);
		store_event(vq, VRING_PACKED_EVENT_FLAG_DESC);
	} else {
		store_event(vq, VRING_PACKED_EVENT_FLAG_ENABLE);
	}
	/* As in a split ring: of the two sides' stores one is seen by the other. */
	atomic_thread_fence(memory_order_seq_cst);
	return packed_is_avail(__atomic_load_n(&packed_desc(vq, at)->flags, __ATOMIC_RELAXED), at);
}

void packed_disarm(struct virtqueue *vq)
{
	store_event(vq, VRING_PACKED_EVENT_FLAG_DISABLE);
}

bool packed_wants_call(const struct virtqueue *vq)
{
	uint16_t to = vq->next_used & (uint16_t)~PACKED_WRAP;
	uint16_t flags, off_wrap, event;

	/* Used descriptors must be visible before the guest's wish is read. */
	atomic_thread_fence(memory_order_seq_cst);
	flags = __atomic_load_n(&vq->driver_event->flags, __ATOMIC_ACQUIRE);
	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return false;
	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !vq->event_idx)
		return true;
	off_wrap = __atomic_load_n(&vq->driver_event->off_wrap, __ATOMIC_RELAXED);
	event = off_wrap & (uint16_t)~PACKED_WRAP;
	if ((off_wrap ^ vq->next_used) & PACKED_WRAP)
		event = (uint16_t)(event - vq->size);
	return vring_need_event(event, to, (uint16_t)(to - virtqueue_unnotified(vq)));
}

/* --- the ring --------------------------------------------------------------------------------- */

uint16_t packed_posted(const struct virtqueue *vq)
{
	uint16_t at = vq->next_avail, n = 0;

	for (uint32_t i = 0; i < vq->size; i++) {
		uint16_t flags = __atomic_load_n(&packed_desc(vq, at)->flags, __ATOMIC_RELAXED);

		if (!packed_is_avail(flags, at))
			break;
		n += !(flags & VRING_DESC_F_NEXT);
		at = packed_advance(vq, at, 1);
	}
	return n;
}

static inline uint16_t used_flags(uint16_t at, uint32_t len)
{
	return (uint16_t)((at & PACKED_WRAP ? PACKED_AVAIL | PACKED_USED : 0) |
			  (len ? VRING_DESC_F_WRITE : 0));
}

static void mark_used(struct virtqueue *vq, uint16_t at, const struct virtqueue_used *u, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		dirty_log_mark_at(vq->log, vq->mem, packed_desc(vq, at), sizeof(*vq->desc_packed));
		at = packed_advance(vq, at, u[i].n_desc);
	}
}

static inline void write_used(struct virtqueue *vq, const struct virtqueue_used *u, unsigned n)
{
	uint16_t first = vq->next_used, at = first, n_desc = 0;

	for (unsigned i = 0; i < n; i++) {
		struct vring_packed_desc *d = packed_desc(vq, at);

		d->id = u[i].id;
		d->len = u[i].len;
		if (i)
			__atomic_store_n(&d->flags, used_flags(at, u[i].len), __ATOMIC_RELAXED);
		at = packed_advance(vq, at, u[i].n_desc);
		n_desc = (uint16_t)(n_desc + u[i].n_desc);
	}
	vq->published = (uint16_t)(vq->published + n_desc);
	__atomic_store_n(&packed_desc(vq, first)->flags, used_flags(first, u[0].len),
			 __ATOMIC_RELEASE);
	vq->next_used = at;
	if (unlikely(vq->log))
		mark_used(vq, first, u, n);
}

/* Takes `n` descriptors off the ring's available side. */
static inline void advance(struct virtqueue *vq, uint32_t n)
{
	vq->next_avail = packed_advance(vq, vq->next_avail, n);
	vq->n_seen = (uint16_t)(vq->n_seen > n ? vq->n_seen - n : 0);
}

/* --- guest to switch ------------------------------------------------------------------------- */

static bool read_any(struct virtqueue *vq, struct chain *c, struct burst *b, struct frame *f)
{
	return chain_read(vq, c, b, f, true);
}

/*
 * Begins the chains from `at` on and prefetches their buffers, up to the first that goes on in the
 * ring: where the one behind it begins is known when that has been read. Returns their number.
 */
static unsigned look_ahead(struct virtqueue *vq, struct chain *chains, uint16_t at, unsigned max)
{
	unsigned n = 0;

	while (n < max && chain_begin_packed(vq, &chains[n], at)) {
		const struct chain *c = &chains[n++];
		uint64_t len = 1;

		__builtin_prefetch(guest_memory_translate(vq->mem, c->d.addr, &len));
		if (!c->in_indirect && (c->d.flags & VRING_DESC_F_NEXT))
			break;
		at = packed_advance(vq, at, 1);
	}
	return n;
}

unsigned packed_peek(struct virtqueue *vq, struct burst *b, unsigned max)
{
	struct chain chains[BURST_MAX];
	unsigned n = 0, found;
	uint32_t taken = 0;

	while (n < max) {
		found = look_ahead(vq, chains, packed_advance(vq, vq->next_avail, taken),
				   MIN_OF(max - n, vq->size - taken));
		if (virtqueue_is_broken(vq))
			return 0;
		for (unsigned i = 0; i < found; i++, n++) {
			struct chain *c = &chains[i];

			if (unlikely(n > 0 && BURST_SEGS_MAX - b->n_segs < CHAIN_SEGS_SPARE))
				goto out;
			if (!chain_read_single(vq->mem, vq->hdr_len, &c->d, b, &b->frames[n]) &&
			    !read_any(vq, c, b, &b->frames[n]))
				return 0;
			taken += c->n_desc;
			vq->peeked[n] = (struct virtqueue_used){.id = c->id, .n_desc = c->n_desc};
		}
		if (taken > vq->size) {
			virtqueue_break(vq, VIRTQUEUE_BAD_CHAIN);
			return 0;
		}
		if (!found)
			break;
	}
out:
	vq->n_seen = (uint16_t)MAX_OF(vq->n_seen, taken);
	return n;
}

void packed_release(struct virtqueue *vq, unsigned n)
{
	struct virtqueue_used all = {0};

	if (!n)
		return;
	for (unsigned i = 0; i < n; i++)
		all.n_desc = (uint16_t)(all.n_desc + vq->peeked[i].n_desc);
	all.id = vq->peeked[n - 1].id;
	/* In order, one used descriptor tells of all: 2.8.9. It names the last buffer. */
	if (vq->in_order)
		write_used(vq, &all, 1);
	else
		write_used(vq, vq->peeked, n);
	advance(vq, all.n_desc);
}

/* --- switch to guest ------------------------------------------------------------------------- */

/* Descriptors that may yet be taken before the next flush: they must not lap the used side. */
static inline uint32_t left_in_round(const struct virtqueue *vq)
{
	return vq->size - packed_distance(vq, vq->next_used, vq->next_avail);
}

static inline bool find_chain(struct virtqueue *vq, struct chain *c, unsigned taken)
{
	if (likely(taken < left_in_round(vq)) &&
	    chain_begin_packed(vq, c, packed_advance(vq, vq->next_avail, taken)))
		return true;
	vq->n_seen = (uint16_t)MIN_OF(taken, (unsigned)vq->size);
	return false;
}

static inline void note_used(struct virtqueue *vq, const struct virtqueue_used *u)
{
	vq->unflushed[vq->n_unflushed++] = *u;
	advance(vq, u->n_desc);
}

static enum virtqueue_put put_any(struct virtqueue *vq, const struct slice *s, uint64_t need)
{
	struct virtqueue_used used[IOV_MAX_PUT];
	uint32_t taken = 0;
	unsigned n;
	enum virtqueue_put res = chain_write(vq, s, need, find_chain, used, &n, true);

	if (res != VIRTQUEUE_PUT_DONE)
		return res;
	for (unsigned i = 0; i < n; i++)
		taken += used[i].n_desc;
	if (taken > left_in_round(vq)) {
		virtqueue_break(vq, VIRTQUEUE_BAD_CHAIN);
		return VIRTQUEUE_PUT_BROKEN;
	}
	for (unsigned i = 0; i < n; i++)
		note_used(vq, &used[i]);
	return VIRTQUEUE_PUT_DONE;
}

enum virtqueue_put packed_put(struct virtqueue *vq, const struct slice *s)
{
	uint64_t need = vq->hdr_len + (uint64_t)slice_len(s);
	struct virtqueue_used used;
	struct chain c;

	if (virtqueue_is_broken(vq))
		return VIRTQUEUE_PUT_BROKEN;
	if (!find_chain(vq, &c, 0))
		return virtqueue_is_broken(vq) ? VIRTQUEUE_PUT_BROKEN : VIRTQUEUE_PUT_NO_ROOM;
	if (unlikely((c.d.flags & VRING_DESC_F_NEXT) && !c.in_indirect) ||
	    !chain_write_single(vq, s, need, &c.d))
		return put_any(vq, s, need);
	used = (struct virtqueue_used){.len = (uint32_t)need, .id = c.id, .n_desc = 1};
	note_used(vq, &used);
	return VIRTQUEUE_PUT_DONE;
}

/* As in a split ring, positions are in registers. Chains that go on in the ring are packed_put's.
 */
uint64_t packed_put_plain(struct virtqueue *vq, const struct burst *b, uint64_t mask,
			  const struct offloads *takes)
{
	struct virtqueue_used *used = vq->unflushed + vq->n_unflushed;
	const struct guest_memory *mem = vq->mem;
	const uint32_t hdr_len = vq->hdr_len, room = left_in_round(vq);
	uint16_t at = vq->next_avail;
	uint64_t left = mask;
	unsigned n;

	for (n = 0; left && n < room; n++, left &= left - 1) {
		const struct frame *f = &b->frames[__builtin_ctzll(left)];
		const struct vring_packed_desc *p = packed_desc(vq, at);
		uint16_t flags = __atomic_load_n(&p->flags, __ATOMIC_ACQUIRE);
		struct vring_desc d;

		if (unlikely(!packed_is_avail(flags, at) || (flags & VRING_DESC_F_NEXT) ||
			     !gso_is_plain(f, takes)))
			break;
		d = packed_read(p, flags);
		if (unlikely(!chain_write_plain(mem, hdr_len, f, &d)))
			break;
		used[n] =
			(struct virtqueue_used){.len = hdr_len + f->len, .id = d.next, .n_desc = 1};
		at = packed_advance(vq, at, 1);
	}
	vq->n_unflushed = (uint16_t)(vq->n_unflushed + n);
	advance(vq, n);
	return mask & ~left;
}

bool packed_flush(struct virtqueue *vq)
{
	if (!vq->n_unflushed)
		return false;
	write_used(vq, vq->unflushed, vq->n_unflushed);
	vq->n_unflushed = 0;
	return true;
}

void packed_prefetch(struct virtqueue *vq, unsigned n)
{
	uint16_t at = vq->next_avail;

	n = MIN_OF(n, MIN_OF((unsigned)BURST_MAX, (unsigned)vq->size));
	for (unsigned i = 0; i < n; i += 4)
		__builtin_prefetch(packed_desc(vq, packed_advance(vq, at, i)), 1);
	for (unsigned i = 0; i < n; i++) {
		const volatile struct vring_packed_desc *d = packed_desc(vq, at);
		uint64_t len = 1;

		/* Only a hint, whether the descriptor is available or not. */
		__builtin_prefetch(guest_memory_translate(vq->mem, d->addr, &len), 1);
		at = packed_advance(vq, at, 1);
	}
}

void packed_rewind(struct virtqueue *vq, struct virtqueue_mark mark)
{
	uint32_t seen = vq->n_seen + packed_distance(vq, mark.next_avail, vq->next_avail);

	vq->n_seen = (uint16_t)MIN_OF(seen, (uint32_t)vq->size);
	vq->next_avail = mark.next_avail;
	vq->n_unflushed = mark.n_unflushed;
}
