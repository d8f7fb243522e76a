/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A bridge that filters VLANs, from the frames that its ports send and get. */

#include "tests/lib/bridgenet.h"

#include <arpa/inet.h>
#include <string.h>

#include "dataplane/eal.h"

static const struct mac broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static void access_ports_reach_only_their_vlan(void **state)
{
	struct bridgenet *net = *state;

	bridgenet_filter_vlans(net);
	bridgenet_access(net, A, 10);
	bridgenet_access(net, B, 10);
	bridgenet_access(net, C, 20);
	bridgenet_put_to(net, A, broadcast, 1, -1);
	bridgenet_run(net);

	assert_int_equal(bridgenet_got(net, B), 1);
	assert_int_equal(bridgenet_got(net, C) + bridgenet_got(net, D), 0);
	assert_int_equal(bridgenet_tci(net, B), -1);
}

static void ports_are_in_vlan_one_unless_they_say_otherwise(void **state)
{
	struct bridgenet *net = *state;

	bridgenet_filter_vlans(net);
	bridgenet_access(net, C, 20);
	bridgenet_put_to(net, A, broadcast, 1, -1);
	bridgenet_run(net);

	assert_int_equal(bridgenet_got(net, B) + bridgenet_got(net, D), 2);
	assert_int_equal(bridgenet_got(net, C), 0);
}

static void access_port_refuses_tagged_frames(void **state)
{
	struct bridgenet *net = *state;

	bridgenet_filter_vlans(net);
	bridgenet_access(net, A, 10);
	bridgenet_trunk(net, B, "10, 20", 0, false);
	bridgenet_put_to(net, A, broadcast, 1, 10);
	bridgenet_put_to(net, A, broadcast, 1, 20);
	bridgenet_run(net);

	assert_int_equal(bridgenet_got(net, B), 0);
	assert_int_equal(bridgenet_drops(net, DROP_VLAN), 2);
}

static void trunk_gets_frames_tagged_and_gives_them_back_untagged(void **state)
{
	struct bridgenet *net = *state;

	bridgenet_filter_vlans(net);
	bridgenet_access(net, A, 10);
	bridgenet_trunk(net, B, "10, 20", 0, false);
	bridgenet_put(net, A, 2, 1, -1);
	bridgenet_put(net, B, 1, 2, 0x6000 | 10);
	bridgenet_run(net);

	assert_int_equal(bridgenet_tci(net, B), 10);
	assert_int_equal(net->ports[B]->out[0]->len, 104);
	assert_int_equal(bridgenet_tci(net, A), -1);
	assert_int_equal(net->ports[A]->out[0]->len, 100);
	for (uint32_t i = 14; i < 100; i++) {
		assert_int_equal(net->ports[B]->out[0]->bytes[i + 4], packet_pattern(i));
		assert_int_equal(net->ports[A]->out[0]->bytes[i], packet_pattern(i));
	}
}

static void one_flooded_frame_goes_tagged_here_and_untagged_there(void **state)
{
	struct bridgenet *net = *state;

	bridgenet_filter_vlans(net);
	bridgenet_access(net, A, 10);
	bridgenet_access(net, B, 10);
	bridgenet_trunk(net, C, "10", 0, false);
	bridgenet_trunk(net, D, "20", 10, false);
	bridgenet_put_to(net, A, broadcast, 1, -1);
	bridgenet_run(net);

	assert_int_equal(bridgenet_tci(net, B), -1);
	assert_int_equal(bridgenet_tci(net, C), 10);
	assert_int_equal(bridgenet_tci(net, D), -1);
}

static void native_vlan_leaves_a_trunk_as_the_port_says(void **state)
{
	struct bridgenet *net = *state;

	bridgenet_filter_vlans(net);
	bridgenet_access(net, A, 5);
	bridgenet_trunk(net, B, "10", 5, false);
	bridgenet_trunk(net, C, "10", 5, true);
	bridgenet_trunk(net, D, "10", 0, false);
	bridgenet_put_to(net, A, broadcast, 1, -1);
	bridgenet_put_to(net, D, broadcast, 4, -1);
	bridgenet_run(net);

	assert_int_equal(bridgenet_tci(net, B), -1);
	assert_int_equal(bridgenet_tci(net, C), 5);
	assert_int_equal(bridgenet_got(net, D), 0);
	assert_int_equal(bridgenet_drops(net, DROP_VLAN), 1);
}

static void priority_tag_counts_as_untagged_and_keeps_its_priority(void **state)
{
	struct bridgenet *net = *state;

	bridgenet_filter_vlans(net);
	bridgenet_access(net, A, 10);
	bridgenet_access(net, B, 10);
	bridgenet_trunk(net, C, "10", 0, false);
	bridgenet_put_to(net, A, broadcast, 1, 0xa000);
	bridgenet_run(net);

	assert_int_equal(bridgenet_tci(net, B), -1);
	assert_int_equal(net->ports[B]->out[0]->len, 100);
	assert_int_equal(bridgenet_tci(net, C), 0xa000 | 10);
	assert_int_equal(net->ports[C]->out[0]->len, 104);
}

static void service_tag_counts_as_the_outermost_tag(void **state)
{
	struct bridgenet *net = *state;
	struct testframe *f;

	bridgenet_filter_vlans(net);
	bridgenet_trunk(net, A, "10", 0, false);
	bridgenet_trunk(net, B, "10", 0, false);
	bridgenet_access(net, C, 10);
	f = bridgenet_put_to(net, A, broadcast, 1, 10);
	f->bytes[12] = 0x88;
	f->bytes[13] = 0xa8;
	bridgenet_run(net);

	assert_int_equal(net->ports[B]->out[0]->bytes[12], 0x88);
	assert_int_equal(net->ports[B]->out[0]->len, 104);
	assert_int_equal(net->ports[C]->out[0]->len, 100);
}

static void one_address_may_live_behind_another_port_in_each_vlan(void **state)
{
	struct bridgenet *net = *state;

	bridgenet_filter_vlans(net);
	bridgenet_access(net, A, 10);
	bridgenet_access(net, B, 20);
	bridgenet_trunk(net, C, "10, 20", 0, false);
	bridgenet_put(net, A, 99, 7, -1);
	bridgenet_put(net, B, 99, 7, -1);
	bridgenet_run(net);
	bridgenet_clear(net);
	bridgenet_put(net, C, 7, 3, 10);
	bridgenet_put(net, C, 7, 3, 20);
	bridgenet_run(net);

	assert_int_equal(bridgenet_got(net, A), 1);
	assert_int_equal(bridgenet_got(net, B), 1);
	assert_int_equal(bridgenet_got(net, D), 0);
	assert_int_equal(net->bridge->fdb.moved, 0);
}

static void runt_tags_and_vlan_4095_are_dropped(void **state)
{
	struct bridgenet *net = *state;

	bridgenet_filter_vlans(net);
	bridgenet_trunk(net, A, "1-4094", 0, false);
	bridgenet_put_to(net, A, broadcast, 1, 4095);
	bridgenet_put_to(net, A, broadcast, 1, 10)->len = 17;
	bridgenet_run(net);

	assert_int_equal(bridgenet_drops(net, DROP_VLAN), 1);
	assert_int_equal(bridgenet_drops(net, DROP_RUNT), 1);
}

static void checksum_offload_cannot_rewrite_the_tag_that_was_checked(void **state)
{
	struct bridgenet *net = *state;

	bridgenet_filter_vlans(net);
	bridgenet_trunk(net, A, "10", 0, false);
	bridgenet_trunk(net, B, "10, 20", 0, false);
	bridgenet_put_to(net, A, broadcast, 1, 10)->vnet =
		(struct vnet){.flags = VNET_NEEDS_CSUM, .csum_start = 14, .csum_offset = 0};
	bridgenet_run(net);

	assert_int_equal(bridgenet_got(net, B), 0);
	assert_int_equal(bridgenet_drops(net, DROP_BAD_CSUM_RANGE), 1);
}

/* Sends a TSO frame from A to B and checks every segment that comes out. */
static void check_tso(struct bridgenet *net, unsigned tags_in, unsigned tags_out, bool ipv6,
		      struct offloads takes)
{
	uint8_t buf[FRAME_LEN_MAX], unused[FRAME_LEN_MAX];
	struct frame_layout in, out;
	uint32_t len = packet_tcp(buf, ipv6, tags_in, 5000, &in), at = 0;
	struct testframe *f;

	packet_tcp(unused, ipv6, tags_out, 1, &out);
	if (tags_in)
		buf[14] = 0, buf[15] = 10;
	f = testport_put(net->ports[A], buf, len);
	f->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM,
				.gso_type = ipv6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4,
				.gso_size = 1400,
				.hdr_len = in.payload,
				.csum_start = in.l4,
				.csum_offset = 16};
	net->ports[B]->takes = takes;
	bridgenet_run(net);

	assert_int_equal(bridgenet_got(net, B), takes.tso4 ? 1 : 4);
	assert_int_equal(bridgenet_tci(net, B), tags_out ? 10 : -1);
	for (unsigned i = 0; i < bridgenet_got(net, B); i++) {
		const struct testframe *got = net->ports[B]->out[i];

		if (takes.csum) {
			assert_true(packet_tcp_is_partial(got->bytes, got->len, &out));
			assert_int_equal(got->vnet.csum_start, out.l4);
		} else {
			assert_true(packet_tcp_is_valid(got->bytes, got->len, &out));
		}
		for (uint32_t k = 0; k < got->len - out.payload; k++)
			assert_int_equal(got->bytes[out.payload + k], packet_pattern(at + k));
		at += got->len - out.payload;
	}
	assert_int_equal(at, 5000);
	bridgenet_clear(net);
}

static void segmentation_and_checksums_are_right_under_changing_tags(void **state)
{
	static const struct offloads takes[] = {
		{.csum = true, .tso4 = true, .tso6 = true, .ecn = true},
		{.csum = true},
		{.csum = false}};
	struct bridgenet *net = *state;

	bridgenet_filter_vlans(net);
	for (unsigned bits = 0; bits < 8; bits++) {
		unsigned tags_in = bits & 1, tags_out = bits >> 1 & 1;

		if (tags_in)
			bridgenet_trunk(net, A, "10", 0, false);
		else
			bridgenet_access(net, A, 10);
		if (tags_out)
			bridgenet_trunk(net, B, "10", 0, false);
		else
			bridgenet_access(net, B, 10);
		for (size_t i = 0; i < ARRAY_SIZE(takes); i++)
			check_tso(net, tags_in, tags_out, bits & 4, takes[i]);
	}
}

static void headers_that_fill_the_head_take_a_tag(void **state)
{
	struct bridgenet *net = *state;
	struct mac d = station(2), s = station(1);
	uint8_t buf[300];

	bridgenet_filter_vlans(net);
	bridgenet_access(net, A, 10);
	bridgenet_trunk(net, B, "10", 0, false);
	for (uint32_t len = 120; len < 140; len++) {
		struct testframe *f =
			testport_put(net->ports[A], buf, packet_raw(buf, &d, &s, len));
		const struct testframe *out;

		f->vnet = (struct vnet){
			.flags = VNET_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
		net->ports[B]->takes = (struct offloads){0};
		bridgenet_run(net);

		out = net->ports[B]->out[0];
		assert_int_equal(out->len, len + 4);
		for (uint32_t i = 52; i < len; i++)
			assert_int_equal(out->bytes[i + 4], packet_pattern(i));
		bridgenet_clear(net);
	}
}

static void changing_vlans_of_a_port_forgets_its_stations(void **state)
{
	struct bridgenet *net = *state;

	bridgenet_filter_vlans(net);
	bridgenet_put(net, B, 99, 2, -1);
	bridgenet_run(net);
	bridgenet_access(net, B, 20);
	bridgenet_clear(net);
	bridgenet_put(net, A, 2, 1, -1);
	bridgenet_run(net);

	assert_int_equal(bridgenet_got(net, B), 0);
	assert_int_equal(bridgenet_got(net, C) + bridgenet_got(net, D), 2);
}

static void a_bridge_that_stops_filtering_is_transparent_again(void **state)
{
	struct bridgenet *net = *state;

	bridgenet_filter_vlans(net);
	bridgenet_access(net, A, 10);
	net->params.vlan_filtering = false;
	bridge_update(net->bridge, &net->params);
	bridgenet_put_to(net, A, broadcast, 1, 77);
	bridgenet_run(net);

	assert_int_equal(bridgenet_got(net, B), 1);
	assert_int_equal(bridgenet_tci(net, B), 77);
	assert_false(net->bridge->filter);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bridgenet_setup, bridgenet_teardown)
	const struct CMUnitTest tests[] = {
		T(access_ports_reach_only_their_vlan),
		T(ports_are_in_vlan_one_unless_they_say_otherwise),
		T(access_port_refuses_tagged_frames),
		T(trunk_gets_frames_tagged_and_gives_them_back_untagged),
		T(one_flooded_frame_goes_tagged_here_and_untagged_there),
		T(native_vlan_leaves_a_trunk_as_the_port_says),
		T(priority_tag_counts_as_untagged_and_keeps_its_priority),
		T(service_tag_counts_as_the_outermost_tag),
		T(one_address_may_live_behind_another_port_in_each_vlan),
		T(runt_tags_and_vlan_4095_are_dropped),
		T(checksum_offload_cannot_rewrite_the_tag_that_was_checked),
		T(segmentation_and_checksums_are_right_under_changing_tags),
		T(headers_that_fill_the_head_take_a_tag),
		T(changing_vlans_of_a_port_forgets_its_stations),
		T(a_bridge_that_stops_filtering_is_transparent_again),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("vlan", tests, NULL, NULL);
}
