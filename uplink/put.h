/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_PUT_H
#define UPLINK_PUT_H

/*
 * How frames get into the buffers of a device: the loop that AF_XDP and DPDK have in common. Each
 * gives two functions, `room` and `put`, and is made one function with them by the compiler.
 */

#include "dataplane/gso.h"
#include "dataplane/port.h"

struct put_ops {
	/* Whether `n` slices can be put: one of `bytes`, or several that the MTU has room for. */
	bool (*room)(void *to, unsigned n, uint32_t bytes);
	void (*put)(void *to, const struct slice *s);
};

enum put_result { PUT_DONE, PUT_NO_ROOM, PUT_DROPPED };

/* All slices of a frame or none. `edit` is NULL for a frame that goes with the tag it came with. */
static inline __attribute__((always_inline)) enum put_result put_frame(
	void *to, const struct put_ops *ops, const struct frame *f, const struct vlan_edit *edit,
	const struct offloads *takes, struct port_stats *st)
{
	bool plain = gso_is_plain(f, takes);
	uint8_t hdr[FRAME_HEAD_MAX], tagged[SLICE_HDR_MAX];
	struct gso_plan plan = {.n_slices = 1};
	enum drop_reason reason = plain ? DROP_NONE : gso_plan(&plan, f, *takes);
	struct slice s;

	if (unlikely(reason)) {
		st->drops[reason]++;
		return PUT_DROPPED;
	}
	if (unlikely(!ops->room(to, plan.n_slices, f->len + VLAN_TAG_LEN)))
		return PUT_NO_ROOM;
	for (unsigned i = 0; i < plan.n_slices; i++) {
		if (plain)
			s = slice_of_plain(f);
		else
			gso_slice(&plan, i, hdr, &s);
		if (unlikely(edit))
			vlan_tag_apply(*edit, &s, tagged);
		ops->put(to, &s);
	}
	st->tx_segments += plan.n_slices;
	return PUT_DONE;
}

/* The frames of `mask`, in order, for port_ops.tx. */
static inline __attribute__((always_inline)) struct tx_result put_mask(
	void *to, const struct put_ops *ops, const struct burst *b, uint64_t mask,
	const struct offloads *takes, struct port_stats *st)
{
	struct tx_result res = {0};

	for (; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);
		const struct vlan_edit *edit = b->retag >> i & 1 ? &b->edits[i] : NULL;
		enum put_result put = put_frame(to, ops, &b->frames[i], edit, takes, st);

		if (likely(put == PUT_DONE)) {
			res.sent |= 1ull << i;
		} else if (put == PUT_NO_ROOM) {
			/* Frames behind it would overtake it: they wait too. */
			res.no_room = mask;
			break;
		}
	}
	return res;
}

#endif
