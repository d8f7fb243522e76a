/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_GSO_H
#define DATAPLANE_GSO_H

/*
 * Emission: how a frame reaches a receiver that accepts some offloads and not others.
 *
 * gso_plan looks once at a frame and a receiver's offloads and says into how many slices the frame
 * is cut; gso_slice fills the i-th. Software GSO is nothing but that: each slice is the frame's
 * headers rewritten, in front of a range of the same borrowed payload, so no byte of payload is
 * copied more than once. TCP over IPv4 and IPv6, also under VLAN tags (RFC 9293; RFC 791 ids count
 * up; FIN and PSH only on the last segment, CWR only on the first: RFC 3168).
 *
 * Pure functions on their arguments; any thread.
 */

#include "dataplane/frame.h"

/* What a receiver takes, by its negotiated features. */
struct offloads {
	bool csum, tso4, tso6, ecn;
};

struct gso_plan {
	const struct frame *frame;
	unsigned n_slices;
	bool segment;	    /* cut into gso_size pieces; else one slice of everything */
	bool complete_csum; /* the receiver wants finished checksums */
	struct frame_layout layout;
};

/* Returns DROP_NONE, or why this receiver cannot be given the frame. */
enum drop_reason gso_plan(struct gso_plan *plan, const struct frame *f, struct offloads rx);

/*
 * Fills slice `i` of the plan. `hdr` is room for FRAME_HEAD_MAX bytes, which the slice may borrow.
 */
void gso_slice(const struct gso_plan *plan, unsigned i, uint8_t *hdr, struct slice *s);

#endif
