/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Translation between the ports of a router: what sessions, forwards and errors look like outside.
 */

#include <arpa/inet.h>
#include <string.h>

#include "common/cksum.h"
#include "dataplane/eal.h"
#include "tests/lib/routernet.h"

static void forward_to(struct routernet *net, enum nat_class class, uint16_t port, const char *to,
		       uint16_t to_port)
{
	struct nat_forward f = {.class = class, .first = port, .to_port = to_port};
	struct err e = {0};

	assert_int_equal(ip4_parse(to, &f.to), 0);
	assert_int_equal(nat_forward_add(net->nat, net->outside, &f, &e), 0);
}

static void client_outside_reaches_a_forward_with_its_own_address(void **state)
{
	struct routernet *net = *state;
	struct got got;

	routernet_meet(net);
	forward_to(net, NAT_TCP, 2222, "10.10.0.11", 22);
	routernet_send(net, W,
		       &(struct flow){.from = 9,
				      .src = "203.0.113.5",
				      .dst = "198.18.0.2",
				      .proto = WIRE_PROTO_TCP,
				      .sport = 5555,
				      .dport = 2222,
				      .tcp_flags = TCP_SYN});
	assert_got(net, A, 0, "203.0.113.5", "10.10.0.11");
	got = routernet_got(net, A, 0);
	assert_int_equal(got.sport, 5555);
	assert_int_equal(got.dport, 22);

	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .proto = WIRE_PROTO_TCP,
				      .sport = 22,
				      .dport = 5555,
				      .tcp_flags = TCP_SYN | TCP_ACK});
	assert_got(net, W, 0, "198.18.0.2", "203.0.113.5");
	assert_int_equal(routernet_got(net, W, 0).sport, 2222);
}

static void first_packet_of_a_forward_waits_for_its_guest(void **state)
{
	struct routernet *net = *state;

	forward_to(net, NAT_UDP, 53, "10.10.0.12", 53);
	routernet_send(net, W,
		       &(struct flow){.from = 9,
				      .src = "203.0.113.5",
				      .dst = "198.18.0.2",
				      .sport = 5555,
				      .dport = 53,
				      .payload = 20});
	assert_int_equal(routernet_count(net, B), 0);
	routernet_arp(net, B, 2, "10.10.0.12", "10.10.0.1", ARP_REPLY);

	assert_got(net, B, 0, "203.0.113.5", "10.10.0.12");
}

static void rfc4787_req9_hairpin_comes_back_with_the_external_address(void **state)
{
	struct routernet *net = *state;
	struct got got;

	routernet_meet(net);
	forward_to(net, NAT_UDP, 53, "10.10.0.12", 5353);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "198.18.0.2",
				      .sport = 4000,
				      .dport = 53,
				      .payload = 20});
	assert_got(net, B, 0, "198.18.0.2", "10.10.0.12");
	got = routernet_got(net, B, 0);
	assert_int_equal(got.dport, 5353);
	assert_int_equal(got.ttl, 63);

	routernet_send(net, B,
		       &(struct flow){.from = 2,
				      .src = "10.10.0.12",
				      .dst = "198.18.0.2",
				      .sport = 5353,
				      .dport = got.sport,
				      .payload = 20});
	assert_got(net, A, 0, "198.18.0.2", "10.10.0.11");
	assert_int_equal(routernet_got(net, A, 0).sport, 53);
	assert_int_equal(routernet_count(net, W), 0);
}

static void rfc5508_req4_error_from_outside_reaches_the_guest_that_it_is_about(void **state)
{
	struct routernet *net = *state;
	uint8_t frame[256], inner[256];
	struct mac outside = station(9);
	struct icmp_hdr icmp = {.type = 3, .code = 1};
	struct ipv4_hdr ip = {.version_ihl = 0x45, .ttl = 60, .proto = WIRE_PROTO_ICMP};
	struct got sent, got;
	uint32_t quoted = 28, len;

	routernet_meet(net);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .sport = 4000,
				      .dport = 53,
				      .payload = 30});
	sent = routernet_got(net, W, 0);
	memcpy(inner, sent.l4 - 20, quoted);

	memset(frame, 0, sizeof(frame));
	memcpy(frame, &net->wan_params.mac, 6);
	memcpy(frame + 6, &outside, 6);
	frame[12] = 8;
	inet_pton(AF_INET, "192.0.2.77", &ip.src);
	inet_pton(AF_INET, "198.18.0.2", &ip.dst);
	ip.total_len = htons((uint16_t)(28 + quoted));
	ip.csum = cksum_finish(cksum_add(0, &ip, sizeof(ip)));
	memcpy(frame + 14, &ip, sizeof(ip));
	memcpy(frame + 34, &icmp, sizeof(icmp));
	memcpy(frame + 42, inner, quoted);
	icmp.csum = cksum_finish(cksum_add(0, frame + 34, 8 + quoted));
	memcpy(frame + 34, &icmp, sizeof(icmp));
	len = 42 + quoted;
	testport_put(net->ports[W], frame, len);
	routernet_run(net);

	assert_got(net, A, 0, "192.0.2.77", "10.10.0.11");
	got = routernet_got(net, A, 0);
	assert_int_equal(got.sport, 3);
	assert_memory_equal(got.l4 + 8 + 12, ((uint8_t[]){10, 10, 0, 11}), 4);
	assert_int_equal(got.l4[8 + 20] << 8 | got.l4[8 + 21], 4000);
}

static void rfc5508_req8_guest_beyond_its_quota_is_told(void **state)
{
	struct routernet *net = *state;
	struct err e = {0};
	struct got got;

	routernet_meet(net);
	net->inside_params.guest_sessions_max = 1;
	assert_int_equal(nat_inside_update(net->nat, net->inside, &net->inside_params, &e), 0);
	for (uint16_t port = 1000; port < 1003; port++)
		routernet_send(net, A,
			       &(struct flow){.from = 1,
					      .src = "10.10.0.11",
					      .dst = "203.0.113.5",
					      .sport = port,
					      .dport = 53});
	routernet_send(net, B,
		       &(struct flow){.from = 2,
				      .src = "10.10.0.12",
				      .dst = "203.0.113.5",
				      .sport = 1,
				      .dport = 53});

	assert_int_equal(routernet_count(net, W), 2);
	assert_int_equal(routernet_count(net, A), 2);
	got = routernet_got(net, A, 0);
	assert_true(got.ok);
	assert_int_equal(got.sport, 3);
	assert_int_equal(got.dport, 13);
	assert_int_equal(routernet_count(net, B), 0);
}

static void guest_that_the_filter_denies_is_told_and_others_pass(void **state)
{
	const struct nat_rule deny = {.direction = NAT_OUTBOUND,
				      .proto = WIRE_PROTO_TCP,
				      .port_first = 25,
				      .port_last = 25};
	struct routernet *net = *state;
	struct err e = {0};

	routernet_meet(net);
	net->inside_params.rules = &deny;
	net->inside_params.n_rules = 1;
	assert_int_equal(nat_inside_update(net->nat, net->inside, &net->inside_params, &e), 0);
	for (int i = 0; i < 2; i++)
		routernet_send(net, A,
			       &(struct flow){.from = 1,
					      .src = "10.10.0.11",
					      .dst = "203.0.113.5",
					      .proto = WIRE_PROTO_TCP,
					      .sport = 1000,
					      .dport = (uint16_t)(25 + i),
					      .tcp_flags = TCP_SYN});

	assert_int_equal(routernet_count(net, W), 1);
	assert_int_equal(routernet_got(net, W, 0).dport, 26);
	assert_int_equal(routernet_got(net, A, 0).dport, 13);
}

/* Cuts the payload of a datagram in two and queues the pieces at the port. */
static void put_fragments(struct routernet *net, int port, const struct flow *f, bool swapped)
{
	static uint8_t whole[4096], part[2][4096];
	uint32_t len = routernet_build(net, port, f, whole), cut = 14 + 20 + 800;
	uint32_t lens[2] = {cut, 14 + 20 + (len - cut)};

	for (int i = 0; i < 2; i++) {
		struct ipv4_hdr *ip = (struct ipv4_hdr *)(part[i] + 14);

		memcpy(part[i], whole, 34);
		memcpy(part[i] + 34, whole + (i ? cut : 34), lens[i] - 34);
		ip->total_len = htons((uint16_t)(lens[i] - 14));
		ip->frag_off = htons(i ? 800 / 8 : 0x2000);
		ip->id = htons(77);
		ip->csum = 0;
		ip->csum = cksum_finish(cksum_add(0, ip, sizeof(*ip)));
	}
	testport_put(net->ports[port], part[swapped], lens[swapped]);
	testport_put(net->ports[port], part[!swapped], lens[!swapped]);
	routernet_run(net);
}

static void fragments_pass(struct routernet *net, bool swapped)
{
	struct got a, b;

	put_fragments(net, A,
		      &(struct flow){.from = 1,
				     .src = "10.10.0.11",
				     .dst = "203.0.113.5",
				     .sport = 4000,
				     .dport = 53,
				     .payload = 1300},
		      swapped);

	assert_int_equal(routernet_count(net, W), 2);
	a = routernet_got(net, W, 0);
	b = routernet_got(net, W, 1);
	assert_true(a.ok && b.ok);
	assert_string_equal(a.src, "198.18.0.2");
	assert_string_equal(b.src, "198.18.0.2");
	assert_int_equal(a.frag, 0x2000);
	assert_int_equal(b.frag, 100);
}

static void rfc4787_req14_fragments_leave_translated(void **state)
{
	routernet_meet(*state);
	fragments_pass(*state, false);
}

static void rfc4787_req14_fragments_out_of_order_wait_for_the_first(void **state)
{
	routernet_meet(*state);
	fragments_pass(*state, true);
}

static void large_frame_leaves_whole_when_its_segments_fit(void **state)
{
	struct routernet *net = *state;
	struct testframe *f;

	routernet_meet(net);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .proto = WIRE_PROTO_TCP,
				      .sport = 9,
				      .dport = 80,
				      .tcp_flags = TCP_SYN});
	routernet_send(net, W,
		       &(struct flow){.from = 9,
				      .src = "203.0.113.5",
				      .dst = "198.18.0.2",
				      .proto = WIRE_PROTO_TCP,
				      .sport = 80,
				      .dport = 9,
				      .tcp_flags = TCP_SYN | TCP_ACK});
	routernet_clear(net);
	f = routernet_put(net, A,
			  &(struct flow){.from = 1,
					 .src = "10.10.0.11",
					 .dst = "203.0.113.5",
					 .proto = WIRE_PROTO_TCP,
					 .sport = 9,
					 .dport = 80,
					 .tcp_flags = TCP_ACK,
					 .df = true,
					 .payload = 20000});
	f->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM,
				.gso_type = VNET_GSO_TCPV4,
				.gso_size = 1460,
				.csum_start = 34,
				.csum_offset = 16};
	routernet_run(net);

	assert_int_equal(net->ports[W]->n_out, 1);
	assert_int_equal(net->ports[W]->out[0]->len, 54 + 20000);
	assert_int_equal(net->ports[W]->out[0]->vnet.gso_size, 1460);
	assert_string_equal(routernet_got(net, W, 0).src, "198.18.0.2");
}

static void large_frame_whose_segments_do_not_fit_is_reported(void **state)
{
	struct routernet *net = *state;
	struct testframe *f;

	routernet_meet(net);
	net->wan_params.mtu = 1400;
	router_iface_update(net->router, (unsigned)net->wan, &net->wan_params, &(struct err){0});
	f = routernet_put(net, A,
			  &(struct flow){.from = 1,
					 .src = "10.10.0.11",
					 .dst = "203.0.113.5",
					 .proto = WIRE_PROTO_TCP,
					 .sport = 9,
					 .dport = 80,
					 .tcp_flags = TCP_ACK,
					 .df = true,
					 .payload = 20000});
	f->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM,
				.gso_type = VNET_GSO_TCPV4,
				.gso_size = 1460,
				.csum_start = 34,
				.csum_offset = 16};
	routernet_run(net);

	assert_int_equal(routernet_count(net, W), 0);
	assert_int_equal(routernet_got(net, A, 0).dport, 4);
	assert_int_equal(routernet_got(net, A, 0).seq, 1400);
}

static void partial_checksum_is_right_behind_the_translation(void **state)
{
	struct routernet *net = *state;
	struct testframe *f;
	uint32_t sum;
	uint16_t partial;

	routernet_meet(net);
	net->ports[W]->takes = (struct offloads){0};
	f = routernet_put(net, A,
			  &(struct flow){.from = 1,
					 .src = "10.10.0.11",
					 .dst = "203.0.113.5",
					 .sport = 4000,
					 .dport = 53,
					 .payload = 99});
	sum = cksum_add(0, f->bytes + 26, 8);
	sum = cksum_add32(sum, htonl(8 + 99 + WIRE_PROTO_UDP));
	partial = cksum_fold(sum);
	memcpy(f->bytes + 40, &partial, 2);
	f->vnet = (struct vnet){.flags = VNET_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6};
	routernet_run(net);

	assert_got(net, W, 0, "198.18.0.2", "203.0.113.5");
}

/* --- held frames -------------------------------------------------------------------------------
 */

static void frame_that_waits_for_room_is_translated_once(void **state)
{
	struct routernet *net = *state;
	struct nat_counters c;

	routernet_meet(net);
	net->ports[W]->room = 0;
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .sport = 4000,
				      .dport = 53,
				      .payload = 30});
	assert_int_equal(routernet_count(net, W), 0);
	net->ports[W]->room = 10;
	routernet_run(net);

	assert_got(net, W, 0, "198.18.0.2", "203.0.113.5");
	assert_int_equal(routernet_got(net, W, 0).ttl, 63);
	assert_int_equal(routernet_count(net, W), 1);
	nat_counters_get(net->nat, &c);
	assert_int_equal(c.sessions, 1);
}

static void connection_that_waits_for_room_opens_as_usual(void **state)
{
	struct routernet *net = *state;

	routernet_meet(net);
	net->ports[W]->room = 0;
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .proto = WIRE_PROTO_TCP,
				      .sport = 9,
				      .dport = 80,
				      .tcp_flags = TCP_SYN});
	net->ports[W]->room = 10;
	routernet_run(net);
	net->ports[A]->room = 0;
	routernet_send(net, W,
		       &(struct flow){.from = 9,
				      .src = "203.0.113.5",
				      .dst = "198.18.0.2",
				      .proto = WIRE_PROTO_TCP,
				      .sport = 80,
				      .dport = 9,
				      .tcp_flags = TCP_SYN | TCP_ACK});
	net->ports[A]->room = 10;
	routernet_run(net);
	routernet_send(net, A,
		       &(struct flow){.from = 1,
				      .src = "10.10.0.11",
				      .dst = "203.0.113.5",
				      .proto = WIRE_PROTO_TCP,
				      .sport = 9,
				      .dport = 80,
				      .tcp_flags = TCP_ACK});

	assert_int_equal(routernet_count(net, W), 2);
	assert_got(net, A, 0, "203.0.113.5", "10.10.0.11");
	assert_int_equal(routernet_got(net, A, 0).ttl, 63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, routernet_setup, routernet_teardown)
		T(client_outside_reaches_a_forward_with_its_own_address),
		T(first_packet_of_a_forward_waits_for_its_guest),
		T(rfc4787_req9_hairpin_comes_back_with_the_external_address),
		T(rfc5508_req4_error_from_outside_reaches_the_guest_that_it_is_about),
		T(rfc5508_req8_guest_beyond_its_quota_is_told),
		T(guest_that_the_filter_denies_is_told_and_others_pass),
		T(rfc4787_req14_fragments_leave_translated),
		T(rfc4787_req14_fragments_out_of_order_wait_for_the_first),
		T(large_frame_leaves_whole_when_its_segments_fit),
		T(large_frame_whose_segments_do_not_fit_is_reported),
		T(partial_checksum_is_right_behind_the_translation),
		T(frame_that_waits_for_room_is_translated_once),
		T(connection_that_waits_for_room_opens_as_usual),
	};
	struct err e;

	if (eal_init(CONFIG_OFF, &e) < 0) {
		print_error("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests_name("router_nat", tests, NULL, NULL);
}
