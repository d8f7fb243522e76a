/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DATAPLANE_VLAN_TAG_H
#define DATAPLANE_VLAN_TAG_H

/*
 * VLAN tags (IEEE 802.1Q 9.6) read from frames and rewritten on the way out.
 *
 * A tag is rewritten in a slice, never in a frame: the headers that are emitted are copied with
 * the tag put in, taken out or changed, and stand in front of the same borrowed payload. So one
 * frame can go to receivers that want it tagged and to others that do not, segments that software
 * GSO makes are rewritten like whole frames, and what the offload fields say about offsets moves
 * along. The outermost tag counts whichever its type is, 0x8100 or 0x88a8, as in Open vSwitch.
 *
 * Pure functions on their arguments; any thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/wire.h"

#define VLAN_ID_MASK 0x0fff
#define VLAN_N	     4096
#define VLAN_TAG_LEN sizeof(struct vlan_tag)

struct frame;
struct slice;

/* The outermost tag of a frame as it arrived. */
enum vlan_form { VLAN_UNTAGGED, VLAN_PRIORITY, VLAN_TAGGED };

struct vlan_info {
	uint16_t tci; /* host order; 0 when untagged, VID 0 when priority tagged */
	uint8_t form; /* enum vlan_form */
};

/* What a receiver wants done to the tag. */
enum vlan_op { VLAN_PUSH, VLAN_POP, VLAN_SET };

struct vlan_edit {
	uint16_t tci; /* of PUSH and SET, host order */
	uint8_t op;   /* enum vlan_op */
};

/*
 * Reads the outermost tag from `f`'s head. Returns false when the frame ends within the tag, or
 * when its checksum offload would write into the tag, which would change the VLAN after the check.
 */
bool vlan_tag_parse(const struct frame *f, struct vlan_info *info);

/*
 * Rewrites the headers of `s` into `buf`, which has room for SLICE_HDR_MAX bytes and must live as
 * long as the slice, and moves the checksum offset. `s->hdr` may lie in memory that is shared: it
 * is only read. POP and SET are for slices that vlan_tag_parse found to have a tag.
 */
void vlan_tag_apply(struct vlan_edit edit, struct slice *s, uint8_t *buf);

#endif
