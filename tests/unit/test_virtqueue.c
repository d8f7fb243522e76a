/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/packet.h"
#include "tests/lib/ringcheck.h"

#define NEXT	 VRING_DESC_F_NEXT
#define WRITE	 VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT
#define HDR	 RING_HDR

/* --- guest to switch ---------------------------------------------------------------------------
 */

static void virtqueue_reads_a_frame_in_one_descriptor(void **state)
{
	struct ring *r = ring_create(0);

	ring_pattern(r, RING_BUFFERS + HDR, 100);
	ring_desc(r, 3, RING_BUFFERS, HDR + 100, 0, 0);
	ring_offer(r, 3);

	assert_int_equal(ring_peek(r), 1);
	assert_pattern(&r->burst.frames[0], 100);
	virtqueue_release(&r->vq, 1);
	assert_int_equal(r->used->idx, 1);
	assert_int_equal(r->used->ring[0].id, 3);
	ring_destroy(r);
}

static void virtqueue_shows_the_same_frames_until_they_are_released(void **state)
{
	struct ring *r = ring_create(0);

	for (uint16_t i = 0; i < 3; i++) {
		ring_pattern(r, RING_BUFFERS + i * 256u + HDR, 60u + i);
		ring_desc(r, i, RING_BUFFERS + i * 256u, HDR + 60u + i, 0, 0);
		ring_offer(r, i);
	}

	assert_int_equal(ring_peek(r), 3);
	assert_int_equal(ring_peek(r), 3);
	virtqueue_release(&r->vq, 2);
	assert_int_equal(ring_peek(r), 1);
	assert_int_equal(r->burst.frames[0].len, 62);
	assert_int_equal(r->used->idx, 2);
	ring_destroy(r);
}

/* Any split of header and frame over descriptors, CVE-2022-2132's 1-byte descriptors included. */
static void virtqueue_reads_any_layout_of_a_chain(void **state)
{
	for (uint32_t piece = 6; piece < 150; piece++) {
		struct ring *r = ring_create(0);
		uint32_t total = HDR + 90, at = 0;
		uint16_t n = 0;

		ring_pattern(r, RING_BUFFERS + HDR, 90);
		while (at < total) {
			uint32_t len = MIN_OF(piece, total - at);
			bool last = at + len == total || n == RING_SIZE - 1;

			if (last)
				len = total - at;
			ring_desc(r, n, RING_BUFFERS + at, len, last ? 0 : NEXT, n + 1);
			at += len;
			n++;
		}
		ring_offer(r, 0);

		assert_int_equal(ring_peek(r), 1);
		assert_pattern(&r->burst.frames[0], 90);
		ring_destroy(r);
	}
}

static void virtqueue_reads_one_byte_descriptors(void **state)
{
	struct ring *r = ring_create(RING_INDIRECT);
	struct vring_desc *table = (struct vring_desc *)ring_at(r, RING_BUFFERS + 0x4000);

	ring_pattern(r, RING_BUFFERS + HDR, 200);
	for (uint16_t i = 0; i < HDR + 200; i++)
		table[i] = (struct vring_desc){RING_BUFFERS + i, 1, i + 1 < HDR + 200 ? NEXT : 0,
					       i + 1};
	ring_desc(r, 0, RING_BUFFERS + 0x4000, (HDR + 200) * sizeof(*table), INDIRECT, 0);
	ring_offer(r, 0);

	assert_int_equal(ring_peek(r), 1);
	assert_pattern(&r->burst.frames[0], 200);
	ring_destroy(r);
}

/* CVE-2018-1059: a buffer over a region's edge must not be read on in the host's memory. */
static void virtqueue_splits_a_buffer_at_a_regions_edge(void **state)
{
	struct ring *r = ring_create(0);

	ring_pattern(r, RING_EDGE - 200, 1000);
	ring_desc(r, 0, RING_EDGE - 200 - HDR, HDR + 1000, 0, 0);
	ring_offer(r, 0);

	assert_int_equal(ring_peek(r), 1);
	assert_pattern(&r->burst.frames[0], 1000);
	ring_destroy(r);
}

static void virtqueue_breaks_on_addresses_outside_the_guest(void **state)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
	} bad[] = {{0, 100},
		   {RING_GPA - 1, 100},
		   {RING_END, 1},
		   {RING_END - 50, 100},
		   {~0ull, 1},
		   {~0ull - 50, 100},
		   {RING_BUFFERS, 0xffffffff}};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ring *r = ring_create(0);

		ring_desc(r, 0, bad[i].addr, bad[i].len, 0, 0);
		ring_offer(r, 0);
		assert_breaks(r, VIRTQUEUE_BAD_ADDRESS);
		ring_destroy(r);
	}
}

/* CVE-2020-10725: an invalid address with length 0 must not be touched. */
static void virtqueue_ignores_empty_descriptors_wherever_they_point(void **state)
{
	struct ring *r = ring_create(0);

	ring_pattern(r, RING_BUFFERS + HDR, 60);
	ring_desc(r, 0, ~0ull, 0, NEXT, 1);
	ring_desc(r, 1, RING_BUFFERS, HDR + 60, NEXT, 2);
	ring_desc(r, 2, 0, 0, 0, 0);
	ring_offer(r, 0);

	assert_int_equal(ring_peek(r), 1);
	assert_pattern(&r->burst.frames[0], 60);
	ring_destroy(r);
}

static void virtqueue_ignores_a_ring_full_of_empty_descriptors_at_the_last_address(void **state)
{
	struct ring *r = ring_create(0);

	for (uint16_t i = 0; i < RING_SIZE; i++) {
		ring_desc(r, i, ~0ull, 0, 0, 0);
		ring_offer(r, i);
	}

	assert_int_equal(ring_peek(r), RING_SIZE);
	for (uint16_t i = 0; i < RING_SIZE; i++)
		assert_int_equal(r->burst.frames[i].bad, DROP_RUNT);
	ring_destroy(r);
}

static void virtqueue_does_not_start_on_a_misaligned_ring(void **state)
{
	static const unsigned desc_off[] = {8, 0, 0}, avail_off[] = {0, 1, 0},
			      used_off[] = {0, 0, 2};

	for (size_t i = 0; i < ARRAY_SIZE(desc_off); i++) {
		struct ring *r = ring_create(0);
		struct virtqueue_params params = {
			.desc = (void *)(r->regions[0] + desc_off[i]),
			.avail = (void *)(r->regions[0] + 0x1000 + avail_off[i]),
			.used = (void *)(r->regions[0] + 0x1800 + used_off[i]),
			.mem = &r->mem,
			.size = RING_SIZE,
			.call_fd = -1,
		};

		virtqueue_attach(&r->vq, &params);
		assert_breaks(r, VIRTQUEUE_BAD_ALIGNMENT);
		ring_destroy(r);
	}
}

/* An indirect table may begin at any byte. */
static void virtqueue_reads_a_table_at_an_odd_address(void **state)
{
	struct ring *r = ring_create(RING_INDIRECT);
	struct vring_desc d = {RING_BUFFERS, HDR + 60, 0, 0};

	ring_pattern(r, RING_BUFFERS + HDR, 60);
	memcpy(ring_at(r, RING_BUFFERS + 0x4001), &d, sizeof(d));
	ring_desc(r, 0, RING_BUFFERS + 0x4001, sizeof(d), INDIRECT, 0);
	ring_offer(r, 0);

	assert_int_equal(ring_peek(r), 1);
	assert_pattern(&r->burst.frames[0], 60);
	ring_destroy(r);
}

static void virtqueue_breaks_on_an_avail_index_more_than_a_ring_ahead(void **state)
{
	struct ring *r = ring_create(0);

	r->avail->idx = RING_SIZE + 1;

	assert_breaks(r, VIRTQUEUE_BAD_INDEX);
	ring_destroy(r);
}

static void virtqueue_breaks_on_a_head_outside_the_table(void **state)
{
	struct ring *r = ring_create(0);

	ring_offer(r, RING_SIZE);

	assert_breaks(r, VIRTQUEUE_BAD_HEAD);
	ring_destroy(r);
}

static void virtqueue_breaks_on_a_next_outside_the_table(void **state)
{
	struct ring *r = ring_create(0);

	ring_desc(r, 0, RING_BUFFERS, 100, NEXT, RING_SIZE);
	ring_offer(r, 0);

	assert_breaks(r, VIRTQUEUE_BAD_HEAD);
	ring_destroy(r);
}

/* CVE-2020-14377: chains that never end. */
static void virtqueue_breaks_on_a_chain_that_loops(void **state)
{
	struct ring *r = ring_create(0);

	ring_desc(r, 0, RING_BUFFERS, 1, NEXT, 1);
	ring_desc(r, 1, RING_BUFFERS, 0, NEXT, 0);
	ring_offer(r, 0);

	assert_breaks(r, VIRTQUEUE_BAD_CHAIN);
	ring_destroy(r);
}

static void virtqueue_breaks_on_a_writable_buffer_where_it_reads(void **state)
{
	struct ring *r = ring_create(0);

	ring_desc(r, 0, RING_BUFFERS, 100, WRITE, 0);
	ring_offer(r, 0);

	assert_breaks(r, VIRTQUEUE_BAD_DIRECTION);
	ring_destroy(r);
}

static void virtqueue_breaks_on_malformed_indirect_tables(void **state)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags;
		enum virtqueue_fault fault;
	} bad[] = {
		{RING_BUFFERS, 0, INDIRECT, VIRTQUEUE_BAD_INDIRECT},
		{RING_BUFFERS, 15, INDIRECT, VIRTQUEUE_BAD_INDIRECT},
		{RING_BUFFERS, 17, INDIRECT, VIRTQUEUE_BAD_INDIRECT},
		{RING_BUFFERS, 16, INDIRECT | NEXT, VIRTQUEUE_BAD_INDIRECT},
		{RING_BUFFERS, 0xfffffff0, INDIRECT, VIRTQUEUE_BAD_INDIRECT},
		{RING_EDGE - 16, 32, INDIRECT, VIRTQUEUE_BAD_ADDRESS},
		{0x10, 16, INDIRECT, VIRTQUEUE_BAD_ADDRESS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ring *r = ring_create(RING_INDIRECT);

		ring_desc(r, 0, bad[i].addr, bad[i].len, bad[i].flags, 0);
		ring_offer(r, 0);
		assert_breaks(r, bad[i].fault);
		ring_destroy(r);
	}
}

static void virtqueue_breaks_on_a_table_inside_a_table(void **state)
{
	for (int depth = 0; depth < 2; depth++) {
		struct ring *r = ring_create(RING_INDIRECT);
		struct vring_desc *table = (struct vring_desc *)ring_at(r, RING_BUFFERS);

		table[0] = (struct vring_desc){RING_BUFFERS + 512, 64, depth ? NEXT : INDIRECT, 1};
		table[1] = (struct vring_desc){RING_BUFFERS, 32, INDIRECT, 0};
		ring_desc(r, 0, RING_BUFFERS, 32, INDIRECT, 0);
		ring_offer(r, 0);
		assert_breaks(r, VIRTQUEUE_BAD_INDIRECT);
		ring_destroy(r);
	}
}

static void virtqueue_refuses_indirect_tables_that_were_not_negotiated(void **state)
{
	struct ring *r = ring_create(0);

	ring_desc(r, 0, RING_BUFFERS, 16, INDIRECT, 0);
	ring_offer(r, 0);

	assert_breaks(r, VIRTQUEUE_BAD_INDIRECT);
	ring_destroy(r);
}

static void virtqueue_drops_frames_that_are_too_short_or_too_long(void **state)
{
	struct ring *r = ring_create(0);

	ring_desc(r, 0, RING_BUFFERS, HDR, 0, 0);
	ring_desc(r, 1, RING_BUFFERS, HDR - 5, 0, 0);
	ring_desc(r, 2, RING_BUFFERS, HDR + 13, 0, 0);
	ring_desc(r, 3, RING_BUFFERS, HDR + 40000, NEXT, 4);
	ring_desc(r, 4, RING_BUFFERS, 40000, 0, 0);
	for (uint16_t head = 0; head < 4; head++)
		ring_offer(r, head);

	assert_int_equal(ring_peek(r), 4);
	assert_int_equal(r->burst.frames[0].bad, DROP_RUNT);
	assert_int_equal(r->burst.frames[1].bad, DROP_RUNT);
	assert_int_equal(r->burst.frames[2].bad, DROP_RUNT);
	assert_int_equal(r->burst.frames[3].bad, DROP_OVERSIZE);
	ring_destroy(r);
}

static void virtqueue_reads_the_offload_fields_and_only_the_known_flag(void **state)
{
	struct vnet vnet = {.flags = 0xff,
			    .gso_type = 1,
			    .gso_size = 1448,
			    .csum_start = 34,
			    .csum_offset = 16};
	struct ring *r = ring_create(0);

	memcpy(ring_at(r, RING_BUFFERS), &vnet, sizeof(vnet));
	ring_desc(r, 0, RING_BUFFERS, HDR + 60, 0, 0);
	ring_offer(r, 0);

	assert_int_equal(ring_peek(r), 1);
	assert_int_equal(r->burst.frames[0].vnet.flags, VNET_NEEDS_CSUM);
	assert_int_equal(r->burst.frames[0].vnet.gso_size, 1448);
	ring_destroy(r);
}

static void virtqueue_knows_the_short_header_of_legacy_guests(void **state)
{
	struct ring *r = ring_create(RING_LEGACY);

	ring_pattern(r, RING_BUFFERS + 10, 60);
	ring_desc(r, 0, RING_BUFFERS, 10 + 60, 0, 0);
	ring_offer(r, 0);

	assert_int_equal(ring_peek(r), 1);
	assert_pattern(&r->burst.frames[0], 60);
	ring_destroy(r);
}

static void virtqueue_works_across_the_wrap_of_its_indices(void **state)
{
	struct ring *r = ring_create(RING_EVENT_IDX);

	ring_pattern(r, RING_BUFFERS + HDR, 60);
	for (unsigned i = 0; i < 70000; i++) {
		ring_desc(r, (uint16_t)(i % RING_SIZE), RING_BUFFERS, HDR + 60, 0, 0);
		ring_offer(r, (uint16_t)(i % RING_SIZE));
		assert_int_equal(ring_peek(r), 1);
		virtqueue_release(&r->vq, 1);
	}

	assert_int_equal(r->used->idx, (uint16_t)70000);
	ring_destroy(r);
}

static void virtqueue_tells_of_a_burst_by_one_entry_when_in_order(void **state)
{
	struct ring *r = ring_create(RING_IN_ORDER);

	for (uint16_t i = 0; i < 5; i++) {
		ring_desc(r, i, RING_BUFFERS, HDR + 60, 0, 0);
		ring_offer(r, i);
	}
	r->used->ring[1].id = 99;
	assert_int_equal(ring_peek(r), 5);
	virtqueue_release(&r->vq, 3);

	assert_int_equal(r->used->idx, 3);
	assert_int_equal(r->used->ring[0].id, 2);
	assert_int_equal(r->used->ring[1].id, 99);
	assert_int_equal(ring_peek(r), 2);
	virtqueue_release(&r->vq, 2);
	assert_int_equal(r->used->ring[3].id, 4);
	ring_destroy(r);
}

static void virtqueue_works_with_the_largest_ring(void **state)
{
	struct ring *r = ring_create_sized(RING_EVENT_IDX, VIRTQUEUE_SIZE_MAX);

	ring_pattern(r, RING_BUFFERS + HDR, 60);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < VIRTQUEUE_SIZE_MAX; i++) {
			ring_desc(r, (uint16_t)i, RING_BUFFERS, HDR + 60, 0, 0);
			ring_offer(r, (uint16_t)i);
		}
		for (unsigned left = VIRTQUEUE_SIZE_MAX; left;) {
			unsigned burst = MIN_OF(left, (unsigned)BURST_MAX);

			assert_int_equal(ring_peek(r), burst);
			virtqueue_release(&r->vq, burst);
			left -= burst;
		}
		assert_int_equal(ring_peek(r), 0);
	}

	assert_int_equal(r->used->idx, (uint16_t)(3u * VIRTQUEUE_SIZE_MAX));
	ring_destroy(r);
}

/* --- notifications -----------------------------------------------------------------------------
 */

/* Offers `n` chains of one frame each and takes them as the switch does. */
static void take_frames(struct ring *r, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		ring_desc(r, i, RING_BUFFERS, HDR + 60, 0, 0);
		ring_offer(r, i);
	}
	assert_int_equal(ring_peek(r), n);
	virtqueue_release(&r->vq, n);
}

static void virtqueue_calls_the_sender_later_or_when_a_quarter_has_come_together(void **state)
{
	struct ring *r = ring_create(0);

	take_frames(r, 1);
	assert_int_equal(ring_calls(r), 0);
	virtqueue_notify(&r->vq);
	assert_int_equal(ring_calls(r), 1);
	virtqueue_notify(&r->vq);
	assert_int_equal(ring_calls(r), 0);

	take_frames(r, RING_SIZE / 4);
	assert_int_equal(ring_calls(r), 1);
	ring_destroy(r);
}

static void virtqueue_respects_the_guests_wish_for_no_interrupts(void **state)
{
	struct ring *r = ring_create(0);

	r->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	take_frames(r, 1);
	virtqueue_notify(&r->vq);

	assert_int_equal(ring_calls(r), 0);
	ring_destroy(r);
}

static void virtqueue_calls_only_when_the_event_index_is_passed(void **state)
{
	struct ring *r = ring_create(RING_EVENT_IDX);

	r->avail->ring[RING_SIZE] = 2; /* used_event */
	take_frames(r, 2);
	virtqueue_notify(&r->vq);
	assert_int_equal(ring_calls(r), 0);
	take_frames(r, 1);
	virtqueue_notify(&r->vq);

	assert_int_equal(ring_calls(r), 1);
	ring_destroy(r);
}

static void virtqueue_spares_a_guest_that_moved_its_event_index_meanwhile(void **state)
{
	struct ring *r = ring_create(RING_EVENT_IDX);

	r->avail->ring[RING_SIZE] = 0;
	take_frames(r, 2);
	r->avail->ring[RING_SIZE] = 5; /* it found both by itself */
	virtqueue_notify(&r->vq);

	assert_int_equal(ring_calls(r), 0);
	ring_destroy(r);
}

static void virtqueue_wants_kicks_only_while_armed(void **state)
{
	struct ring *r = ring_create(0);

	assert_int_equal(r->used->flags, VRING_USED_F_NO_NOTIFY);
	assert_false(virtqueue_arm(&r->vq));
	assert_int_equal(r->used->flags, 0);
	ring_desc(r, 0, RING_BUFFERS, HDR + 60, 0, 0);
	ring_offer(r, 0);
	assert_true(virtqueue_arm(&r->vq));
	virtqueue_disarm(&r->vq);

	assert_int_equal(r->used->flags, VRING_USED_F_NO_NOTIFY);
	ring_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(virtqueue_reads_a_frame_in_one_descriptor),
		cmocka_unit_test(virtqueue_shows_the_same_frames_until_they_are_released),
		cmocka_unit_test(virtqueue_reads_any_layout_of_a_chain),
		cmocka_unit_test(virtqueue_reads_one_byte_descriptors),
		cmocka_unit_test(virtqueue_splits_a_buffer_at_a_regions_edge),
		cmocka_unit_test(virtqueue_breaks_on_addresses_outside_the_guest),
		cmocka_unit_test(virtqueue_ignores_empty_descriptors_wherever_they_point),
		cmocka_unit_test(
			virtqueue_ignores_a_ring_full_of_empty_descriptors_at_the_last_address),
		cmocka_unit_test(virtqueue_does_not_start_on_a_misaligned_ring),
		cmocka_unit_test(virtqueue_reads_a_table_at_an_odd_address),
		cmocka_unit_test(virtqueue_tells_of_a_burst_by_one_entry_when_in_order),
		cmocka_unit_test(virtqueue_works_with_the_largest_ring),
		cmocka_unit_test(virtqueue_breaks_on_an_avail_index_more_than_a_ring_ahead),
		cmocka_unit_test(virtqueue_breaks_on_a_head_outside_the_table),
		cmocka_unit_test(virtqueue_breaks_on_a_next_outside_the_table),
		cmocka_unit_test(virtqueue_breaks_on_a_chain_that_loops),
		cmocka_unit_test(virtqueue_breaks_on_a_writable_buffer_where_it_reads),
		cmocka_unit_test(virtqueue_breaks_on_malformed_indirect_tables),
		cmocka_unit_test(virtqueue_breaks_on_a_table_inside_a_table),
		cmocka_unit_test(virtqueue_refuses_indirect_tables_that_were_not_negotiated),
		cmocka_unit_test(virtqueue_drops_frames_that_are_too_short_or_too_long),
		cmocka_unit_test(virtqueue_reads_the_offload_fields_and_only_the_known_flag),
		cmocka_unit_test(virtqueue_knows_the_short_header_of_legacy_guests),
		cmocka_unit_test(virtqueue_works_across_the_wrap_of_its_indices),
		cmocka_unit_test(
			virtqueue_calls_the_sender_later_or_when_a_quarter_has_come_together),
		cmocka_unit_test(virtqueue_respects_the_guests_wish_for_no_interrupts),
		cmocka_unit_test(virtqueue_spares_a_guest_that_moved_its_event_index_meanwhile),
		cmocka_unit_test(virtqueue_calls_only_when_the_event_index_is_passed),
		cmocka_unit_test(virtqueue_wants_kicks_only_while_armed),
	};

	return cmocka_run_group_tests_name("virtqueue", tests, NULL, NULL);
}
