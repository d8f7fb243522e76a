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

static void packed_breaks_on_addresses_outside_the_guest(void **state)
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
		struct ring *r = create(0);

		offer(r, 0, bad[i].addr, bad[i].len, 0);
		assert_breaks(r, VIRTQUEUE_BAD_ADDRESS);
		assert_nothing_used(r);
		ring_destroy(r);
	}
}

/* CVE-2020-10725: an invalid address with length 0, in every slot of the ring. */
static void packed_ignores_a_ring_full_of_empty_descriptors_at_the_last_address(void **state)
{
	struct ring *r = create(0);

	for (uint16_t i = 0; i < RING_SIZE; i++)
		offer(r, i, ~0ull, 0, 0);

	assert_int_equal(ring_peek(r), RING_SIZE);
	for (uint16_t i = 0; i < RING_SIZE; i++)
		assert_int_equal(r->burst.frames[i].bad, DROP_RUNT);
	virtqueue_release(&r->vq, RING_SIZE);
	ring_destroy(r);
}

static void packed_breaks_on_a_chain_longer_than_the_ring(void **state)
{
	for (uint16_t before = 0; before < 3; before++) {
		struct ring *r = create(0);

		for (uint16_t i = 0; i < before; i++)
			offer(r, i, RING_BUFFERS, HDR + 60, 0);
		for (uint16_t i = before; i < RING_SIZE; i++)
			offer(r, i, RING_BUFFERS, 1, NEXT);
		for (uint16_t i = 0; i < before; i++)
			r->desc_packed[i].flags |= i + 1 < before ? NEXT : 0;
		assert_breaks(r, VIRTQUEUE_BAD_CHAIN);
		ring_destroy(r);
	}
}

static void packed_breaks_on_malformed_indirect_tables(void **state)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags;
		enum virtqueue_fault fault;
	} bad[] = {
		{TABLE, 0, INDIRECT, VIRTQUEUE_BAD_INDIRECT},
		{TABLE, 15, INDIRECT, VIRTQUEUE_BAD_INDIRECT},
		{TABLE, 17, INDIRECT, VIRTQUEUE_BAD_INDIRECT},
		{TABLE, 16, INDIRECT | NEXT, VIRTQUEUE_BAD_INDIRECT},
		{TABLE, 0xfffffff0, INDIRECT, VIRTQUEUE_BAD_INDIRECT},
		{RING_EDGE - 16, 32, INDIRECT, VIRTQUEUE_BAD_ADDRESS},
		{0x10, 16, INDIRECT, VIRTQUEUE_BAD_ADDRESS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ring *r = create(RING_INDIRECT);

		offer(r, 0, bad[i].addr, bad[i].len, bad[i].flags);
		assert_breaks(r, bad[i].fault);
		ring_destroy(r);
	}
}

static void packed_breaks_on_a_table_inside_a_table(void **state)
{
	for (int at = 0; at < 2; at++) {
		struct ring *r = create(RING_INDIRECT);

		table_of(r)[0] = (struct vring_packed_desc){RING_BUFFERS, 64, 0, 0};
		table_of(r)[1] = table_of(r)[0];
		table_of(r)[at].flags = INDIRECT;
		offer(r, 0, TABLE, 2 * sizeof(struct vring_packed_desc), INDIRECT);
		assert_breaks(r, VIRTQUEUE_BAD_INDIRECT);
		ring_destroy(r);
	}
}

static void packed_refuses_indirect_tables_that_were_not_negotiated(void **state)
{
	struct ring *r = create(0);

	offer(r, 0, TABLE, 16, INDIRECT);

	assert_breaks(r, VIRTQUEUE_BAD_INDIRECT);
	ring_destroy(r);
}

static void packed_breaks_on_buffers_of_the_wrong_direction(void **state)
{
	struct ring *r = create(0);
	struct slice s = pattern_slice(100);

	offer(r, 0, RING_BUFFERS, 100, WRITE);
	assert_breaks(r, VIRTQUEUE_BAD_DIRECTION);
	ring_destroy(r);

	r = create(0);
	offer(r, 0, RING_BUFFERS, 512, 0);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_BROKEN);
	assert_int_equal(*ring_at(r, RING_BUFFERS), 0);
	ring_destroy(r);
}

/* CVE-2022-2132: header and frame in descriptors of one byte. */
static void packed_reads_one_byte_descriptors(void **state)
{
	struct ring *r = create(RING_INDIRECT);
	const uint16_t n = HDR + 200;

	ring_pattern(r, RING_BUFFERS + HDR, 200);
	for (uint16_t i = 0; i < n; i++)
		table_of(r)[i] = (struct vring_packed_desc){RING_BUFFERS + i, 1, 0, 0};
	offer(r, 5, TABLE, n * sizeof(struct vring_packed_desc), INDIRECT);

	assert_int_equal(ring_peek(r), 1);
	assert_pattern(&r->burst.frames[0], 200);
	ring_destroy(r);
}

static void packed_drops_a_chain_of_the_header_alone(void **state)
{
	struct ring *r = create(0);

	offer(r, 0, RING_BUFFERS, HDR, 0);
	offer(r, 1, RING_BUFFERS, 6, NEXT);
	offer(r, 1, RING_BUFFERS, HDR - 6, 0);
	offer(r, 2, RING_BUFFERS, HDR + 60, 0);

	assert_int_equal(ring_peek(r), 3);
	assert_int_equal(r->burst.frames[0].bad, DROP_RUNT);
	assert_int_equal(r->burst.frames[1].bad, DROP_RUNT);
	assert_int_equal(r->burst.frames[2].bad, DROP_NONE);
	ring_destroy(r);
}

static void packed_splits_a_buffer_at_a_regions_edge(void **state)
{
	struct ring *r = create(0);

	ring_pattern(r, RING_EDGE - 200, 1000);
	offer(r, 0, RING_EDGE - 200 - HDR, HDR + 1000, 0);

	assert_int_equal(ring_peek(r), 1);
	assert_pattern(&r->burst.frames[0], 1000);
	ring_destroy(r);
}

/* Used descriptors that the guest turns into available ones again before they are flushed. */
static void packed_does_not_lap_what_it_has_not_flushed(void **state)
{
	struct ring *r = create(RING_MERGEABLE);
	struct slice s = pattern_slice(60);

	for (uint16_t i = 0; i < 2 * RING_SIZE; i++) {
		offer(r, i, RING_BUFFERS, 128, WRITE);
		if (i < RING_SIZE)
			assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
		else
			assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_NO_ROOM);
	}
	ring_destroy(r);
}

static void packed_breaks_on_a_chain_that_laps_what_it_has_not_flushed(void **state)
{
	struct ring *r = create(RING_MERGEABLE);
	struct slice s = pattern_slice(60);

	offer(r, 0, RING_BUFFERS, 128, WRITE);
	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_DONE);
	for (uint16_t i = 1; i < RING_SIZE; i++)
		offer(r, i, RING_BUFFERS, 128, WRITE | VRING_DESC_F_NEXT);
	offer(r, 0, RING_BUFFERS, 128, WRITE);

	assert_int_equal(virtqueue_put(&r->vq, &s), VIRTQUEUE_PUT_BROKEN);
	assert_int_equal(r->vq.broken, VIRTQUEUE_BAD_CHAIN);
	ring_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packed_breaks_on_addresses_outside_the_guest),
		cmocka_unit_test(
			packed_ignores_a_ring_full_of_empty_descriptors_at_the_last_address),
		cmocka_unit_test(packed_breaks_on_a_chain_longer_than_the_ring),
		cmocka_unit_test(packed_breaks_on_malformed_indirect_tables),
		cmocka_unit_test(packed_breaks_on_a_table_inside_a_table),
		cmocka_unit_test(packed_refuses_indirect_tables_that_were_not_negotiated),
		cmocka_unit_test(packed_breaks_on_buffers_of_the_wrong_direction),
		cmocka_unit_test(packed_reads_one_byte_descriptors),
		cmocka_unit_test(packed_drops_a_chain_of_the_header_alone),
		cmocka_unit_test(packed_splits_a_buffer_at_a_regions_edge),
		cmocka_unit_test(packed_does_not_lap_what_it_has_not_flushed),
		cmocka_unit_test(packed_breaks_on_a_chain_that_laps_what_it_has_not_flushed),
	};

	return cmocka_run_group_tests_name("packed_hostile", tests, NULL, NULL);
}
