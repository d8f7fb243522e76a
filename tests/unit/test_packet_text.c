/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "daemon/packet_text.h"
#include "tests/lib/packet.h"

static struct text_packet packet;
static struct err err;

/* Parses the words of `text`. */
static int parse(const char *text)
{
	static char copy[1024];
	const char *words[64];
	unsigned n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[n++] = word;
	return packet_text_parse(&packet, words, n, &err);
}

static void refuses(const char *text, const char *why)
{
	assert_true(parse(text) < 0);
	if (!strstr(err.text, why))
		fail_msg("'%s' does not say '%s'", err.text, why);
}

static const char *hex(unsigned from, unsigned len)
{
	static char text[256];

	for (unsigned i = 0; i < len; i++)
		snprintf(text + 2 * i, sizeof(text) - 2 * i, "%02x", packet.bytes[from + i]);
	return text;
}

static void headers_are_laid_out_in_order_with_their_fields(void **state)
{
	assert_int_equal(parse("eth src=02:00:00:00:00:0a dst=02:00:00:00:00:0b vlan id=7 pcp=3 "
			       "arp op=2 spa=10.0.0.1 tpa=10.0.0.2"),
			 0);

	assert_int_equal(packet.len, 14 + 4 + 28);
	assert_string_equal(hex(0, 18), "02000000000b02000000000a810060070806");
	assert_string_equal(hex(18, 8), "0001080006040002");
	assert_string_equal(hex(32, 4), "0a000001");
	assert_string_equal(hex(42, 4), "0a000002");
}

static void what_a_header_stands_on_is_added(void **state)
{
	assert_int_equal(parse("udp dport=53 payload=12"), 0);

	assert_int_equal(packet.len, 14 + 20 + 8 + 12);
	assert_string_equal(hex(12, 2), "0800");
	assert_string_equal(hex(16, 2), "0028");
	assert_string_equal(hex(23, 1), "11");
	assert_string_equal(hex(36, 4), "00350014");

	assert_int_equal(parse("icmp6"), 0);
	assert_string_equal(hex(12, 2), "86dd");
}

static void a_tcp_packet_is_one_that_a_receiver_takes(void **state)
{
	struct frame_layout l = {.l3 = 14, .l4 = 34, .payload = 54};

	assert_int_equal(parse("ip src=10.0.0.1 dst=10.0.0.2 tcp flags=SA payload=33"), 0);

	assert_int_equal(packet.bytes[47], 0x12);
	assert_true(packet_tcp_is_valid(packet.bytes, packet.len, &l));
	assert_int_equal(packet.vnet.flags, 0);

	l = (struct frame_layout){.l3 = 18, .l4 = 58, .payload = 78, .ipv6 = true};
	assert_int_equal(parse("eth vlan id=2 ip6 src=fd00::1 dst=fd00::2 tcp payload=9"), 0);
	assert_true(packet_tcp_is_valid(packet.bytes, packet.len, &l));
}

static void gso_leaves_the_checksum_to_the_receiver(void **state)
{
	struct frame f = {0};

	assert_int_equal(parse("tcp payload=4000 gso=1448"), 0);

	assert_int_equal(packet.vnet.gso_type, VNET_GSO_TCPV4);
	assert_int_equal(packet.vnet.gso_size, 1448);
	assert_int_equal(packet.vnet.csum_start, 34);
	memcpy(f.head, packet.bytes, FRAME_HEAD_MAX);
	f.head_len = FRAME_HEAD_MAX;
	f.len = packet.len;
	f.vnet = packet.vnet;
	assert_int_equal(frame_check_offload(&f), DROP_NONE);
}

static void a_type_that_is_given_stays(void **state)
{
	assert_int_equal(parse("eth type=0x88cc payload=4"), 0);
	assert_string_equal(hex(12, 2), "88cc");
}

static void hex_digits_are_the_packet_itself(void **state)
{
	assert_int_equal(parse("ffffffffffff 02:00:00:00:00:01 0806"), 0);

	assert_int_equal(packet.len, 14);
	assert_string_equal(hex(0, 14), "ffffffffffff0200000000010806");
}

static void mistakes_are_explained(void **state)
{
	refuses("", "no packet");
	refuses("eth foo=1", "eth has no field foo");
	refuses("eth src=nonsense", "aa:bb:cc:dd:ee:ff");
	refuses("eth sctp", "neither a header");
	refuses("dst=02:00:00:00:00:01", "belongs to no header");
	refuses("ip src=10.0.0.300", "IPv4 address");
	refuses("tcp dport=65536", "0 to 65535");
	refuses("tcp dport=-1", "0 to 65535");
	refuses("tcp flags=XYZ", "letters of");
	refuses("udp gso=100", "TCP");
	refuses("arp csum=partial", "TCP or UDP");
	refuses("tcp udp", "cannot stand on");
	refuses("ip vlan", "cannot stand on");
	refuses("ip eth", "first header");
	refuses("payload=100000 tcp", "0 to 65000");
	refuses("eth vlan vlan vlan vlan vlan vlan vlan vlan", "more than");
	refuses("0102 03z4", "hex digits");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_laid_out_in_order_with_their_fields),
		cmocka_unit_test(what_a_header_stands_on_is_added),
		cmocka_unit_test(a_tcp_packet_is_one_that_a_receiver_takes),
		cmocka_unit_test(gso_leaves_the_checksum_to_the_receiver),
		cmocka_unit_test(a_type_that_is_given_stays),
		cmocka_unit_test(hex_digits_are_the_packet_itself),
		cmocka_unit_test(mistakes_are_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
