/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Attacks of frontends on vhost-user backends that worked somewhere once, one test each, played
 * through the real socket. The table in docs/security.md names the test of each CVE.
 */

#include "tests/lib/scene.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/eal.h"
#include "vhost/message.h"

#define A		ATTACKNET_A
#define B		ATTACKNET_B
#define C		ATTACKNET_C
#define WAIT_MS		SCENE_WAIT_MS
#define OFFLOADS	SCENE_OFFLOADS

#define GET_INFLIGHT_FD 31
#define SET_INFLIGHT_FD 32

/* --- messages ----------------------------------------------------------------------------------
 */

/* Every request, with as many descriptors as a message can have. */
static void cve_2019_14818_descriptors_nobody_asked_for_are_closed(void **state)
{
	struct scene *s = *state;
	int fds[FRONTEND_FDS_MAX];

	for (unsigned i = 0; i < FRONTEND_FDS_MAX; i++)
		fds[i] = STDERR_FILENO;
	for (unsigned round = 0; round < 3; round++)
		for (uint32_t request = 0; request < 48; request++) {
			struct frontend_msg m = scene_message(request, 8);

			scene_assert_refused(s, &m, fds, FRONTEND_FDS_MAX, "sent");
		}
	scene_assert_unharmed(s);
}

static void cve_2019_14818_repeated_ring_sizes_do_not_leak(void **state)
{
	struct frontend_msg m = scene_ring_message(FRONTEND_SET_VRING_NUM, 0, 256);
	struct frontend_msg last = scene_message(FRONTEND_GET_FEATURES, 0);
	struct scene *s = *state;
	struct frontend f;
	struct err e = {0};

	scene_connect(s, &f);
	for (unsigned i = 0; i < 20000; i++) {
		m.state.num = 1u << (i % 15);
		assert_int_equal(frontend_send(&f, &m, NULL, 0, &e), 0);
	}
	assert_int_equal(frontend_send(&f, &last, NULL, 0, &e), 0);
	assert_int_equal(frontend_recv(&f, &last, &e), 0);
	frontend_close(&f);
	scene_assert_unharmed(s);
}

/* The log is not offered; and where it is, its size is looked at. */
static void cve_2020_10722_a_log_that_overflows_is_refused(void **state)
{
	struct frontend_msg m = scene_message(FRONTEND_SET_LOG_BASE, 16);
	struct message checked = {.request = FRONTEND_SET_LOG_BASE, .flags = 1, .size = 16};
	uint64_t log_shmfd = 1u << 1;
	struct scene *s = *state;
	int fd = scene_memfd(4096);

	memcpy(m.bytes, (uint64_t[]){UINT64_MAX, 2}, 16);
	scene_assert_refused(s, &m, &fd, 1, "SET_LOG_BASE (6) with an impossible size");

	checked.log.bytes = UINT64_MAX;
	checked.log.mmap_offset = 2;
	assert_non_null(message_check(&checked, &fd, 1, log_shmfd));
	checked.log.bytes = 4096;
	assert_non_null(message_check(&checked, &fd, 1, log_shmfd));
	checked.log.mmap_offset = 0;
	assert_null(message_check(&checked, &fd, 1, log_shmfd));
	close(fd);
	scene_assert_unharmed(s);
}

static void cve_2020_10723_queue_indices_are_not_truncated(void **state)
{
	static const uint32_t requests[] = {FRONTEND_SET_VRING_NUM,    FRONTEND_SET_VRING_ADDR,
					    FRONTEND_SET_VRING_BASE,   FRONTEND_GET_VRING_BASE,
					    FRONTEND_SET_VRING_ENABLE, FRONTEND_SET_VRING_KICK,
					    FRONTEND_SET_VRING_CALL,   FRONTEND_SET_VRING_ERR};
	struct scene *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct frontend_msg m = scene_ring_message(requests[i], 0x10001, 1);

		if (requests[i] == FRONTEND_SET_VRING_ADDR)
			m.size = sizeof(m.addr);
		scene_assert_refused(s, &m, NULL, 0, "queue that cannot exist");
	}
	scene_assert_unharmed(s);
}

/* What comes with them is ignored. */
static bool takes_no_payload(uint32_t request)
{
	return message_name(request)[0] == 'G' || request == FRONTEND_SET_OWNER ||
	       request == FRONTEND_RESET_OWNER;
}

/* Each request with each size: what is not its size is refused, and nothing is read beyond it. */
static void cve_2020_10724_lengths_are_checked(void **state)
{
	static const uint32_t sizes[] = {1, 7, 9, 39, 41, 263, 265, 512, 1u << 20, UINT32_MAX};
	struct scene *s = *state;

	for (uint32_t request = FRONTEND_GET_FEATURES; request <= 40; request++)
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct frontend_msg m = scene_message(request, sizes[i]);

			if (sizes[i] < 8 && takes_no_payload(request))
				continue;
			scene_assert_refused(s, &m, NULL, 0, "");
		}
	scene_assert_unharmed(s);
}

static void cve_2020_10726_asking_for_inflight_memory_gives_none(void **state)
{
	struct frontend_msg m = scene_message(GET_INFLIGHT_FD, 20);
	struct scene *s = *state;

	for (unsigned i = 0; i < 1000; i++)
		scene_assert_refused(s, &m, NULL, 0, "(31) that was not offered");
	scene_assert_unharmed(s);
}

static void cve_2021_3839_inflight_memory_for_too_many_queues_is_refused(void **state)
{
	struct frontend_msg m = scene_message(SET_INFLIGHT_FD, 20);
	struct scene *s = *state;
	int fd = scene_memfd(4096);

	memcpy(m.bytes + 16, (uint16_t[]){0xffff, 0xffff}, 4);
	for (unsigned i = 0; i < 200; i++)
		scene_assert_refused(s, &m, &fd, 1, "(32) that was not offered");
	close(fd);
	scene_assert_unharmed(s);
}

static void cve_2022_0669_descriptors_of_inflight_messages_are_closed(void **state)
{
	struct frontend_msg m = scene_message(SET_INFLIGHT_FD, 20);
	int fds[FRONTEND_FDS_MAX] = {0, 1, 2, 0, 1, 2, 0, 1};
	struct scene *s = *state;

	for (unsigned i = 0; i < 200; i++)
		scene_assert_refused(s, &m, fds, FRONTEND_FDS_MAX, "that was not offered");
	scene_assert_unharmed(s);
}

/* dpdk 7cc4f26: the queue array was one too short. */
static void no_cve_the_last_queue_is_inside_the_array(void **state)
{
	struct frontend_msg last = scene_ring_message(FRONTEND_SET_VRING_NUM, 255, 256);
	struct frontend_msg beyond = scene_ring_message(FRONTEND_SET_VRING_NUM, 256, 256);
	struct scene *s = *state;

	scene_assert_refused(s, &last, NULL, 0, "more than 1 queue pairs");
	scene_assert_refused(s, &beyond, NULL, 0, "queue that cannot exist");
	attacknet_plug(s->net, A, OFFLOADS, 1);
	scene_remember(s); /* the library keeps the memory of 256 queues for the next session */
	scene_assert_unharmed(s);
}

/* dpdk 1846fe7: a guest that rebooted has other rings; the old addresses are not used again. */
static void no_cve_rings_of_a_replaced_memory_table_are_not_used(void **state)
{
	struct scene *s = *state;
	struct driver *d = attacknet_plug(s->net, A, OFFLOADS, 1);
	struct guestmem other;
	struct err e = {0};

	assert_int_equal(guestmem_init(&other, 1 << 20, 1, false, &e), 0);
	assert_int_equal(frontend_set_mem(&d->frontend, &other, &e), 0);
	eventfd_write(driver_tx_queue(d, 0)->vq.kick_fd, 1);
	assert_true(attacknet_delivers(s->net, B, C, 300));
	assert_true(!s->net->ports[A]->pairs[0].attached);
	guestmem_fini(&other);
	scene_assert_unharmed(s);
}

/* dpdk 73ea443: use after free of the descriptor set. */
static void no_cve_a_port_goes_while_frontends_are_in_the_middle_of_a_message(void **state)
{
	struct frontend f[8];
	struct scene *s = *state;
	struct err e = {0};

	for (unsigned i = 0; i < 8; i++) {
		frontend_init(&f[i]);
		assert_int_equal(frontend_connect(&f[i], attacknet_path(s->net, A), WAIT_MS, &e),
				 0);
		/* The port takes one of them; the others may be closed by now. */
		send(f[i].fd, "\1\0\0\0\1", 5, MSG_NOSIGNAL);
	}
	bridge_del_port(s->net->bridge, &s->net->ports[A]->port);
	vhost_port_destroy(s->net->ports[A]);
	for (unsigned i = 0; i < 8; i++) {
		assert_true(scene_is_closed(&f[i], WAIT_MS));
		frontend_close(&f[i]);
	}
	assert_true(attacknet_delivers(s->net, B, C, 300));
	s->net->ports[A] =
		vhost_port_create(s->net->vhost,
				  &(struct vhost_port_params){.name = "a",
							      .path = attacknet_path(s->net, A),
							      .mode = VHOST_MODE_SERVER,
							      .owner = "",
							      .group = "",
							      .tso = true,
							      .csum = true},
				  &e);
	bridge_add_port(s->net->bridge, &s->net->ports[A]->port);
	scene_assert_unharmed(s);
}

/* --- what is not in the list of others ---------------------------------------------------------
 */

static void half_a_message_stops_nobody_else(void **state)
{
	struct frontend_msg m = scene_message(FRONTEND_SET_FEATURES, 8);
	struct scene *s = *state;
	struct frontend f;

	scene_connect(s, &f);
	assert_int_equal(send(f.fd, &m, FRONTEND_HEADER_BYTES + 4, 0), FRONTEND_HEADER_BYTES + 4);
	attacknet_unplug(s->net, B);
	attacknet_plug(s->net, B, OFFLOADS, 1);
	assert_true(attacknet_delivers(s->net, B, C, 100));
	frontend_close(&f);
	scene_assert_unharmed(s);
}

static void a_frontend_that_reads_no_answers_stops_nobody_else(void **state)
{
	struct frontend_msg m = scene_message(FRONTEND_GET_FEATURES, 0);
	struct scene *s = *state;
	struct frontend f;

	scene_connect(s, &f);
	while (send(f.fd, &m, FRONTEND_HEADER_BYTES, MSG_NOSIGNAL) > 0)
		;
	frontend_close(&f);
	assert_true(attacknet_wait_error(s->net, A, "does not read the answers"));
	scene_assert_unharmed(s);
}

/* Reading beyond the end of a file is SIGBUS. */
static void memory_that_is_smaller_than_it_says_is_refused(void **state)
{
	struct frontend_msg m = scene_message(FRONTEND_SET_MEM_TABLE, 40);
	struct scene *s = *state;
	int fd = scene_memfd(4096);

	m.memory.n_regions = 1;
	m.memory.regions[0] = (struct frontend_region){.guest_addr = 0, .bytes = 1 << 20};
	scene_assert_refused(s, &m, &fd, 1, "smaller than it says");
	m.memory.regions[0].mmap_offset = UINT64_MAX - 4096;
	scene_assert_refused(s, &m, &fd, 1, "impossible size or offset");
	m.memory.regions[0].guest_addr = UINT64_MAX - 4096;
	scene_assert_refused(s, &m, &fd, 1, "wraps around");
	m.memory.n_regions = 9;
	scene_assert_refused(s, &m, &fd, 1, "impossible number of regions");
	close(fd);
	scene_assert_unharmed(s);
}

/* A worker that writes to a full pipe would never come back. */
static void only_eventfds_that_cannot_block_become_call_descriptors(void **state)
{
	struct frontend_msg m = scene_message(FRONTEND_SET_VRING_CALL, 8);
	struct scene *s = *state;
	struct driver *d;
	int pipe_fd[2];
	int full = eventfd(UINT32_MAX, EFD_CLOEXEC);
	struct err e = {0};

	assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
	scene_assert_refused(s, &m, &pipe_fd[1], 1, "not an eventfd");
	close(pipe_fd[0]);
	close(pipe_fd[1]);

	d = attacknet_plug(s->net, A, OFFLOADS, 1);
	eventfd_write(full, UINT64_MAX - 1 - UINT32_MAX);
	m.u64 = 0;
	assert_int_equal(frontend_send(&d->frontend, &m, &full, 1, &e), 0);
	m.flags = FRONTEND_VERSION;
	for (unsigned i = 0; i < 3; i++)
		assert_true(attacknet_delivers(s->net, A, C, 100));
	assert_true(attacknet_delivers(s->net, B, A, 100) || true);
	assert_true(attacknet_delivers(s->net, B, C, 100));
	close(full);
	scene_assert_unharmed(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, scene_setup)
	const struct CMUnitTest tests[] = {
		T(cve_2019_14818_descriptors_nobody_asked_for_are_closed),
		T(cve_2019_14818_repeated_ring_sizes_do_not_leak),
		T(cve_2020_10722_a_log_that_overflows_is_refused),
		T(cve_2020_10723_queue_indices_are_not_truncated),
		T(cve_2020_10724_lengths_are_checked),
		T(cve_2020_10726_asking_for_inflight_memory_gives_none),
		T(cve_2021_3839_inflight_memory_for_too_many_queues_is_refused),
		T(cve_2022_0669_descriptors_of_inflight_messages_are_closed),
		T(no_cve_the_last_queue_is_inside_the_array),
		T(no_cve_rings_of_a_replaced_memory_table_are_not_used),
		T(no_cve_a_port_goes_while_frontends_are_in_the_middle_of_a_message),
		T(half_a_message_stops_nobody_else),
		T(a_frontend_that_reads_no_answers_stops_nobody_else),
		T(memory_that_is_smaller_than_it_says_is_refused),
		T(only_eventfds_that_cannot_block_become_call_descriptors),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("vhost_cve", tests, scene_setup_group,
					   scene_teardown_group);
}
