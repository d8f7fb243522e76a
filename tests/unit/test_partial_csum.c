/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Frames that come without their checksum are known by it, and nothing is lost on others. */

#include "tests/lib/test.h"

#include <string.h>

#include "dataplane/copy.h"
#include "tests/lib/packet.h"
#include "uplink/partial_csum.h"

struct wired {
	uint8_t bytes[4096];
	uint32_t len;
	struct frame_layout layout;
	struct seg seg;
};

/* The frame as a port reads it. */
static struct frame frame_of(struct wired *w)
{
	struct frame f = {.len = w->len,
			  .head_len = (uint16_t)MIN_OF(w->len, (uint32_t)FRAME_HEAD_MAX),
			  .segs = &w->seg};

	memcpy(f.head, w->bytes, f.head_len);
	w->seg = (struct seg){w->bytes + f.head_len, w->len - f.head_len};
	f.n_segs = w->len > f.head_len;
	return f;
}

static void complete(const struct frame *f, uint8_t *out)
{
	struct slice s = slice_of_plain(f);
	struct iovec iov = {out, f->len};

	s.plain = false;
	s.vnet = f->vnet;
	s.complete_csum = f->vnet.flags & VNET_NEEDS_CSUM;
	slice_copy(&s, &iov, 1, 0);
}

static struct wired tcp(bool ipv6, unsigned tags, uint32_t payload)
{
	struct wired w = {0};

	w.len = packet_tcp(w.bytes, ipv6, tags, payload, &w.layout);
	return w;
}

static void checksum_left_to_hardware_is_known_and_completed(void **state)
{
	for (unsigned i = 0; i < 12; i++) {
		static const uint32_t payloads[] = {0, 1, 1000};
		struct wired w = tcp(i & 1, i >> 1 & 1, payloads[i % 3]);
		struct frame f = frame_of(&w);
		uint8_t out[4096];

		partial_csum_mark(&f);
		assert_int_equal(f.vnet.flags, VNET_NEEDS_CSUM);
		assert_int_equal(frame_check_offload(&f), DROP_NONE);
		complete(&f, out);
		assert_true(packet_tcp_is_valid(out, f.len, &w.layout));
	}
}

static void finished_checksum_is_left_alone(void **state)
{
	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		struct wired w = tcp(ipv6, 0, 333), whole = w;
		struct frame f = frame_of(&w), g;

		partial_csum_mark(&f);
		complete(&f, whole.bytes);
		g = frame_of(&whole);
		partial_csum_mark(&g);
		assert_int_equal(g.vnet.flags, 0);
	}
}

/* Payloads are tried until the finished checksum is the one that an unfinished one would be. */
static void finished_checksum_that_looks_unfinished_stays_as_it_is(void **state)
{
	struct wired w = tcp(false, 0, 100);
	uint16_t field;
	uint8_t out[4096];

	for (uint32_t i = 0; i < 0x20000; i++) {
		struct frame f;

		memcpy(w.bytes + w.layout.payload, &i, sizeof(i));
		f = frame_of(&w);
		partial_csum_mark(&f);
		complete(&f, out);
		memcpy(&field, out + w.layout.l4 + 16, sizeof(field));
		if (memcmp(&field, w.bytes + w.layout.l4 + 16, sizeof(field)) == 0) {
			assert_true(packet_tcp_is_valid(out, w.len, &w.layout));
			return;
		}
	}
	fail_msg("no payload has the checksum of its pseudo-header");
}

static void padding_is_no_part_of_what_is_summed(void **state)
{
	struct wired w = tcp(false, 0, 0);
	uint32_t bare = w.len;
	struct frame f;
	uint8_t out[4096];

	memset(w.bytes + w.len, 0xa5, 6);
	w.len += 6;
	f = frame_of(&w);
	partial_csum_mark(&f);

	assert_int_equal(f.len, bare);
	complete(&f, out);
	assert_true(packet_tcp_is_valid(out, bare, &w.layout));
}

static void what_is_no_whole_tcp_or_udp_packet_is_left_alone(void **state)
{
	struct wired w = tcp(false, 0, 50);

	for (uint32_t len = 0; len < w.len; len++) {
		struct wired cut = w;
		struct frame f;

		cut.len = len;
		f = frame_of(&cut);
		f.bad = len < 14 ? DROP_RUNT : DROP_NONE;
		partial_csum_mark(&f);
		assert_int_equal(f.vnet.flags, 0);
		assert_int_equal(f.len, len);
	}
	w.bytes[w.layout.l3 + 6] |= 0x20; /* more fragments */
	struct frame f = frame_of(&w);
	partial_csum_mark(&f);
	assert_int_equal(f.vnet.flags, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksum_left_to_hardware_is_known_and_completed),
		cmocka_unit_test(finished_checksum_is_left_alone),
		cmocka_unit_test(finished_checksum_that_looks_unfinished_stays_as_it_is),
		cmocka_unit_test(padding_is_no_part_of_what_is_summed),
		cmocka_unit_test(what_is_no_whole_tcp_or_udp_packet_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
