/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <string.h>

#include "tests/lib/ringcheck.h"

#define HDR  RING_HDR
#define PAGE DIRTY_LOG_PAGE

static unsigned n_dirty(const struct ring *r)
{
	unsigned n = 0;

	for (uint64_t i = 0; i < r->log.size; i++)
		n += (unsigned)__builtin_popcount(r->log.bitmap[i]);
	return n;
}

static void forget(struct ring *r)
{
	memset(r->log.bitmap, 0, r->log.size);
}

static void offer(struct ring *r, bool packed, uint16_t i, uint64_t addr, uint32_t len,
		  uint16_t flags)
{
	if (packed) {
		ring_packed_offer(r, i, addr, len, flags);
		return;
	}
	ring_desc(r, i, addr, len, flags, 0);
	ring_offer(r, i);
}

static void dirty_log_marks_every_page_of_a_range_and_no_other(void **state)
{
	struct ring *r = ring_create(0);

	dirty_log_mark(&r->log, RING_GPA + PAGE - 1, PAGE + 2);
	assert_true(ring_is_dirty(r, RING_GPA));
	assert_true(ring_is_dirty(r, RING_GPA + PAGE));
	assert_true(ring_is_dirty(r, RING_GPA + 2 * PAGE));
	assert_int_equal(n_dirty(r), 3);
	ring_destroy(r);
}

static void dirty_log_leaves_out_what_lies_beyond_its_end(void **state)
{
	struct ring *r = ring_create(0);

	dirty_log_mark(&r->log, RING_END - 1, 1ull << 40);
	dirty_log_mark(&r->log, ~0ull - 10, 100);
	dirty_log_mark(&r->log, ~0ull - 10, 5);
	dirty_log_mark(&r->log, RING_GPA, 0);
	assert_int_equal(n_dirty(r), 1);
	ring_destroy(r);
}

static void ring_without_a_log_marks_nothing(void **state)
{
	struct ring *r = ring_create(0);
	struct slice s = pattern_slice(100);

	offer(r, false, 0, RING_BUFFERS, 512, VRING_DESC_F_WRITE);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	virtqueue_flush(&r->vq);
	assert_int_equal(n_dirty(r), 0);
	ring_destroy(r);
}

/* The buffers when they are written, the used entry when it is. */
static void ring_marks_the_frames_it_delivers(void **state)
{
	for (int packed = 0; packed < 2; packed++) {
		struct ring *r =
			ring_create(RING_LOG | RING_MERGEABLE | (packed ? RING_PACKED : 0));
		struct slice s = pattern_slice(900);

		offer(r, packed, 0, RING_GPA + 4 * PAGE, 1024, VRING_DESC_F_WRITE);
		offer(r, packed, 1, RING_GPA + 6 * PAGE, 500, VRING_DESC_F_WRITE);
		offer(r, packed, 2, RING_EDGE - 100, 600, VRING_DESC_F_WRITE);
		forget(r);
		assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
		assert_true(ring_is_dirty(r, RING_GPA + 4 * PAGE));
		assert_int_equal(n_dirty(r), 1);

		forget(r);
		assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
		assert_true(ring_is_dirty(r, RING_GPA + 6 * PAGE));
		assert_true(ring_is_dirty(r, RING_EDGE - 1));
		assert_true(ring_is_dirty(r, RING_EDGE));
		assert_int_equal(n_dirty(r), 3);

		forget(r);
		virtqueue_flush(&r->vq);
		assert_true(ring_is_dirty(r, RING_GPA + (packed ? 0 : 0x1800)));
		assert_int_equal(n_dirty(r), 1);
		ring_destroy(r);
	}
}

static void ring_marks_the_used_entries_of_what_it_took(void **state)
{
	for (int packed = 0; packed < 2; packed++) {
		struct ring *r = ring_create(RING_LOG | (packed ? RING_PACKED : 0));

		offer(r, packed, 0, RING_BUFFERS, HDR + 60, 0);
		forget(r);
		assert_int_equal(ring_peek(r), 1);
		assert_int_equal(n_dirty(r), 0);
		virtqueue_release(&r->vq, 1);
		assert_true(ring_is_dirty(r, RING_GPA + (packed ? 0 : 0x1800)));
		assert_int_equal(n_dirty(r), 1);
		ring_destroy(r);
	}
}

static void ring_marks_its_wish_for_kicks(void **state)
{
	static const unsigned kinds[] = {0, RING_EVENT_IDX, RING_PACKED,
					 RING_PACKED | RING_EVENT_IDX};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct ring *r = ring_create(RING_LOG | kinds[i]);

		forget(r);
		virtqueue_arm(&r->vq);
		assert_true(ring_is_dirty(r, RING_GPA + 0x1800));
		assert_int_equal(n_dirty(r), 1);
		ring_destroy(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dirty_log_marks_every_page_of_a_range_and_no_other),
		cmocka_unit_test(dirty_log_leaves_out_what_lies_beyond_its_end),
		cmocka_unit_test(ring_without_a_log_marks_nothing),
		cmocka_unit_test(ring_marks_the_frames_it_delivers),
		cmocka_unit_test(ring_marks_the_used_entries_of_what_it_took),
		cmocka_unit_test(ring_marks_its_wish_for_kicks),
	};

	return cmocka_run_group_tests_name("dirty_log", tests, NULL, NULL);
}
