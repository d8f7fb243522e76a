/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Guests that lie in their virtio-net header, one lie a test. Each test begins with an honest
 * frame, bends one thing, and sends it to a receiver without offloads between two honest frames:
 * the lie alone is lost, under the one reason that names it.
 *
 *	liar ---+--- bridge ---+--- receiver
 */

#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/bridge.h"
#include "dataplane/eal.h"
#include "tests/lib/packet.h"
#include "tests/lib/segment.h"
#include "tests/lib/testport.h"

#define MSS	1000
#define PAYLOAD 2500

struct net {
	struct dataplane *dp;
	struct bridge *bridge;
	struct testport *liar, *receiver;
	uint8_t payload[65536];
};

static int setup(void **state)
{
	struct dataplane_params params = {.n_workers = 1};
	struct bridge_params bridge = {.name = "br", .fdb_entries = 100, .ageing_s = 300};
	struct net *net = calloc(1, sizeof(*net));
	struct err e;

	net->dp = dataplane_create(&params, &e);
	net->bridge = bridge_create(net->dp, &bridge, &e);
	net->liar = testport_create(net->dp, "liar");
	net->receiver = testport_create(net->dp, "receiver");
	net->receiver->takes = (struct offloads){0};
	bridge_add_port(net->bridge, &net->liar->port);
	bridge_add_port(net->bridge, &net->receiver->port);
	for (uint32_t i = 0; i < sizeof(net->payload); i++)
		net->payload[i] = packet_pattern(i);
	*state = net;
	return 0;
}

static int teardown(void **state)
{
	struct net *net = *state;

	bridge_del_port(net->bridge, &net->liar->port);
	bridge_del_port(net->bridge, &net->receiver->port);
	testport_destroy(net->dp, net->liar);
	testport_destroy(net->dp, net->receiver);
	bridge_destroy(net->bridge);
	dataplane_destroy(net->dp);
	free(net);
	return 0;
}

/* --- honest frames ------------------------------------------------------------------------------
 */

static struct segment segment(const struct net *net, bool udp, bool ipv6)
{
	return (struct segment){
		.udp = udp,
		.ipv6 = ipv6,
		.id = 7,
		.seq = 1,
		.tcp_flags = 0x18,
		.dst = station(2),
		.src = station(1),
		.payload = net->payload,
		.len = PAYLOAD,
	};
}

/* Queues the segment as a frame to be cut into MSS pieces. */
static struct testframe *put(struct net *net, const struct segment *s, struct frame_layout *l)
{
	uint8_t buf[FRAME_LEN_MAX];
	struct testframe *f = testport_put(net->liar, buf, segment_build(buf, s, true, l));

	f->vnet = segment_vnet(s, l, MSS);
	return f;
}

static struct testframe *put_gso(struct net *net, bool udp, bool ipv6, struct frame_layout *l)
{
	struct segment s = segment(net, udp, ipv6);

	return put(net, &s, l);
}

/* Queues an honest frame and one to be bent. */
static struct testframe *put_tcp4(struct net *net, struct frame_layout *l)
{
	put_gso(net, false, false, l);
	return put_gso(net, false, false, l);
}

/* Queues one more honest frame and runs. What comes out, and why the rest did not. */
static void assert_lost(struct net *net, enum drop_reason reason)
{
	struct frame_layout l;
	struct port_stats s;

	put_gso(net, true, true, &l);
	worker_poll(net->dp->workers[0], 1);
	port_stats_sum(&net->liar->port, &s);
	for (int r = 0; r < DROP_N; r++)
		if (s.drops[r] && r != (int)reason)
			fail_msg("lost as %s instead of %s", drop_reason_name((enum drop_reason)r),
				 drop_reason_name(reason));
	port_stats_add(&s, &net->receiver->port.stats[0]);
	assert_int_equal(s.drops[reason], 1);
	assert_int_equal(net->receiver->n_out, 2 * 3);
	assert_int_equal(net->liar->n_in, 0);
}

/* --- the checksum -------------------------------------------------------------------------------
 */

static void csum_start_past_the_end(void **state)
{
	struct frame_layout l;
	struct testframe *f = put_tcp4(*state, &l);

	f->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM, .csum_start = (uint16_t)f->len};
	assert_lost(*state, DROP_BAD_CSUM_RANGE);
}

static void csum_offset_past_the_end(void **state)
{
	struct frame_layout l;
	struct testframe *f = put_tcp4(*state, &l);

	f->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM,
				.csum_start = l.l4,
				.csum_offset = (uint16_t)(f->len - l.l4 - 1)};
	assert_lost(*state, DROP_BAD_CSUM_RANGE);
}

static void csum_start_and_offset_that_wrap_around(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->vnet = (struct vnet){
		.flags = VNET_NEEDS_CSUM, .csum_start = 0xfff0, .csum_offset = 0xfff0};
	assert_lost(*state, DROP_BAD_CSUM_RANGE);
}

static void csum_start_inside_the_ethernet_header(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->vnet =
		(struct vnet){.flags = VNET_NEEDS_CSUM, .csum_start = 6, .csum_offset = 0};
	assert_lost(*state, DROP_BAD_CSUM_RANGE);
}

/* It would change the source address after anybody has looked at it. */
static void csum_field_inside_the_ip_header(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->vnet =
		(struct vnet){.flags = VNET_NEEDS_CSUM, .csum_start = 14, .csum_offset = 12};
	assert_lost(*state, DROP_BAD_CSUM_RANGE);
}

static void csum_on_an_arp_frame(void **state)
{
	struct frame_layout l;
	struct testframe *f = put_tcp4(*state, &l);

	memcpy(f->bytes + 12, "\x08\x06", 2);
	f->vnet.gso_type = VNET_GSO_NONE;
	assert_lost(*state, DROP_BAD_CSUM_RANGE);
}

static void csum_deeper_than_the_headers_that_are_copied(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->vnet =
		(struct vnet){.flags = VNET_NEEDS_CSUM, .csum_start = 500, .csum_offset = 16};
	assert_lost(*state, DROP_CSUM_DEPTH);
}

static void sctp_without_its_crc_for_a_receiver_that_wants_it(void **state)
{
	struct frame_layout l;
	struct testframe *f = put_tcp4(*state, &l);

	f->bytes[l.l3 + 9] = WIRE_PROTO_SCTP;
	f->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM, .csum_start = l.l4, .csum_offset = 8};
	assert_lost(*state, DROP_CSUM_SCTP);
}

/* --- the GSO fields -----------------------------------------------------------------------------
 */

static void gso_size_of_zero(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->vnet.gso_size = 0;
	assert_lost(*state, DROP_BAD_GSO);
}

/* 64 KiB in single bytes would be 65000 frames of one. */
static void gso_size_of_one_in_a_large_frame(void **state)
{
	struct net *net = *state;
	struct segment s = segment(net, false, false);
	struct frame_layout l;

	put_gso(net, false, false, &l);
	s.len = 65000;
	put(net, &s, &l)->vnet.gso_size = 1;
	assert_lost(net, DROP_GSO_SEGMENTS);
}

static void more_segments_than_the_receivers_ring_takes(void **state)
{
	struct net *net = *state;
	struct frame_layout l;

	net->receiver->takes.segs_max = 64;
	put_tcp4(net, &l)->vnet.gso_size = PAYLOAD / 65;
	assert_lost(net, DROP_GSO_SEGMENTS);
}

static void gso_without_needs_csum(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->vnet.flags = 0;
	assert_lost(*state, DROP_BAD_GSO);
}

static void ecn_bit_alone(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->vnet.gso_type = VNET_GSO_ECN;
	assert_lost(*state, DROP_BAD_GSO);
}

static void ecn_bit_on_a_udp_frame(void **state)
{
	struct frame_layout l;

	put_gso(*state, false, false, &l);
	put_gso(*state, true, false, &l)->vnet.gso_type |= VNET_GSO_ECN;
	assert_lost(*state, DROP_BAD_GSO);
}

static void a_gso_type_that_does_not_exist(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->vnet.gso_type = 0x7f;
	assert_lost(*state, DROP_BAD_GSO);
}

static void ufo_which_is_never_offered(void **state)
{
	struct frame_layout l;

	put_gso(*state, false, false, &l);
	put_gso(*state, true, false, &l)->vnet.gso_type = 3;
	assert_lost(*state, DROP_BAD_GSO);
}

static void gso_on_an_arp_frame(void **state)
{
	struct frame_layout l;
	struct testframe *f = put_tcp4(*state, &l);

	memcpy(f->bytes + 12, "\x08\x06", 2);
	assert_lost(*state, DROP_BAD_CSUM_RANGE);
}

static void gso_on_a_frame_of_another_protocol(void **state)
{
	struct frame_layout l;
	struct testframe *f = put_tcp4(*state, &l);

	memcpy(f->bytes + 12, "\x88\xb5", 2);
	assert_lost(*state, DROP_BAD_GSO);
}

static void tso_type_on_a_udp_frame(void **state)
{
	struct frame_layout l;

	put_gso(*state, false, false, &l);
	put_gso(*state, true, false, &l)->vnet.gso_type = VNET_GSO_TCPV4;
	assert_lost(*state, DROP_BAD_GSO);
}

static void uso_type_on_a_tcp_frame(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->vnet.gso_type = VNET_GSO_UDP_L4;
	assert_lost(*state, DROP_BAD_GSO);
}

static void tso4_type_on_an_ipv6_frame(void **state)
{
	struct frame_layout l;

	put_gso(*state, false, false, &l);
	put_gso(*state, false, true, &l)->vnet.gso_type = VNET_GSO_TCPV4;
	assert_lost(*state, DROP_BAD_GSO);
}

static void csum_fields_that_are_not_the_headers_own(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->vnet.csum_start += 4;
	assert_lost(*state, DROP_BAD_GSO);
}

/* --- the headers --------------------------------------------------------------------------------
 */

static void ipv4_length_larger_than_the_frame(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->bytes[l.l3 + 2]++;
	assert_lost(*state, DROP_GSO_LENGTH);
}

static void ipv4_length_smaller_than_its_header(void **state)
{
	struct frame_layout l;
	struct testframe *f = put_tcp4(*state, &l);

	memcpy(f->bytes + l.l3 + 2, "\0\x05", 2);
	assert_lost(*state, DROP_GSO_LENGTH);
}

static void ipv6_length_that_contradicts_the_frame(void **state)
{
	struct frame_layout l;

	put_gso(*state, false, false, &l);
	put_gso(*state, false, true, &l)->bytes[l.l3 + 5]--;
	assert_lost(*state, DROP_GSO_LENGTH);
}

static void udp_length_that_contradicts_the_frame(void **state)
{
	struct frame_layout l;

	put_gso(*state, false, false, &l);
	put_gso(*state, true, false, &l)->bytes[l.l4 + 5]--;
	assert_lost(*state, DROP_GSO_LENGTH);
}

static void ipv4_header_length_below_five_words(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->bytes[l.l3] = 0x44;
	assert_lost(*state, DROP_BAD_GSO);
}

static void an_ip_version_that_is_not_the_ethertypes(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->bytes[l.l3] = 0x65;
	assert_lost(*state, DROP_BAD_GSO);
}

static void gso_on_an_ipv4_fragment(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->bytes[l.l3 + 6] = 0x20;
	assert_lost(*state, DROP_BAD_GSO);
}

static void tcp_data_offset_below_five_words(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->bytes[l.l4 + 12] = 0x40;
	assert_lost(*state, DROP_BAD_GSO);
}

/* A short frame whose TCP header would reach behind its end. */
static void tcp_data_offset_past_the_end(void **state)
{
	struct net *net = *state;
	struct segment s = segment(net, false, false);
	struct testframe *f;
	struct frame_layout l;

	put_gso(net, false, false, &l);
	s.len = 10;
	f = put(net, &s, &l);
	f->bytes[l.l4 + 12] = 0xf0;
	assert_lost(net, DROP_BAD_GSO);
}

static void truncated_tcp_header(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->len = 14 + 20 + 19;
	assert_lost(*state, DROP_BAD_GSO);
}

static void truncated_ip_header(void **state)
{
	struct frame_layout l;

	put_tcp4(*state, &l)->len = 14 + 10;
	assert_lost(*state, DROP_BAD_CSUM_RANGE);
}

static void three_vlan_tags(void **state)
{
	struct net *net = *state;
	struct segment s = segment(net, false, false);
	struct frame_layout l;

	put_gso(net, false, false, &l);
	s.tags = 3;
	put(net, &s, &l);
	assert_lost(net, DROP_GSO_HEADERS);
}

static void an_ipv6_header_that_is_not_followed(void **state)
{
	struct net *net = *state;
	struct segment s = segment(net, false, true);
	struct frame_layout l;

	put_gso(net, false, false, &l);
	s.options = 8;
	put(net, &s, &l)->bytes[l.l3 + 40] = 44; /* a fragment header follows */
	assert_lost(net, DROP_GSO_HEADERS);
}

static void ipv6_extension_headers_deeper_than_the_copy(void **state)
{
	struct net *net = *state;
	struct segment s = segment(net, false, true);
	struct frame_layout l;

	put_gso(net, false, false, &l);
	s.options = 8 + 64;
	put(net, &s, &l);
	assert_lost(net, DROP_GSO_HEADERS);
}

/* --- not lost -----------------------------------------------------------------------------------
 */

static void hdr_len_is_not_believed_but_computed(void **state)
{
	static const uint16_t lies[] = {0, 1, 40, 65535};
	struct net *net = *state;
	struct frame_layout l;

	net->receiver->takes = (struct offloads){.csum = true, .tso4 = true};
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++)
		put_gso(net, false, false, &l)->vnet.hdr_len = lies[i];
	worker_poll(net->dp->workers[0], 1);

	assert_int_equal(net->receiver->n_out, ARRAY_SIZE(lies));
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++)
		assert_int_equal(net->receiver->out[i]->vnet.hdr_len, l.payload);
}

static void a_packet_above_the_receivers_mtu_is_lost_by_name(void **state)
{
	struct net *net = *state;
	struct port_stats s;
	struct frame_layout l;

	net->receiver->takes = (struct offloads){.csum = true, .tso4 = true, .mtu = 1500};
	put_gso(net, false, false, &l)->vnet.gso_size = 1460;
	put_gso(net, false, false, &l)->vnet.gso_size = 1461;
	worker_poll(net->dp->workers[0], 1);
	port_stats_sum(&net->receiver->port, &s);

	assert_int_equal(net->receiver->n_out, 1);
	assert_int_equal(s.drops[DROP_MTU], 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(csum_start_past_the_end),
		T(csum_offset_past_the_end),
		T(csum_start_and_offset_that_wrap_around),
		T(csum_start_inside_the_ethernet_header),
		T(csum_field_inside_the_ip_header),
		T(csum_on_an_arp_frame),
		T(csum_deeper_than_the_headers_that_are_copied),
		T(sctp_without_its_crc_for_a_receiver_that_wants_it),
		T(gso_size_of_zero),
		T(gso_size_of_one_in_a_large_frame),
		T(more_segments_than_the_receivers_ring_takes),
		T(gso_without_needs_csum),
		T(ecn_bit_alone),
		T(ecn_bit_on_a_udp_frame),
		T(a_gso_type_that_does_not_exist),
		T(ufo_which_is_never_offered),
		T(gso_on_an_arp_frame),
		T(gso_on_a_frame_of_another_protocol),
		T(tso_type_on_a_udp_frame),
		T(uso_type_on_a_tcp_frame),
		T(tso4_type_on_an_ipv6_frame),
		T(csum_fields_that_are_not_the_headers_own),
		T(ipv4_length_larger_than_the_frame),
		T(ipv4_length_smaller_than_its_header),
		T(ipv6_length_that_contradicts_the_frame),
		T(udp_length_that_contradicts_the_frame),
		T(ipv4_header_length_below_five_words),
		T(an_ip_version_that_is_not_the_ethertypes),
		T(gso_on_an_ipv4_fragment),
		T(tcp_data_offset_below_five_words),
		T(tcp_data_offset_past_the_end),
		T(truncated_tcp_header),
		T(truncated_ip_header),
		T(three_vlan_tags),
		T(an_ipv6_header_that_is_not_followed),
		T(ipv6_extension_headers_deeper_than_the_copy),
		T(hdr_len_is_not_believed_but_computed),
		T(a_packet_above_the_receivers_mtu_is_lost_by_name),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("offload liars", tests, NULL, NULL);
}
