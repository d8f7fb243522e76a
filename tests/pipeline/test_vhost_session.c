/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Sessions of vhost-user ports: handshake, death and return of frontends, sockets. */

#include "tests/lib/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/eal.h"
#include "tests/lib/packet.h"
#include "tests/lib/vhostnet.h"

#include "common/clock.h"

/* --- sessions -----------------------------------------------------------------------------------
 */

static void port_says_which_step_of_the_handshake_it_waits_for(void **state)
{
	struct net *net = *state;
	struct driver_options o = net_driver_options(DRIVER_FEATURES_BASIC);
	struct driver *d = &net->drivers[0];
	struct vhost_port_info info;
	struct err e = {0};

	net_add_port(net, 0, VHOST_MODE_SERVER);
	vhost_port_info(net->ports[0], &info);
	assert_int_equal(info.step, VHOST_STEP_CONNECT);
	assert_non_null(strstr(info.waiting_for, "a.sock"));

	assert_int_equal(driver_init(d, &o, &e), 0);
	net->has_driver[0] = true;
	assert_int_equal(driver_connect(d, net_socket(net, 0), WAIT_MS, &e), 0);
	net_wait_step(net, 0, VHOST_STEP_FEATURES);
	assert_false(vhost_is_settled(net->vhost));
	assert_int_equal(frontend_negotiate(&d->frontend, o.features, &e), 0);
	net_wait_step(net, 0, VHOST_STEP_MEMORY);
	assert_int_equal(frontend_set_mem(&d->frontend, &d->mem, &e), 0);
	net_wait_step(net, 0, VHOST_STEP_RINGS);
	driver_disconnect(d);
	net_wait_step(net, 0, VHOST_STEP_CONNECT);
}

static unsigned open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* The library closes what was a session's a moment after it told us that it ended. */
static void assert_no_more_fds_than(unsigned before)
{
	uint64_t deadline = clock_now_ms() + WAIT_MS;

	while (open_fds() > before && clock_now_ms() < deadline)
		usleep(1000);
	if (open_fds() > before)
		fail_msg("%u descriptors are open, %u were before", open_fds(), before);
}

static void a_hundred_dying_frontends_leak_no_descriptor(void **state)
{
	struct net *net = *state;
	unsigned before = 0;

	for (int i = 0; i < 100; i++) {
		net_plug_both(net, ALL_OFFLOAD, ALL_OFFLOAD);
		net_assert_delivers(net, i & 1, 500);
		net_unplug_both(net);
		if (i == 2)
			before = open_fds();
	}
	assert_no_more_fds_than(before);
}

/* The frontend listens, as QEMU does for our guests: its restart must cost well under a second. */
static void client_port_reconnects_at_once_when_the_frontend_returns(void **state)
{
	struct net *net = *state;
	struct driver_options o = net_driver_options(ALL_OFFLOAD);
	struct err e = {0};

	net_add_port(net, 0, VHOST_MODE_CLIENT);
	for (int i = 0; i < 3; i++) {
		struct driver *d = &net->drivers[0];
		uint64_t start;
		int ret = -EAGAIN;

		assert_int_equal(driver_init(d, &o, &e), 0);
		d->frontend.listen_fd = -1;
		start = clock_now_ms();
		assert_int_equal(frontend_listen(&d->frontend, net_socket(net, 0), &e), 0);
		while (ret < 0 && clock_now_ms() - start < 1000) {
			vhost_tick(net->vhost, clock_now_ms());
			ret = frontend_accept(&d->frontend, 10, &e);
		}
		assert_int_equal(ret, 0);
		assert_int_equal(driver_start(d, &e), 0);
		net_wait_step(net, 0, VHOST_STEP_UP);
		assert_true(clock_now_ms() - start < 500);
		driver_disconnect(d);
		frontend_close(&d->frontend);
		driver_fini(d);
		net_wait_step(net, 0, VHOST_STEP_CONNECT);
	}
}

static void a_second_frontend_on_one_socket_is_refused(void **state)
{
	struct net *net = *state;
	struct frontend second;
	struct err e = {0};

	net_plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
	frontend_init(&second);
	if (frontend_connect(&second, net_socket(net, 0), 100, &e) == 0)
		assert_true(frontend_negotiate(&second, 0, &e) < 0);
	frontend_close(&second);

	net_assert_delivers(net, 0, 64);
}

static void a_frontend_that_restarts_at_once_gets_its_port_back(void **state)
{
	struct driver_options o = net_driver_options(DRIVER_FEATURES_BASIC);
	struct net *net = *state;

	net_plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
	for (int i = 0; i < 50; i++) {
		net_drop_driver(net, 0);
		net_plug(net, 0, &o);
		net_assert_delivers(net, 1, 64);
	}
}

static void rings_go_on_where_they_stopped(void **state)
{
	struct net *net = *state;
	struct err e = {0};

	net_plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
	for (int i = 0; i < 7; i++)
		net_assert_delivers(net, 0, 64);
	assert_int_equal(driver_stop(&net->drivers[0], &e), 0);
	net_wait_step(net, 0, VHOST_STEP_ENABLE);
	assert_int_equal(driver_start(&net->drivers[0], &e), 0);
	net_wait_step(net, 0, VHOST_STEP_UP);
	net_assert_delivers(net, 0, 64);
	net_assert_delivers(net, 1, 64);
}

static void pause_us(uint64_t us)
{
	uint64_t until_ns = clock_now_ns() + us * 1000;

	while (clock_now_ns() < until_ns)
		;
}

/* The same one, so that the driver goes on hearing of frames. */
static void send_call_fd(struct driver *d, unsigned ring)
{
	struct frontend_msg m = {.request = FRONTEND_SET_VRING_CALL,
				 .flags = FRONTEND_VERSION,
				 .size = 8,
				 .u64 = ring};
	struct err e = {0};

	assert_int_equal(frontend_send(&d->frontend, &m, &d->queues[ring].vq.call_fd, 1, &e), 0);
}

/* QEMU does that to running rings, for the guest's interrupt masks: their port is not away. */
static void a_port_is_there_while_its_call_eventfd_changes(void **state)
{
	const struct mac dst = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, src = {{2, 0, 0, 0, 0, 1}};
	struct net *net = *state;
	uint8_t sent[60], got[FRAME_LEN_MAX];

	net_plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
	packet_raw(sent, &dst, &src, sizeof(sent));
	for (unsigned i = 0; i < 200; i++) {
		send_call_fd(&net->drivers[1], 0);
		for (unsigned k = 0; k < 16; k++) {
			net_send(&net->drivers[0], NULL, sent, sizeof(sent), NULL);
			pause_us(8);
		}
		for (unsigned k = 0; k < 16 && net_receive(&net->drivers[1], got, NULL, 100); k++)
			;
	}
	assert_int_equal(net->ports[0]->port.stats[0].drops[DROP_NO_TARGET], 0);
	net_assert_delivers(net, 1, 64);
}

static void frames_wait_for_a_switch_that_is_held(void **state)
{
	const struct mac dst = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, src = {{2, 0, 0, 0, 0, 1}};
	struct driver_options o = net_driver_options(DRIVER_FEATURES_BASIC);
	struct net *net = *state;
	uint8_t sent[60], got[FRAME_LEN_MAX];

	net_add_port(net, 0, VHOST_MODE_SERVER);
	net_add_port(net, 1, VHOST_MODE_SERVER);
	packet_raw(sent, &dst, &src, sizeof(sent));
	net_plug(net, 0, &o);
	net_send(&net->drivers[0], NULL, sent, sizeof(sent), NULL);
	assert_true(vhost_is_settled(net->vhost));
	net_plug(net, 1, &o);
	assert_int_equal(net_receive(&net->drivers[1], got, NULL, 50), 0);

	dataplane_release(net->dp);

	assert_int_equal(net_receive(&net->drivers[1], got, NULL, WAIT_MS), sizeof(sent));
}

/* --- hostile guests -----------------------------------------------------------------------------
 */

static void a_broken_ring_stops_its_port_only_and_says_why(void **state)
{
	struct net *net = *state;
	struct vhost_port_info info;
	struct driver_queue *q;
	uint64_t deadline = clock_now_ms() + WAIT_MS;

	net_plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
	q = driver_tx_queue(&net->drivers[0], 0);
	q->vq.avail->idx += 5000;
	eventfd_write(q->vq.kick_fd, 1);
	do {
		vhost_port_info(net->ports[0], &info);
	} while (!info.error[0] && clock_now_ms() < deadline);
	assert_non_null(strstr(info.error, "avail index"));

	net_unplug_both(net);
	net_plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
}

/* Sends each request number once, on a connection of its own, with descriptors it did not ask for.
 */
static void send_every_message_with_fds(struct net *net)
{
	struct vhost_port_info info;
	unsigned sessions;

	for (uint32_t request = 0; request < 48; request++) {
		struct frontend_msg m = {.request = request, .flags = FRONTEND_VERSION, .size = 8};
		uint64_t deadline = clock_now_ms() + WAIT_MS;
		int fds[FRONTEND_FDS_MAX];
		struct frontend f;
		struct err e = {0};

		vhost_port_info(net->ports[0], &info);
		sessions = info.sessions;
		frontend_init(&f);
		assert_int_equal(frontend_connect(&f, net_socket(net, 0), WAIT_MS, &e), 0);
		for (int i = 0; i < FRONTEND_FDS_MAX; i++)
			fds[i] = STDERR_FILENO;
		frontend_send(&f, &m, fds, FRONTEND_FDS_MAX, &e);
		frontend_close(&f);
		do {
			vhost_port_info(net->ports[0], &info);
		} while (info.sessions == sessions && clock_now_ms() < deadline);
		net_wait_step(net, 0, VHOST_STEP_CONNECT);
	}
}

/* CVE-2019-14818, CVE-2022-0669: descriptors on messages that take none. */
static void descriptors_on_any_message_do_not_leak(void **state)
{
	struct net *net = *state;
	unsigned before;

	net_add_port(net, 0, VHOST_MODE_SERVER);
	before = open_fds();
	for (int i = 0; i < 3; i++)
		send_every_message_with_fds(net);
	assert_no_more_fds_than(before);
}

/* --- sockets ------------------------------------------------------------------------------------
 */

static int listen_on(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void a_socket_path_in_use_is_refused_and_a_stale_one_replaced(void **state)
{
	struct net *net = *state;
	struct vhost_port_params p = net_params(net, 0, VHOST_MODE_SERVER);
	int fd = listen_on(p.path);
	struct err e = {0};

	assert_null(vhost_port_create(net->vhost, &p, &e));
	assert_non_null(strstr(e.text, "is in use by another program"));
	close(fd);

	net_add_port(net, 0, VHOST_MODE_SERVER);
}

static void a_file_in_place_of_the_socket_is_not_touched(void **state)
{
	struct net *net = *state;
	struct vhost_port_params p = net_params(net, 0, VHOST_MODE_SERVER);
	struct err e = {0};

	close(open(p.path, O_CREAT | O_WRONLY, 0600));
	assert_null(vhost_port_create(net->vhost, &p, &e));
	assert_non_null(strstr(e.text, "is not a socket"));
	assert_int_equal(unlink(p.path), 0);
}

static void socket_gets_the_owner_and_mode_of_the_config(void **state)
{
	struct net *net = *state;
	struct vhost_port_params p = net_params(net, 0, VHOST_MODE_SERVER);
	struct err e = {0};
	struct stat st;

	if (getuid() != 0)
		skip();
	p.owner = "nobody";
	p.group = "nogroup";
	p.socket_mode = 0660;
	net->ports[0] = vhost_port_create(net->vhost, &p, &e);
	assert_non_null(net->ports[0]);
	bridge_add_port(net->bridge, &net->ports[0]->port);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_uid, 65534);
	assert_int_equal(st.st_gid, 65534);
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void an_unknown_owner_is_an_error_that_names_it(void **state)
{
	struct net *net = *state;
	struct vhost_port_params p = net_params(net, 0, VHOST_MODE_SERVER);
	struct err e = {0};

	p.owner = "no-such-user";
	assert_null(vhost_port_create(net->vhost, &p, &e));
	assert_non_null(strstr(e.text, "no-such-user"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, net_setup, net_teardown)
	const struct CMUnitTest tests[] = {
		T(port_says_which_step_of_the_handshake_it_waits_for),
		T(a_hundred_dying_frontends_leak_no_descriptor),
		T(client_port_reconnects_at_once_when_the_frontend_returns),
		T(a_second_frontend_on_one_socket_is_refused),
		T(a_frontend_that_restarts_at_once_gets_its_port_back),
		T(rings_go_on_where_they_stopped),
		T(a_port_is_there_while_its_call_eventfd_changes),
		cmocka_unit_test_setup_teardown(frames_wait_for_a_switch_that_is_held,
						net_setup_held, net_teardown),
		T(a_broken_ring_stops_its_port_only_and_says_why),
		T(descriptors_on_any_message_do_not_leak),
		T(a_socket_path_in_use_is_refused_and_a_stale_one_replaced),
		T(a_file_in_place_of_the_socket_is_not_touched),
		T(socket_gets_the_owner_and_mode_of_the_config),
		T(an_unknown_owner_is_an_error_that_names_it),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("vhost sessions", tests, NULL, NULL);
}
