/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include "tests/lib/packet.h"
#include "tests/lib/ringcheck.h"

#define WRITE	 VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT
#define HDR	 RING_HDR

static void post(struct ring *r, uint16_t i, uint64_t addr, uint32_t len)
{
	ring_desc(r, i, addr, len, WRITE, 0);
	ring_offer(r, i);
}

static void virtqueue_puts_a_frame_into_one_buffer(void **state)
{
	struct ring *r = ring_create(RING_MERGEABLE);
	struct slice s = pattern_slice(100);

	post(r, 5, RING_BUFFERS, 2048);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	assert_int_equal(r->used->idx, 0);
	virtqueue_flush(&r->vq);

	assert_int_equal(r->used->idx, 1);
	assert_int_equal(r->used->ring[0].id, 5);
	assert_int_equal(r->used->ring[0].len, HDR + 100);
	assert_delivered(r, RING_BUFFERS, 100, 1);
	assert_int_equal(*ring_at(r, RING_BUFFERS + HDR + 100), 0);
	ring_destroy(r);
}

static const struct offloads takes_all;

/* Frame `i` of the ring's burst: `len` bytes of the pattern. */
static void plain_frame(struct ring *r, unsigned i, uint32_t len)
{
	r->burst.frames[i] = *pattern_slice(len).frame;
}

static void virtqueue_puts_plain_frames_of_any_length_to_the_byte(void **state)
{
	for (uint32_t len = 14; len <= 1000; len++) {
		struct ring *r = ring_create(RING_MERGEABLE);

		plain_frame(r, 0, len);
		post(r, 3, RING_BUFFERS, HDR + len);
		assert_int_equal(virtqueue_put_plain(&r->vq, &r->burst, 1, &takes_all), 1);
		virtqueue_flush(&r->vq);

		assert_int_equal(r->used->idx, 1);
		assert_int_equal(r->used->ring[0].id, 3);
		assert_int_equal(r->used->ring[0].len, HDR + len);
		assert_delivered(r, RING_BUFFERS, len, 1);
		assert_int_equal(*ring_at(r, RING_BUFFERS + HDR + len), 0);
		ring_destroy(r);
	}
}

static void virtqueue_puts_plain_frames_in_order_up_to_the_first_other(void **state)
{
	struct ring *r = ring_create(RING_MERGEABLE);

	for (unsigned i = 0; i < 8; i++) {
		plain_frame(r, i, 60);
		post(r, (uint16_t)i, RING_BUFFERS + i * 128u, 128);
	}
	r->burst.frames[5].vnet.flags = VNET_NEEDS_CSUM;

	/* 1, 3 and 4; then 5, which carries an offload. */
	assert_int_equal(virtqueue_put_plain(&r->vq, &r->burst, 0xfa, &takes_all), 0x1a);
	assert_int_equal(virtqueue_put_plain(&r->vq, &r->burst, 0xe0, &takes_all), 0);
	assert_int_equal(virtqueue_put_plain(&r->vq, &r->burst, 0xc0, &takes_all), 0xc0);
	virtqueue_flush(&r->vq);

	assert_int_equal(r->used->idx, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_delivered(r, RING_BUFFERS + i * 128u, 60, 1);
	ring_destroy(r);
}

static void virtqueue_puts_plain_frames_as_far_as_there_is_room(void **state)
{
	struct ring *r = ring_create(RING_MERGEABLE);
	struct offloads small = {.mtu = 100};

	for (unsigned i = 0; i < 4; i++)
		plain_frame(r, i, 200);
	post(r, 0, RING_BUFFERS, 512);
	post(r, 1, RING_BUFFERS + 512, 512);

	assert_int_equal(virtqueue_put_plain(&r->vq, &r->burst, 0xf, &small), 0);
	assert_int_equal(virtqueue_put_plain(&r->vq, &r->burst, 0xf, &takes_all), 0x3);
	assert_int_equal(virtqueue_put_plain(&r->vq, &r->burst, 0xc, &takes_all), 0);
	assert_int_equal(r->vq.broken, VIRTQUEUE_OK);
	ring_destroy(r);
}

/* Buffers that a plain frame does not go to, or not at once: another way has to judge them. */
static void virtqueue_puts_plain_frames_into_usual_buffers_alone(void **state)
{
	const struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags;
	} unusual[] = {
		{RING_BUFFERS, 512, 0},		       /* read-only */
		{RING_BUFFERS, 512, WRITE | INDIRECT}, /* a table */
		{RING_BUFFERS, HDR + 99, WRITE},       /* short by a byte */
		{RING_EDGE - 50, 512, WRITE},	       /* over the edge of a region */
		{UINT64_MAX - 8, 512, WRITE},	       /* nowhere */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(unusual); i++) {
		struct ring *r = ring_create(RING_MERGEABLE);

		plain_frame(r, 0, 100);
		ring_desc(r, 0, unusual[i].addr, unusual[i].len, unusual[i].flags, 0);
		ring_offer(r, 0);
		assert_int_equal(virtqueue_put_plain(&r->vq, &r->burst, 1, &takes_all), 0);
		assert_int_equal(*ring_at(r, RING_BUFFERS + 10), 0);
		assert_int_equal(r->vq.broken, VIRTQUEUE_OK);
		ring_destroy(r);
	}
}

static void virtqueue_merges_buffers_and_tells_their_number(void **state)
{
	struct ring *r = ring_create(RING_MERGEABLE);
	struct slice s = pattern_slice(1000);

	for (uint16_t i = 0; i < 10; i++)
		post(r, i, RING_EDGE - 600 + i * 128u, 128);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	virtqueue_flush(&r->vq);

	assert_int_equal(r->used->idx, 8);
	assert_int_equal(r->used->ring[0].len, 128);
	assert_int_equal(r->used->ring[7].len, HDR + 1000 - 7 * 128);
	assert_delivered(r, RING_EDGE - 600, 1000, 8);
	ring_destroy(r);
}

static void virtqueue_takes_nothing_when_there_is_not_room_for_all(void **state)
{
	struct ring *r = ring_create(RING_MERGEABLE);
	struct slice s = pattern_slice(1000);

	post(r, 0, RING_BUFFERS, 512);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_NO_ROOM);
	post(r, 1, RING_BUFFERS + 512, 512);

	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	virtqueue_flush(&r->vq);
	assert_int_equal(r->used->idx, 2);
	ring_destroy(r);
}

static void virtqueue_rewinds_what_was_not_flushed(void **state)
{
	struct ring *r = ring_create(RING_MERGEABLE);
	struct slice s = pattern_slice(100);
	struct virtqueue_mark mark = virtqueue_mark(&r->vq);

	post(r, 0, RING_BUFFERS, 512);
	virtqueue_put(&r->vq, &s);
	virtqueue_rewind(&r->vq, mark);
	virtqueue_flush(&r->vq);

	assert_int_equal(r->used->idx, 0);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	ring_destroy(r);
}

static void virtqueue_says_when_a_frame_can_never_fit(void **state)
{
	struct ring *r = ring_create(0);
	struct slice s = pattern_slice(1000);

	post(r, 0, RING_BUFFERS, 512);
	post(r, 1, RING_BUFFERS, 512);

	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_NO_FIT);
	assert_int_equal(r->vq.broken, VIRTQUEUE_OK);
	ring_destroy(r);
}

static void virtqueue_breaks_on_a_readonly_buffer_where_it_writes(void **state)
{
	struct ring *r = ring_create(RING_MERGEABLE);
	struct slice s = pattern_slice(100);

	ring_desc(r, 0, RING_BUFFERS, 512, 0, 0);
	ring_offer(r, 0);

	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_BROKEN);
	assert_int_equal(*ring_at(r, RING_BUFFERS), 0);
	ring_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(virtqueue_puts_a_frame_into_one_buffer),
		cmocka_unit_test(virtqueue_puts_plain_frames_of_any_length_to_the_byte),
		cmocka_unit_test(virtqueue_puts_plain_frames_in_order_up_to_the_first_other),
		cmocka_unit_test(virtqueue_puts_plain_frames_as_far_as_there_is_room),
		cmocka_unit_test(virtqueue_puts_plain_frames_into_usual_buffers_alone),
		cmocka_unit_test(virtqueue_merges_buffers_and_tells_their_number),
		cmocka_unit_test(virtqueue_takes_nothing_when_there_is_not_room_for_all),
		cmocka_unit_test(virtqueue_rewinds_what_was_not_flushed),
		cmocka_unit_test(virtqueue_says_when_a_frame_can_never_fit),
		cmocka_unit_test(virtqueue_breaks_on_a_readonly_buffer_where_it_writes),
	};

	return cmocka_run_group_tests_name("virtqueue put", tests, NULL, NULL);
}
