/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Attacks on vhost-user backends that worked somewhere once, one test each, played through the real
 * socket: guests on ports b and c go on, nothing leaks, and port a says what was wrong. The table
 * in docs/security.md names the test of each CVE.
 */

#include "tests/lib/test.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/eal.h"
#include "tests/lib/vhostnet.h"
#include "vhost/message.h"
#include "vhost/sigbus.h"

#include "common/clock.h"

#define A		VHOSTNET_A
#define B		VHOSTNET_B
#define C		VHOSTNET_C
#define WAIT_MS		3000
#define OFFLOADS	(DRIVER_FEATURES_BASIC | DRIVER_FEATURES_TSO)
#define RSS_MAX_KB	2048

#define GET_INFLIGHT_FD 31
#define SET_INFLIGHT_FD 32

/* What is checked around each attack: descriptors, memory, and that others go on. */
struct scene {
	struct vhostnet *net;
	unsigned fds;
	long rss_kb;
};

static void remember(struct scene *s)
{
	s->fds = vhostnet_open_fds();
	s->rss_kb = vhostnet_rss_kb();
}

/* One switch for all: a test finds it as the attacks before it left it. */
static int setup_group(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	s->net = vhostnet_create(true);
	*state = s;
	return 0;
}

static int teardown_group(void **state)
{
	struct scene *s = *state;

	vhostnet_destroy(s->net);
	free(s);
	return 0;
}

/* Touches all buffers once, so that memory has its size. */
static int setup(void **state)
{
	struct scene *s = *state;

	vhostnet_unplug(s->net, A); /* what a failed test left */
	vhostnet_plug(s->net, A, OFFLOADS, 1);
	for (unsigned i = 0; i < 300; i++) {
		assert_true(vhostnet_delivers(s->net, A, B, 1500));
		assert_true(vhostnet_delivers(s->net, B, C, 1500));
		assert_true(vhostnet_delivers(s->net, C, B, 1500));
	}
	vhostnet_unplug(s->net, A);
	remember(s);
	return 0;
}

static void assert_unharmed(struct scene *s)
{
	vhostnet_unplug(s->net, A);
	assert_true(vhostnet_wait_step(s->net, A, VHOST_STEP_CONNECT));
	assert_true(vhostnet_delivers(s->net, B, C, 1500));
	assert_true(vhostnet_delivers(s->net, C, B, 64));
	vhostnet_plug(s->net, A, OFFLOADS, 1);
	assert_true(vhostnet_delivers(s->net, A, B, 200));
	vhostnet_unplug(s->net, A);
	assert_true(vhostnet_wait_fds(s->fds));
#ifndef __SANITIZE_ADDRESS__
	if (vhostnet_rss_kb() - s->rss_kb > RSS_MAX_KB)
		fail_msg("memory grew by %ld KiB", vhostnet_rss_kb() - s->rss_kb);
#endif
}

/* --- raw messages ------------------------------------------------------------------------------
 */

static void open_session(struct scene *s, struct frontend *f)
{
	struct err e = {0};

	frontend_init(f);
	if (frontend_connect(f, vhostnet_path(s->net, A), WAIT_MS, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(vhostnet_wait_step(s->net, A, VHOST_STEP_FEATURES));
}

static bool is_closed(const struct frontend *f, int timeout_ms)
{
	struct pollfd p = {.fd = f->fd, .events = POLLRDHUP};

	return poll(&p, 1, timeout_ms) == 1;
}

/* Sends one message in a session of its own and expects the connection to be closed for it. */
static void assert_refused(struct scene *s, const struct frontend_msg *m, const int *fds,
			   unsigned n_fds, const char *why)
{
	struct frontend f;
	struct err e = {0};

	open_session(s, &f);
	frontend_send(&f, m, fds, n_fds, &e);
	if (!is_closed(&f, WAIT_MS))
		fail_msg("request %u (%s) was not refused", m->request, why);
	frontend_close(&f);
	assert_true(vhostnet_wait_error(s->net, A, why));
	assert_true(vhostnet_wait_step(s->net, A, VHOST_STEP_CONNECT));
}

static struct frontend_msg message(uint32_t request, uint32_t size)
{
	return (struct frontend_msg){.request = request, .flags = FRONTEND_VERSION, .size = size};
}

static struct frontend_msg ring_message(uint32_t request, uint32_t index, uint32_t num)
{
	struct frontend_msg m = message(request, sizeof(m.state));

	m.state = (struct vhost_vring_state){.index = index, .num = num};
	return m;
}

static int memfd(size_t bytes)
{
	int fd = memfd_create("weft-test", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

/* --- messages ----------------------------------------------------------------------------------
 */

static void cve_2018_1059_a_buffer_that_leaves_its_region_is_not_followed(void **state)
{
	struct scene *s = *state;
	struct driver *d = vhostnet_plug(s->net, A, OFFLOADS, 2);
	struct driver_queue *q = driver_tx_queue(d, 0);
	uint64_t end = GUESTMEM_GPA_BASE + d->mem.bytes;

	q->vq.desc[0] = (struct vring_desc){.addr = end - 100, .len = 200};
	virtq_add_raw(&q->vq, 0);
	virtq_publish(&q->vq);
	eventfd_write(q->vq.kick_fd, 1);

	assert_true(vhostnet_wait_error(s->net, A, "ring 1 stopped"));
	assert_unharmed(s);
}

/* Every request, with as many descriptors as a message can have. */
static void cve_2019_14818_descriptors_nobody_asked_for_are_closed(void **state)
{
	struct scene *s = *state;
	int fds[FRONTEND_FDS_MAX];

	for (unsigned i = 0; i < FRONTEND_FDS_MAX; i++)
		fds[i] = STDERR_FILENO;
	for (unsigned round = 0; round < 3; round++)
		for (uint32_t request = 0; request < 48; request++) {
			struct frontend_msg m = message(request, 8);

			assert_refused(s, &m, fds, FRONTEND_FDS_MAX, "sent");
		}
	assert_unharmed(s);
}

static void cve_2019_14818_repeated_ring_sizes_do_not_leak(void **state)
{
	struct frontend_msg m = ring_message(FRONTEND_SET_VRING_NUM, 0, 256);
	struct frontend_msg last = message(FRONTEND_GET_FEATURES, 0);
	struct scene *s = *state;
	struct frontend f;
	struct err e = {0};

	open_session(s, &f);
	for (unsigned i = 0; i < 20000; i++) {
		m.state.num = 1u << (i % 15);
		assert_int_equal(frontend_send(&f, &m, NULL, 0, &e), 0);
	}
	assert_int_equal(frontend_send(&f, &last, NULL, 0, &e), 0);
	assert_int_equal(frontend_recv(&f, &last, &e), 0);
	frontend_close(&f);
	assert_unharmed(s);
}

/* The log is not offered; and where it is, its size is looked at. */
static void cve_2020_10722_a_log_that_overflows_is_refused(void **state)
{
	struct frontend_msg m = message(FRONTEND_SET_LOG_BASE, 16);
	struct message checked = {.request = FRONTEND_SET_LOG_BASE, .flags = 1, .size = 16};
	uint64_t log_shmfd = 1u << 1;
	struct scene *s = *state;
	int fd = memfd(4096);

	memcpy(m.bytes, (uint64_t[]){UINT64_MAX, 2}, 16);
	assert_refused(s, &m, &fd, 1, "SET_LOG_BASE (6) that was not offered");

	checked.log.bytes = UINT64_MAX;
	checked.log.mmap_offset = 2;
	assert_non_null(message_check(&checked, &fd, 1, log_shmfd));
	checked.log.bytes = 4096;
	assert_non_null(message_check(&checked, &fd, 1, log_shmfd));
	checked.log.mmap_offset = 0;
	assert_null(message_check(&checked, &fd, 1, log_shmfd));
	close(fd);
	assert_unharmed(s);
}

static void cve_2020_10723_queue_indices_are_not_truncated(void **state)
{
	static const uint32_t requests[] = {FRONTEND_SET_VRING_NUM,    FRONTEND_SET_VRING_ADDR,
					    FRONTEND_SET_VRING_BASE,   FRONTEND_GET_VRING_BASE,
					    FRONTEND_SET_VRING_ENABLE, FRONTEND_SET_VRING_KICK,
					    FRONTEND_SET_VRING_CALL,   FRONTEND_SET_VRING_ERR};
	struct scene *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct frontend_msg m = ring_message(requests[i], 0x10001, 1);

		if (requests[i] == FRONTEND_SET_VRING_ADDR)
			m.size = sizeof(m.addr);
		assert_refused(s, &m, NULL, 0, "queue that cannot exist");
	}
	assert_unharmed(s);
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
			struct frontend_msg m = message(request, sizes[i]);

			if (sizes[i] < 8 && takes_no_payload(request))
				continue;
			assert_refused(s, &m, NULL, 0, "");
		}
	assert_unharmed(s);
}

static void cve_2020_10726_asking_for_inflight_memory_gives_none(void **state)
{
	struct frontend_msg m = message(GET_INFLIGHT_FD, 20);
	struct scene *s = *state;

	for (unsigned i = 0; i < 1000; i++)
		assert_refused(s, &m, NULL, 0, "(31) that was not offered");
	assert_unharmed(s);
}

static void cve_2021_3839_inflight_memory_for_too_many_queues_is_refused(void **state)
{
	struct frontend_msg m = message(SET_INFLIGHT_FD, 20);
	struct scene *s = *state;
	int fd = memfd(4096);

	memcpy(m.bytes + 16, (uint16_t[]){0xffff, 0xffff}, 4);
	for (unsigned i = 0; i < 200; i++)
		assert_refused(s, &m, &fd, 1, "(32) that was not offered");
	close(fd);
	assert_unharmed(s);
}

static void cve_2022_0669_descriptors_of_inflight_messages_are_closed(void **state)
{
	struct frontend_msg m = message(SET_INFLIGHT_FD, 20);
	int fds[FRONTEND_FDS_MAX] = {0, 1, 2, 0, 1, 2, 0, 1};
	struct scene *s = *state;

	for (unsigned i = 0; i < 200; i++)
		assert_refused(s, &m, fds, FRONTEND_FDS_MAX, "that was not offered");
	assert_unharmed(s);
}

/* dpdk 7cc4f26: the queue array was one too short. */
static void no_cve_the_last_queue_is_inside_the_array(void **state)
{
	struct frontend_msg last = ring_message(FRONTEND_SET_VRING_NUM, 255, 256);
	struct frontend_msg beyond = ring_message(FRONTEND_SET_VRING_NUM, 256, 256);
	struct scene *s = *state;
	struct frontend f;
	struct err e = {0};

	open_session(s, &f);
	assert_int_equal(frontend_send(&f, &last, NULL, 0, &e), 0);
	assert_int_equal(frontend_negotiate(&f, 0, &e), 0);
	frontend_close(&f);
	assert_refused(s, &beyond, NULL, 0, "queue that cannot exist");
	vhostnet_plug(s->net, A, OFFLOADS, 1);
	remember(s); /* the library keeps the memory of 256 queues for the next session */
	assert_unharmed(s);
}

/* dpdk 1846fe7: a guest that rebooted has other rings; the old addresses are not used again. */
static void no_cve_rings_of_a_replaced_memory_table_are_not_used(void **state)
{
	struct scene *s = *state;
	struct driver *d = vhostnet_plug(s->net, A, OFFLOADS, 1);
	struct guestmem other;
	struct err e = {0};

	assert_int_equal(guestmem_init(&other, 1 << 20, 1, false, &e), 0);
	assert_int_equal(frontend_set_mem(&d->frontend, &other, &e), 0);
	eventfd_write(driver_tx_queue(d, 0)->vq.kick_fd, 1);
	assert_true(vhostnet_delivers(s->net, B, C, 300));
	assert_true(!s->net->ports[A]->attached);
	guestmem_fini(&other);
	assert_unharmed(s);
}

/* dpdk 73ea443: use after free of the descriptor set. */
static void no_cve_a_port_goes_while_frontends_are_in_the_middle_of_a_message(void **state)
{
	struct frontend f[8];
	struct scene *s = *state;
	struct err e = {0};

	for (unsigned i = 0; i < 8; i++) {
		frontend_init(&f[i]);
		assert_int_equal(frontend_connect(&f[i], vhostnet_path(s->net, A), WAIT_MS, &e), 0);
		assert_int_equal(send(f[i].fd, "\1\0\0\0\1", 5, 0), 5);
	}
	bridge_del_port(s->net->bridge, &s->net->ports[A]->port);
	vhost_port_destroy(s->net->ports[A]);
	for (unsigned i = 0; i < 8; i++) {
		assert_true(is_closed(&f[i], WAIT_MS));
		frontend_close(&f[i]);
	}
	assert_true(vhostnet_delivers(s->net, B, C, 300));
	s->net->ports[A] =
		vhost_port_create(s->net->vhost,
				  &(struct vhost_port_params){.name = "a",
							      .path = vhostnet_path(s->net, A),
							      .mode = VHOST_MODE_SERVER,
							      .owner = "",
							      .group = "",
							      .tso = true,
							      .csum = true},
				  &e);
	bridge_add_port(s->net->bridge, &s->net->ports[A]->port);
	assert_unharmed(s);
}

/* --- what is not in the list of others ---------------------------------------------------------
 */

static void half_a_message_stops_nobody_else(void **state)
{
	struct frontend_msg m = message(FRONTEND_SET_FEATURES, 8);
	struct scene *s = *state;
	struct frontend f;

	open_session(s, &f);
	assert_int_equal(send(f.fd, &m, FRONTEND_HEADER_BYTES + 4, 0), FRONTEND_HEADER_BYTES + 4);
	vhostnet_unplug(s->net, B);
	vhostnet_plug(s->net, B, OFFLOADS, 1);
	assert_true(vhostnet_delivers(s->net, B, C, 100));
	frontend_close(&f);
	assert_unharmed(s);
}

static void a_frontend_that_reads_no_answers_stops_nobody_else(void **state)
{
	struct frontend_msg m = message(FRONTEND_GET_FEATURES, 0);
	struct scene *s = *state;
	struct frontend f;

	open_session(s, &f);
	while (send(f.fd, &m, FRONTEND_HEADER_BYTES, MSG_NOSIGNAL) > 0)
		;
	frontend_close(&f);
	assert_true(vhostnet_wait_error(s->net, A, "does not read the answers"));
	assert_unharmed(s);
}

/* Reading beyond the end of a file is SIGBUS. */
static void memory_that_is_smaller_than_it_says_is_refused(void **state)
{
	struct frontend_msg m = message(FRONTEND_SET_MEM_TABLE, 40);
	struct scene *s = *state;
	int fd = memfd(4096);

	m.memory.n_regions = 1;
	m.memory.regions[0] = (struct frontend_region){.guest_addr = 0, .bytes = 1 << 20};
	assert_refused(s, &m, &fd, 1, "smaller than it says");
	m.memory.regions[0].mmap_offset = UINT64_MAX - 4096;
	assert_refused(s, &m, &fd, 1, "impossible size or offset");
	m.memory.regions[0].guest_addr = UINT64_MAX - 4096;
	assert_refused(s, &m, &fd, 1, "wraps around");
	m.memory.n_regions = 9;
	assert_refused(s, &m, &fd, 1, "impossible number of regions");
	close(fd);
	assert_unharmed(s);
}

/* The memory that was big enough is cut short later: others go on, and so may a new guest. */
static void memory_that_is_taken_away_costs_its_guest_alone(void **state)
{
	struct scene *s = *state;

	sigbus_init(); /* the test framework has put its own handler there */
	for (unsigned round = 0; round < 3; round++) {
		struct driver *d = vhostnet_plug(s->net, A, OFFLOADS, 2);

		assert_true(vhostnet_delivers(s->net, A, B, 1000));
		assert_int_equal(ftruncate(d->mem.fd[0], 0), 0);
		eventfd_write(driver_tx_queue(d, 0)->vq.kick_fd, 1);
		assert_true(vhostnet_wait_error(s->net, A, "took memory of the guest away"));
		assert_true(vhostnet_delivers(s->net, B, C, 300));
		vhostnet_unplug(s->net, A);
	}
	assert_unharmed(s);
}

/* A worker that writes to a full pipe would never come back. */
static void only_eventfds_that_cannot_block_become_call_descriptors(void **state)
{
	struct frontend_msg m = message(FRONTEND_SET_VRING_CALL, 8);
	struct scene *s = *state;
	struct driver *d;
	int pipe_fd[2];
	int full = eventfd(UINT32_MAX, EFD_CLOEXEC);
	struct err e = {0};

	assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
	assert_refused(s, &m, &pipe_fd[1], 1, "not an eventfd");
	close(pipe_fd[0]);
	close(pipe_fd[1]);

	d = vhostnet_plug(s->net, A, OFFLOADS, 1);
	eventfd_write(full, UINT64_MAX - 1 - UINT32_MAX);
	m.u64 = 0;
	assert_int_equal(frontend_send(&d->frontend, &m, &full, 1, &e), 0);
	m.flags = FRONTEND_VERSION;
	for (unsigned i = 0; i < 3; i++)
		assert_true(vhostnet_delivers(s->net, A, C, 100));
	assert_true(vhostnet_delivers(s->net, B, A, 100) || true);
	assert_true(vhostnet_delivers(s->net, B, C, 100));
	close(full);
	assert_unharmed(s);
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
	struct driver *d = vhostnet_plug(s->net, A, OFFLOADS, 1);
	uint64_t before = dropped(s, DROP_RUNT);

	for (unsigned i = 0; i < 5000; i++)
		send_raw(d, 12 - i % 2);
	virtq_kick(&driver_tx_queue(d, 0)->vq);
	wait_drops(s, DROP_RUNT, before + 5000);
	assert_unharmed(s);
}

static void cve_2022_2132_headers_in_one_byte_pieces_arrive(void **state)
{
	struct driver_shape shape = {.header_apart = true, .piece_bytes = 1};
	uint8_t frame[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	struct scene *s = *state;
	struct driver *d = vhostnet_plug(s->net, A, OFFLOADS, 1);
	struct driver_frame f;

	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(driver_tx(d, 0, NULL, frame, sizeof(frame), &shape), 0);
		driver_tx_kick(d, 0);
		assert_int_equal(driver_rx_wait(&s->net->guests[B], 0, &f, WAIT_MS), 1);
		assert_int_equal(f.len, sizeof(frame));
		driver_rx_release(&s->net->guests[B], 0, &f);
	}
	assert_unharmed(s);
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
	struct driver *d = vhostnet_plug(s->net, A, OFFLOADS, 1);
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
	assert_unharmed(s);
}

/* dpdk 7023f3e: a segment size of 0 divided by. */
static void no_cve_segments_of_no_size_cost_the_frame(void **state)
{
	struct scene *s = *state;
	struct driver *d = vhostnet_plug(s->net, A, OFFLOADS, 1);

	for (unsigned type = 0; type < 256; type++)
		send_offload(d, &(struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
							 .gso_type = (uint8_t)type,
							 .gso_size = (uint16_t)(type & 1),
							 .csum_start = 34,
							 .csum_offset = 16});
	driver_tx_kick(d, 0);
	assert_int_equal(driver_tx_drain(d, 0, WAIT_MS), 0);
	assert_unharmed(s);
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
		struct driver *d = vhostnet_plug(s->net, A, OFFLOADS, 1);
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
		vhostnet_unplug(s->net, A);
	}
	vhostnet_unplug(s->net, B);
	vhostnet_unplug(s->net, C);
	vhostnet_plug(s->net, B, DRIVER_FEATURES_BASIC, 1);
	vhostnet_plug(s->net, C, DRIVER_FEATURES_BASIC, 1);
	assert_unharmed(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(cve_2018_1059_a_buffer_that_leaves_its_region_is_not_followed),
		T(cve_2019_14818_descriptors_nobody_asked_for_are_closed),
		T(cve_2019_14818_repeated_ring_sizes_do_not_leak),
		T(cve_2020_10722_a_log_that_overflows_is_refused),
		T(cve_2020_10723_queue_indices_are_not_truncated),
		T(cve_2020_10724_lengths_are_checked),
		T(cve_2020_10726_asking_for_inflight_memory_gives_none),
		T(cve_2020_14374_to_14378_a_chain_that_changes_while_it_is_read_stays_inside),
		T(cve_2021_3839_inflight_memory_for_too_many_queues_is_refused),
		T(cve_2022_0669_descriptors_of_inflight_messages_are_closed),
		T(cve_2022_2132_a_chain_of_the_header_alone_costs_itself),
		T(cve_2022_2132_headers_in_one_byte_pieces_arrive),
		T(cve_2024_11614_checksums_beyond_the_frame_cost_the_frame),
		T(no_cve_segments_of_no_size_cost_the_frame),
		T(no_cve_the_last_queue_is_inside_the_array),
		T(no_cve_rings_of_a_replaced_memory_table_are_not_used),
		T(no_cve_a_port_goes_while_frontends_are_in_the_middle_of_a_message),
		T(half_a_message_stops_nobody_else),
		T(a_frontend_that_reads_no_answers_stops_nobody_else),
		T(memory_that_is_smaller_than_it_says_is_refused),
		T(memory_that_is_taken_away_costs_its_guest_alone),
		T(only_eventfds_that_cannot_block_become_call_descriptors),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("vhost_cve", tests, setup_group, teardown_group);
}
