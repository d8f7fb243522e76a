/* SPDX-License-Identifier: GPL-2.0-or-later */

/* packet_parse: what it finds, and what it refuses. */

#include "tests/lib/natworld.h"

#include <arpa/inet.h>
#include <string.h>

static enum drop_reason parse(struct natworld *w)
{
	memset(&w->frame, 0, sizeof(w->frame));
	w->frame.len = w->len;
	w->frame.head_len = (uint16_t)(w->len < FRAME_HEAD_MAX ? w->len : FRAME_HEAD_MAX);
	memcpy(w->frame.head, w->bytes, w->frame.head_len);
	return packet_parse(&w->packet, &w->frame);
}

static void a_packet_is_found_in_its_frame(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	assert_int_equal(parse(w), DROP_NONE);
	assert_int_equal(w->packet.l3, 14);
	assert_int_equal(w->packet.l4, 34);
	assert_int_equal(w->packet.len, 33);
	assert_int_equal(w->packet.sport, htons(5000));
	assert_int_equal(w->packet.dport, htons(53));
	assert_int_equal(w->packet.fragment, PACKET_WHOLE);
}

static void padding_is_not_of_the_packet(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	w->len = 60;
	assert_int_equal(parse(w), DROP_NONE);
	assert_int_equal(w->packet.len, 33);
}

static void a_transport_header_in_the_padding_is_refused(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	w->bytes[17] = 27;
	ip_sum(w);
	assert_int_equal(parse(w), DROP_IP_HEADER);
}

static void options_of_ip_are_skipped(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	memmove(w->bytes + 38, w->bytes + 34, w->len - 34);
	memset(w->bytes + 34, 1, 4);
	w->len += 4;
	w->bytes[14] = 0x46;
	w->bytes[17] = (uint8_t)(w->bytes[17] + 4);
	ip_sum(w);
	assert_int_equal(parse(w), DROP_NONE);
	assert_int_equal(w->packet.l4, 38);
	assert_int_equal(w->packet.dport, htons(53));
}

static void headers_that_contradict_their_frame_are_refused(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	w->len--;
	assert_int_equal(parse(w), DROP_IP_HEADER);
	udp(w, A ":5000", REMOTE ":53");
	w->bytes[14] = 0x65;
	assert_int_equal(parse(w), DROP_IP_HEADER);
	udp(w, A ":5000", REMOTE ":53");
	w->bytes[14] = 0x44;
	assert_int_equal(parse(w), DROP_IP_HEADER);
	udp(w, A ":5000", REMOTE ":53");
	w->bytes[24] ^= 1;
	assert_int_equal(parse(w), DROP_IP_CSUM);
	tcp(w, A ":5000", REMOTE ":53", SYN);
	w->bytes[46] = 4 << 4;
	assert_int_equal(parse(w), DROP_IP_HEADER);
	w->len = 13;
	assert_int_equal(parse(w), DROP_RUNT);
}

static void errors_and_queries_are_told_apart(void **state)
{
	struct natworld *w = *state;

	icmp_query(w, ECHO, A, REMOTE, 77);
	assert_int_equal(parse(w), DROP_NONE);
	assert_false(w->packet.icmp_error);
	assert_int_equal(w->packet.sport, htons(77));
	assert_int_equal(w->packet.dport, htons(77));
	udp(w, A ":5000", REMOTE ":53");
	icmp_error(w, UNREACHABLE, 3, REMOTE);
	assert_int_equal(parse(w), DROP_NONE);
	assert_true(w->packet.icmp_error);
	assert_int_equal(w->packet.sport, 0);
}

static void fragments_are_told_apart(void **state)
{
	struct natworld *w = *state;

	udp_sized(w, A ":5000", REMOTE ":53", 992);
	fragment(w, 1, 0, 800, true);
	assert_int_equal(parse(w), DROP_NONE);
	assert_int_equal(w->packet.fragment, PACKET_FRAGMENT_FIRST);
	assert_int_equal(w->packet.dport, htons(53));
	udp_sized(w, A ":5000", REMOTE ":53", 992);
	fragment(w, 1, 800, 200, false);
	assert_int_equal(parse(w), DROP_NONE);
	assert_int_equal(w->packet.fragment, PACKET_FRAGMENT_REST);
	assert_int_equal(w->packet.dport, 0);
}

/* An IPv6 header, `chain` of extension headers, and UDP. */
static void ip6(struct natworld *w, uint8_t next, const void *chain, unsigned chain_len)
{
	struct ipv6_hdr ip = {.version_class_flow = htonl(0x60000000),
			      .payload_len = htons((uint16_t)(chain_len + 8)),
			      .next_header = next,
			      .hop_limit = 64};
	static const uint8_t ports[8] = {0x13, 0x88, 0, 53, 0, 8};

	memset(w->bytes, 0, 200);
	w->bytes[12] = 0x86;
	w->bytes[13] = 0xdd;
	memcpy(w->bytes + 14, &ip, 40);
	memcpy(w->bytes + 54, chain, chain_len);
	memcpy(w->bytes + 54 + chain_len, ports, 8);
	w->len = 54 + chain_len + 8;
}

static void extension_headers_are_followed(void **state)
{
	struct natworld *w = *state;

	ip6(w, 17, "", 0);
	assert_int_equal(parse(w), DROP_NONE);
	assert_true(w->packet.ipv6);
	assert_int_equal(w->packet.dport, htons(53));
	ip6(w, 0, "\x3c\0\0\0\0\0\0\0\x11\0\0\0\0\0\0\0", 16);
	assert_int_equal(parse(w), DROP_NONE);
	assert_int_equal(w->packet.l4, 70);
	assert_int_equal(w->packet.proto, 17);
	assert_int_equal(w->packet.dport, htons(53));
}

static void fragments_of_ip6_are_told_apart(void **state)
{
	struct natworld *w = *state;

	ip6(w, 44, "\x11\0\0\x01\0\0\0\x07", 8);
	assert_int_equal(parse(w), DROP_NONE);
	assert_int_equal(w->packet.fragment, PACKET_FRAGMENT_FIRST);
	assert_int_equal(w->packet.dport, htons(53));
	ip6(w, 44, "\x11\0\x05\x01\0\0\0\x07", 8);
	assert_int_equal(parse(w), DROP_NONE);
	assert_int_equal(w->packet.fragment, PACKET_FRAGMENT_REST);
}

static void a_chain_that_leaves_the_head_is_refused(void **state)
{
	struct natworld *w = *state;

	ip6(w, 0, "\x11\x0f\0\0\0\0\0\0", 8);
	assert_int_equal(parse(w), DROP_IP_HEADER);
}

static void other_ethertypes_are_refused(void **state)
{
	struct natworld *w = *state;

	udp(w, A ":5000", REMOTE ":53");
	w->bytes[13] = 6;
	assert_int_equal(parse(w), DROP_NAT_PROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		nat_test(a_packet_is_found_in_its_frame),
		nat_test(padding_is_not_of_the_packet),
		nat_test(a_transport_header_in_the_padding_is_refused),
		nat_test(options_of_ip_are_skipped),
		nat_test(headers_that_contradict_their_frame_are_refused),
		nat_test(errors_and_queries_are_told_apart),
		nat_test(fragments_are_told_apart),
		nat_test(extension_headers_are_followed),
		nat_test(fragments_of_ip6_are_told_apart),
		nat_test(a_chain_that_leaves_the_head_is_refused),
		nat_test(other_ethertypes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
