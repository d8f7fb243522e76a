/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Captures of three collecting ports on one bridge, over a worker without a thread. A record is
 * written as text, "a in 100" or "b out 100 ring_full", so that a test reads as what was seen.
 */

#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "bridge/bridge.h"
#include "dataplane/capture.h"
#include "dataplane/eal.h"
#include "tests/lib/packet.h"
#include "tests/lib/testport.h"

#define MS 1000000ull

enum { A, B, C, PORTS };

struct net {
	struct dataplane *dp;
	struct bridge *bridge;
	struct testport *ports[PORTS];
	struct capture *capture;
	uint64_t now_ns;
	char seen[4096];
};

static int setup(void **state)
{
	struct bridge_params bridge = {.name = "br", .fdb_entries = 1000, .ageing_s = 300};
	struct net *net = calloc(1, sizeof(*net));

	net->bridge = testports_create(&net->dp, &bridge, net->ports, PORTS);
	net->now_ns = 1000000 * MS;
	*state = net;
	return 0;
}

static int teardown(void **state)
{
	struct net *net = *state;

	capture_destroy(net->capture);
	testports_destroy(net->dp, net->bridge, net->ports, PORTS);
	free(net);
	return 0;
}

static unsigned run(struct net *net)
{
	return worker_poll(net->dp->workers[0], net->now_ns);
}

static struct testframe *put(struct net *net, int port, uint8_t dst, uint8_t src, uint32_t len)
{
	struct mac d = station(dst), s = station(src);
	static uint8_t buf[FRAME_LEN_MAX];

	return testport_put(net->ports[port], buf, packet_raw(buf, &d, &s, len));
}

/* Station n+1 talks once from port n, so that the bridge knows where everybody is. */
static void introduce(struct net *net)
{
	for (int i = 0; i < PORTS; i++)
		put(net, i, 99, (uint8_t)(i + 1), 64);
	run(net);
	for (int i = 0; i < PORTS; i++)
		testport_clear(net->ports[i]);
}

/* Begins a capture of the ports whose names are letters of `ports`. */
static void capture(struct net *net, const char *ports, struct capture_params params)
{
	struct err e;

	if (!params.directions)
		params.directions = CAPTURE_BOTH;
	if (!params.snaplen)
		params.snaplen = FRAME_LEN_MAX;
	net->capture = capture_create(net->dp, &params, &e);
	assert_non_null(net->capture);
	for (; *ports; ports++)
		capture_add_port(net->capture, &net->ports[*ports - 'a']->port);
}

/* The records since the last call, a comma between them. */
static const char *seen(struct net *net)
{
	const struct capture_record *r;
	size_t len = 0;

	net->seen[0] = '\0';
	while ((r = capture_peek(net->capture))) {
		len += (size_t)snprintf(
			net->seen + len, sizeof(net->seen) - len, "%s%s %s %u%s%s", len ? ", " : "",
			net->dp->ports[r->port]->name, r->direction == CAPTURE_IN ? "in" : "out",
			r->len, r->reason ? " " : "", r->reason ? drop_reason_name(r->reason) : "");
		capture_release(net->capture, r);
	}
	return net->seen;
}

static void a_frame_is_seen_where_it_came_in_and_where_it_went(void **state)
{
	struct net *net = *state;

	introduce(net);
	capture(net, "abc", (struct capture_params){0});
	put(net, A, 2, 1, 100);
	run(net);

	assert_string_equal(seen(net), "a in 100, b out 100");
}

static void a_flooded_frame_is_seen_at_each_receiver(void **state)
{
	struct net *net = *state;

	capture(net, "abc", (struct capture_params){0});
	put(net, A, 2, 1, 100);
	run(net);

	assert_string_equal(seen(net), "a in 100, b out 100, c out 100");
}

static void only_the_ports_that_were_named_are_seen(void **state)
{
	struct net *net = *state;

	capture(net, "c", (struct capture_params){0});
	put(net, A, 2, 1, 100);
	put(net, C, 1, 3, 90);
	run(net);

	assert_string_equal(seen(net), "c out 100, c in 90");
}

static void one_direction_can_be_left_out(void **state)
{
	struct net *net = *state;

	capture(net, "ab", (struct capture_params){.directions = CAPTURE_IN});
	put(net, A, 2, 1, 100);
	run(net);

	assert_string_equal(seen(net), "a in 100");
}

static void a_drop_where_it_came_in_has_its_reason(void **state)
{
	struct net *net = *state;

	capture(net, "abc", (struct capture_params){.drops_only = true});
	put(net, A, 2, 1, 100);
	put(net, A, 2, 1, 100)->bytes[6] |= 1;
	put(net, A, 2, 1, 10);
	run(net);

	assert_string_equal(seen(net), "a in 100 src_multicast, a in 10 runt");
}

static void a_drop_at_a_full_receiver_has_its_reason(void **state)
{
	struct net *net = *state;

	capture(net, "bc", (struct capture_params){0});
	net->ports[B]->room = 0;
	put(net, A, 2, 1, 100);
	run(net);

	assert_string_equal(seen(net), "b out 100 ring_full, c out 100");
}

static void a_drop_by_the_receiver_itself_has_its_reason(void **state)
{
	struct net *net = *state;
	struct testframe *f;

	introduce(net);
	capture(net, "b", (struct capture_params){0});
	net->ports[B]->takes.csum = false;
	f = put(net, A, 2, 1, 1000);
	f->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM, .csum_start = 400, .csum_offset = 16};
	put(net, A, 2, 1, 100);
	run(net);

	assert_string_equal(seen(net), "b out 100, b out 1000 csum_depth");
}

static void a_frame_that_waits_for_room_is_seen_once_where_it_came_in(void **state)
{
	struct net *net = *state;

	introduce(net);
	capture(net, "abc", (struct capture_params){0});
	net->ports[B]->room = 0;
	put(net, A, 2, 1, 100);
	put(net, A, 3, 1, 90);
	run(net);
	assert_string_equal(seen(net), "a in 100, a in 90, c out 90");

	put(net, A, 3, 1, 80);
	run(net);
	assert_string_equal(seen(net), "a in 80, c out 80");

	net->ports[B]->room = 1;
	run(net);
	assert_string_equal(seen(net), "b out 100");
}

static void a_frame_that_waited_too_long_is_a_drop_at_the_receiver(void **state)
{
	struct net *net = *state;

	introduce(net);
	capture(net, "ab", (struct capture_params){0});
	net->ports[B]->room = 0;
	put(net, A, 2, 1, 100);
	run(net);
	net->now_ns += 20 * MS;
	run(net);

	assert_string_equal(seen(net), "a in 100, b out 100 ring_full");
}

static void a_receiver_that_went_down_is_a_reason(void **state)
{
	struct net *net = *state;

	introduce(net);
	capture(net, "b", (struct capture_params){0});
	dataplane_port_set_up(net->dp, &net->ports[B]->port, false);
	put(net, A, 2, 1, 100);
	run(net);

	assert_string_equal(seen(net), "b out 100 port_down");
}

static void capture_filtered(struct net *net, const char *ports, const char *filter,
			     enum capture_direction directions)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	struct bpf_program p;

	assert_int_equal(pcap_compile(dead, &p, filter, 1, PCAP_NETMASK_UNKNOWN), 0);
	capture(net, ports,
		(struct capture_params){
			.filter = p.bf_insns, .n_filter = p.bf_len, .directions = directions});
	pcap_freecode(&p);
	pcap_close(dead);
}

static void a_filter_of_tcpdump_passes_what_matches(void **state)
{
	struct net *net = *state;

	capture_filtered(net, "ab", "ether src 02:00:00:00:00:02 and greater 100", CAPTURE_IN);
	put(net, A, 2, 1, 200);
	put(net, B, 1, 2, 64);
	put(net, B, 1, 2, 200);
	run(net);

	assert_string_equal(seen(net), "b in 200");
}

static void a_filter_that_could_loop_is_refused(void **state)
{
	struct bpf_insn loop[] = {{BPF_JMP | BPF_JA, 0, 0, UINT32_MAX}, {BPF_RET | BPF_K, 0, 0, 1}};
	struct capture_params params = {.filter = loop, .n_filter = 2};
	struct net *net = *state;
	struct err e;

	assert_null(capture_create(net->dp, &params, &e));
	assert_non_null(strstr(e.text, "no valid BPF program"));
}

static void a_snaplen_cuts_the_copy_and_keeps_the_length(void **state)
{
	struct net *net = *state;
	const struct capture_record *r;

	capture(net, "a", (struct capture_params){.snaplen = 60});
	put(net, A, 2, 1, 1000);
	run(net);

	r = capture_peek(net->capture);
	assert_int_equal(r->len, 1000);
	assert_int_equal(r->cap_len, 60);
}

/* Frames of some length each, many times around the ring. */
static void every_byte_survives_the_end_of_the_ring(void **state)
{
	struct net *net = *state;
	const struct capture_record *r;

	introduce(net);
	capture(net, "a", (struct capture_params){.directions = CAPTURE_IN});
	for (unsigned i = 0; i < 400; i++) {
		struct testframe *f = put(net, A, 2, 1, 40000 + i * 37);
		uint8_t want[64];

		memcpy(want, f->bytes + f->len - 64, 64);
		run(net);
		r = capture_peek(net->capture);
		assert_non_null(r);
		assert_int_equal(r->cap_len, 40000 + i * 37);
		assert_memory_equal(r->bytes + r->cap_len - 64, want, 64);
		capture_release(net->capture, r);
		for (int p = 0; p < PORTS; p++) {
			net->ports[p]->room = TESTPORT_FRAMES;
			testport_clear(net->ports[p]);
		}
	}
	assert_int_equal(capture_missed(net->capture), 0);
}

static void a_full_ring_is_counted_and_traffic_goes_on(void **state)
{
	struct net *net = *state;
	unsigned n = 0;

	introduce(net);
	capture(net, "a", (struct capture_params){.directions = CAPTURE_IN});
	for (unsigned i = 0; i < 80; i++)
		put(net, A, 2, 1, 65000);
	while (run(net))
		;

	assert_int_equal(net->ports[B]->n_out, 80);
	while (capture_peek(net->capture)) {
		capture_release(net->capture, capture_peek(net->capture));
		n++;
	}
	assert_in_range(n, 60, 79);
	assert_int_equal(capture_missed(net->capture), 80 - n);
}

static void captures_at_the_same_time_see_the_same(void **state)
{
	struct net *net = *state;
	struct capture *first;

	capture(net, "a", (struct capture_params){.directions = CAPTURE_IN});
	first = net->capture;
	capture(net, "ab", (struct capture_params){0});
	put(net, A, 2, 1, 100);
	run(net);

	assert_string_equal(seen(net), "a in 100, b out 100");
	capture_destroy(net->capture);
	net->capture = first;
	assert_string_equal(seen(net), "a in 100");
	put(net, A, 2, 1, 90);
	run(net);
	assert_string_equal(seen(net), "a in 90");
}

static void a_capture_beyond_the_limit_is_refused(void **state)
{
	struct capture *all[CAPTURES_MAX + 1];
	struct capture_params params = {.directions = CAPTURE_BOTH, .snaplen = 64};
	struct net *net = *state;
	struct err e;

	for (int i = 0; i <= CAPTURES_MAX; i++)
		all[i] = capture_create(net->dp, &params, &e);

	assert_non_null(all[CAPTURES_MAX - 1]);
	assert_null(all[CAPTURES_MAX]);
	assert_non_null(strstr(e.text, "end one of them"));
	for (int i = 0; i < CAPTURES_MAX; i++)
		capture_destroy(all[i]);
}

static void a_tag_is_seen_as_it_leaves_and_filters_see_it_too(void **state)
{
	struct net *net = *state;
	struct bridge_params params = {
		.name = "br", .fdb_entries = 1000, .ageing_s = 300, .vlan_filtering = true};
	struct bridge_port_params trunk = {.trunk = true};

	vlan_set_add(&trunk.vlans, BRIDGE_PVID_DEFAULT);
	bridge_update(net->bridge, &params);
	bridge_update_port(net->bridge, &net->ports[B]->port, &trunk);
	capture_filtered(net, "abc", "vlan 1", CAPTURE_BOTH);
	put(net, A, 99, 1, 100);
	run(net);

	assert_string_equal(seen(net), "b out 104");
}

static void a_port_is_untouched_after_its_capture(void **state)
{
	struct net *net = *state;

	capture(net, "a", (struct capture_params){0});
	capture_destroy(net->capture);
	net->capture = NULL;

	assert_false(capture_is_on(&net->ports[A]->port));
	assert_null(net->dp->captures[0]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_frame_is_seen_where_it_came_in_and_where_it_went),
		TEST(a_flooded_frame_is_seen_at_each_receiver),
		TEST(only_the_ports_that_were_named_are_seen),
		TEST(one_direction_can_be_left_out),
		TEST(a_drop_where_it_came_in_has_its_reason),
		TEST(a_drop_at_a_full_receiver_has_its_reason),
		TEST(a_drop_by_the_receiver_itself_has_its_reason),
		TEST(a_frame_that_waits_for_room_is_seen_once_where_it_came_in),
		TEST(a_frame_that_waited_too_long_is_a_drop_at_the_receiver),
		TEST(a_receiver_that_went_down_is_a_reason),
		TEST(a_filter_of_tcpdump_passes_what_matches),
		TEST(a_filter_that_could_loop_is_refused),
		TEST(a_snaplen_cuts_the_copy_and_keeps_the_length),
		TEST(every_byte_survives_the_end_of_the_ring),
		TEST(a_full_ring_is_counted_and_traffic_goes_on),
		TEST(captures_at_the_same_time_see_the_same),
		TEST(a_capture_beyond_the_limit_is_refused),
		TEST(a_tag_is_seen_as_it_leaves_and_filters_see_it_too),
		TEST(a_port_is_untouched_after_its_capture),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
