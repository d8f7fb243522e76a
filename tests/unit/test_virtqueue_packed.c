/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <string.h>

#include "tests/lib/packet.h"
#include "tests/lib/ringcheck.h"

#define NEXT	 VRING_DESC_F_NEXT
#define WRITE	 VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT
#define HDR	 RING_HDR
#define TABLE	 (RING_BUFFERS + 0x4000)

static struct ring *create(unsigned flags)
{
	return ring_create(RING_PACKED | flags);
}

static void offer(struct ring *r, uint16_t id, uint64_t addr, uint32_t len, uint16_t flags)
{
	ring_packed_offer(r, id, addr, len, flags);
}

static void assert_used(struct ring *r, uint16_t n_desc, uint16_t id, uint32_t len)
{
	uint16_t got_id = 0xffff;
	uint32_t got_len = 0;

	assert_true(ring_packed_used(r, n_desc, &got_id, &got_len));
	assert_int_equal(got_id, id);
	assert_int_equal(got_len, len);
}

static void assert_nothing_used(struct ring *r)
{
	uint16_t id;
	uint32_t len;

	assert_false(ring_packed_used(r, 1, &id, &len));
}

static struct vring_packed_desc *table_of(struct ring *r)
{
	return (struct vring_packed_desc *)ring_at(r, TABLE);
}

/* --- guest to switch ---------------------------------------------------------------------------
 */

static void packed_reads_a_frame_in_one_descriptor(void **state)
{
	struct ring *r = create(0);

	ring_pattern(r, RING_BUFFERS + HDR, 100);
	offer(r, 7, RING_BUFFERS, HDR + 100, 0);

	assert_int_equal(ring_peek(r), 1);
	assert_pattern(&r->burst.frames[0], 100);
	assert_nothing_used(r);
	virtqueue_release(&r->vq, 1);
	assert_used(r, 1, 7, 0);
	assert_int_equal(ring_peek(r), 0);
	ring_destroy(r);
}

static void packed_finds_chains_behind_chains(void **state)
{
	struct ring *r = create(RING_INDIRECT);

	ring_pattern(r, RING_BUFFERS + HDR, 500);
	table_of(r)[0] = (struct vring_packed_desc){RING_BUFFERS, HDR + 20, 0, 0};
	table_of(r)[1] = (struct vring_packed_desc){RING_BUFFERS + HDR + 20, 480, 0, 0};
	offer(r, 1, RING_BUFFERS, HDR + 60, 0);
	offer(r, 0, RING_BUFFERS, HDR, NEXT);
	offer(r, 0, RING_BUFFERS + HDR, 200, NEXT);
	offer(r, 2, RING_BUFFERS + HDR + 200, 300, 0);
	offer(r, 3, TABLE, 2 * sizeof(struct vring_packed_desc), INDIRECT);
	offer(r, 4, RING_BUFFERS, HDR + 61, 0);

	assert_int_equal(ring_peek(r), 4);
	assert_pattern(&r->burst.frames[0], 60);
	assert_pattern(&r->burst.frames[1], 500);
	assert_pattern(&r->burst.frames[2], 500);
	assert_pattern(&r->burst.frames[3], 61);
	virtqueue_release(&r->vq, 4);
	assert_used(r, 1, 1, 0);
	assert_used(r, 3, 2, 0);
	assert_used(r, 1, 3, 0);
	assert_used(r, 1, 4, 0);
	assert_nothing_used(r);
	ring_destroy(r);
}

static void packed_shows_the_same_frames_until_they_are_released(void **state)
{
	struct ring *r = create(0);

	for (uint16_t i = 0; i < 3; i++)
		offer(r, i, RING_BUFFERS, HDR + 60u + i, 0);

	assert_int_equal(ring_peek(r), 3);
	assert_false(virtqueue_arm(&r->vq));
	assert_int_equal(ring_peek(r), 3);
	virtqueue_release(&r->vq, 2);
	assert_int_equal(ring_peek(r), 1);
	assert_int_equal(r->burst.frames[0].len, 62);
	ring_destroy(r);
}

/* Chains of one to three descriptors, rings of any size: the wrap falls everywhere. */
static void packed_works_across_the_wrap_for_any_ring_size(void **state)
{
	for (uint16_t size = 4; size < 40; size += 3) {
		struct ring *r = ring_create_sized(RING_PACKED, size);

		ring_pattern(r, RING_BUFFERS + HDR, 90);
		for (uint16_t i = 0; i < 500; i++) {
			uint16_t n = i % 3 + 1;

			for (uint16_t k = 0; k + 1 < n; k++)
				offer(r, 0, RING_BUFFERS + k * 50u, 50, NEXT);
			offer(r, i, RING_BUFFERS + (n - 1) * 50u, HDR + 90 - (n - 1) * 50u, 0);
			assert_int_equal(ring_peek(r), 1);
			assert_pattern(&r->burst.frames[0], 90);
			virtqueue_release(&r->vq, 1);
			assert_used(r, n, i, 0);
		}
		ring_destroy(r);
	}
}

static void packed_works_with_the_largest_ring(void **state)
{
	struct ring *r = ring_create_sized(RING_PACKED | RING_EVENT_IDX, VIRTQUEUE_SIZE_MAX);
	const unsigned n = VIRTQUEUE_SIZE_MAX;

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < n; i++)
			offer(r, (uint16_t)i, RING_BUFFERS, HDR + 60, 0);
		for (unsigned left = n; left;) {
			unsigned burst = MIN_OF(left, (unsigned)BURST_MAX);

			assert_int_equal(ring_peek(r), burst);
			virtqueue_release(&r->vq, burst);
			left -= burst;
		}
		assert_int_equal(ring_peek(r), 0);
		for (unsigned i = 0; i < n; i++)
			assert_used(r, 1, (uint16_t)i, 0);
	}
	ring_destroy(r);
}

static void packed_tells_of_a_burst_by_one_descriptor_when_in_order(void **state)
{
	struct ring *r = create(RING_IN_ORDER);

	offer(r, 0, RING_BUFFERS, HDR + 60, 0);
	offer(r, 1, RING_BUFFERS, HDR, NEXT);
	offer(r, 1, RING_BUFFERS, 60, 0);
	offer(r, 2, RING_BUFFERS, HDR + 60, 0);
	assert_int_equal(ring_peek(r), 3);
	virtqueue_release(&r->vq, 2);

	assert_used(r, 3, 1, 0);
	assert_nothing_used(r);
	virtqueue_release(&r->vq, 0);
	assert_int_equal(ring_peek(r), 1);
	virtqueue_release(&r->vq, 1);
	assert_used(r, 1, 2, 0);
	ring_destroy(r);
}

static void packed_goes_on_from_where_a_ring_stopped(void **state)
{
	struct ring *r = create(0);
	struct virtqueue_params params = {.mem = &r->mem,
					  .size = RING_SIZE,
					  .packed = true,
					  .version_1 = true,
					  .call_fd = -1};

	for (uint16_t i = 0; i < RING_SIZE + 3; i++) {
		offer(r, i, RING_BUFFERS, HDR + 60, 0);
		ring_peek(r);
		virtqueue_release(&r->vq, 1);
	}
	assert_int_equal(r->vq.next_avail, 3);
	params.desc_packed = r->desc_packed;
	params.driver_event = r->driver_event;
	params.device_event = r->device_event;
	params.next_avail = r->vq.next_avail;
	params.next_used = r->vq.next_used;
	virtqueue_attach(&r->vq, &params);

	assert_int_equal(ring_peek(r), 0);
	offer(r, 9, RING_BUFFERS, HDR + 61, 0);
	assert_int_equal(ring_peek(r), 1);
	ring_destroy(r);
}

/* --- switch to guest ---------------------------------------------------------------------------
 */

static void packed_puts_a_frame_into_one_buffer(void **state)
{
	struct ring *r = create(RING_MERGEABLE);
	struct slice s = pattern_slice(100);

	offer(r, 5, RING_BUFFERS, 2048, WRITE);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	assert_nothing_used(r);
	virtqueue_flush(&r->vq);

	assert_used(r, 1, 5, HDR + 100);
	assert_delivered(r, RING_BUFFERS, 100, 1);
	assert_int_equal(*ring_at(r, RING_BUFFERS + HDR + 100), 0);
	ring_destroy(r);
}

static const struct offloads takes_all;

static void plain_frames(struct ring *r, unsigned n, uint32_t len)
{
	for (unsigned i = 0; i < n; i++)
		r->burst.frames[i] = *pattern_slice(len).frame;
}

/* Runs of any length in rings of any size: the wrap falls everywhere. */
static void packed_puts_runs_of_plain_frames_across_the_wrap(void **state)
{
	for (uint16_t size = 4; size < 24; size += 3) {
		struct ring *r = ring_create_sized(RING_PACKED, size);

		plain_frames(r, size, 90);
		for (uint16_t round = 0; round < 100; round++) {
			uint16_t n = round % size + 1;

			for (uint16_t i = 0; i < n; i++)
				offer(r, i, RING_BUFFERS + i * 128u, 128, WRITE);
			assert_int_equal(virtqueue_put_plain(&r->vq, &r->burst, (1ull << size) - 1,
							     &takes_all),
					 (1ull << n) - 1);
			assert_nothing_used(r);
			virtqueue_flush(&r->vq);
			for (uint16_t i = 0; i < n; i++) {
				assert_used(r, 1, i, HDR + 90);
				assert_delivered(r, RING_BUFFERS + i * 128u, 90, 1);
			}
			assert_nothing_used(r);
		}
		ring_destroy(r);
	}
}

/* All of a ring is put and nothing flushed: the next descriptor is one that was put already. */
static void packed_does_not_lap_itself_with_plain_frames(void **state)
{
	struct ring *r = ring_create_sized(RING_PACKED, 8);

	plain_frames(r, 16, 60);
	for (uint16_t i = 0; i < 8; i++)
		offer(r, i, RING_BUFFERS, 128, WRITE);
	/* A guest that lies about the wrap would have them look available once more. */
	assert_int_equal(virtqueue_put_plain(&r->vq, &r->burst, 0xff, &takes_all), 0xff);
	for (unsigned i = 0; i < 8; i++)
		r->vq.desc_packed[i].flags = WRITE | 1u << VRING_PACKED_DESC_F_USED;
	assert_int_equal(virtqueue_put_plain(&r->vq, &r->burst, 0xff00, &takes_all), 0);
	virtqueue_flush(&r->vq);
	for (uint16_t i = 0; i < 8; i++)
		assert_used(r, 1, i, HDR + 60);
	ring_destroy(r);
}

static void packed_puts_plain_frames_into_usual_buffers_alone(void **state)
{
	const struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags;
	} unusual[] = {
		{RING_BUFFERS, 512, 0},		       /* read-only */
		{RING_BUFFERS, 512, WRITE | NEXT},     /* goes on */
		{RING_BUFFERS, 512, WRITE | INDIRECT}, /* a table */
		{RING_BUFFERS, HDR + 99, WRITE},       /* short by a byte */
		{UINT64_MAX - 8, 512, WRITE},	       /* nowhere */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(unusual); i++) {
		struct ring *r = create(RING_INDIRECT);

		plain_frames(r, 2, 100);
		offer(r, 4, RING_BUFFERS + 0x1000, 512, WRITE);
		offer(r, 5, unusual[i].addr, unusual[i].len, unusual[i].flags);
		assert_int_equal(virtqueue_put_plain(&r->vq, &r->burst, 3, &takes_all), 1);
		assert_int_equal(virtqueue_put_plain(&r->vq, &r->burst, 2, &takes_all), 0);
		assert_int_equal(r->vq.broken, VIRTQUEUE_OK);
		virtqueue_flush(&r->vq);
		assert_used(r, 1, 4, HDR + 100);
		assert_int_equal(*ring_at(r, RING_BUFFERS + 10), 0);
		ring_destroy(r);
	}
}

static void packed_merges_buffers_and_tells_their_number(void **state)
{
	struct ring *r = create(RING_MERGEABLE);
	struct slice s = pattern_slice(1000);

	for (uint16_t i = 0; i < 10; i++)
		offer(r, i, RING_EDGE - 600 + i * 128u, 128, WRITE);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	virtqueue_flush(&r->vq);

	for (uint16_t i = 0; i < 7; i++)
		assert_used(r, 1, i, 128);
	assert_used(r, 1, 7, HDR + 1000 - 7 * 128);
	assert_nothing_used(r);
	assert_delivered(r, RING_EDGE - 600, 1000, 8);
	ring_destroy(r);
}

/* Two chains in the ring and one in a table, none of which holds the frame alone. */
static void packed_puts_a_frame_over_chains_of_several_buffers(void **state)
{
	struct ring *r = create(RING_MERGEABLE | RING_INDIRECT);
	struct slice s = pattern_slice(700);

	table_of(r)[0] = (struct vring_packed_desc){RING_BUFFERS + 400, 100, 0, WRITE};
	table_of(r)[1] = (struct vring_packed_desc){RING_BUFFERS + 500, 300, 0, WRITE};
	offer(r, 0, RING_BUFFERS, 6, WRITE | NEXT);
	offer(r, 3, RING_BUFFERS + 6, 194, WRITE);
	offer(r, 0, RING_BUFFERS + 200, 100, WRITE | NEXT);
	offer(r, 4, RING_BUFFERS + 300, 100, WRITE);
	offer(r, 5, TABLE, 2 * sizeof(struct vring_packed_desc), INDIRECT);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	virtqueue_flush(&r->vq);

	assert_used(r, 2, 3, 200);
	assert_used(r, 2, 4, 200);
	assert_used(r, 1, 5, HDR + 700 - 400);
	assert_delivered(r, RING_BUFFERS, 700, 3);
	ring_destroy(r);
}

static void packed_skips_the_rest_of_a_chain_that_was_not_needed(void **state)
{
	struct ring *r = create(0);
	struct slice s = pattern_slice(60);

	offer(r, 0, RING_BUFFERS, 512, WRITE | NEXT);
	offer(r, 1, RING_BUFFERS + 512, 512, WRITE);
	offer(r, 2, RING_BUFFERS + 1024, 512, WRITE);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	virtqueue_flush(&r->vq);

	assert_used(r, 2, 1, HDR + 60);
	assert_used(r, 1, 2, HDR + 60);
	assert_delivered(r, RING_BUFFERS + 1024, 60, 1);
	ring_destroy(r);
}

static void packed_takes_nothing_when_there_is_not_room_for_all(void **state)
{
	struct ring *r = create(RING_MERGEABLE);
	struct slice s = pattern_slice(1000);

	offer(r, 0, RING_BUFFERS, 512, WRITE);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_NO_ROOM);
	assert_false(virtqueue_arm(&r->vq));
	offer(r, 1, RING_BUFFERS + 512, 512, WRITE);
	assert_true(virtqueue_arm(&r->vq));

	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	virtqueue_flush(&r->vq);
	assert_delivered(r, RING_BUFFERS, 1000, 2);
	ring_destroy(r);
}

static void packed_rewinds_what_was_not_flushed(void **state)
{
	struct ring *r = create(RING_MERGEABLE);
	struct slice s = pattern_slice(100);
	struct virtqueue_mark mark;

	for (uint16_t i = 0; i < 3; i++)
		offer(r, i, RING_BUFFERS + i * 512u, 512, WRITE);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	mark = virtqueue_mark(&r->vq);
	virtqueue_put(&r->vq, &s);
	virtqueue_put(&r->vq, &s);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_NO_ROOM);
	virtqueue_rewind(&r->vq, mark);
	assert_false(virtqueue_arm(&r->vq));
	virtqueue_flush(&r->vq);

	assert_used(r, 1, 0, HDR + 100);
	assert_nothing_used(r);
	assert_int_equal(virtqueue_posted(&r->vq), 2);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	ring_destroy(r);
}

static void packed_says_when_a_frame_can_never_fit(void **state)
{
	struct ring *r = create(0);
	struct slice s = pattern_slice(1000);

	offer(r, 0, RING_BUFFERS, 512, WRITE);
	offer(r, 1, RING_BUFFERS, 512, WRITE);

	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_NO_FIT);
	assert_int_equal(r->vq.broken, VIRTQUEUE_OK);
	ring_destroy(r);
}

/* --- notifications -----------------------------------------------------------------------------
 */

static void take_frames(struct ring *r, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		offer(r, i, RING_BUFFERS, HDR + 60, 0);
	assert_int_equal(ring_peek(r), n);
	virtqueue_release(&r->vq, n);
}

static void packed_calls_the_sender_later_or_when_a_quarter_has_come_together(void **state)
{
	struct ring *r = create(0);

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

static void packed_respects_the_guests_wish_for_no_interrupts(void **state)
{
	struct ring *r = create(RING_EVENT_IDX);

	r->driver_event->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
	take_frames(r, 3);
	virtqueue_notify(&r->vq);

	assert_int_equal(ring_calls(r), 0);
	ring_destroy(r);
}

/* The offset that the guest names lies before, in and behind the wrap. */
static void packed_calls_only_when_the_event_offset_is_passed(void **state)
{
	for (uint16_t start = 0; start < RING_SIZE; start++) {
		struct ring *r = create(RING_EVENT_IDX);
		uint16_t event = (start + 2) % RING_SIZE;

		for (uint16_t i = 0; i < start; i++)
			take_frames(r, 1);
		virtqueue_notify(&r->vq);
		ring_calls(r);
		r->driver_event->off_wrap = event | (start + 2 < RING_SIZE ? 0x8000 : 0);
		r->driver_event->flags = VRING_PACKED_EVENT_FLAG_DESC;
		take_frames(r, 2);
		virtqueue_notify(&r->vq);
		assert_int_equal(ring_calls(r), 0);
		take_frames(r, 1);
		virtqueue_notify(&r->vq);
		assert_int_equal(ring_calls(r), 1);
		take_frames(r, 1);
		virtqueue_notify(&r->vq);
		assert_int_equal(ring_calls(r), 0);
		ring_destroy(r);
	}
}

static void packed_wants_kicks_only_while_armed(void **state)
{
	for (int event_idx = 0; event_idx < 2; event_idx++) {
		struct ring *r = create(event_idx ? RING_EVENT_IDX : 0);

		assert_int_equal(r->device_event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
		take_frames(r, 3);
		assert_false(virtqueue_arm(&r->vq));
		assert_int_equal(r->device_event->flags, event_idx
								 ? VRING_PACKED_EVENT_FLAG_DESC
								 : VRING_PACKED_EVENT_FLAG_ENABLE);
		assert_int_equal(r->device_event->off_wrap, event_idx ? 0x8003 : 0);
		offer(r, 0, RING_BUFFERS, HDR + 60, 0);
		assert_true(virtqueue_arm(&r->vq));
		virtqueue_disarm(&r->vq);
		assert_int_equal(r->device_event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
		ring_destroy(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packed_reads_a_frame_in_one_descriptor),
		cmocka_unit_test(packed_finds_chains_behind_chains),
		cmocka_unit_test(packed_shows_the_same_frames_until_they_are_released),
		cmocka_unit_test(packed_works_across_the_wrap_for_any_ring_size),
		cmocka_unit_test(packed_works_with_the_largest_ring),
		cmocka_unit_test(packed_tells_of_a_burst_by_one_descriptor_when_in_order),
		cmocka_unit_test(packed_goes_on_from_where_a_ring_stopped),
		cmocka_unit_test(packed_puts_a_frame_into_one_buffer),
		cmocka_unit_test(packed_puts_runs_of_plain_frames_across_the_wrap),
		cmocka_unit_test(packed_does_not_lap_itself_with_plain_frames),
		cmocka_unit_test(packed_puts_plain_frames_into_usual_buffers_alone),
		cmocka_unit_test(packed_merges_buffers_and_tells_their_number),
		cmocka_unit_test(packed_puts_a_frame_over_chains_of_several_buffers),
		cmocka_unit_test(packed_skips_the_rest_of_a_chain_that_was_not_needed),
		cmocka_unit_test(packed_takes_nothing_when_there_is_not_room_for_all),
		cmocka_unit_test(packed_rewinds_what_was_not_flushed),
		cmocka_unit_test(packed_says_when_a_frame_can_never_fit),
		cmocka_unit_test(packed_calls_the_sender_later_or_when_a_quarter_has_come_together),
		cmocka_unit_test(packed_respects_the_guests_wish_for_no_interrupts),
		cmocka_unit_test(packed_calls_only_when_the_event_offset_is_passed),
		cmocka_unit_test(packed_wants_kicks_only_while_armed),
	};

	return cmocka_run_group_tests_name("packed", tests, NULL, NULL);
}
