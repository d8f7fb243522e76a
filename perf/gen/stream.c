/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/gen/stream.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cksum.h"
#include "perf/gen/virtq_packed.h"

#define PAUSE_NS       300.0
#define ALWAYS_INLINE  inline __attribute__((always_inline))
#define PREFETCH_AHEAD 8

static void ring_init(struct stream_ring *r, struct driver *d, struct driver_queue *q,
		      const struct stream_options *o)
{
	*r = (struct stream_ring){
		.vq = &q->vq,
		.slots = q->slots,
		.slot_bytes = q->slot_bytes,
		.hdr_bytes = d->hdr_bytes,
		.packed = q->vq.packed,
		.size = q->vq.size,
		.mask = (uint16_t)(q->vq.size - 1),
		.batch = MIN_OF(o->batch, (uint16_t)(q->vq.size / 4)),
		.pause_tsc = o->eager ? 0 : (uint64_t)(PAUSE_NS * o->tsc_hz / 1e9),
	};
}

static void ring_kick_if_wanted(struct stream_ring *r)
{
	const uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	r->kick_pending = false;
	if (r->packed ? r->vq->device_event->flags == VRING_PACKED_EVENT_FLAG_DISABLE
		      : __atomic_load_n(&r->vq->used->flags, __ATOMIC_RELAXED) &
				VRING_USED_F_NO_NOTIFY)
		return;
	if (write(r->vq->kick_fd, &one, sizeof(one)) == sizeof(one))
		r->vq->n_kicks++;
}

/* Indices run freely; bit log2(size) of one tells how often it went round: the wrap counter. */
static ALWAYS_INLINE struct vring_packed_desc *packed_at(const struct stream_ring *r,
							 unsigned index)
{
	return &r->vq->desc_packed[index & r->mask];
}

static ALWAYS_INLINE uint16_t packed_n_used(const struct stream_ring *r, uint16_t max)
{
	uint16_t n = 0;

	while (n < max) {
		uint16_t index = (uint16_t)(r->used + n);
		uint16_t flags = __atomic_load_n(&packed_at(r, index)->flags, __ATOMIC_ACQUIRE);

		if (!virtq_packed_is_used(flags, !(index & r->size)))
			break;
		n++;
	}
	return n;
}

/* Used entries that wait, bounded by what is in flight. */
static ALWAYS_INLINE unsigned ring_poll(struct stream_ring *r, uint64_t now)
{
	uint16_t n, in_flight = (uint16_t)(r->avail - r->used);

	if (now < r->poll_at)
		return 0;
	if (r->kick_pending)
		ring_kick_if_wanted(r);
	if (r->packed)
		n = packed_n_used(r, MIN_OF(in_flight, r->batch));
	else
		n = (uint16_t)(__atomic_load_n(&r->vq->used->idx, __ATOMIC_ACQUIRE) - r->used);
	if (n < r->batch)
		r->poll_at = now + r->pause_tsc;
	if (n <= in_flight)
		return n;
	r->broken = true;
	return 0;
}

static ALWAYS_INLINE struct vring_used_elem ring_used(struct stream_ring *r, uint16_t index)
{
	if (r->packed) {
		const struct vring_packed_desc *d = packed_at(r, index);

		return (struct vring_used_elem){d->id, d->len};
	}
	return r->vq->used->ring[index & r->mask];
}

/* Puts the used entry `index` back to where it becomes available again, and returns it. */
static ALWAYS_INLINE struct vring_used_elem ring_recycle(struct stream_ring *r, uint16_t index)
{
	struct vring_used_elem el = ring_used(r, index);

	if (el.id >= r->size) {
		r->broken = true;
		el = (struct vring_used_elem){0};
	} else if (!r->packed && r->vq->avail->ring[index & r->mask] != el.id) {
		r->vq->avail->ring[index & r->mask] = (uint16_t)el.id;
	}
	return el;
}

/* Makes the descriptors before `avail` available again; the first one's flags come last. */
static ALWAYS_INLINE void packed_publish(struct stream_ring *r, uint16_t avail)
{
	uint64_t base = guestmem_gpa(r->vq->mem, r->slots);
	uint16_t write = r->frame_len ? 0 : VRING_DESC_F_WRITE;

	for (uint16_t i = (uint16_t)(avail - 1); (uint16_t)(i + 1) != r->avail; i--) {
		struct vring_packed_desc *d = packed_at(r, i);

		d->addr = base + (uint64_t)d->id * r->slot_bytes;
		d->len = r->frame_len ? r->frame_len[d->id] + r->hdr_bytes : r->slot_bytes;
		__atomic_store_n(&d->flags, write | virtq_packed_avail_flags(!(i & r->size)),
				 __ATOMIC_RELEASE);
	}
}

static ALWAYS_INLINE void ring_publish(struct stream_ring *r, uint16_t avail)
{
	if (r->packed)
		packed_publish(r, avail);
	else
		__atomic_store_n(&r->vq->avail->idx, avail, __ATOMIC_RELEASE);
	r->avail = avail;
	r->kick_pending = true;
}

size_t stream_extra_bytes(const struct stream_options *o, uint32_t slot_bytes)
{
	return o->latency_every ? slot_bytes + 64 : 0;
}

/* A probe is a split descriptor that is lent. */
static bool uses_probes(const struct stream_options *o, const struct virtq *vq)
{
	return !vq->packed && o->latency_every >= vq->size && !o->verify_every &&
	       o->frame.mix == FRAME_FIXED;
}

static void tx_prepare_slot(struct stream_tx *s, uint16_t i, const uint8_t *pattern)
{
	struct stream_ring *r = &s->ring;
	struct frame_ends ends = {s->src_port, s->dst_port, s->number};
	uint8_t *slot = r->slots + (size_t)i * r->slot_bytes;
	struct virtio_net_hdr_mrg_rxbuf hdr;

	s->slot_len[i] = frame_size_at(&s->frame, i);
	frame_build(slot + r->hdr_bytes, &hdr, &s->frame, s->slot_len[i], &ends, pattern,
		    frame_phase(i));
	memcpy(slot, &hdr, r->hdr_bytes);
	s->route_sum[i] = frame_route_sum(slot + r->hdr_bytes, &s->route);
	if (r->packed) {
		r->vq->desc_packed[i].id = i;
		return;
	}
	r->vq->desc[i] = (struct vring_desc){.addr = guestmem_gpa(r->vq->mem, slot),
					     .len = s->slot_len[i] + r->hdr_bytes};
	r->vq->avail->ring[i] = i;
}

static int tx_prepare_probe(struct stream_tx *s, const uint8_t *pattern, struct err *e)
{
	struct frame_ends ends = {s->src_port, s->dst_port, s->number};
	struct virtio_net_hdr_mrg_rxbuf hdr;

	s->probe = guestmem_alloc(s->ring.vq->mem, s->ring.slot_bytes, 64);
	if (!s->probe)
		return err_set(e, ENOMEM, "no room for a probe in guest memory");
	frame_build(s->probe + s->ring.hdr_bytes, &hdr, &s->frame, s->frame.bytes - 1, &ends,
		    pattern, 0);
	memcpy(s->probe, &hdr, s->ring.hdr_bytes);
	return 0;
}

int stream_tx_init(struct stream_tx *s, struct driver *d, unsigned pair,
		   const struct stream_options *o, const struct stream_peers *p, struct err *e)
{
	const unsigned n[] = {p->n_dst, p->n_src, MAX_OF(o->n_flows, 1u)};
	int ret;

	*s = (struct stream_tx){
		.frame = o->frame,
		.number = p->number,
		.writes_addresses =
			o->touch || p->n_src > 1 || p->n_dst > 1 || o->n_flows > 1 || o->route.on,
		.route = o->route,
		.src_port = p->src_port,
		.dst_port = p->dst_port,
		.n_src = p->n_src,
		.n_dst = p->n_dst,
		.latency_every = o->latency_every,
		.rate_per_tsc = o->rate_pps / o->tsc_hz,
		.probe_slot = -1,
	};
	ring_init(&s->ring, d, driver_tx_queue(d, pair), o);
	ret = pick_init(&s->pick, &o->pick, n, 0x9e3779b97f4a7c15ull * (p->number + 1u), e);
	if (ret)
		goto err_fini;
	s->slot_len = calloc(s->ring.size, sizeof(*s->slot_len));
	s->route_sum = calloc(s->ring.size, sizeof(*s->route_sum));
	if (!s->slot_len || !s->route_sum) {
		ret = err_set(e, ENOMEM, "out of memory");
		goto err_fini;
	}
	s->ring.frame_len = s->slot_len;
	for (unsigned i = 0; i < s->ring.size; i++)
		tx_prepare_slot(s, (uint16_t)i, o->pattern);
	if (uses_probes(o, s->ring.vq))
		ret = tx_prepare_probe(s, o->pattern, e);
	s->stamps = o->verify_every || (o->latency_every && !s->probe);
	if (!ret)
		return 0;

err_fini:
	stream_tx_fini(s);
	return ret;
}

void stream_tx_fini(struct stream_tx *s)
{
	pick_fini(&s->pick);
	free(s->slot_len);
	free(s->route_sum);
	s->slot_len = s->route_sum = NULL;
}

static ALWAYS_INLINE unsigned tx_free(struct stream_tx *s, uint64_t now)
{
	struct stream_ring *r = &s->ring;
	unsigned n_free = r->size - (uint16_t)(r->avail - r->used);
	unsigned n;

	if (n_free >= r->batch && !r->kick_pending)
		return n_free;
	n = ring_poll(r, now);
	for (unsigned i = 0; i < n; i++)
		ring_recycle(r, (uint16_t)(r->used + i));
	r->used = (uint16_t)(r->used + n);
	return r->broken ? 0 : n_free + n;
}

/* A burst, or what the rate allows by now; at most a ring is sent late, the rest is forgone. */
static ALWAYS_INLINE unsigned tx_allowance(struct stream_tx *s, uint64_t now)
{
	double due;

	if (s->rate_per_tsc == 0)
		return s->ring.batch;
	if (!s->rate_start)
		s->rate_start = now;
	due = (double)(now - s->rate_start) * s->rate_per_tsc - (double)s->rate_sent;
	if (due > s->ring.size) {
		s->rate_sent += (uint64_t)due - s->ring.size;
		due = s->ring.size;
	}
	return due >= s->ring.batch ? s->ring.batch : (unsigned)due;
}

static ALWAYS_INLINE uint8_t *tx_frame(struct stream_tx *s, unsigned index, uint16_t *slot)
{
	struct stream_ring *r = &s->ring;

	*slot = r->packed ? packed_at(r, index)->id & r->mask : r->vq->avail->ring[index & r->mask];
	return r->slots + (size_t)*slot * r->slot_bytes + r->hdr_bytes;
}

static ALWAYS_INLINE void tx_write_choice(struct stream_tx *s, uint8_t *frame, uint32_t sum)
{
	unsigned choice[PICK_DIMENSIONS];

	pick_next(&s->pick, choice);
	if (s->route.on) {
		frame_set_addresses(frame, s->route.gateway,
				    frame_station(s->src_port, choice[PICK_SRC]));
		frame_set_route(frame, &s->route, sum,
				s->route.fresh ? s->fresh++ : choice[PICK_FLOW]);
		return;
	}
	frame_set_addresses(frame, frame_station(s->dst_port, choice[PICK_DST]),
			    frame_station(s->src_port, choice[PICK_SRC]));
	if (s->pick.n[PICK_FLOW] > 1)
		frame_set_flow(frame, choice[PICK_FLOW]);
}

static void stamp_write(const struct stream_tx *s, uint8_t *frame, uint16_t phase, uint32_t seq,
			uint64_t time_tsc)
{
	struct frame_stamp stamp = {
		.magic = FRAME_STAMP_MAGIC,
		.phase = phase,
		.seq = seq,
		.time_tsc = time_tsc,
		.stream = s->number,
	};

	stamp.sum = cksum_finish(cksum_add(0, &stamp, sizeof(stamp)));
	memcpy(frame + frame_headers(&s->frame), &stamp, sizeof(stamp));
	if (s->frame.mix == FRAME_TSO)
		frame_set_number(frame, seq);
}

static ALWAYS_INLINE void tx_write_stamp(struct stream_tx *s, uint8_t *frame, uint16_t slot,
					 uint64_t now)
{
	uint32_t seq = (uint32_t)s->seq++;
	bool sample = s->latency_every && seq % s->latency_every == 0;

	stamp_write(s, frame, frame_phase(slot), seq, sample ? now : 0);
}

/* Lends the slot's descriptor to a probe, or takes it back when the slot has come round. */
static void tx_probe(struct stream_tx *s, uint16_t slot, uint64_t now)
{
	struct vring_desc *desc = &s->ring.vq->desc[slot];
	uint8_t *frame = s->probe + s->ring.hdr_bytes;

	if (s->probe_slot == slot) {
		*desc = s->lent_to;
		s->probe_slot = -1;
	}
	if (s->probe_slot >= 0 || s->frames < s->probe_at)
		return;
	s->probe_at = s->frames + s->latency_every;
	tx_write_choice(s, frame, frame_route_sum(frame, &s->route));
	stamp_write(s, frame, 0, 0, now);
	s->probe_slot = slot;
	s->lent_to = *desc;
	desc->addr = guestmem_gpa(s->ring.vq->mem, s->probe);
	desc->len--;
}

/* At most one frame of a burst is concerned: its first, or the one whose slot is lent. */
static void tx_probes(struct stream_tx *s, unsigned n, uint64_t now)
{
	uint16_t slot;

	for (unsigned i = 0; i < n && s->probe_slot >= 0; i++) {
		tx_frame(s, s->ring.avail + i, &slot);
		if (slot == s->probe_slot)
			tx_probe(s, slot, now);
	}
	tx_frame(s, s->ring.avail, &slot);
	tx_probe(s, slot, now);
}

/* `touch`: addresses are written; `stamp`: stamps are; neither: the frames are sent as they lie. */
static ALWAYS_INLINE void tx_send(struct stream_tx *s, unsigned n, uint64_t now, const bool touch,
				  const bool stamp)
{
	struct stream_ring *r = &s->ring;
	uint16_t slot;

	if (touch || stamp)
		for (unsigned i = 0; i < n; i++)
			__builtin_prefetch(tx_frame(s, r->avail + i, &slot), 1);
	if (s->probe)
		tx_probes(s, n, now);
	for (unsigned i = 0; i < n; i++) {
		uint8_t *frame = tx_frame(s, r->avail + i, &slot);

		if (touch)
			tx_write_choice(s, frame, s->route_sum[slot]);
		if (stamp)
			tx_write_stamp(s, frame, slot, now);
		s->bytes += s->slot_len[slot];
	}
	ring_publish(r, (uint16_t)(r->avail + n));
	s->frames += n;
	s->rate_sent += n;
}

static void tx_send_any(struct stream_tx *s, unsigned n, uint64_t now)
{
	if (s->stamps)
		tx_send(s, n, now, s->writes_addresses, true);
	else if (s->writes_addresses)
		tx_send(s, n, now, true, false);
	else
		tx_send(s, n, now, false, false);
}

unsigned stream_tx_burst(struct stream_tx *s, uint64_t now)
{
	unsigned n_free = tx_free(s, now);
	unsigned n = tx_allowance(s, now);

	if (s->rate_per_tsc == 0 && n_free < n)
		return 0;
	n = MIN_OF(n, n_free);
	if (n)
		tx_send_any(s, n, now);
	return n;
}

unsigned stream_tx_fill(struct stream_tx *s, uint64_t now)
{
	unsigned n = tx_free(s, now);

	if (n)
		tx_send_any(s, n, now);
	return n;
}

unsigned stream_tx_learn(struct stream_tx *s, uint64_t now, unsigned *k)
{
	struct stream_ring *r = &s->ring;
	unsigned n = MIN_OF(tx_free(s, now), MIN_OF(r->batch, s->n_src - *k));
	uint16_t slot;

	for (unsigned i = 0; i < n; i++) {
		uint8_t *frame = tx_frame(s, r->avail + i, &slot);

		frame_set_addresses(frame,
				    s->route.on ? s->route.gateway : frame_station(s->dst_port, 0),
				    frame_station(s->src_port, (*k)++));
		if (s->route.on)
			frame_set_route(frame, &s->route, s->route_sum[slot], 0);
	}
	if (n)
		ring_publish(r, (uint16_t)(r->avail + n));
	return n;
}

void stream_tx_settle(struct stream_tx *s, uint64_t now)
{
	s->ring.kick_pending |= s->ring.avail != s->ring.used;
	tx_free(s, now);
}

bool stream_tx_is_busy(const struct stream_tx *s)
{
	const struct stream_ring *r = &s->ring;
	uint16_t in_flight = (uint16_t)(r->avail - r->used);

	if (r->packed)
		return !r->broken && packed_n_used(r, in_flight) < in_flight;
	return !r->broken && __atomic_load_n(&r->vq->used->idx, __ATOMIC_ACQUIRE) != r->avail;
}

uint64_t stream_tx_taken(const struct stream_tx *s)
{
	return s->frames - (uint16_t)(s->ring.avail - s->ring.used);
}

void stream_rx_init(struct stream_rx *s, struct driver *d, unsigned pair,
		    const struct stream_options *o)
{
	struct driver_queue *q = driver_rx_queue(d, pair);
	uint32_t frame_max = o->frame.bytes + d->hdr_bytes;
	bool probes = uses_probes(o, &q->vq);

	*s = (struct stream_rx){
		.one_buffer = frame_max <= q->slot_bytes,
		.stamped = o->verify_every || (o->latency_every && !probes),
		.probe_used = probes ? frame_max - 1 : 0,
		.check =
			{
				.pattern = o->pattern,
				.tcp_payload = o->frame.bytes - FRAME_TCP_HEADERS,
				.verify_every = o->verify_every,
				.takes_partial = driver_has(d, VIRTIO_NET_F_GUEST_CSUM),
				.takes_large = driver_has(d, VIRTIO_NET_F_GUEST_TSO4),
				.ns_per_tsc = 1e9 / o->tsc_hz,
				.latency = o->latency,
			},
	};
	ring_init(&s->ring, d, q, o);
	/* The driver has posted the whole ring: a packed one stands where it began, once round. */
	s->ring.avail = q->vq.packed ? q->vq.size : q->vq.avail_idx;
}

static ALWAYS_INLINE void rx_piece(struct stream_rx *s, struct vring_used_elem el, uint64_t now,
				   const bool one_buffer, const bool stamped)
{
	const uint8_t *at = s->ring.slots + (size_t)el.id * s->ring.slot_bytes;
	uint32_t skip = s->pieces_left ? 0 : s->ring.hdr_bytes;

	if (el.len < skip || el.len > s->ring.slot_bytes) {
		s->ring.broken = true;
		return;
	}
	s->bytes += el.len - skip;
	if (skip) {
		const struct virtio_net_hdr_mrg_rxbuf *hdr = (const void *)at;

		s->frames++;
		s->pieces_left = one_buffer ? 1 : MAX_OF(hdr->num_buffers, 1);
		if (stamped)
			check_first(&s->check, &hdr->hdr, at + skip, el.len - skip, now);
		else if (s->probe_used && el.len == s->probe_used)
			check_probe(&s->check, at + skip, el.len - skip, now);
	} else if (stamped) {
		check_more(&s->check, at, el.len);
	}
	if (--s->pieces_left == 0 && stamped)
		check_last(&s->check);
}

static ALWAYS_INLINE unsigned rx_burst(struct stream_rx *s, uint64_t now, const bool one_buffer,
				       const bool stamped)
{
	struct stream_ring *r = &s->ring;
	unsigned n = ring_poll(r, now);
	uint64_t before = s->frames;

	for (unsigned i = 0; i < n; i++) {
		if (stamped && i + PREFETCH_AHEAD < n) {
			uint16_t ahead = (uint16_t)(r->used + i + PREFETCH_AHEAD);
			uint32_t id = ring_used(r, ahead).id & r->mask;

			__builtin_prefetch(r->slots + (size_t)id * r->slot_bytes);
			__builtin_prefetch(r->slots + (size_t)id * r->slot_bytes + 64);
		}
		rx_piece(s, ring_recycle(r, (uint16_t)(r->used + i)), now, one_buffer, stamped);
	}
	if (!n)
		return 0;
	r->used = (uint16_t)(r->used + n);
	ring_publish(r, (uint16_t)(r->avail + n));
	return (unsigned)(s->frames - before);
}

unsigned stream_rx_burst(struct stream_rx *s, uint64_t now)
{
	if (s->ring.broken)
		return 0;
	if (s->stamped)
		return rx_burst(s, now, s->one_buffer, true);
	return s->one_buffer ? rx_burst(s, now, true, false) : rx_burst(s, now, false, false);
}
