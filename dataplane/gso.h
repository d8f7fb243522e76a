/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_GSO_H
#define DATAPLANE_GSO_H

/*
 * Emission: how a frame reaches a receiver that accepts some offloads and not others.
 *
 * gso_plan looks once at a frame and a receiver's offloads and says into how many slices the frame
 * is cut; gso_slice fills the i-th. Software GSO is nothing but that: each slice is the frame's
 * headers rewritten, in front of a range of the same borrowed payload, so no byte of payload is
 * copied more than once. TCP and UDP over IPv4 and IPv6, with options and extension headers, also
 * under VLAN tags:
 *
 *  - IPv4 ids count up, RFC 791; lengths are each segment's own, in UDP too, RFC 768
 *  - TCP: FIN and PSH only on the last segment, RFC 9293; CWR only on the first, RFC 3168
 *
 * What is the same in all segments is summed once: a segment's IPv4 and pseudo-header checksums
 * are that sum and its own few words, RFC 1624.
 *
 * Pure functions on their arguments; any thread.
 */

#include "dataplane/frame.h"

/* What a receiver takes, by its negotiated features. */
struct offloads {
	bool csum, tso4, tso6, ecn, uso4, uso6;
	uint16_t mtu;	   /* bytes of the longest packet, Ethernet not counted; 0: not known */
	uint16_t segs_max; /* segments that its ring has room for; 0: not known */
};

struct gso_plan {
	const struct frame *frame;
	unsigned n_slices;
	bool segment;	    /* cut into gso_size pieces; else one slice of everything */
	bool complete_csum; /* the receiver wants finished checksums */
	struct frame_layout layout;
	uint32_t ipv4_sum;   /* of the IPv4 header, without length, id and checksum */
	uint32_t pseudo_sum; /* of addresses and protocol */
};

/* True when the frame goes to this receiver as slice_of_plain, and needs no plan. */
static inline bool gso_is_plain(const struct frame *f, const struct offloads *rx)
{
	return !(f->vnet.flags | f->vnet.gso_type) &&
	       (rx->mtu == 0 || f->len <= rx->mtu + sizeof(struct eth_hdr));
}

/*
 * Plans for a frame that frame_check_offload has let pass. Returns DROP_NONE, or why this receiver
 * cannot be given the frame: DROP_MTU (a GSO frame counts with its segments' size),
 * DROP_CSUM_DEPTH, DROP_CSUM_SCTP, DROP_GSO_SEGMENTS.
 */
enum drop_reason gso_plan(struct gso_plan *plan, const struct frame *f, struct offloads rx);

/*
 * Makes a plan that passes a GSO frame on cut it instead: for a receiver whose buffers turn out to
 * be too small for it. Returns false when there is nothing to cut, or too much.
 */
bool gso_plan_cut(struct gso_plan *plan, struct offloads rx);

/*
 * Fills slice `i` of the plan. `hdr` is room for FRAME_HEAD_MAX bytes, which the slice may borrow.
 */
void gso_slice(const struct gso_plan *plan, unsigned i, uint8_t *hdr, struct slice *s);

#endif
