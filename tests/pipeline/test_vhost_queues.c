/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Several queue pairs a port: guests that enable them one by one, flows that keep their order on
 * them, workers that share them, and what a port tells of its guest's MTU and whereabouts.
 */

#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <linux/vhost_types.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/eal.h"
#include "tests/lib/packet.h"
#include "tests/lib/vhostnet.h"

#include "common/clock.h"

#define PAIRS	    4
#define FLOWS	    8
#define FRAME_BYTES 64
#define WINDOW	    100 /* of a ring of 128 */

/* A UDP frame from station 1 to station 2 that says which flow it is of and which of them. */
struct flow_frame {
	uint8_t dst[6], src[6];
	uint16_t type;
	uint8_t ip[20];
	uint16_t sport, dport, udp_len, udp_csum;
	uint32_t number;
	uint8_t padding[FRAME_BYTES - 46];
} __attribute__((packed));
static_assert(sizeof(struct flow_frame) == FRAME_BYTES, "an unpadded frame");

static struct flow_frame flow_frame(unsigned flow, uint32_t number)
{
	struct mac dst = station(2), src = station(1);
	struct flow_frame f = {
		.type = htons(0x0800),
		.ip = {[0] = 0x45, [3] = 50, [9] = 17, [12] = 10, [15] = 1, [16] = 10, [19] = 2},
		.sport = htons((uint16_t)(1000 + flow)),
		.dport = htons(7),
		.number = number,
	};

	memcpy(f.dst, &dst, 6);
	memcpy(f.src, &src, 6);
	return f;
}

struct flows {
	uint32_t sent[FLOWS], received[FLOWS];
	unsigned pairs_seen; /* bit a pair on which frames came */
	bool may_jump;	     /* frames may be missing, but not overtake */
};

static unsigned on_their_way(const struct flows *flows)
{
	unsigned n = 0;

	for (unsigned flow = 0; flow < FLOWS; flow++)
		n += flows->sent[flow] - flows->received[flow];
	return n;
}

/*
 * No more are on their way than one receive ring takes: on a busy machine this thread may not run
 * for longer than frames wait for room.
 */
static bool send_one(struct driver *d, unsigned pair, unsigned flow, struct flows *flows)
{
	struct flow_frame f = flow_frame(flow, flows->sent[flow]);

	if (on_their_way(flows) >= WINDOW || driver_tx(d, pair, NULL, &f, sizeof(f), NULL) < 0)
		return false;
	flows->sent[flow]++;
	return true;
}

/* Takes what has come on all pairs and checks that each flow is in order. */
static unsigned receive_all(struct driver *d, struct flows *flows)
{
	unsigned n = 0;

	for (unsigned pair = 0; pair < d->n_pairs_started; pair++) {
		struct driver_frame f;

		while (driver_rx(d, pair, &f) == 1) {
			struct flow_frame got;
			unsigned flow;

			assert_int_equal(driver_frame_copy(&f, (uint8_t *)&got, sizeof(got)),
					 sizeof(got));
			driver_rx_release(d, pair, &f);
			flow = ntohs(got.sport) - 1000u;
			assert_true(flow < FLOWS);
			if (flows->may_jump)
				assert_true(got.number >= flows->received[flow]);
			else
				assert_int_equal(got.number, flows->received[flow]);
			flows->received[flow] = got.number + 1;
			flows->pairs_seen |= 1u << pair;
			n++;
		}
	}
	return n;
}

static bool is_complete(const struct flows *flows)
{
	return memcmp(flows->sent, flows->received, sizeof(flows->sent)) == 0;
}

static void assert_all_arrive(struct driver *d, struct flows *flows)
{
	uint64_t deadline = clock_now_ms() + WAIT_MS;

	while (!is_complete(flows) && clock_now_ms() < deadline)
		receive_all(d, flows);
	assert_true(is_complete(flows));
}

/* Flow k is sent on pair k modulo `pairs`, as a guest's transmit steering does. */
static void send_burst(struct net *net, unsigned pairs, struct flows *flows)
{
	struct driver *a = &net->drivers[0];

	for (unsigned flow = 0; flow < FLOWS; flow++)
		send_one(a, flow % pairs, flow, flows);
	for (unsigned pair = 0; pair < pairs; pair++)
		driver_tx_kick(a, pair);
	receive_all(&net->drivers[1], flows);
}

/* Guest 1 says where it is, so that frames to it are not flooded. */
static void teach(struct net *net)
{
	struct mac dst = station(1), src = station(2);
	uint8_t frame[FRAME_BYTES], got[FRAME_LEN_MAX];

	packet_raw(frame, &dst, &src, sizeof(frame));
	net_send(&net->drivers[1], NULL, frame, sizeof(frame), NULL);
	for (unsigned pair = 0; pair < net->drivers[0].n_pairs_started; pair++) {
		struct driver_frame f;
		uint64_t deadline = clock_now_ms() + WAIT_MS;

		if (net->drivers[0].n_pairs_started == 1) {
			assert_int_equal(net_receive(&net->drivers[0], got, NULL, WAIT_MS),
					 FRAME_BYTES);
			return;
		}
		while (clock_now_ms() < deadline) {
			for (unsigned k = 0; k < net->drivers[0].n_pairs_started; k++)
				if (driver_rx(&net->drivers[0], k, &f) == 1) {
					driver_rx_release(&net->drivers[0], k, &f);
					return;
				}
		}
		fail_msg("guest 1 was not heard of");
	}
}

static unsigned pairs_up(struct net *net, int i)
{
	struct vhost_port_info info;
	unsigned n = 0;

	vhost_port_info(net->ports[i], &info);
	for (unsigned k = 0; k < info.n_pairs; k++)
		n += info.pairs[k].up;
	return n;
}

static void wait_pairs(struct net *net, int i, unsigned n)
{
	uint64_t deadline = clock_now_ms() + WAIT_MS;

	while (pairs_up(net, i) != n && clock_now_ms() < deadline)
		usleep(1000);
	assert_int_equal(pairs_up(net, i), n);
}

static void plug_pairs(struct net *net, unsigned queues, unsigned pairs_a, unsigned pairs_b)
{
	struct driver_options o = net_driver_options(DRIVER_FEATURES_BASIC);

	net->queues = queues;
	for (int i = 0; i < 2; i++) {
		net_add_port(net, i, VHOST_MODE_SERVER);
		o.n_pairs = i ? pairs_b : pairs_a;
		net_plug(net, i, &o);
	}
	wait_pairs(net, 0, pairs_a);
	wait_pairs(net, 1, pairs_b);
	teach(net);
}

static void enable_pair(struct net *net, int i, unsigned pair, bool on)
{
	struct frontend *f = &net->drivers[i].frontend;
	struct err e = {0};

	assert_int_equal(frontend_queue_enable(f, 2 * pair, on, &e), 0);
	assert_int_equal(frontend_queue_enable(f, 2 * pair + 1, on, &e), 0);
}

static uint64_t drops_of(struct net *net, int i)
{
	struct port_stats s;
	uint64_t n = 0;

	port_stats_sum(&net->ports[i]->port, &s);
	for (int reason = DROP_NONE + 1; reason < DROP_N; reason++)
		n += s.drops[reason];
	return n;
}

static int send_u64(struct frontend *f, unsigned request, uint64_t value)
{
	struct frontend_msg m = {
		.request = request, .flags = FRONTEND_VERSION | FRONTEND_NEED_REPLY, .size = 8};
	struct err e = {0};

	m.u64 = value;
	assert_int_equal(frontend_send(f, &m, NULL, 0, &e), 0);
	assert_int_equal(frontend_recv(f, &m, &e), 0);
	return m.u64 ? -1 : 0;
}

/* --- pairs ---------------------------------------------------------------------------------------
 */

static void flows_are_spread_over_the_receivers_pairs_in_order(void **state)
{
	struct net *net = *state;
	struct flows flows = {0};

	plug_pairs(net, PAIRS, PAIRS, PAIRS);
	for (int i = 0; i < 500; i++)
		send_burst(net, PAIRS, &flows);
	assert_all_arrive(&net->drivers[1], &flows);

	assert_true(__builtin_popcount(flows.pairs_seen) > 1);
}

static void pairs_are_shared_by_the_workers(void **state)
{
	struct net *net = *state;
	struct vhost_port_info info;
	unsigned on[2] = {0};

	plug_pairs(net, PAIRS, PAIRS, 1);

	vhost_port_info(net->ports[0], &info);
	for (unsigned k = 0; k < PAIRS; k++)
		on[info.pairs[k].worker]++;
	assert_int_equal(on[0], PAIRS / 2);
	assert_int_equal(on[1], PAIRS / 2);
}

static void a_frontend_with_one_pair_works_on_a_port_with_four(void **state)
{
	struct net *net = *state;
	struct flows flows = {0};

	plug_pairs(net, PAIRS, 1, 1);
	for (int i = 0; i < 100; i++)
		send_burst(net, 1, &flows);
	assert_all_arrive(&net->drivers[1], &flows);
	assert_int_equal(flows.pairs_seen, 1);
}

/* As a guest with fewer processors than pairs: its VMM sets all rings up and enables some. */
static void a_pair_that_is_never_enabled_does_not_hold_up_the_first(void **state)
{
	struct net *net = *state;
	struct driver_options o = net_driver_options(DRIVER_FEATURES_BASIC);
	struct driver *d = &net->drivers[0];
	struct frontend_msg m = {
		.request = FRONTEND_SET_VRING_NUM, .flags = FRONTEND_VERSION, .size = 8};
	struct err e = {0};

	net->queues = 2;
	net_add_port(net, 0, VHOST_MODE_SERVER);
	net_add_port(net, 1, VHOST_MODE_SERVER);
	net_plug(net, 1, &o);
	assert_int_equal(driver_init(d, &o, &e), 0);
	net->has_driver[0] = true;
	assert_int_equal(driver_connect(d, net_socket(net, 0), WAIT_MS, &e), 0);
	for (unsigned ring = 2; ring < 4; ring++) {
		m.state = (struct vhost_vring_state){.index = ring, .num = 128};
		assert_int_equal(frontend_send(&d->frontend, &m, NULL, 0, &e), 0);
	}
	assert_int_equal(driver_start(d, &e), 0);
	net_wait_step(net, 0, VHOST_STEP_UP);

	net_assert_delivers(net, 0, FRAME_BYTES);
	net_assert_delivers(net, 1, FRAME_BYTES);
	assert_int_equal(pairs_up(net, 0), 1);
}

static void a_frontend_with_more_pairs_than_the_port_is_refused_and_told_why(void **state)
{
	struct net *net = *state;
	struct driver_options o = net_driver_options(DRIVER_FEATURES_BASIC);
	struct driver *d = &net->drivers[0];
	struct vhost_port_info info;
	struct err e = {0};

	net->queues = 2;
	o.n_pairs = PAIRS;
	net_add_port(net, 0, VHOST_MODE_SERVER);
	assert_int_equal(driver_init(d, &o, &e), 0);
	net->has_driver[0] = true;
	assert_int_equal(driver_connect(d, net_socket(net, 0), WAIT_MS, &e), 0);

	if (driver_start(d, &e) < 0) {
		vhost_port_info(net->ports[0], &info);
		assert_non_null(strstr(info.error, "more than 2 queue pairs"));
	} else {
		assert_int_equal(d->n_pairs_started, 2);
	}
}

static void pairs_come_and_go_one_by_one_under_traffic(void **state)
{
	struct net *net = *state;
	struct flows flows = {.may_jump = true};

	plug_pairs(net, PAIRS, PAIRS, PAIRS);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned pair = PAIRS - 1; pair > 0; pair--) {
			enable_pair(net, 1, pair, false);
			wait_pairs(net, 1, pair);
			/* What came on the pair before is there; new frames go to the others. */
			receive_all(&net->drivers[1], &flows);
			flows.pairs_seen = 0;
			for (int i = 0; i < 50; i++)
				send_burst(net, PAIRS, &flows);
			assert_all_arrive(&net->drivers[1], &flows);
			assert_true(flows.pairs_seen < 1u << pair);
		}
		for (unsigned pair = 1; pair < PAIRS; pair++) {
			enable_pair(net, 1, pair, true);
			wait_pairs(net, 1, pair + 1);
		}
	}
	assert_int_equal(drops_of(net, 1), 0);
}

/* A guest turns off a pair of its own that still sends; the others are not disturbed. */
static void a_senders_other_pairs_go_on_when_one_is_disabled(void **state)
{
	struct net *net = *state;
	struct flows flows = {0};

	plug_pairs(net, 2, 2, 1);
	for (int i = 0; i < 100; i++)
		send_burst(net, 2, &flows);
	assert_all_arrive(&net->drivers[1], &flows);
	enable_pair(net, 0, 1, false);
	wait_pairs(net, 0, 1);

	for (int i = 0; i < 100; i++) {
		send_one(&net->drivers[0], 0, 0, &flows);
		driver_tx_kick(&net->drivers[0], 0);
		receive_all(&net->drivers[1], &flows);
	}
	assert_all_arrive(&net->drivers[1], &flows);
}

/* --- workers -------------------------------------------------------------------------------------
 */

/* Two pairs of guest 0 that one worker polls; with more pairs than workers there are some. */
static void find_worker_mates(struct net *net, unsigned mates[2])
{
	struct vhost_port_info info;

	vhost_port_info(net->ports[0], &info);
	for (mates[0] = 0; mates[0] < PAIRS; mates[0]++)
		for (mates[1] = mates[0] + 1; mates[1] < PAIRS; mates[1]++)
			if (info.pairs[mates[0]].worker == info.pairs[mates[1]].worker)
				return;
	fail_msg("each pair has a worker of its own");
}

/* All load is on two pairs of one worker; when they are apart, on two others. */
static void rebalancing_under_load_keeps_flows_whole_and_in_order(void **state)
{
	struct net *net = *state;
	struct flows flows = {0};
	uint64_t deadline = clock_now_ms() + 3 * WAIT_MS;
	unsigned mates[2], moved = 0;

	plug_pairs(net, PAIRS, PAIRS, PAIRS);
	for (unsigned round = 0; round < 60; round++) {
		find_worker_mates(net, mates);
		for (unsigned sent = 0; sent < 300 && clock_now_ms() < deadline;) {
			unsigned pair = mates[sent % 2];

			sent += send_one(&net->drivers[0], pair, pair, &flows);
			driver_tx_kick(&net->drivers[0], pair);
			receive_all(&net->drivers[1], &flows);
		}
		moved += dataplane_rebalance(net->dp, false);
	}
	assert_all_arrive(&net->drivers[1], &flows);

	assert_true(moved > 10);
	assert_int_equal(drops_of(net, 1), 0);
}

/* --- the moment of a message ---------------------------------------------------------------------
 */

static void no_frame_is_lost_when_features_or_memory_are_sent_again(void **state)
{
	struct net *net = *state;
	struct flows flows = {0};
	struct frontend *f;
	struct err e = {0};

	plug_pairs(net, 2, 2, 2);
	f = &net->drivers[1].frontend;
	for (unsigned round = 0; round < 200; round++) {
		struct frontend_msg m = {
			.request = FRONTEND_SET_FEATURES, .flags = FRONTEND_VERSION, .size = 8};

		m.u64 = f->features;
		send_burst(net, 2, &flows);
		assert_int_equal(frontend_send(f, &m, NULL, 0, &e), 0);
		send_burst(net, 2, &flows);
		assert_int_equal(frontend_set_mem(f, &net->drivers[1].mem, &e), 0);
	}
	assert_all_arrive(&net->drivers[1], &flows);

	assert_int_equal(drops_of(net, 1), 0);
	wait_pairs(net, 1, 2);
}

/* --- migration -----------------------------------------------------------------------------------
 */

#define LOG_BYTES (1u << 20) /* a bit a page: 32 GiB */

struct log_message {
	uint64_t size, offset;
};

/* As QEMU begins a migration: the log, then the feature. */
static const uint8_t *begin_logging(struct driver *d)
{
	struct frontend_msg m = {.request = FRONTEND_SET_LOG_BASE,
				 .flags = FRONTEND_VERSION,
				 .size = sizeof(struct log_message)};
	struct log_message log = {.size = LOG_BYTES};
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct err e = {0};
	uint8_t *bitmap;

	assert_int_equal(ftruncate(fd, LOG_BYTES), 0);
	bitmap = mmap(NULL, LOG_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(bitmap, MAP_FAILED);
	memcpy(m.bytes, &log, sizeof(log));
	assert_int_equal(frontend_send(&d->frontend, &m, &fd, 1, &e), 0);
	assert_int_equal(frontend_recv(&d->frontend, &m, &e), 0);
	close(fd);
	return bitmap;
}

static bool is_dirty(const struct driver *d, const uint8_t *bitmap, const void *p)
{
	uint64_t page = guestmem_gpa(&d->mem, p) / 4096;

	return bitmap[page / 8] >> page % 8 & 1;
}

static unsigned count_dirty(const uint8_t *bitmap)
{
	unsigned n = 0;

	for (unsigned i = 0; i < LOG_BYTES; i++)
		n += (unsigned)__builtin_popcount(bitmap[i]);
	return n;
}

static void pages_that_frames_are_written_to_are_logged_during_a_migration(void **state)
{
	struct net *net = *state;
	struct flows flows = {0};
	struct driver *b = &net->drivers[1];
	const uint8_t *bitmap;
	const void *page = NULL;
	struct driver_frame f;

	plug_pairs(net, 1, 1, 1);
	bitmap = begin_logging(b);
	for (int i = 0; i < 20; i++)
		send_burst(net, 1, &flows);
	assert_all_arrive(b, &flows);
	assert_int_equal(count_dirty(bitmap), 0);

	assert_int_equal(send_u64(&b->frontend, FRONTEND_SET_FEATURES,
				  b->frontend.features | DRIVER_F(VHOST_F_LOG_ALL)),
			 0);
	for (int i = 0; i < 20; i++)
		send_burst(net, 1, &flows);
	assert_all_arrive(b, &flows);
	send_one(&net->drivers[0], 0, 0, &flows);
	driver_tx_kick(&net->drivers[0], 0);
	assert_int_equal(driver_rx_wait(b, 0, &f, WAIT_MS), 1);
	page = f.iov[0].iov_base;
	assert_true(is_dirty(b, bitmap, page));
	assert_true(is_dirty(b, bitmap, driver_rx_queue(b, 0)->vq.used));
	assert_int_equal(drops_of(net, 1), 0);

	munmap((void *)(uintptr_t)bitmap, LOG_BYTES);
}

/* --- what frontends tell -------------------------------------------------------------------------
 */

static void a_guests_mtu_is_taken_up_to_the_ports(void **state)
{
	struct driver_options o =
		net_driver_options(DRIVER_FEATURES_BASIC | DRIVER_F(VIRTIO_NET_F_MTU));
	struct net *net = *state;
	struct vhost_port_info info;
	struct driver *d;

	net->mtu = 9000;
	net_add_port(net, 0, VHOST_MODE_SERVER);
	d = net_plug(net, 0, &o);
	assert_true(driver_has(d, VIRTIO_NET_F_MTU));

	assert_int_equal(send_u64(&d->frontend, FRONTEND_NET_SET_MTU, 9000), 0);
	vhost_port_info(net->ports[0], &info);
	assert_int_equal(info.mtu, 9000);
	assert_int_equal(send_u64(&d->frontend, FRONTEND_NET_SET_MTU, 9001), -1);
	vhost_port_info(net->ports[0], &info);
	assert_int_equal(info.mtu, 9000);
	assert_non_null(strstr(info.error, "9001"));
}

static void frontends_see_what_the_port_offers(void **state)
{
	static const unsigned bits[] = {VIRTIO_NET_F_MTU, VIRTIO_NET_F_STATUS, VIRTIO_NET_F_CTRL_VQ,
					VIRTIO_NET_F_GUEST_ANNOUNCE};
	struct driver_options o = net_driver_options(DRIVER_FEATURES_BASIC);
	struct net *net = *state;

	for (unsigned queues = 1; queues <= 2; queues++) {
		struct driver *d;

		net->queues = queues;
		net_add_port(net, 0, VHOST_MODE_SERVER);
		d = net_plug(net, 0, &o);
		for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
			assert_true(d->frontend.offered >> bits[i] & 1);
		assert_int_equal(d->frontend.offered >> VIRTIO_NET_F_MQ & 1, queues > 1);
		assert_int_equal(d->frontend.protocol_offered & FRONTEND_PROTOCOL_MQ, queues > 1);
		net_drop_driver(net, 0);
		net_del_port(net, 0);
	}
}

/* After a migration the frontend of a guest that cannot announce itself asks for a RARP. */
static void a_rarp_for_a_migrated_guest_moves_it_to_its_new_port(void **state)
{
	struct net *net = *state;
	struct mac mac = station(1), back = station(2);
	uint8_t frame[FRAME_BYTES], got[FRAME_LEN_MAX];
	uint64_t payload = 0;

	net_plug_both(net, DRIVER_FEATURES_BASIC, DRIVER_FEATURES_BASIC);
	net_assert_delivers(net, 0, FRAME_BYTES); /* station 1 is at port 0 */
	memcpy(&payload, &mac, 6);

	assert_int_equal(send_u64(&net->drivers[1].frontend, FRONTEND_SEND_RARP, payload), 0);

	assert_int_equal(net_receive(&net->drivers[0], got, NULL, WAIT_MS), VHOST_ANNOUNCE_BYTES);
	assert_memory_equal(got, "\xff\xff\xff\xff\xff\xff", 6);
	assert_memory_equal(got + 6, &mac, 6);
	assert_int_equal(got[12] << 8 | got[13], 0x8035);
	packet_raw(frame, &mac, &back, sizeof(frame));
	net_send(&net->drivers[0], NULL, frame, sizeof(frame), NULL);
	assert_int_equal(net_receive(&net->drivers[1], got, NULL, WAIT_MS), FRAME_BYTES);
}

static void frames_follow_an_announcement_in_order(void **state)
{
	struct net *net = *state;
	struct mac mac = station(1);
	struct flows flows = {0};
	uint64_t payload = 0;

	plug_pairs(net, 1, 1, 1);
	memcpy(&payload, &mac, 6);
	for (unsigned round = 0; round < 100; round++) {
		send_burst(net, 1, &flows);
		assert_all_arrive(&net->drivers[1], &flows);
		assert_int_equal(send_u64(&net->drivers[0].frontend, FRONTEND_SEND_RARP, payload),
				 0);
		assert_int_equal(
			net_receive(&net->drivers[1], (uint8_t[FRAME_LEN_MAX]){0}, NULL, WAIT_MS),
			VHOST_ANNOUNCE_BYTES);
	}
}

int main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, net_setup, net_teardown)
#define T2(f) cmocka_unit_test_setup_teardown(f, net_setup_two_workers, net_teardown)
	const struct CMUnitTest tests[] = {
		T(flows_are_spread_over_the_receivers_pairs_in_order),
		T2(pairs_are_shared_by_the_workers),
		T(a_frontend_with_one_pair_works_on_a_port_with_four),
		T(a_pair_that_is_never_enabled_does_not_hold_up_the_first),
		T(a_frontend_with_more_pairs_than_the_port_is_refused_and_told_why),
		T2(pairs_come_and_go_one_by_one_under_traffic),
		T(a_senders_other_pairs_go_on_when_one_is_disabled),
		T2(rebalancing_under_load_keeps_flows_whole_and_in_order),
		T2(no_frame_is_lost_when_features_or_memory_are_sent_again),
		T(pages_that_frames_are_written_to_are_logged_during_a_migration),
		T(a_guests_mtu_is_taken_up_to_the_ports),
		T(frontends_see_what_the_port_offers),
		T(a_rarp_for_a_migrated_guest_moves_it_to_its_new_port),
		T(frames_follow_an_announcement_in_order),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("vhost queues", tests, NULL, NULL);
}
