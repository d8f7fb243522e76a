/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any frame with any offload fields that passes the checks of the data path is read for its tag,
 * segmented, and emitted with the tag put in, taken out or changed. Lengths must add up, and
 * nothing may be read or written out of bounds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/copy.h"
#include "dataplane/gso.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t op, takes;
	uint16_t tci;
	struct vnet vnet;
};

static void emit(const struct gso_plan *plan, struct vlan_edit edit)
{
	static uint8_t out[FRAME_LEN_MAX + SLICE_HDR_MAX];
	uint8_t hdr[FRAME_HEAD_MAX], tagged[SLICE_HDR_MAX];
	static const int change[] = {[VLAN_PUSH] = 4, [VLAN_POP] = -4, [VLAN_SET] = 0};

	for (unsigned i = 0; i < plan->n_slices; i++) {
		struct iovec iov = {out, sizeof(out)};
		struct slice s;
		uint32_t len;

		gso_slice(plan, i, hdr, &s);
		len = slice_len(&s);
		vlan_tag_apply(edit, &s, tagged);
		if (slice_len(&s) != len + (uint32_t)change[edit.op])
			abort();
		slice_copy(&s, &iov, 1, 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame *f;
	struct input in;
	struct seg seg;
	struct vlan_info info;
	struct offloads takes;
	struct gso_plan plan;

	if (size < sizeof(in) + sizeof(struct eth_hdr) || size > FRAME_LEN_MAX)
		return 0;
	memcpy(&in, data, sizeof(in));
	takes = (struct offloads){
		.csum = in.takes & 1, .tso4 = in.takes & 2, .tso6 = in.takes & 4, .ecn = true};
	data += sizeof(in);
	size -= sizeof(in);
	f = aligned_alloc(64, sizeof(*f));
	memset(f, 0, sizeof(*f));
	f->len = (uint32_t)size;
	f->head_len = (uint16_t)(size < FRAME_HEAD_MAX ? size : FRAME_HEAD_MAX);
	memcpy(f->head, data, f->head_len);
	seg = (struct seg){data + f->head_len, f->len - f->head_len};
	f->segs = &seg;
	f->n_segs = seg.len > 0;
	f->vnet = in.vnet;

	if (frame_check_offload(f) == DROP_NONE && vlan_tag_parse(f, &info) &&
	    gso_plan(&plan, f, takes) == DROP_NONE) {
		uint8_t op = info.form == VLAN_UNTAGGED ? VLAN_PUSH : in.op % 3;

		emit(&plan, (struct vlan_edit){.tci = in.tci, .op = op});
	}
	free(f);
	return 0;
}
