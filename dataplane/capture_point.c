/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The workers' side of a capture: frames into rings. */

#include <string.h>

#include <pcap/pcap.h>
#include <rte_common.h>
#include <rte_cycles.h>

#include "dataplane/capture.h"
#include "dataplane/capture_ring.h"
#include "dataplane/dataplane.h"

/* Room for `size` bytes in one piece; `*head` is moved to where they begin. NULL: there is none. */
static struct capture_record *ring_reserve(struct capture_ring *r, uint32_t size, uint64_t *head)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	size_t to_end;

	*head = atomic_load_explicit(&r->head, memory_order_relaxed);
	to_end = capture_ring_to_end(*head);
	if (to_end < size) {
		if (*head + to_end + size > tail + CAPTURE_RING_BYTES)
			return NULL;
		if (to_end >= sizeof(struct capture_record))
			capture_ring_at(r, *head)->cap_len = CAPTURE_WRAP;
		*head += to_end;
	}
	return *head + size > tail + CAPTURE_RING_BYTES ? NULL : capture_ring_at(r, *head);
}

/* Copies up to `max` bytes of the frame, which is borrowed memory beyond its head. */
static uint32_t copy_frame(const struct slice *s, uint8_t *to, uint32_t max)
{
	const struct frame *f = s->frame;
	uint32_t n = RTE_MIN(s->hdr_len, max);

	memcpy(to, s->hdr, n);
	for (unsigned i = 0; i < f->n_segs && n < max; i++) {
		uint32_t part = RTE_MIN(f->segs[i].len, max - n);

		memcpy(to + n, f->segs[i].p, part);
		n += part;
	}
	return n;
}

static void ring_put(struct capture_ring *r, const struct capture *c, const struct slice *s,
		     const struct capture_record *about)
{
	uint32_t max = RTE_MIN(slice_len(s), c->params.snaplen);
	uint32_t size = RTE_ALIGN_CEIL((uint32_t)sizeof(struct capture_record) + max, 8u);
	uint64_t head;
	struct capture_record *to = ring_reserve(r, size, &head);

	if (!to) {
		atomic_store_explicit(&r->missed, r->missed + 1, memory_order_relaxed);
		return;
	}
	*to = *about;
	to->size = size;
	to->len = slice_len(s);
	to->cap_len = copy_frame(s, to->bytes, max);
	atomic_store_explicit(&r->head, head + size, memory_order_release);
}

static bool is_wanted(const struct capture *c, const struct slice *s,
		      const struct capture_record *about)
{
	if (!(c->params.directions & about->direction))
		return false;
	if (c->params.drops_only && !about->reason)
		return false;
	return !c->params.n_filter ||
	       bpf_filter(c->params.filter, s->hdr, slice_len(s), s->hdr_len) != 0;
}

static void capture_frame(struct worker *w, const struct port *p, const struct slice *s,
			  enum capture_direction direction, enum drop_reason reason)
{
	struct capture_record about = {.port = p->id,
				       .direction = (uint8_t)direction,
				       .reason = (uint8_t)reason,
				       .tsc = rte_rdtsc()};
	uint8_t slots = atomic_load_explicit(&p->captures, memory_order_relaxed);

	for (; slots; slots &= (uint8_t)(slots - 1)) {
		struct capture *c = atomic_load_explicit(&w->dp->captures[__builtin_ctz(slots)],
							 memory_order_acquire);

		if (c && is_wanted(c, s, &about))
			ring_put(&c->rings[w->id], c, s, &about);
	}
}

void capture_input(struct worker *w, const struct port *in, const struct verdicts *v, uint64_t mask)
{
	for (; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);
		struct slice s = slice_of_plain(&w->burst.frames[i]);

		capture_frame(w, in, &s, CAPTURE_IN,
			      v->dropped >> i & 1 ? (enum drop_reason)v->reason[i] : DROP_NONE);
	}
}

void capture_lost(struct worker *w, const struct port *out, uint64_t mask, enum drop_reason reason)
{
	const struct burst *b = &w->burst;

	for (; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);
		struct slice s = slice_of_plain(&b->frames[i]);
		uint8_t tagged[SLICE_HDR_MAX];

		if (b->retag >> i & 1)
			vlan_tag_apply(b->edits[i], &s, tagged);
		capture_frame(w, out, &s, CAPTURE_OUT, reason);
	}
}

static enum drop_reason reason_since(const struct port_stats *before, const struct port_stats *now)
{
	int reason = DROP_NONE + 1;

	while (reason < DROP_N - 1 && before->drops[reason] == now->drops[reason])
		reason++;
	return (enum drop_reason)reason;
}

void capture_output(struct worker *w, const struct port *out, uint64_t mask, uint64_t held,
		    const struct tx_result *res, const struct port_stats *before)
{
	uint64_t refused = mask & ~res->sent & ~res->no_room, lost = res->no_room & ~held;

	/* In the order of the burst, but for what was lost: the receiver saw nothing of it. */
	capture_lost(w, out, res->sent, DROP_NONE);
	if (refused) {
		struct port_stats now = out->stats[w->id];

		now.drops[DROP_RING_FULL] = before->drops[DROP_RING_FULL];
		capture_lost(w, out, refused, reason_since(before, &now));
	}
	capture_lost(w, out, lost, DROP_RING_FULL);
}
