/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Attacks of guests on vhost-user backends that worked somewhere once, one test each, played
 * through real sessions and rings. The table in docs/security.md names the test of each CVE.
 */

#include "tests/lib/scene.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dataplane/eal.h"
#include "vhost/sigbus.h"

#include "common/clock.h"

#define A	 ATTACKNET_A
#define B	 ATTACKNET_B
#define C	 ATTACKNET_C
#define WAIT_MS	 SCENE_WAIT_MS
#define OFFLOADS SCENE_OFFLOADS

static void cve_2018_1059_a_buffer_that_leaves_its_region_is_not_followed(void **state)
{
	struct scene *s = *state;
	struct driver *d = attacknet_plug(s->net, A, OFFLOADS, 2);
	struct driver_queue *q = driver_tx_queue(d, 0);
	uint64_t end = GUESTMEM_GPA_BASE + d->mem.bytes;

	q->vq.desc[0] = (struct vring_desc){.addr = end - 100, .len = 200};
	virtq_add_raw(&q->vq, 0);
	virtq_publish(&q->vq);
	eventfd_write(q->vq.kick_fd, 1);

	assert_true(attacknet_wait_error(s->net, A, "ring 1 stopped"));
	scene_assert_unharmed(s);
}

/* The memory that was big enough is cut short later: others go on, and so may a new guest. */
static void memory_that_is_taken_away_costs_its_guest_alone(void **state)
{
	struct scene *s = *state;

	sigbus_init(); /* the test framework has put its own handler there */
	for (unsigned round = 0; round < 3; round++) {
		struct driver *d = attacknet_plug(s->net, A, OFFLOADS, 2);

		assert_true(attacknet_delivers(s->net, A, B, 1000));
		assert_int_equal(ftruncate(d->mem.fd[0], 0), 0);
		eventfd_write(driver_tx_queue(d, 0)->vq.kick_fd, 1);
		assert_true(attacknet_wait_error(s->net, A, "took memory of the guest away"));
		assert_true(attacknet_delivers(s->net, B, C, 300));
		attacknet_unplug(s->net, A);
	}
	scene_assert_unharmed(s);
}

/* --- rings -------------------------------------------------------------------------------------
 */

static uint64_t dropped(const struct scene *s, enum drop_reason reason)
{
	struct port_stats st;

	port_stats_sum(&s->net->ports[A]->port, &st);
	return st.drops[reason];
}

static void wait_drops(struct scene *s, enum drop_reason reason, uint64_t n)
{
	uint64_t deadline = clock_now_ms() + WAIT_MS;

	while (dropped(s, reason) < n && clock_now_ms() < deadline)
		usleep(200);
	assert_int_equal(dropped(s, reason), n);
}

/* Sends a chain of `len` bytes as it lies in slot 0, header included. */
static void send_raw(struct driver *d, uint32_t len)
{
	struct driver_queue *q = driver_tx_queue(d, 0);
	struct virtq_buf buf = {q->slots, len, false};

	while (virtq_add(&q->vq, &buf, 1, NULL, NULL) == -ENOSPC) {
		uint32_t written;
		void *cookie;

		virtq_kick(&q->vq);
		virtq_wait(&q->vq, WAIT_MS);
		while (virtq_get(&q->vq, &cookie, &written) == 1)
			;
	}
}

static void cve_2022_2132_a_chain_of_the_header_alone_costs_itself(void **state)
{
	struct scene *s = *state;
	struct driver *d = attacknet_plug(s->net, A, OFFLOADS, 1);
	uint64_t before = dropped(s, DROP_RUNT);

	for (unsigned i = 0; i < 5000; i++)
		send_raw(d, 12 - i % 2);
	virtq_kick(&driver_tx_queue(d, 0)->vq);
	wait_drops(s, DROP_RUNT, before + 5000);
	scene_assert_unharmed(s);
}

static void cve_2022_2132_headers_in_one_byte_pieces_arrive(void **state)
{
	struct driver_shape shape = {.header_apart = true, .piece_bytes = 1};
	uint8_t frame[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	struct scene *s = *state;
	struct driver *d = attacknet_plug(s->net, A, OFFLOADS, 1);
	struct driver_frame f;

	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(driver_tx(d, 0, NULL, frame, sizeof(frame), &shape), 0);
		driver_tx_kick(d, 0);
		assert_int_equal(driver_rx_wait(&s->net->guests[B], 0, &f, WAIT_MS), 1);
		assert_int_equal(f.len, sizeof(frame));
		driver_rx_release(&s->net->guests[B], 0, &f);
	}
	scene_assert_unharmed(s);
}

static void send_offload(struct driver *d, const struct virtio_net_hdr *hdr)
{
	struct virtio_net_hdr_mrg_rxbuf h = {.hdr = *hdr};
	uint8_t frame[100] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45};

	while (driver_tx(d, 0, &h, frame, sizeof(frame), NULL) == -ENOSPC) {
		driver_tx_kick(d, 0);
		assert_int_equal(driver_tx_drain(d, 0, WAIT_MS), 0);
	}
}

static void cve_2024_11614_checksums_beyond_the_frame_cost_the_frame(void **state)
{
	static const uint16_t starts[] = {0, 13, 14, 98, 99, 100, 101, 4096, 0x7fff, 0xffff};
	struct scene *s = *state;
	struct driver *d = attacknet_plug(s->net, A, OFFLOADS, 1);
	uint64_t before = dropped(s, DROP_BAD_CSUM_RANGE);

	for (unsigned round = 0; round < 50; round++)
		for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
			for (size_t k = 0; k < ARRAY_SIZE(starts); k++)
				send_offload(d, &(struct virtio_net_hdr){
							.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
							.csum_start = starts[i],
							.csum_offset = starts[k]});
	driver_tx_kick(d, 0);
	assert_int_equal(driver_tx_drain(d, 0, WAIT_MS), 0);
	assert_true(dropped(s, DROP_BAD_CSUM_RANGE) > before);
	scene_assert_unharmed(s);
}

/* dpdk 7023f3e: a segment size of 0 divided by. */
static void no_cve_segments_of_no_size_cost_the_frame(void **state)
{
	struct scene *s = *state;
	struct driver *d = attacknet_plug(s->net, A, OFFLOADS, 1);

	for (unsigned type = 0; type < 256; type++)
		send_offload(d, &(struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
							 .gso_type = (uint8_t)type,
							 .gso_size = (uint16_t)(type & 1),
							 .csum_start = 34,
							 .csum_offset = 16});
	driver_tx_kick(d, 0);
	assert_int_equal(driver_tx_drain(d, 0, WAIT_MS), 0);
	scene_assert_unharmed(s);
}

struct scribbler {
	struct driver *d;
	atomic_bool stop;
};

/* Goes on writing over descriptors and headers while the switch reads them. */
static void *scribble(void *arg)
{
	struct scribbler *w = arg;
	struct driver_queue *q = driver_tx_queue(w->d, 0);
	uint32_t x = 1;

	while (!atomic_load(&w->stop)) {
		struct vring_desc *desc = &q->vq.desc[x % 64];

		x = x * 1664525 + 1013904223;
		__atomic_store_n(&desc->len, x & 0x10000 ? UINT32_MAX : x & 0x7ff,
				 __ATOMIC_RELAXED);
		__atomic_store_n(q->slots + (x >> 8) % 4096, (uint8_t)x, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void cve_2020_14374_to_14378_a_chain_that_changes_while_it_is_read_stays_inside(void **state)
{
	struct scene *s = *state;

	for (unsigned round = 0; round < 20; round++) {
		struct driver *d = attacknet_plug(s->net, A, OFFLOADS, 1);
		struct scribbler w = {.d = d};
		struct vhost_port_info info = {0};
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, scribble, &w), 0);
		for (unsigned i = 0; i < 2000 && !info.error[0]; i++) {
			virtq_add_raw(&driver_tx_queue(d, 0)->vq, (uint16_t)(i % 64));
			virtq_publish(&driver_tx_queue(d, 0)->vq);
			eventfd_write(driver_tx_queue(d, 0)->vq.kick_fd, 1);
			if (i % 64 == 63)
				vhost_port_info(s->net->ports[A], &info);
		}
		atomic_store(&w.stop, true);
		pthread_join(thread, NULL);
		attacknet_unplug(s->net, A);
	}
	attacknet_unplug(s->net, B);
	attacknet_unplug(s->net, C);
	attacknet_plug(s->net, B, DRIVER_FEATURES_BASIC, 1);
	attacknet_plug(s->net, C, DRIVER_FEATURES_BASIC, 1);
	scene_assert_unharmed(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, scene_setup)
	const struct CMUnitTest tests[] = {
		T(cve_2018_1059_a_buffer_that_leaves_its_region_is_not_followed),
		T(cve_2020_14374_to_14378_a_chain_that_changes_while_it_is_read_stays_inside),
		T(cve_2022_2132_a_chain_of_the_header_alone_costs_itself),
		T(cve_2022_2132_headers_in_one_byte_pieces_arrive),
		T(cve_2024_11614_checksums_beyond_the_frame_cost_the_frame),
		T(no_cve_segments_of_no_size_cost_the_frame),
		T(memory_that_is_taken_away_costs_its_guest_alone),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("vhost_hostile", tests, scene_setup_group,
					   scene_teardown_group);
}
