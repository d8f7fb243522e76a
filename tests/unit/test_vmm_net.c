/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A vhost-user NIC and its backends. The backend is a thread that answers as told and counts; the
 * guest is a driver without KVM (tests/lib/vmmguest.h).
 */

#include "tests/lib/test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/virtio_net.h"
#include "tests/lib/vhostbackend.h"
#include "tests/lib/vmmguest.h"
#include "vmm/unix_socket.h"
#include "vmm/virtio_state.h"

#define MEMORY	     (16ull << 20)
#define WAIT_MS	     5000
#define PROTOCOL_BIT 30
#define FEATURES                                                                                   \
	(VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF) |                     \
	 VIRTIO_BIT(VIRTIO_NET_F_CSUM) | VIRTIO_BIT(PROTOCOL_BIT))

#define LOG_ALL_BIT 26
#define LOG_SHMFD   2
#define RARP	    4

struct world {
	struct vmmguest g;
	struct virtio *d;
	struct backend b;
	char dir[64], path[96];
};

static uint64_t offered_protocol; /* beside the usual */

static void start_backend_at(struct world *w, int fd, uint64_t features, uint32_t lie_about)
{
	assert_true(fd >= 0);
	backend_start(&w->b, fd, features, offered_protocol);
	w->b.lie_about = lie_about;
}

static void start_backend(struct world *w, uint64_t features, uint32_t lie_about)
{
	start_backend_at(w, unix_connect(w->path, NULL), features, lie_about);
}

static void kill_backend(struct world *w)
{
	backend_kill(&w->b);
}

static struct nic_info info(struct world *w)
{
	struct nic_info i;

	virtio_net_info(w->d, &i);
	return i;
}

static void wait_connected(struct world *w, bool is)
{
	uint64_t end_ms = clock_now_ms() + WAIT_MS;

	while (info(w).connected != is && clock_now_ms() < end_ms)
		loop_run_once(w->g.loop, 5);
	assert_int_equal(info(w).connected, is);
}

static bool packed; /* what create_nic asks for */

static void create_nic(struct world *w, unsigned pairs)
{
	struct device_env env = vmmguest_env(&w->g);
	const struct nic_params p = {.id = "nic0",
				     .path = w->path,
				     .listens = true,
				     .mac = {{2, 0, 0, 0, 0, 9}},
				     .mtu = 1400,
				     .pairs = pairs,
				     .packed = packed,
				     .tso = true,
				     .csum = true};

	w->d = virtio_net_create(&env, &p, NULL);
	assert_non_null(w->d);
	vmmguest_plug(&w->g, w->d);
}

static int setup(void **state)
{
	static struct world w;

	vmmguest_init(&w.g, MEMORY);
	strcpy(w.dir, "/tmp/weft-vmm-test.XXXXXX");
	if (!mkdtemp(w.dir))
		return -1;
	snprintf(w.path, sizeof(w.path), "%s/nic", w.dir);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	vmmguest_fini(&w->g);
	return rmdir(w->dir);
}

/* A guest with a driver, and a backend that serves it. */
static void run_guest(struct world *w)
{
	create_nic(w, 1);
	start_backend(w, FEATURES, 0);
	wait_connected(w, true);
	vmmguest_drive(&w->g, VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF), 2);
}

static uint16_t link_status(struct world *w)
{
	uint32_t v = 0;

	bus_read(&w->g.memory_bus, w->g.bar + 0x2000 + 6, &v, 2);
	return (uint16_t)v;
}

static void the_guest_is_offered_what_the_backend_has_and_what_is_ours(void **state)
{
	struct world *w = *state;

	create_nic(w, 1);
	start_backend(w, FEATURES, 0);
	wait_connected(w, true);

	assert_int_equal(w->d->offered,
			 (FEATURES & ~VIRTIO_BIT(PROTOCOL_BIT)) | VIRTIO_BIT(VIRTIO_NET_F_MAC) |
				 VIRTIO_BIT(VIRTIO_NET_F_STATUS) | VIRTIO_BIT(VIRTIO_NET_F_MTU));
	kill_backend(w);
}

static void a_started_driver_has_its_rings_handed_over_from_the_beginning(void **state)
{
	struct world *w = *state;

	run_guest(w);

	assert_int_equal(w->b.seen[SET_MEM_TABLE], 1);
	assert_int_equal(w->b.enabled, 2);
	assert_int_equal(w->b.bases[0], 0);
	kill_backend(w);
}

static void a_reset_takes_the_rings_back(void **state)
{
	struct world *w = *state;

	run_guest(w);
	vmmguest_status(&w->g, 0);

	assert_int_equal(w->b.seen[GET_VRING_BASE], 2);
	kill_backend(w);
}

static void a_new_backend_goes_on_where_the_used_index_stands(void **state)
{
	struct world *w = *state;
	struct vring_used *used;

	run_guest(w);
	used = memory_at(&w->g.mem, GUEST_RING_AT + GUEST_RING_STEP + 0x2000, 64);
	used->idx = 41;
	kill_backend(w);
	wait_connected(w, false);
	assert_int_equal(link_status(w), VIRTIO_NET_S_LINK_UP);

	start_backend(w, FEATURES, 0);
	wait_connected(w, true);

	assert_int_equal(w->b.bases[1], 41);
	assert_int_equal(link_status(w), VIRTIO_NET_S_LINK_UP);
	assert_int_equal(info(w).sessions, 2);
	assert_false(w->d->status & VIRTIO_CONFIG_S_NEEDS_RESET);
	kill_backend(w);
}

static void the_link_goes_down_when_no_backend_comes_for_four_seconds(void **state)
{
	struct world *w = *state;
	uint64_t lost_ms;

	run_guest(w);
	kill_backend(w);
	wait_connected(w, false);
	lost_ms = clock_now_ms();
	while (link_status(w) && clock_now_ms() < lost_ms + WAIT_MS)
		loop_run_once(w->g.loop, 100);

	assert_int_equal(link_status(w), 0);
	assert_in_range(clock_now_ms() - lost_ms, 3900, 4900);

	start_backend(w, FEATURES, 0);
	wait_connected(w, true);

	assert_int_equal(link_status(w), VIRTIO_NET_S_LINK_UP);
	kill_backend(w);
}

static void a_suspended_nic_goes_on_where_its_backend_said_that_it_stands(void **state)
{
	struct world *w = *state;

	run_guest(w);
	w->b.stands = 4711;
	virtio_suspend(w->d);
	assert_int_equal(w->b.seen[GET_VRING_BASE], 2);
	virtio_resume(w->d);

	assert_int_equal(w->b.bases[0], 4711);
	assert_int_equal(w->b.bases[1], 4711);
	assert_int_equal(w->b.seen[SET_LOG_BASE], 0);
	kill_backend(w);
}

static void a_backend_logs_while_the_machine_migrates(void **state)
{
	struct world *w = *state;

	offered_protocol = LOG_SHMFD;
	create_nic(w, 1);
	start_backend(w, FEATURES | VIRTIO_BIT(LOG_ALL_BIT), 0);
	offered_protocol = 0;
	wait_connected(w, true);
	vmmguest_drive(&w->g, VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF), 2);
	assert_int_equal(virtio_net_can_log(w->d, NULL), 0);
	virtio_suspend(w->d);
	assert_int_equal(memory_log_start(&w->g.mem, NULL), 0);
	virtio_resume(w->d);
	assert_int_equal(w->b.seen[SET_LOG_BASE], 1);
	assert_true(w->b.got_features & VIRTIO_BIT(LOG_ALL_BIT));
	assert_int_equal(w->b.ring_flags, 1);

	virtio_suspend(w->d);
	memory_log_stop(&w->g.mem);
	virtio_resume(w->d);
	assert_int_equal(w->b.seen[SET_LOG_BASE], 1);
	assert_false(w->b.got_features & VIRTIO_BIT(LOG_ALL_BIT));
	assert_int_equal(w->b.ring_flags, 0);
	kill_backend(w);
}

static void a_backend_that_cannot_log_is_of_no_use_meanwhile(void **state)
{
	struct world *w = *state;

	run_guest(w);
	assert_int_equal(virtio_net_can_log(w->d, NULL), -ENOTSUP);
	virtio_suspend(w->d);
	assert_int_equal(memory_log_start(&w->g.mem, NULL), 0);
	virtio_resume(w->d);
	wait_connected(w, false);

	assert_non_null(strstr(info(w).error, "cannot tell which pages"));
	kill_backend(w);
	memory_log_stop(&w->g.mem);
}

/* Its state, saved and loaded again: as if it had come from another machine. */
static int load_again(struct world *w, struct mac mac, struct err *e)
{
	int fd = memfd_create("state", MFD_CLOEXEC), ret;
	struct state_writer to;
	struct state_reader from;

	assert_int_equal(state_writer_init(&to, fd), 0);
	assert_int_equal(state_reader_init(&from, fd), 0);
	virtio_suspend(w->d);
	state_begin(&to, "device", 1);
	virtio_save(w->d, &to);
	state_end(&to);
	assert_int_equal(state_flush(&to, 0), 0);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(state_wait(&from, -1, e), 1);
	memcpy((uint8_t *)w->d + w->d->config_at, &mac, sizeof(mac));
	ret = virtio_load(w->d, &from, "nic0", e);
	state_writer_fini(&to);
	state_reader_fini(&from);
	close(fd);
	return ret;
}

static void a_nic_that_came_from_elsewhere_is_announced_once(void **state)
{
	struct world *w = *state;
	struct err e;

	offered_protocol = RARP;
	run_guest(w);
	offered_protocol = 0;
	w->b.stands = 99;
	assert_int_equal(load_again(w, (struct mac){{2, 0, 0, 0, 0, 9}}, &e), 0);
	assert_int_equal(w->b.seen[SEND_RARP], 0);
	virtio_resume(w->d);
	assert_int_equal(w->b.bases[1], 99);
	virtio_suspend(w->d);
	virtio_resume(w->d);

	assert_int_equal(w->b.seen[SEND_RARP], 1);
	assert_int_equal(w->b.announced, 0x090000000002);
	kill_backend(w);
}

static void a_nic_that_moved_before_its_driver_came_recovers_too(void **state)
{
	struct world *w = *state;
	struct err e;

	create_nic(w, 1);
	start_backend(w, FEATURES, 0);
	wait_connected(w, true);
	assert_int_equal(load_again(w, (struct mac){{2, 0, 0, 0, 0, 9}}, &e), 0);
	virtio_resume(w->d);
	vmmguest_drive(&w->g, VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF), 2);
	kill_backend(w);
	wait_connected(w, false);
	start_backend(w, FEATURES, 0);
	wait_connected(w, true);

	assert_int_equal(w->b.enabled, 2);
	kill_backend(w);
}

static void a_nic_with_another_address_is_a_misfit(void **state)
{
	struct world *w = *state;
	struct err e;

	run_guest(w);
	assert_int_equal(load_again(w, (struct mac){{2, 0, 0, 0, 0, 8}}, &e), -ENOTSUP);
	assert_non_null(strstr(e.text, "02:00:00:00:00:09, this one 02:00:00:00:00:08"));
	kill_backend(w);
}

/* Writes the flags of a packed ring's descriptors: 'u' used and 'a' available in lap 1, 'U' in 2.
 */
static void write_packed(struct world *w, unsigned queue, const char *slots)
{
	struct vring_packed_desc *ring =
		memory_at(&w->g.mem, GUEST_RING_AT + queue * GUEST_RING_STEP, 256);

	for (unsigned i = 0; slots[i]; i++)
		ring[i].flags = slots[i] == 'u' ? 1 << 7 | 1 << 15 : slots[i] == 'a' ? 1 << 7 : 0;
}

static void a_packed_ring_goes_on_behind_what_was_used(void **state)
{
	const uint64_t ring =
		VIRTIO_BIT(VIRTIO_F_RING_PACKED) | VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC);
	struct world *w = *state;

	packed = true;
	create_nic(w, 1);
	packed = false;
	start_backend(w, FEATURES | ring, 0);
	wait_connected(w, true);
	vmmguest_drive(&w->g, ring, 2);
	assert_int_equal(w->b.bases[0], 0x80008000);
	kill_backend(w);
	wait_connected(w, false);
	write_packed(w, 0, "uuuaaaaaaaaaaaaa");
	write_packed(w, 1, "UUuuuuuuuuuuuuuu");

	start_backend(w, FEATURES | ring, 0);
	wait_connected(w, true);

	assert_int_equal(w->b.bases[0], 0x80038003);
	assert_int_equal(w->b.bases[1], 0x00020002);
	kill_backend(w);
}

static void a_backend_that_lacks_what_the_guest_uses_is_refused(void **state)
{
	struct world *w = *state;

	run_guest(w);
	kill_backend(w);
	wait_connected(w, false);

	start_backend(w, FEATURES & ~VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF), 0);
	for (unsigned i = 0; i < 50 && !info(w).error[0]; i++)
		loop_run_once(w->g.loop, 5);

	assert_false(info(w).connected);
	assert_non_null(strstr(info(w).error, "lacks features that the guest uses"));
	kill_backend(w);
}

static void a_backend_that_answers_nonsense_loses_its_connection(void **state)
{
	struct world *w = *state;

	create_nic(w, 1);
	start_backend(w, FEATURES, GET_PROTOCOL_FEATURES);
	for (unsigned i = 0; i < 50 && !info(w).error[0]; i++)
		loop_run_once(w->g.loop, 5);

	assert_false(info(w).connected);
	assert_non_null(strstr(info(w).error, "makes no sense"));
	kill_backend(w);
}

static void a_thousand_backends_leave_no_descriptors_behind(void **state)
{
	struct world *w = *state;
	int before, after;

	run_guest(w);
	kill_backend(w);
	wait_connected(w, false);
	before = dup(0);
	for (unsigned i = 0; i < 1000; i++) {
		start_backend(w, FEATURES, 0);
		wait_connected(w, true);
		kill_backend(w);
		wait_connected(w, false);
	}
	after = dup(0);

	assert_int_equal(before + 1, after);
	assert_int_equal(info(w).sessions, 1001);
	close(before);
	close(after);
}

/* What the driver says on the control queue: so many pairs; and where the answer goes. */
static volatile uint8_t *put_command(struct world *w, uint8_t pairs)
{
	const uint8_t command[] = {VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, pairs, 0};
	uint8_t *data = vmmguest_data(&w->g, 0);

	memcpy(data, command, sizeof(command));
	data[64] = 0xff;
	return data + 64;
}

static void the_driver_chooses_how_many_pairs_are_used(void **state)
{
	struct world *w = *state;
	volatile uint8_t *ack;
	unsigned before;

	create_nic(w, 2);
	start_backend(w, FEATURES, 0);
	wait_connected(w, true);
	vmmguest_drive(&w->g, VIRTIO_BIT(VIRTIO_NET_F_MQ) | VIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ), 5);
	assert_int_equal(w->b.enabled, 2);
	before = w->b.enabled;

	ack = put_command(w, 2);
	vmmguest_desc(&w->g, 4, 0, GUEST_DATA_AT, 4, VRING_DESC_F_NEXT, 1);
	vmmguest_desc(&w->g, 4, 1, GUEST_DATA_AT + 64, 1, VRING_DESC_F_WRITE, 0);
	vmmguest_offer(&w->g, 4, 0);
	vmmguest_kick(&w->g, 4);
	vmmguest_wait_used(&w->g, 4, 1);

	assert_int_equal(*ack, VIRTIO_NET_OK);
	assert_int_equal(w->b.enabled, before + 4);
	kill_backend(w);
}

static void packed_rings_have_several_pairs_too(void **state)
{
	const uint64_t ring =
		VIRTIO_BIT(VIRTIO_F_RING_PACKED) | VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC);
	struct world *w = *state;
	struct vring_packed_desc *control;
	volatile uint8_t *ack;
	uint64_t end_ms = clock_now_ms() + 5000;

	packed = true;
	create_nic(w, 2);
	packed = false;
	start_backend(w, FEATURES | ring, 0);
	wait_connected(w, true);
	vmmguest_drive(&w->g, ring | VIRTIO_BIT(VIRTIO_NET_F_MQ) | VIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ),
		       5);
	assert_int_equal(w->b.enabled, 2);

	ack = put_command(w, 2);
	control = memory_at(&w->g.mem, GUEST_RING_AT + 4 * GUEST_RING_STEP, 256);
	control[1] = (struct vring_packed_desc){
		GUEST_DATA_AT + 64, 1, 9, VRING_DESC_F_WRITE | 1 << VRING_PACKED_DESC_F_AVAIL};
	control[0] = (struct vring_packed_desc){GUEST_DATA_AT, 4, 9,
						VRING_DESC_F_NEXT | 1 << VRING_PACKED_DESC_F_AVAIL};
	vmmguest_kick(&w->g, 4);
	while (*ack != VIRTIO_NET_OK && clock_now_ms() < end_ms)
		loop_run_once(w->g.loop, 1);

	assert_int_equal(*ack, VIRTIO_NET_OK);
	assert_int_equal(control[0].id, 9);
	assert_int_equal(w->b.enabled, 6);
	kill_backend(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static struct virtio *create_passed(struct world *w, int fd, bool listens, struct err *e)
{
	struct device_env env = vmmguest_env(&w->g);
	char path[16];
	const struct nic_params p = {
		.id = "nic0", .path = path, .listens = listens, .pairs = 1, .csum = true};

	snprintf(path, sizeof(path), "fd=%d", fd);
	w->d = virtio_net_create(&env, &p, e);
	if (w->d)
		vmmguest_plug(&w->g, w->d);
	return w->d;
}

static void a_connection_that_was_passed_in_is_the_only_one(void **state)
{
	struct world *w = *state;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	start_backend_at(w, fds[1], FEATURES, 0);
	assert_non_null(create_passed(w, fds[0], false, NULL));
	assert_true(info(w).connected);
	kill_backend(w);
	wait_connected(w, false);

	loop_run_once(w->g.loop, 200);
	assert_int_equal(info(w).sessions, 1);
}

static void a_listener_that_was_passed_in_takes_backends(void **state)
{
	struct world *w = *state;
	struct err e;
	int fd = unix_listen(w->path, NULL), ours = dup(fd);

	close(fd);
	assert_null(create_passed(w, ours, false, &e));
	assert_non_null(strstr(e.text, "does it listen?"));
	unlink(w->path);
	fd = unix_listen(w->path, NULL);
	ours = dup(fd);
	close(fd);
	assert_non_null(create_passed(w, ours, true, NULL));
	start_backend(w, FEATURES, 0);
	wait_connected(w, true);
	kill_backend(w);
	wait_connected(w, false);
	start_backend(w, FEATURES, 0);
	wait_connected(w, true);

	assert_int_equal(info(w).sessions, 2);
	kill_backend(w);
	unlink(w->path); /* whoever made it removes it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_connection_that_was_passed_in_is_the_only_one,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_listener_that_was_passed_in_takes_backends, setup,
						teardown),
		TEST(the_guest_is_offered_what_the_backend_has_and_what_is_ours),
		TEST(a_started_driver_has_its_rings_handed_over_from_the_beginning),
		TEST(a_reset_takes_the_rings_back),
		TEST(a_new_backend_goes_on_where_the_used_index_stands),
		TEST(the_link_goes_down_when_no_backend_comes_for_four_seconds),
		TEST(a_suspended_nic_goes_on_where_its_backend_said_that_it_stands),
		TEST(a_backend_logs_while_the_machine_migrates),
		TEST(a_backend_that_cannot_log_is_of_no_use_meanwhile),
		TEST(a_nic_that_came_from_elsewhere_is_announced_once),
		TEST(a_nic_that_moved_before_its_driver_came_recovers_too),
		TEST(a_nic_with_another_address_is_a_misfit),
		TEST(a_packed_ring_goes_on_behind_what_was_used),
		TEST(a_backend_that_lacks_what_the_guest_uses_is_refused),
		TEST(a_backend_that_answers_nonsense_loses_its_connection),
		TEST(a_thousand_backends_leave_no_descriptors_behind),
		TEST(the_driver_chooses_how_many_pairs_are_used),
		TEST(packed_rings_have_several_pairs_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
