/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/gen/driver.h"

/*
 * The device is a page of code in the same thread: it gathers one transmitted chain, and scatters
 * it over as many receive buffers as it needs, like a backend that merges.
 */

struct device {
	struct driver d;
	uint16_t sent, posted; /* where the device stands in both queues */
	unsigned n_pieces;     /* of the last chain */
	bool was_indirect;
};

static uint32_t gather(struct device *dev, uint8_t *to)
{
	struct virtq *vq = &driver_tx_queue(&dev->d, 0)->vq;
	uint16_t head = vq->avail->ring[dev->sent & (vq->size - 1)];
	const struct vring_desc *table = vq->desc, *desc = &table[head];
	uint32_t len = 0;

	dev->n_pieces = 0;
	dev->was_indirect = desc->flags & VRING_DESC_F_INDIRECT;
	if (dev->was_indirect)
		desc = table = guestmem_ptr(vq->mem, desc->addr);
	for (;;) {
		memcpy(to + len, guestmem_ptr(vq->mem, desc->addr), desc->len);
		len += desc->len;
		dev->n_pieces++;
		if (!(desc->flags & VRING_DESC_F_NEXT))
			break;
		desc = &table[desc->next];
	}
	vq->used->ring[dev->sent++ & (vq->size - 1)] = (struct vring_used_elem){head, 0};
	vq->used->idx = dev->sent;
	return len;
}

/* Fills one receive buffer with up to `len` bytes; returns how many. */
static uint32_t scatter(struct device *dev, const uint8_t *from, uint32_t len,
			struct virtio_net_hdr_mrg_rxbuf **first)
{
	struct virtq *vq = &driver_rx_queue(&dev->d, 0)->vq;
	uint16_t head = vq->avail->ring[dev->posted & (vq->size - 1)];
	const struct vring_desc *desc = &vq->desc[head];
	uint32_t done = 0;

	if (!*first)
		*first = guestmem_ptr(vq->mem, desc->addr);
	for (;;) {
		uint32_t n = MIN_OF(desc->len, len - done);

		assert_true(desc->flags & VRING_DESC_F_WRITE);
		memcpy(guestmem_ptr(vq->mem, desc->addr), from + done, n);
		done += n;
		if (!(desc->flags & VRING_DESC_F_NEXT) || done == len)
			break;
		desc = &vq->desc[desc->next];
	}
	vq->used->ring[dev->posted++ & (vq->size - 1)] = (struct vring_used_elem){head, done};
	return done;
}

static void loop_back(struct device *dev)
{
	struct virtq *rx = &driver_rx_queue(&dev->d, 0)->vq;
	struct virtio_net_hdr_mrg_rxbuf *first = NULL;
	static uint8_t chain[70000];
	uint32_t len = gather(dev, chain), done = 0;
	uint16_t n_buffers = 0;

	while (done < len) {
		done += scatter(dev, chain + done, len - done, &first);
		n_buffers++;
	}
	if (driver_has(&dev->d, VIRTIO_NET_F_MRG_RXBUF))
		first->num_buffers = n_buffers;
	rx->used->idx = dev->posted;
}

static void open_device(struct device *dev, const struct driver_options *o)
{
	*dev = (struct device){0};
	assert_int_equal(driver_init(&dev->d, o, NULL), 0);
	driver_start_alone(&dev->d);
}

static void fill(uint8_t *frame, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 31 + len);
}

static void assert_received(struct device *dev, const uint8_t *frame, uint32_t len)
{
	static uint8_t got[70000];
	struct driver_frame f;

	assert_int_equal(driver_rx(&dev->d, 0, &f), 1);
	assert_int_equal(f.len, len);
	assert_int_equal(driver_frame_copy(&f, got, sizeof(got)), len);
	assert_memory_equal(got, frame, len);
	driver_rx_release(&dev->d, 0, &f);
}

static void frames_arrive_whole_in_every_shape(void **state)
{
	static const struct driver_shape shapes[] = {
		{0},
		{.header_apart = true},
		{.piece_bytes = 5},
		{.header_apart = true, .piece_bytes = 1},
		{.indirect = true},
		{.indirect = true, .header_apart = true, .piece_bytes = 7},
	};
	static const unsigned pieces[] = {1, 2, 15, 61, 1, 10};
	struct driver_options o;
	struct device dev;
	uint8_t frame[60];

	driver_options_init(&o);
	open_device(&dev, &o);
	fill(frame, sizeof(frame));
	for (unsigned round = 0; round < 3000; round++) {
		unsigned i = round % ARRAY_SIZE(shapes);

		assert_int_equal(driver_tx(&dev.d, 0, NULL, frame, sizeof(frame), &shapes[i]), 0);
		driver_tx_kick(&dev.d, 0);
		loop_back(&dev);
		assert_int_equal(dev.n_pieces, pieces[i]);
		assert_int_equal(dev.was_indirect, shapes[i].indirect);
		assert_received(&dev, frame, sizeof(frame));
	}
	assert_int_equal(driver_tx_drain(&dev.d, 0, 0), 0);
	assert_int_equal(driver_tx_queue(&dev.d, 0)->vq.n_free, o.ring_size);
	driver_fini(&dev.d);
}

static void a_large_frame_is_merged_from_many_buffers(void **state)
{
	static uint8_t frame[65000];
	struct virtio_net_hdr_mrg_rxbuf hdr = {
		.hdr = {.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1448}};
	struct driver_options o;
	struct driver_frame f;
	struct device dev;

	driver_options_init(&o);
	o.tx_slot_bytes = 65600;
	o.ring_size = 64;
	open_device(&dev, &o);
	fill(frame, sizeof(frame));
	assert_int_equal(driver_tx(&dev.d, 0, &hdr, frame, sizeof(frame), NULL), 0);
	driver_tx_kick(&dev.d, 0);
	loop_back(&dev);

	assert_int_equal(driver_rx(&dev.d, 0, &f), 1);
	assert_int_equal(f.len, sizeof(frame));
	assert_int_equal(f.n_slots, 32);
	assert_int_equal(f.hdr.num_buffers, 32);
	assert_int_equal(f.hdr.hdr.gso_size, 1448);
	assert_int_equal(virtq_n_used(&driver_rx_queue(&dev.d, 0)->vq), 0);
	driver_rx_release(&dev.d, 0, &f);
	assert_int_equal(driver_rx(&dev.d, 0, &f), 0);
	driver_fini(&dev.d);
}

static void a_receive_buffer_may_be_a_chain(void **state)
{
	struct driver_options o;
	struct device dev;
	uint8_t frame[1400];

	driver_options_init(&o);
	o.features = DRIVER_F(VIRTIO_F_VERSION_1);
	o.rx_buf_descs = 5;
	open_device(&dev, &o);
	fill(frame, sizeof(frame));
	for (unsigned i = 0; i < 500; i++) {
		assert_int_equal(driver_tx(&dev.d, 0, NULL, frame, sizeof(frame), NULL), 0);
		driver_tx_kick(&dev.d, 0);
		loop_back(&dev);
		assert_received(&dev, frame, sizeof(frame));
	}
	driver_fini(&dev.d);
}

static void a_full_ring_says_so_and_drains(void **state)
{
	struct driver_options o;
	struct device dev;
	uint8_t frame[64];

	driver_options_init(&o);
	o.ring_size = 16;
	open_device(&dev, &o);
	fill(frame, sizeof(frame));
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(driver_tx(&dev.d, 0, NULL, frame, sizeof(frame), NULL), 0);
	assert_int_equal(driver_tx(&dev.d, 0, NULL, frame, sizeof(frame), NULL), -ENOSPC);
	driver_tx_kick(&dev.d, 0);
	assert_int_equal(driver_tx_drain(&dev.d, 0, 1), -ETIMEDOUT);
	loop_back(&dev);
	assert_int_equal(driver_tx(&dev.d, 0, NULL, frame, sizeof(frame), NULL), 0);
	assert_int_equal(driver_tx(&dev.d, 0, NULL, frame, 4000, NULL), -EMSGSIZE);
	driver_fini(&dev.d);
}

static bool was_kicked(struct virtq *vq)
{
	uint64_t count;

	return read(vq->kick_fd, &count, sizeof(count)) == sizeof(count);
}

static void kicks_are_left_out_when_the_backend_polls(void **state)
{
	struct driver_options o;
	struct device dev;
	struct virtq *vq;

	driver_options_init(&o);
	open_device(&dev, &o);
	vq = &driver_tx_queue(&dev.d, 0)->vq;
	assert_int_equal(driver_tx(&dev.d, 0, NULL, "x", 1, NULL), 0);
	driver_tx_kick(&dev.d, 0);
	assert_true(was_kicked(vq));
	vq->used->flags = VRING_USED_F_NO_NOTIFY;
	assert_int_equal(driver_tx(&dev.d, 0, NULL, "x", 1, NULL), 0);
	driver_tx_kick(&dev.d, 0);
	assert_false(was_kicked(vq));
	driver_fini(&dev.d);
}

static void with_event_idx_only_the_asked_for_entry_kicks(void **state)
{
	uint16_t *avail_event;
	struct driver_options o;
	struct device dev;
	struct virtq *vq;

	driver_options_init(&o);
	o.features |= DRIVER_F(VIRTIO_RING_F_EVENT_IDX);
	open_device(&dev, &o);
	vq = &driver_tx_queue(&dev.d, 0)->vq;
	avail_event = (void *)&vq->used->ring[vq->size];
	*avail_event = 2;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(driver_tx(&dev.d, 0, NULL, "x", 1, NULL), 0);
		driver_tx_kick(&dev.d, 0);
		assert_int_equal(was_kicked(vq), i == 2);
	}
	driver_fini(&dev.d);
}

static void callbacks_are_asked_for_only_while_waiting(void **state)
{
	struct driver_options o;
	struct driver_frame f;
	struct device dev;
	struct virtq *vq;

	driver_options_init(&o);
	open_device(&dev, &o);
	vq = &driver_rx_queue(&dev.d, 0)->vq;
	assert_true(vq->avail->flags & VRING_AVAIL_F_NO_INTERRUPT);
	assert_int_equal(driver_rx_wait(&dev.d, 0, &f, 1), -ETIMEDOUT);
	assert_true(vq->avail->flags & VRING_AVAIL_F_NO_INTERRUPT);
	assert_int_equal(driver_tx(&dev.d, 0, NULL, "abc", 3, NULL), 0);
	driver_tx_kick(&dev.d, 0);
	loop_back(&dev);
	assert_int_equal(driver_rx_wait(&dev.d, 0, &f, 0), 1);
	assert_int_equal(f.len, 3);
	driver_fini(&dev.d);
}

static void a_backend_that_lies_is_noticed(void **state)
{
	struct driver_options o;
	struct driver_frame f;
	struct device dev;
	struct virtq *vq;

	driver_options_init(&o);
	open_device(&dev, &o);
	vq = &driver_rx_queue(&dev.d, 0)->vq;
	vq->used->ring[0] = (struct vring_used_elem){.id = 70000, .len = 64};
	vq->used->idx = 1;
	assert_int_equal(driver_rx(&dev.d, 0, &f), -EPROTO);
	vq->used->ring[0] = (struct vring_used_elem){.id = 0, .len = o.rx_buf_bytes + 1};
	assert_int_equal(driver_rx(&dev.d, 0, &f), -EPROTO);
	assert_int_equal(driver_tx_reclaim(&dev.d, 0), 0);
	driver_tx_queue(&dev.d, 0)->vq.used->idx = 1;
	assert_int_equal(driver_tx_reclaim(&dev.d, 0), -EPROTO);
	driver_fini(&dev.d);
}

static void a_buffer_may_lie_across_the_edge_of_regions(void **state)
{
	struct guestmem m;
	uint8_t *at;

	assert_int_equal(guestmem_init(&m, 3 << 20, 3, false, NULL), 0);
	at = guestmem_edge(&m, 1) - 10;
	memset(at, 0x5a, 20);

	assert_ptr_equal(guestmem_ptr(&m, guestmem_gpa(&m, at)), at);
	assert_int_equal(guestmem_gpa(&m, at) + 10, GUESTMEM_GPA_BASE + m.region_bytes);
	assert_null(guestmem_alloc(&m, m.bytes + 1, 1));
	assert_int_equal(guestmem_init(&m, 1, 9, false, NULL), -EINVAL);
	guestmem_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_arrive_whole_in_every_shape),
		cmocka_unit_test(a_large_frame_is_merged_from_many_buffers),
		cmocka_unit_test(a_receive_buffer_may_be_a_chain),
		cmocka_unit_test(a_full_ring_says_so_and_drains),
		cmocka_unit_test(kicks_are_left_out_when_the_backend_polls),
		cmocka_unit_test(with_event_idx_only_the_asked_for_entry_kicks),
		cmocka_unit_test(callbacks_are_asked_for_only_while_waiting),
		cmocka_unit_test(a_backend_that_lies_is_noticed),
		cmocka_unit_test(a_buffer_may_lie_across_the_edge_of_regions),
	};

	return cmocka_run_group_tests_name("gen_driver", tests, NULL, NULL);
}
