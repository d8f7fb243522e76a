/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A frame and a virtio-net header of a guest that lies, to every kind of receiver: check, plan,
 * slices, and the copy into buffers of exactly the right size. What is checked beside memory:
 * segments carry the frame's payload, all of it and nothing else; none is larger than the segment
 * size or the MTU; there are no more of them than the limit.
 *
 * The input: ten bytes of header, one of switches, two of payload length to add, then the frame.
 */

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "dataplane/copy.h"
#include "dataplane/gso.h"

#define INPUT_HEADER 13

enum { FIX_LENGTHS = 1, CUT_SEGS = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A frame whose borrowed bytes lie in heap blocks of their own. */
struct borrowed {
	struct frame f;
	struct seg segs[2];
	uint8_t *blocks[2];
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Without right lengths few frames would get past the first check. */
static void fix_lengths(struct frame *f)
{
	struct frame_layout l = {0};
	uint16_t len;

	if (frame_parse_l4(f, &l) != DROP_NONE)
		return;
	len = htons((uint16_t)(f->len - l.l3 - (l.ipv6 ? sizeof(struct ipv6_hdr) : 0)));
	memcpy(f->head + l.l3 + (l.ipv6 ? 4 : 2), &len, sizeof(len));
	len = htons((uint16_t)(f->len - l.l4));
	if (l.proto == WIRE_PROTO_UDP)
		memcpy(f->head + l.l4 + 4, &len, sizeof(len));
}

static void borrow(struct borrowed *b, unsigned i, const uint8_t *from, uint32_t len,
		   uint32_t zeros)
{
	b->blocks[i] = calloc(1, MAX_OF(len + zeros, 1u));
	memcpy(b->blocks[i], from, len);
	b->segs[i] = (struct seg){b->blocks[i], len + zeros};
}

static void frame_of_input(struct borrowed *b, const uint8_t *data, size_t size)
{
	uint8_t switches = data[10];
	uint32_t more = (uint32_t)(data[11] << 8 | data[12]), rest, first;
	struct frame *f = &b->f;

	memcpy(&f->vnet, data, sizeof(f->vnet));
	f->vnet.flags &= VNET_NEEDS_CSUM;
	data += INPUT_HEADER;
	size = MIN_OF(size - INPUT_HEADER, (size_t)FRAME_LEN_MAX);
	f->head_len = (uint16_t)MIN_OF(size, (size_t)FRAME_HEAD_MAX);
	memcpy(f->head, data, f->head_len);
	rest = (uint32_t)size - f->head_len;
	if (size < FRAME_HEAD_MAX)
		more = 0;
	more = MIN_OF(more, (uint32_t)(FRAME_LEN_MAX - size));
	first = switches & CUT_SEGS ? rest / 3 : rest;
	borrow(b, 0, data + f->head_len, first, 0);
	borrow(b, 1, data + f->head_len + first, rest - first, more);
	f->segs = b->segs;
	f->n_segs = 2;
	f->len = (uint32_t)size + more;
	if (switches & FIX_LENGTHS)
		fix_lengths(f);
}

/* Copies the slice into two blocks that have not a byte to spare. */
static void copy_exactly(const struct slice *s)
{
	uint32_t len = slice_len(s), first = len / 2 + 1;
	struct iovec iov[2] = {{malloc(first), first}, {malloc(len - first + 1), len - first + 1}};

	/* One byte before the slice, as a header in front of it. */
	slice_copy(s, iov, 2, 1);
	free(iov[0].iov_base);
	free(iov[1].iov_base);
}

static void send_to(const struct frame *f, struct offloads rx, bool cut)
{
	uint8_t *hdr = malloc(FRAME_HEAD_MAX);
	uint32_t payload = 0;
	struct gso_plan plan;
	struct slice s;

	if (gso_plan(&plan, f, rx) != DROP_NONE || (cut && !gso_plan_cut(&plan, rx)))
		goto out;
	require(plan.n_slices >= 1 && plan.n_slices <= FRAME_SEGMENTS_MAX);
	require(!rx.segs_max || plan.n_slices <= rx.segs_max || !plan.segment);
	for (unsigned i = 0; i < plan.n_slices; i++) {
		gso_slice(&plan, i, hdr, &s);
		if (plan.segment) {
			require(s.off == plan.layout.payload + payload);
			require(s.len <= f->vnet.gso_size && s.hdr_len <= FRAME_HEAD_MAX);
			require(!rx.mtu || slice_len(&s) - plan.layout.l3 <= rx.mtu);
			require(s.vnet.gso_type == VNET_GSO_NONE);
		}
		payload += s.len;
		copy_exactly(&s);
	}
	require(payload + s.hdr_len == f->len);
out:
	free(hdr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct offloads receivers[] = {
		{0},
		{.csum = true},
		{.mtu = 1500, .segs_max = 64},
		{.csum = true, .tso4 = true, .uso4 = true},
		{.csum = true, .tso6 = true, .ecn = true, .uso6 = true, .mtu = 9000},
		{.csum = true, .tso4 = true, .tso6 = true, .ecn = true, .uso4 = true, .uso6 = true},
	};
	struct borrowed b = {0};

	if (size < INPUT_HEADER + sizeof(struct eth_hdr))
		return 0;
	frame_of_input(&b, data, size);
	if (frame_check_offload(&b.f) == DROP_NONE) {
		for (size_t i = 0; i < ARRAY_SIZE(receivers); i++)
			send_to(&b.f, receivers[i], false);
		send_to(&b.f, receivers[ARRAY_SIZE(receivers) - 1], true);
	}
	free(b.blocks[0]);
	free(b.blocks[1]);
	return 0;
}
