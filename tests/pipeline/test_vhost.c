/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Real vhost-user sessions: librte_vhost and our rings on one side, frontends with our own
 * virtio-net driver on the other, in one process.
 *
 *	driver a --- a.sock ---+
 *	                       +--- bridge (one worker thread)
 *	driver b --- b.sock ---+
 */

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

#include "bridge/bridge.h"
#include "dataplane/eal.h"
#include "perf/gen/driver.h"
#include "tests/lib/packet.h"
#include "vhost/vhost_port.h"

#include "common/clock.h"

#define WAIT_MS	    3000
#define ALL_OFFLOAD (DRIVER_FEATURES_BASIC | DRIVER_FEATURES_TSO)
#define INDIRECT    DRIVER_F(VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT_IDX   DRIVER_F(VIRTIO_RING_F_EVENT_IDX)

struct net {
	char dir[64];
	struct dataplane *dp;
	struct vhost *vhost;
	struct bridge *bridge;
	struct vhost_port *ports[2];
	struct driver drivers[2];
	bool has_driver[2];
};

static const char *sock(const struct net *net, int i)
{
	static char path[2][VHOST_PATH_MAX];

	snprintf(path[i], sizeof(path[i]), "%s/%c.sock", net->dir, 'a' + i);
	return path[i];
}

static struct vhost_port_params params_of(const struct net *net, int i, enum vhost_mode mode)
{
	return (struct vhost_port_params){.name = i ? "b" : "a",
					  .path = sock(net, i),
					  .mode = mode,
					  .owner = "",
					  .group = "",
					  .tso = true,
					  .csum = true};
}

static void add_port(struct net *net, int i, enum vhost_mode mode)
{
	struct vhost_port_params p = params_of(net, i, mode);
	struct err e = {0};

	net->ports[i] = vhost_port_create(net->vhost, &p, &e);
	if (!net->ports[i])
		fail_msg("%s", e.text);
	bridge_add_port(net->bridge, &net->ports[i]->port);
}

static void del_port(struct net *net, int i)
{
	if (!net->ports[i])
		return;
	bridge_del_port(net->bridge, &net->ports[i]->port);
	vhost_port_destroy(net->ports[i]);
	net->ports[i] = NULL;
}

static int setup_workers(void **state, unsigned n_workers)
{
	struct dataplane_params params = {
		.n_workers = n_workers, .idle_ns = 50000, .start_threads = true};
	struct bridge_params bridge = {.name = "br", .fdb_entries = 1000, .ageing_s = 300};
	struct net *net = calloc(1, sizeof(*net));
	struct err e;

	snprintf(net->dir, sizeof(net->dir), "/tmp/weft-vhost.XXXXXX");
	assert_non_null(mkdtemp(net->dir));
	net->dp = dataplane_create(&params, &e);
	net->vhost = vhost_create(net->dp);
	net->bridge = bridge_create(net->dp, &bridge, &e);
	*state = net;
	return 0;
}

static int setup(void **state)
{
	return setup_workers(state, 1);
}

static int setup_two_workers(void **state)
{
	return setup_workers(state, 2);
}

static void drop_driver(struct net *net, int i)
{
	if (!net->has_driver[i])
		return;
	driver_disconnect(&net->drivers[i]);
	driver_fini(&net->drivers[i]);
	net->has_driver[i] = false;
}

static int teardown(void **state)
{
	struct net *net = *state;

	for (int i = 0; i < 2; i++) {
		drop_driver(net, i);
		del_port(net, i);
	}
	bridge_destroy(net->bridge);
	vhost_destroy(net->vhost);
	dataplane_destroy(net->dp);
	assert_int_equal(rmdir(net->dir), 0);
	free(net);
	return 0;
}

static struct driver_options options(uint64_t features)
{
	struct driver_options o;

	driver_options_init(&o);
	o.features = features;
	o.tx_slot_bytes = 70000;
	o.rx_buf_bytes = features & DRIVER_F(VIRTIO_NET_F_MRG_RXBUF) ? 2048 : 70000;
	o.ring_size = 128;
	return o;
}

static void wait_step(struct net *net, int i, enum vhost_step step)
{
	uint64_t deadline = clock_now_ms() + WAIT_MS;
	struct vhost_port_info info;

	for (;;) {
		vhost_tick(net->vhost, clock_now_ms());
		vhost_port_info(net->ports[i], &info);
		if (info.step == step)
			return;
		if (clock_now_ms() > deadline)
			fail_msg("port %d is at step %d, not %d: waits for %s; %s", i, info.step,
				 step, info.waiting_for, info.error);
		usleep(1000);
	}
}

static struct driver *plug(struct net *net, int i, const struct driver_options *o)
{
	struct driver *d = &net->drivers[i];
	struct err e = {0};

	if (driver_init(d, o, &e) < 0 || driver_connect(d, sock(net, i), WAIT_MS, &e) < 0 ||
	    driver_start(d, &e) < 0)
		fail_msg("%s", e.text);
	net->has_driver[i] = true;
	wait_step(net, i, VHOST_STEP_UP);
	return d;
}

/* Two server ports with a guest on each, by their features. */
static void plug_both(struct net *net, uint64_t features_a, uint64_t features_b)
{
	struct driver_options o[2] = {options(features_a), options(features_b)};

	for (int i = 0; i < 2; i++) {
		if (!net->ports[i])
			add_port(net, i, VHOST_MODE_SERVER);
		plug(net, i, &o[i]);
	}
}

/* The guests die; their ports are free for the next ones when this returns. */
static void unplug_both(struct net *net)
{
	for (int i = 0; i < 2; i++)
		drop_driver(net, i);
	for (int i = 0; i < 2; i++)
		wait_step(net, i, VHOST_STEP_CONNECT);
}

static void send_frame(struct driver *d, const struct virtio_net_hdr_mrg_rxbuf *hdr,
		       const void *frame, uint32_t len, const struct driver_shape *shape)
{
	assert_int_equal(driver_tx(d, 0, hdr, frame, len, shape), 0);
	driver_tx_kick(d, 0);
}

/* Receives one frame into `buf`; returns its length, or 0 when none comes in time. */
static uint32_t receive(struct driver *d, uint8_t *buf, struct virtio_net_hdr_mrg_rxbuf *hdr,
			int timeout_ms)
{
	struct driver_frame f;
	uint32_t len;
	int ret = driver_rx_wait(d, 0, &f, timeout_ms);

	if (ret == -ETIMEDOUT)
		return 0;
	assert_int_equal(ret, 1);
	len = driver_frame_copy(&f, buf, FRAME_LEN_MAX);
	if (hdr)
		*hdr = f.hdr;
	driver_rx_release(d, 0, &f);
	return len;
}

static void assert_delivers(struct net *net, int from, uint32_t len)
{
	struct mac dst = station(from ? 1 : 2), src = station(from ? 2 : 1);
	static uint8_t sent[FRAME_LEN_MAX], got[FRAME_LEN_MAX];

	packet_raw(sent, &dst, &src, len);
	send_frame(&net->drivers[from], NULL, sent, len, NULL);
	assert_int_equal(receive(&net->drivers[!from], got, NULL, WAIT_MS), len);
	assert_memory_equal(sent, got, len);
}

/* --- frames ------------------------------------------------------------------------------------
 */

static void guests_exchange_frames_of_all_sizes(void **state)
{
	static const uint32_t lengths[] = {60, 128, 129, 1514, 9014, 60000};
	struct net *net = *state;

	plug_both(net, ALL_OFFLOAD, ALL_OFFLOAD);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		assert_delivers(net, 0, lengths[i]);
		assert_delivers(net, 1, lengths[i]);
	}
}

static void frames_of_every_descriptor_layout_arrive_whole(void **state)
{
	static const struct driver_shape shapes[] = {
		{.header_apart = true},
		{.piece_bytes = 100},
		{.header_apart = true, .piece_bytes = 37},
		{.indirect = true},
		{.indirect = true, .header_apart = true, .piece_bytes = 64},
	};
	struct mac dst = station(2), src = station(1);
	uint8_t sent[2000], got[FRAME_LEN_MAX];
	struct net *net = *state;

	plug_both(net, ALL_OFFLOAD | INDIRECT | EVENT_IDX, DRIVER_FEATURES_BASIC);
	packet_raw(sent, &dst, &src, sizeof(sent));
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		send_frame(&net->drivers[0], NULL, sent, sizeof(sent), &shapes[i]);
		assert_int_equal(receive(&net->drivers[1], got, NULL, WAIT_MS), sizeof(sent));
		assert_memory_equal(sent, got, sizeof(sent));
	}
}

static void memory_in_many_regions_is_translated(void **state)
{
	struct net *net = *state;
	struct driver_options o = options(ALL_OFFLOAD);

	o.n_regions = 8;
	for (int i = 0; i < 2; i++) {
		add_port(net, i, VHOST_MODE_SERVER);
		plug(net, i, &o);
	}
	for (uint32_t len = 60; len < 60000; len += 4999)
		assert_delivers(net, (int)(len & 1), len);
}

/* Each port has a worker of its own: a ring is filled by one of them and armed by the other. */
static void two_workers_send_to_each_others_ports(void **state)
{
	struct net *net = *state;

	plug_both(net, ALL_OFFLOAD | EVENT_IDX, ALL_OFFLOAD | EVENT_IDX);
	assert_ptr_not_equal(net->ports[0]->port.worker, net->ports[1]->port.worker);
	for (uint32_t i = 0; i < 2000; i++)
		assert_delivers(net, (int)(i & 1), 60 + i * 7);
}

/* What a guest with those features may be given, and what came, checked as its stack would. */
static uint32_t check_received(const uint8_t *buf, uint32_t len,
			       const struct virtio_net_hdr_mrg_rxbuf *hdr, uint64_t features,
			       const struct frame_layout *l, uint32_t at)
{
	bool csum = features & DRIVER_F(VIRTIO_NET_F_GUEST_CSUM);
	bool tso = csum && (features &
			    DRIVER_F(l->ipv6 ? VIRTIO_NET_F_GUEST_TSO6 : VIRTIO_NET_F_GUEST_TSO4));

	if (hdr->hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		assert_true(tso);
	else
		assert_true(len - l->payload <= 1448);
	if (hdr->hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		assert_true(csum);
		assert_int_equal(hdr->hdr.csum_start, l->l4);
		assert_true(packet_tcp_is_partial(buf, len, l));
	} else {
		assert_true(packet_tcp_is_valid(buf, len, l));
	}
	for (uint32_t k = l->payload; k < len; k++)
		assert_int_equal(buf[k], packet_pattern(at + k - l->payload));
	return len - l->payload;
}

static void send_tso(struct net *net, uint64_t to, bool ipv6, uint32_t payload)
{
	static uint8_t sent[FRAME_LEN_MAX], got[FRAME_LEN_MAX];
	struct frame_layout l;
	uint32_t len = packet_tcp(sent, ipv6, 0, payload, &l), at = 0;
	struct virtio_net_hdr_mrg_rxbuf hdr = {
		.hdr = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.gso_type = ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
			.gso_size = 1448,
			.hdr_len = l.payload,
			.csum_start = l.l4,
			.csum_offset = 16}};

	send_frame(&net->drivers[0], &hdr, sent, len, NULL);
	while (at < payload) {
		uint32_t n = receive(&net->drivers[1], got, &hdr, WAIT_MS);

		assert_true(n > l.payload);
		at += check_received(got, n, &hdr, to, &l, at);
	}
	assert_int_equal(at, payload);
}

/* One sender with all offloads; every combination of what the receiver takes. */
static void tso_frames_arrive_right_whatever_the_receiver_takes(void **state)
{
	static const uint64_t bits[] = {
		DRIVER_F(VIRTIO_NET_F_MRG_RXBUF),
		DRIVER_F(VIRTIO_NET_F_GUEST_CSUM),
		DRIVER_F(VIRTIO_NET_F_GUEST_TSO4),
		DRIVER_F(VIRTIO_NET_F_GUEST_TSO6),
		INDIRECT,
		EVENT_IDX,
	};
	struct net *net = *state;

	for (unsigned mask = 0; mask < 1u << ARRAY_SIZE(bits); mask++) {
		uint64_t to = DRIVER_F(VIRTIO_F_VERSION_1);

		for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
			to |= mask >> i & 1 ? bits[i] : 0;
		plug_both(net, ALL_OFFLOAD | INDIRECT | EVENT_IDX, to);
		send_tso(net, to, false, 20000);
		send_tso(net, to, true, 1449);
		unplug_both(net);
	}
}

static void an_offload_that_was_not_negotiated_costs_the_frame(void **state)
{
	struct virtio_net_hdr_mrg_rxbuf hdr = {
		.hdr = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16}};
	uint64_t deadline = clock_now_ms() + WAIT_MS;
	struct net *net = *state;
	struct port_stats s;
	uint8_t buf[FRAME_LEN_MAX];
	struct frame_layout l;

	plug_both(net, DRIVER_FEATURES_BASIC, ALL_OFFLOAD);
	send_frame(&net->drivers[0], &hdr, buf, packet_tcp(buf, false, 0, 100, &l), NULL);
	assert_delivers(net, 0, 100);

	/* A burst is counted after its frames were delivered. */
	do {
		port_stats_sum(&net->ports[0]->port, &s);
	} while (s.rx_packets < 2 && clock_now_ms() < deadline);
	assert_int_equal(s.drops[DROP_NOT_NEGOTIATED], 1);
}

/* --- sleep and back pressure --------------------------------------------------------------------
 */

static void a_sleeping_worker_is_woken_by_the_first_frame(void **state)
{
	struct net *net = *state;

	for (int event_idx = 0; event_idx < 2; event_idx++) {
		uint64_t features = DRIVER_FEATURES_BASIC | (event_idx ? EVENT_IDX : 0);

		plug_both(net, features, features);
		for (int i = 0; i < 20; i++) {
			uint64_t sleeps = net->dp->workers[0]->perf.sleeps;
			uint64_t deadline = clock_now_ms() + WAIT_MS;

			while (net->dp->workers[0]->perf.sleeps == sleeps &&
			       clock_now_ms() < deadline && i > 0)
				usleep(100);
			assert_delivers(net, i & 1, 64);
		}
		unplug_both(net);
	}
}

static void frames_wait_for_a_receiver_that_is_slow_for_a_moment(void **state)
{
	struct net *net = *state;
	struct mac dst = station(2), src = station(1);
	uint8_t frame[64], got[FRAME_LEN_MAX];
	struct port_stats s;

	plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
	assert_delivers(net, 1, 64);
	for (unsigned i = 0; i < 128; i++) {
		packet_raw(frame, &dst, &src, sizeof(frame));
		frame[20] = (uint8_t)i;
		assert_int_equal(driver_tx(&net->drivers[0], 0, NULL, frame, sizeof(frame), NULL),
				 0);
	}
	driver_tx_kick(&net->drivers[0], 0);
	assert_int_equal(driver_tx_drain(&net->drivers[0], 0, WAIT_MS), 0);
	for (unsigned i = 0; i < 60; i++) {
		packet_raw(frame, &dst, &src, sizeof(frame));
		frame[20] = (uint8_t)(128 + i);
		assert_int_equal(driver_tx(&net->drivers[0], 0, NULL, frame, sizeof(frame), NULL),
				 0);
	}
	driver_tx_kick(&net->drivers[0], 0);
	for (unsigned i = 0; i < 188; i++) {
		assert_int_equal(receive(&net->drivers[1], got, NULL, WAIT_MS), 64);
		assert_int_equal(got[20], (uint8_t)i);
	}

	port_stats_sum(&net->ports[1]->port, &s);
	assert_int_equal(s.drops[DROP_RING_FULL], 0);
}

/* --- sessions -----------------------------------------------------------------------------------
 */

static void port_says_which_step_of_the_handshake_it_waits_for(void **state)
{
	struct net *net = *state;
	struct driver_options o = options(DRIVER_FEATURES_BASIC);
	struct driver *d = &net->drivers[0];
	struct vhost_port_info info;
	struct err e = {0};

	add_port(net, 0, VHOST_MODE_SERVER);
	vhost_port_info(net->ports[0], &info);
	assert_int_equal(info.step, VHOST_STEP_CONNECT);
	assert_non_null(strstr(info.waiting_for, "a.sock"));

	assert_int_equal(driver_init(d, &o, &e), 0);
	net->has_driver[0] = true;
	assert_int_equal(driver_connect(d, sock(net, 0), WAIT_MS, &e), 0);
	wait_step(net, 0, VHOST_STEP_FEATURES);
	assert_int_equal(frontend_negotiate(&d->frontend, o.features, &e), 0);
	wait_step(net, 0, VHOST_STEP_MEMORY);
	assert_int_equal(frontend_set_mem(&d->frontend, &d->mem, &e), 0);
	wait_step(net, 0, VHOST_STEP_RINGS);
	driver_disconnect(d);
	wait_step(net, 0, VHOST_STEP_CONNECT);
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
		plug_both(net, ALL_OFFLOAD, ALL_OFFLOAD);
		assert_delivers(net, i & 1, 500);
		unplug_both(net);
		if (i == 2)
			before = open_fds();
	}
	assert_no_more_fds_than(before);
}

/* The frontend listens, as QEMU does for our guests: its restart must cost well under a second. */
static void client_port_reconnects_at_once_when_the_frontend_returns(void **state)
{
	struct net *net = *state;
	struct driver_options o = options(ALL_OFFLOAD);
	struct err e = {0};

	add_port(net, 0, VHOST_MODE_CLIENT);
	for (int i = 0; i < 3; i++) {
		struct driver *d = &net->drivers[0];
		uint64_t start;
		int ret = -EAGAIN;

		assert_int_equal(driver_init(d, &o, &e), 0);
		d->frontend.listen_fd = -1;
		start = clock_now_ms();
		assert_int_equal(frontend_listen(&d->frontend, sock(net, 0), &e), 0);
		while (ret < 0 && clock_now_ms() - start < 1000) {
			vhost_tick(net->vhost, clock_now_ms());
			ret = frontend_accept(&d->frontend, 10, &e);
		}
		assert_int_equal(ret, 0);
		assert_int_equal(driver_start(d, &e), 0);
		wait_step(net, 0, VHOST_STEP_UP);
		assert_true(clock_now_ms() - start < 500);
		driver_disconnect(d);
		frontend_close(&d->frontend);
		driver_fini(d);
		wait_step(net, 0, VHOST_STEP_CONNECT);
	}
}

static void a_second_frontend_on_one_socket_is_refused(void **state)
{
	struct net *net = *state;
	struct frontend second;
	struct err e = {0};

	plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
	frontend_init(&second);
	if (frontend_connect(&second, sock(net, 0), 100, &e) == 0)
		assert_true(frontend_negotiate(&second, 0, &e) < 0);
	frontend_close(&second);

	assert_delivers(net, 0, 64);
}

static void a_frontend_that_restarts_at_once_gets_its_port_back(void **state)
{
	struct driver_options o = options(DRIVER_FEATURES_BASIC);
	struct net *net = *state;

	plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
	for (int i = 0; i < 50; i++) {
		drop_driver(net, 0);
		plug(net, 0, &o);
		assert_delivers(net, 1, 64);
	}
}

static void rings_go_on_where_they_stopped(void **state)
{
	struct net *net = *state;
	struct err e = {0};

	plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
	for (int i = 0; i < 7; i++)
		assert_delivers(net, 0, 64);
	assert_int_equal(driver_stop(&net->drivers[0], &e), 0);
	wait_step(net, 0, VHOST_STEP_ENABLE);
	assert_int_equal(driver_start(&net->drivers[0], &e), 0);
	wait_step(net, 0, VHOST_STEP_UP);
	assert_delivers(net, 0, 64);
	assert_delivers(net, 1, 64);
}

/* --- hostile guests -----------------------------------------------------------------------------
 */

static void a_broken_ring_stops_its_port_only_and_says_why(void **state)
{
	struct net *net = *state;
	struct vhost_port_info info;
	struct driver_queue *q;
	uint64_t deadline = clock_now_ms() + WAIT_MS;

	plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
	q = driver_tx_queue(&net->drivers[0], 0);
	q->vq.avail->idx += 5000;
	eventfd_write(q->vq.kick_fd, 1);
	do {
		vhost_port_info(net->ports[0], &info);
	} while (!info.error[0] && clock_now_ms() < deadline);
	assert_non_null(strstr(info.error, "avail index"));

	unplug_both(net);
	plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
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
		assert_int_equal(frontend_connect(&f, sock(net, 0), WAIT_MS, &e), 0);
		for (int i = 0; i < FRONTEND_FDS_MAX; i++)
			fds[i] = STDERR_FILENO;
		frontend_send(&f, &m, fds, FRONTEND_FDS_MAX, &e);
		frontend_close(&f);
		do {
			vhost_port_info(net->ports[0], &info);
		} while (info.sessions == sessions && clock_now_ms() < deadline);
		wait_step(net, 0, VHOST_STEP_CONNECT);
	}
}

/* CVE-2019-14818, CVE-2022-0669: descriptors on messages that take none. */
static void descriptors_on_any_message_do_not_leak(void **state)
{
	struct net *net = *state;
	unsigned before;

	add_port(net, 0, VHOST_MODE_SERVER);
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
	struct vhost_port_params p = params_of(net, 0, VHOST_MODE_SERVER);
	int fd = listen_on(p.path);
	struct err e = {0};

	assert_null(vhost_port_create(net->vhost, &p, &e));
	assert_non_null(strstr(e.text, "is in use by another program"));
	close(fd);

	add_port(net, 0, VHOST_MODE_SERVER);
}

static void a_file_in_place_of_the_socket_is_not_touched(void **state)
{
	struct net *net = *state;
	struct vhost_port_params p = params_of(net, 0, VHOST_MODE_SERVER);
	struct err e = {0};

	close(open(p.path, O_CREAT | O_WRONLY, 0600));
	assert_null(vhost_port_create(net->vhost, &p, &e));
	assert_non_null(strstr(e.text, "is not a socket"));
	assert_int_equal(unlink(p.path), 0);
}

static void socket_gets_the_owner_and_mode_of_the_config(void **state)
{
	struct net *net = *state;
	struct vhost_port_params p = params_of(net, 0, VHOST_MODE_SERVER);
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
	struct vhost_port_params p = params_of(net, 0, VHOST_MODE_SERVER);
	struct err e = {0};

	p.owner = "no-such-user";
	assert_null(vhost_port_create(net->vhost, &p, &e));
	assert_non_null(strstr(e.text, "no-such-user"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(guests_exchange_frames_of_all_sizes),
		T(frames_of_every_descriptor_layout_arrive_whole),
		T(memory_in_many_regions_is_translated),
		cmocka_unit_test_setup_teardown(two_workers_send_to_each_others_ports,
						setup_two_workers, teardown),
		T(tso_frames_arrive_right_whatever_the_receiver_takes),
		T(an_offload_that_was_not_negotiated_costs_the_frame),
		T(a_sleeping_worker_is_woken_by_the_first_frame),
		T(frames_wait_for_a_receiver_that_is_slow_for_a_moment),
		T(port_says_which_step_of_the_handshake_it_waits_for),
		T(a_hundred_dying_frontends_leak_no_descriptor),
		T(client_port_reconnects_at_once_when_the_frontend_returns),
		T(a_second_frontend_on_one_socket_is_refused),
		T(a_frontend_that_restarts_at_once_gets_its_port_back),
		T(rings_go_on_where_they_stopped),
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
	return cmocka_run_group_tests_name("vhost", tests, NULL, NULL);
}
