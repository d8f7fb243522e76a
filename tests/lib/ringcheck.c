/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/ringcheck.h"

#include "tests/lib/test.h"

#include <string.h>

#include "tests/lib/packet.h"

void ring_pattern(struct ring *r, uint64_t gpa, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		*ring_at(r, gpa + i) = packet_pattern(i);
}

unsigned ring_peek(struct ring *r)
{
	r->burst.n = r->burst.n_segs = 0;
	return virtqueue_peek(&r->vq, &r->burst, BURST_MAX);
}

void assert_pattern(const struct frame *f, uint32_t len)
{
	uint32_t at = 0;

	assert_int_equal(f->bad, DROP_NONE);
	assert_int_equal(f->len, len);
	for (; at < f->head_len; at++)
		assert_int_equal(f->head[at], packet_pattern(at));
	for (unsigned s = 0; s < f->n_segs; s++)
		for (uint32_t i = 0; i < f->segs[s].len; i++, at++)
			assert_int_equal(f->segs[s].p[i], packet_pattern(at));
	assert_int_equal(at, len);
}

void assert_breaks(struct ring *r, enum virtqueue_fault fault)
{
	assert_int_equal(ring_peek(r), 0);
	assert_int_equal(r->vq.broken, fault);
	assert_int_equal(r->vq.published, r->vq.notified);
}

struct slice pattern_slice(uint32_t len)
{
	static uint8_t bytes[1000];
	static struct frame f;
	static struct seg seg;

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = packet_pattern(i);
	f = (struct frame){.len = len, .head_len = (uint16_t)MIN_OF(len, 128u), .segs = &seg};
	memcpy(f.head, bytes, f.head_len);
	seg = (struct seg){bytes + f.head_len, len - f.head_len};
	f.n_segs = seg.len > 0;
	return (struct slice){.hdr = f.head,
			      .hdr_len = f.head_len,
			      .frame = &f,
			      .off = f.head_len,
			      .len = len - f.head_len};
}

void assert_delivered(struct ring *r, uint64_t gpa, uint32_t len, uint16_t n_buffers)
{
	uint8_t hdr[RING_HDR];

	for (uint32_t i = 0; i < RING_HDR; i++)
		hdr[i] = *ring_at(r, gpa + i);
	assert_int_equal(hdr[10] | hdr[11] << 8, n_buffers);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(*ring_at(r, gpa + RING_HDR + i), packet_pattern(i));
}
