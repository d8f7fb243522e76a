/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The tap port kind with real taps, in a network namespace of the test's own: frames, back
 * pressure, sleep. The test is the worker, except where sleeping and waking up is what is tested.
 */

#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/bridge.h"
#include "common/clock.h"
#include "dataplane/eal.h"
#include "tests/lib/packet.h"
#include "tests/lib/segment.h"
#include "tests/lib/tapnet.h"

#define MSS	1448
#define WAIT_MS 2000
#define NOTHING 50 /* ms without a frame that show that none comes */

/* A large TCP segment with a pattern as payload, as sender and receiver of it see it. */
struct large {
	struct segment segment;
	struct vnet vnet;
	uint32_t len;
	uint8_t payload[60000], bytes[FRAME_LEN_MAX];
};

static struct large *large_create(bool ipv6)
{
	struct large *l = calloc(1, sizeof(*l));
	struct frame_layout layout;

	for (uint32_t i = 0; i < sizeof(l->payload); i++)
		l->payload[i] = packet_pattern(i);
	l->segment = (struct segment){.ipv6 = ipv6,
				      .dst = station(1),
				      .src = station(2),
				      .tcp_flags = 0x10,
				      .payload = l->payload,
				      .len = sizeof(l->payload)};
	l->len = segment_build(l->bytes, &l->segment, true, &layout);
	l->vnet = segment_vnet(&l->segment, &layout, MSS);
	return l;
}

/* --- frames ----------------------------------------------------------------------------------- */

static void a_frame_from_the_host_reaches_the_bridge(void **state)
{
	static const uint32_t sizes[] = {60, 127, 128, 129, 590, 1514};
	struct tapnet *net = *state;
	uint8_t bytes[1514];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		packet_raw(bytes, &(struct mac){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
			   &(struct mac){{2, 0, 0, 0, 0, 9}}, sizes[i]);
		hosttap_send(&net->host, NULL, bytes, sizes[i]);
		tapnet_switch(net);

		assert_int_equal(net->a->n_out, i + 1);
		assert_int_equal(net->a->out[i]->len, sizes[i]);
		assert_memory_equal(net->a->out[i]->bytes, bytes, sizes[i]);
	}
}

static void a_frame_to_the_host_arrives_unchanged(void **state)
{
	static const uint32_t sizes[] = {60, 127, 128, 129, 590, 1514};
	struct tapnet *net = *state;
	struct hostframe *f = malloc(sizeof(*f));
	struct mac to = station(1), from = station(2);
	uint8_t bytes[1514];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		packet_raw(bytes, &to, &from, sizes[i]);
		testport_put(net->a, bytes, sizes[i]);
		tapnet_switch(net);

		assert_true(hosttap_recv(&net->host, f, WAIT_MS));
		assert_int_equal(f->len, sizes[i]);
		assert_memory_equal(f->bytes, bytes, sizes[i]);
	}
	free(f);
}

static void tso_frames_of_the_host_pass_whole(void **state)
{
	struct tapnet *net = *state;

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct large *l = large_create(ipv6);

		hosttap_send(&net->host, &l->vnet, l->bytes, l->len);
		tapnet_switch(net);

		assert_int_equal(net->a->n_out, 1);
		assert_int_equal(net->a->out[0]->len, l->len);
		assert_memory_equal(net->a->out[0]->bytes, l->bytes, l->len);
		assert_memory_equal(&net->a->out[0]->vnet, &l->vnet, sizeof(l->vnet));
		testport_clear(net->a);
		free(l);
	}
}

static void tso_frames_to_the_host_pass_whole(void **state)
{
	struct tapnet *net = *state;
	struct hostframe *f = malloc(sizeof(*f));

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct large *l = large_create(ipv6);

		testport_put(net->a, l->bytes, l->len)->vnet = l->vnet;
		tapnet_switch(net);

		assert_true(hosttap_recv(&net->host, f, WAIT_MS));
		assert_int_equal(f->len, l->len);
		assert_memory_equal(f->bytes, l->bytes, l->len);
		assert_int_equal(f->vnet.gso_type, l->vnet.gso_type);
		assert_int_equal(f->vnet.gso_size, MSS);
		assert_int_equal(f->vnet.flags, VNET_NEEDS_CSUM);
		free(l);
	}
	free(f);
}

/* Each segment that has to come, byte by byte, its checksum complete. */
static void expect_segments(struct tapnet *net, const struct large *l)
{
	struct hostframe *f = malloc(sizeof(*f));
	uint8_t *want = malloc(FRAME_LEN_MAX);
	struct frame_layout layout;

	for (unsigned i = 0; i < segment_parts(&l->segment, MSS); i++) {
		struct segment part = segment_part(&l->segment, i, MSS);
		uint32_t len = segment_build(want, &part, false, &layout);

		assert_true(hosttap_recv(&net->host, f, WAIT_MS));
		assert_int_equal(f->len, len);
		assert_memory_equal(f->bytes, want, len);
		assert_int_equal(f->vnet.gso_type, VNET_GSO_NONE);
		assert_int_equal(f->vnet.flags & VNET_NEEDS_CSUM, 0);
	}
	assert_false(hosttap_recv(&net->host, f, NOTHING));
	free(want);
	free(f);
}

static void a_tap_without_offloads_gets_finished_segments(void **state)
{
	struct tap_port_params params = tapnet_params(TAPNET_INTERFACE);
	struct large *l = large_create(false);
	struct tapnet *net;

	params.tso = params.uso = params.csum = false;
	net = tapnet_create(&params);

	testport_put(net->a, l->bytes, l->len)->vnet = l->vnet;
	tapnet_switch(net);

	expect_segments(net, l);
	assert_int_equal(tapnet_stats(net).tx_segments, segment_parts(&l->segment, MSS));
	free(l);
	tapnet_destroy(net);
}

static void the_host_cuts_for_a_tap_without_offloads(void **state)
{
	struct tap_port_params params = tapnet_params(TAPNET_INTERFACE);
	struct large *l = large_create(false);
	struct tapnet *net;

	params.tso = params.uso = params.csum = false;
	net = tapnet_create(&params);

	hosttap_send(&net->host, &l->vnet, l->bytes, l->len);
	tapnet_switch(net);

	assert_int_equal(net->a->n_out, segment_parts(&l->segment, MSS));
	assert_int_equal(net->a->out[0]->vnet.flags, 0);
	free(l);
	tapnet_destroy(net);
}

/* A frame in more pieces than one write takes. */
static void a_frame_in_many_pieces_arrives_whole(void **state)
{
	struct tapnet *net = *state;
	struct port *p = tap_port_port(net->tap);
	struct burst *b = aligned_alloc(64, (sizeof(*b) + 63) & ~(size_t)63);
	struct hostframe *got = malloc(sizeof(*got));
	struct frame *f = &b->frames[0];
	struct mac to = station(1), from = station(2);
	struct port_stats st = {0};
	uint8_t bytes[1514];

	memset(b, 0, sizeof(*b));
	f->len = packet_raw(bytes, &to, &from, sizeof(bytes));
	f->head_len = FRAME_HEAD_MAX;
	memcpy(f->head, bytes, FRAME_HEAD_MAX);
	f->segs = b->segs;
	for (uint32_t at = FRAME_HEAD_MAX; at < f->len; at += 7)
		b->segs[f->n_segs++] = (struct seg){bytes + at, MIN_OF(7u, f->len - at)};

	assert_int_equal(p->ops->tx(&p->queues[0], b, 1, &st).sent, 1);

	assert_true(f->n_segs > 64);
	assert_true(hosttap_recv(&net->host, got, WAIT_MS));
	assert_int_equal(got->len, f->len);
	assert_memory_equal(got->bytes, bytes, f->len);
	free(got);
	free(b);
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* Unicast to a, told apart by a byte. */
static void send_numbered(struct tapnet *net, uint8_t number, uint32_t len)
{
	struct mac a = station(1), host = station(2);
	uint8_t bytes[1514];

	packet_raw(bytes, &a, &host, len);
	bytes[14] = number;
	hosttap_send(&net->host, NULL, bytes, len);
}

static void learn_station_of_a(struct tapnet *net)
{
	struct mac a = station(1), other = station(7);
	struct hostframe *f = malloc(sizeof(*f));
	uint8_t bytes[60];

	packet_raw(bytes, &other, &a, sizeof(bytes));
	testport_put(net->a, bytes, sizeof(bytes));
	tapnet_switch(net);
	assert_true(hosttap_recv(&net->host, f, WAIT_MS));
	free(f);
}

static void frames_without_room_wait_in_order(void **state)
{
	struct tapnet *net = *state;

	learn_station_of_a(net);
	net->a->room = 3;
	for (uint8_t i = 0; i < 50; i++)
		send_numbered(net, i, 100);
	tapnet_switch(net);
	assert_int_equal(net->a->n_out, 3);

	net->a->room = 100;
	tapnet_switch(net);

	assert_int_equal(net->a->n_out, 50);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(net->a->out[i]->bytes[14], i);
}

/* With all buffers waiting, sleep is allowed: nothing can be read before there is room. */
static void a_queue_whose_buffers_all_wait_may_sleep(void **state)
{
	struct tapnet *net = *state;
	struct port *p = tap_port_port(net->tap);

	learn_station_of_a(net);
	net->a->room = 0;
	for (uint8_t i = 0; i < 50; i++)
		send_numbered(net, i, 100);
	tapnet_switch(net);

	assert_false(p->ops->arm(&p->queues[0], true));
}

/* Reading breaks off after a few large frames; what is left must not wait for the next edge. */
static void a_queue_that_broke_off_reading_does_not_sleep(void **state)
{
	struct tapnet *net = *state;
	struct port *p = tap_port_port(net->tap);
	struct large *l = large_create(false);

	for (unsigned i = 0; i < 20; i++)
		hosttap_send(&net->host, &l->vnet, l->bytes, l->len);
	worker_poll(net->dp->workers[0], net->now_ns += 1000);

	assert_in_range(net->a->n_out, 1, 19);
	assert_true(p->ops->arm(&p->queues[0], false));
	tapnet_switch(net);
	assert_int_equal(net->a->n_out, 20);
	assert_false(p->ops->arm(&p->queues[0], false));
	free(l);
}

/* --- sleeping --------------------------------------------------------------------------------- */

/* Two taps and a worker that goes to sleep as soon as it can. */
struct pair {
	struct dataplane *dp;
	struct bridge *bridge;
	struct tap_port *taps[2];
	struct hosttap hosts[2];
};

static void pair_create(struct pair *p, unsigned queues)
{
	struct bridge_params bridge = {.name = "lan"};
	struct err e;

	p->dp = dataplane_create(
		&(struct dataplane_params){.n_workers = 2, .start_threads = true, .idle_ns = 0},
		&e);
	p->bridge = bridge_create(p->dp, &bridge, &e);
	for (unsigned i = 0; i < 2; i++) {
		struct tap_port_params params = tapnet_params(i ? "weft1" : "weft0");

		params.queues = queues;
		p->taps[i] = tapnet_port(p->dp, &params);
		bridge_add_port(p->bridge, tap_port_port(p->taps[i]));
		hosttap_open(&p->hosts[i], params.link.name);
	}
}

static void pair_destroy(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		hosttap_close(&p->hosts[i]);
		bridge_del_port(p->bridge, tap_port_port(p->taps[i]));
		tap_port_destroy(p->taps[i]);
	}
	bridge_destroy(p->bridge);
	dataplane_destroy(p->dp);
}

/* Pauses of all lengths, so that frames come at every point of the worker's way to sleep. */
static void a_sleeping_worker_wakes_up_for_each_frame(void **state)
{
	struct hostframe *f = malloc(sizeof(*f));
	struct mac to = station(1), from = station(2);
	uint8_t bytes[100];
	struct pair p;

	pair_create(&p, 1);
	packet_raw(bytes, &to, &from, sizeof(bytes));
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t until_ns = clock_now_ns() + i * 7919 % 60000;

		memcpy(bytes + 14, &i, sizeof(i));
		while (clock_now_ns() < until_ns)
			;
		hosttap_send(&p.hosts[0], NULL, bytes, sizeof(bytes));
		if (!hosttap_recv(&p.hosts[1], f, 900))
			fail_msg("frame %u was not seen", i);
		assert_memory_equal(f->bytes, bytes, sizeof(bytes));
	}
	pair_destroy(&p);
	free(f);
}

static void bursts_arrive_whole_while_the_worker_sleeps_between(void **state)
{
	struct large *l = large_create(false);
	struct hostframe *f = malloc(sizeof(*f));
	struct pair p;

	pair_create(&p, 4);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 40; i++)
			hosttap_send(&p.hosts[0], &l->vnet, l->bytes, l->len);
		for (unsigned i = 0; i < 40; i++) {
			assert_true(hosttap_recv(&p.hosts[1], f, 900));
			assert_int_equal(f->len, l->len);
		}
	}
	pair_destroy(&p);
	free(f);
	free(l);
}

#define WITH_TAP(test) cmocka_unit_test_setup_teardown(test, tapnet_setup, tapnet_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TAP(a_frame_from_the_host_reaches_the_bridge),
		WITH_TAP(a_frame_to_the_host_arrives_unchanged),
		WITH_TAP(tso_frames_of_the_host_pass_whole),
		WITH_TAP(tso_frames_to_the_host_pass_whole),
		cmocka_unit_test(a_tap_without_offloads_gets_finished_segments),
		cmocka_unit_test(the_host_cuts_for_a_tap_without_offloads),
		WITH_TAP(a_frame_in_many_pieces_arrives_whole),
		WITH_TAP(frames_without_room_wait_in_order),
		WITH_TAP(a_queue_whose_buffers_all_wait_may_sleep),
		WITH_TAP(a_queue_that_broke_off_reading_does_not_sleep),
		cmocka_unit_test(a_sleeping_worker_wakes_up_for_each_frame),
		cmocka_unit_test(bursts_arrive_whole_while_the_worker_sleeps_between),
	};
	struct err e;

	hosttap_namespace();
	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
