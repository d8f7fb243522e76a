/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Packed queues that weft-vmm serves itself; its devices' tests go through split ones. */

#include "tests/lib/test.h"

#include <errno.h>
#include <linux/virtio_pci.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/virtq.h"

#define NEXT	 VRING_DESC_F_NEXT
#define WRITE	 VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT
#define AVAIL	 (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED	 (1u << VRING_PACKED_DESC_F_USED)
#define SIZE	 8
#define RING_AT	 0x1000
#define TABLE_AT 0x4000
#define DATA_AT	 0x8000
#define MEMORY	 (1ull << 20)

/* A driver and its queue. Both sides of it count places and laps. */
struct world {
	struct memory mem;
	struct virtq vq;
	struct virtq_chain c;
	struct vring_packed_desc *ring;
	struct vring_packed_desc_event *driver, *device;
	unsigned offered, taken; /* descriptors so far */
};

static void begin(struct world *w, uint64_t features)
{
	struct virtio d = {.mem = &w->mem, .features = features | VIRTIO_BIT(VIRTIO_F_RING_PACKED)};

	d.n_queues = 1;
	d.queues[0] = (struct virtio_queue){.size = SIZE,
					    .enabled = true,
					    .desc = RING_AT,
					    .avail = RING_AT + 0x100,
					    .used = RING_AT + 0x200,
					    .vector = VIRTIO_MSI_NO_VECTOR,
					    .kick_fd = -1};
	assert_int_equal(virtq_start(&w->vq, &d, 0), 0);
	w->ring = memory_at(&w->mem, RING_AT, 16 * SIZE);
	w->driver = memory_at(&w->mem, RING_AT + 0x100, 4);
	w->device = memory_at(&w->mem, RING_AT + 0x200, 4);
	w->vq.call_fd = eventfd(0, EFD_NONBLOCK);
}

static int setup(void **state)
{
	static struct world w;
	const struct memory_params p = {.bytes = MEMORY};
	struct err e;

	memset(&w, 0, sizeof(w));
	*state = &w;
	return memory_init(&w.mem, &p, &e);
}

static int teardown(void **state)
{
	struct world *w = *state;

	close(w->vq.call_fd);
	memory_fini(&w->mem);
	return 0;
}

static bool lap_is_odd(unsigned place)
{
	return place / SIZE % 2 == 0;
}

static void offer(struct world *w, uint16_t id, uint64_t at, uint32_t len, uint16_t flags)
{
	unsigned place = w->offered++;

	w->ring[place % SIZE] =
		(struct vring_packed_desc){at, len, id, flags | (lap_is_odd(place) ? AVAIL : USED)};
}

/* Takes the used descriptor of a chain of `n`. */
static void assert_used(struct world *w, unsigned n, uint16_t id, uint32_t len)
{
	const struct vring_packed_desc *d = &w->ring[w->taken % SIZE];
	uint16_t lap = lap_is_odd(w->taken) ? AVAIL | USED : 0;

	assert_int_equal(d->flags & (AVAIL | USED), lap);
	assert_int_equal(d->id, id);
	assert_int_equal(d->len, len);
	w->taken += n;
}

static unsigned interrupts(struct world *w)
{
	eventfd_t n = 0;

	return eventfd_read(w->vq.call_fd, &n) ? 0 : (unsigned)n;
}

static void put_table(struct world *w, unsigned n, uint16_t last_flags)
{
	struct vring_packed_desc *table = memory_at(&w->mem, TABLE_AT, n * sizeof(*table));

	for (unsigned i = 0; i < n; i++)
		table[i] = (struct vring_packed_desc){DATA_AT + i * 16, 16, 0x7777,
						      i + 1 < n ? 0 : last_flags};
}

/* Three forms of chains, many laps: each place of the ring sees each of them. */
static void chains_of_any_form_are_served_lap_after_lap(void **state)
{
	struct world *w = *state;
	char text[8] = "";

	begin(w, 0);
	memcpy(memory_at(&w->mem, DATA_AT, 8), "hello", 5);
	put_table(w, 3, WRITE);
	for (uint16_t round = 0; round < 100; round++) {
		offer(w, round, DATA_AT, 5, 0);
		assert_int_equal(virtq_pop(&w->vq, &w->c), 1);
		assert_int_equal(w->c.out_bytes, 5);
		assert_int_equal(virtq_read(&w->c, 0, text, sizeof(text)), 5);
		assert_string_equal(text, "hello");
		virtq_push(&w->vq, &w->c, 0);
		assert_used(w, 1, round, 0);

		offer(w, 0xdead, DATA_AT, 2, NEXT);
		offer(w, 0xdead, DATA_AT + 2, 3, NEXT);
		offer(w, round, DATA_AT + 64, 100, WRITE);
		assert_int_equal(virtq_pop(&w->vq, &w->c), 1);
		assert_int_equal(w->c.n_out, 2);
		assert_int_equal(virtq_write(&w->c, 98, "abc", 3), 2);
		virtq_push(&w->vq, &w->c, 100);
		assert_used(w, 3, round, 100);

		offer(w, round, TABLE_AT, 3 * sizeof(struct vring_packed_desc), INDIRECT);
		assert_int_equal(virtq_pop(&w->vq, &w->c), 1);
		assert_int_equal(w->c.out_bytes, 32);
		assert_int_equal(w->c.in_bytes, 16);
		virtq_push(&w->vq, &w->c, 16);
		assert_used(w, 1, round, 16);
		assert_int_equal(virtq_pop(&w->vq, &w->c), 0);
	}
	assert_memory_equal(memory_at(&w->mem, DATA_AT + 64 + 98, 2), "ab", 2);
}

static void a_chain_that_was_put_back_comes_again(void **state)
{
	struct world *w = *state;

	begin(w, 0);
	w->offered = w->taken = 0;
	offer(w, 0, DATA_AT, 5, NEXT);
	offer(w, 3, DATA_AT, 6, 0);
	offer(w, 4, DATA_AT, 7, 0);
	assert_int_equal(virtq_pop(&w->vq, &w->c), 1);
	virtq_unpop(&w->vq);
	assert_int_equal(virtq_pop(&w->vq, &w->c), 1);
	assert_int_equal(w->c.out_bytes, 11);
	virtq_push(&w->vq, &w->c, 0);
	assert_used(w, 2, 3, 0);
	assert_int_equal(virtq_pop(&w->vq, &w->c), 1);
	assert_int_equal(w->c.id, 4);
}

static void serve_one(struct world *w, uint16_t n)
{
	for (uint16_t i = 0; i + 1 < n; i++)
		offer(w, 0, DATA_AT, 1, NEXT);
	offer(w, 0, DATA_AT, 1, 0);
	assert_int_equal(virtq_pop(&w->vq, &w->c), 1);
	virtq_push(&w->vq, &w->c, 0);
}

static void the_drivers_wish_for_interrupts_is_respected(void **state)
{
	struct world *w = *state;

	begin(w, VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX));
	serve_one(w, 1);
	assert_int_equal(interrupts(w), 1);
	w->driver->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
	serve_one(w, 1);
	assert_int_equal(interrupts(w), 0);
	/* At place 5 of this lap; then at 1 of the next. Chains of 2 pass over them. */
	*w->driver = (struct vring_packed_desc_event){5 | 1 << 15, VRING_PACKED_EVENT_FLAG_DESC};
	serve_one(w, 2);
	assert_int_equal(interrupts(w), 0);
	serve_one(w, 2);
	assert_int_equal(interrupts(w), 1);
	w->driver->off_wrap = 1;
	serve_one(w, 2);
	assert_int_equal(interrupts(w), 0);
	serve_one(w, 2);
	assert_int_equal(interrupts(w), 1);
}

static void it_asks_for_kicks_where_it_stands(void **state)
{
	struct world *w = *state;

	begin(w, VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX));
	serve_one(w, 3);
	assert_false(virtq_arm(&w->vq));
	assert_int_equal(w->device->flags, VRING_PACKED_EVENT_FLAG_DESC);
	assert_int_equal(w->device->off_wrap, 3 | 1 << 15);
	offer(w, 0, DATA_AT, 1, 0);
	assert_true(virtq_arm(&w->vq));
}

static void what_breaks_a_rule_breaks_the_queue(void **state)
{
	const struct {
		uint64_t at;
		uint32_t len;
		uint16_t first, second;
	} wrong[] = {
		{MEMORY - 4, 8, 0, 0},		    /* over the end of the RAM */
		{UINT64_MAX - 4, 8, 0, 0},	    /* and of all addresses */
		{DATA_AT, 8, WRITE | NEXT, 0},	    /* read behind written */
		{TABLE_AT, 32, INDIRECT | NEXT, 0}, /* a table that goes on */
		{TABLE_AT, 32, NEXT, INDIRECT},	    /* a table behind a buffer */
		{TABLE_AT, 33, INDIRECT, 0},	    /* a table and a bit */
		{TABLE_AT, 0, INDIRECT, 0},	    /* of nothing */
		{MEMORY - 16, 32, INDIRECT, 0},	    /* over the end of the RAM */
	};
	struct world *w = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		begin(w, 0);
		w->offered = 0;
		offer(w, 0, wrong[i].at, wrong[i].len, wrong[i].first);
		if (wrong[i].first & NEXT)
			offer(w, 0, wrong[i].at, wrong[i].len, wrong[i].second);
		if (virtq_pop(&w->vq, &w->c) != -EPROTO)
			fail_msg("case %u", i);
		assert_true(w->vq.broken);
		assert_int_equal(virtq_pop(&w->vq, &w->c), -EPROTO);
		assert_false(virtq_arm(&w->vq));
		close(w->vq.call_fd);
	}
	w->vq.call_fd = -1;
}

static void a_chain_round_the_whole_ring_and_on_is_refused(void **state)
{
	struct world *w = *state;

	begin(w, 0);
	for (unsigned i = 0; i < SIZE; i++)
		offer(w, 0, DATA_AT, 1, NEXT);
	assert_int_equal(virtq_pop(&w->vq, &w->c), -EPROTO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(chains_of_any_form_are_served_lap_after_lap),
		TEST(a_chain_that_was_put_back_comes_again),
		TEST(the_drivers_wish_for_interrupts_is_respected),
		TEST(it_asks_for_kicks_where_it_stands),
		TEST(what_breaks_a_rule_breaks_the_queue),
		TEST(a_chain_round_the_whole_ring_and_on_is_refused),
	};

	return cmocka_run_group_tests_name("vmm virtq", tests, NULL, NULL);
}
