/* SPDX-License-Identifier: GPL-2.0-or-later */

/* RFC 6296: prefix translation that no checksum notices. */

#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "nat/npt6.h"

static struct npt6 make(const char *inside, const char *outside)
{
	struct ipaddr_prefix in, out;
	struct npt6 t;

	assert_int_equal(ipaddr_prefix_parse(inside, &in), 0);
	assert_int_equal(ipaddr_prefix_parse(outside, &out), 0);
	assert_int_equal(npt6_init(&t, &in, &out, NULL), 0);
	return t;
}

static uint16_t sum_of(const uint8_t addr[16])
{
	uint32_t sum = 0;

	for (int i = 0; i < 16; i += 2)
		sum += (uint32_t)addr[i] << 8 | addr[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void expect(const struct npt6 *t, const char *inside, const char *outside)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t addr[16], begin[16];

	inet_pton(AF_INET6, inside, addr);
	memcpy(begin, addr, 16);
	assert_true(npt6_address(t, NAT_OUTBOUND, addr));
	inet_ntop(AF_INET6, addr, text, sizeof(text));
	assert_string_equal(text, outside);
	assert_int_equal(sum_of(addr), sum_of(begin));
	assert_true(npt6_address(t, NAT_INBOUND, addr));
	assert_memory_equal(addr, begin, 16);
}

/* The example of RFC 6296, 3.5. */
static void rfc6296_a_48_is_adjusted_in_the_subnet(void **state)
{
	struct npt6 t = make("fd01:203:405::/48", "2001:db8:1::/48");

	expect(&t, "fd01:203:405:1::1234", "2001:db8:1:d550::1234");
}

static void rfc6296_a_64_is_adjusted_in_the_identifier(void **state)
{
	struct npt6 t = make("fd00:10:0:1::/64", "2001:db8:7:9::/64");
	uint8_t addr[16], begin[16];

	inet_pton(AF_INET6, "fd00:10:0:1::5", addr);
	memcpy(begin, addr, 16);
	assert_true(npt6_address(&t, NAT_OUTBOUND, addr));
	assert_memory_equal(addr, "\x20\x01\x0d\xb8\0\x07\0\x09", 8);
	assert_int_equal(sum_of(addr), sum_of(begin));
	assert_true(npt6_address(&t, NAT_INBOUND, addr));
	assert_memory_equal(addr, begin, 16);
}

static void rfc6296_every_address_comes_back(void **state)
{
	struct npt6 t = make("fd00:10:ffff:1::/64", "2001:db8:7:9::/64");
	uint8_t addr[16], begin[16];

	for (uint32_t i = 0; i < 200000; i++) {
		inet_pton(AF_INET6, "fd00:10:ffff:1::5", addr);
		addr[8] = (uint8_t)(i >> 8);
		addr[9] = (uint8_t)i;
		addr[15] = (uint8_t)(i >> 16);
		if (addr[8] == 0xff && addr[9] == 0xff)
			continue;
		memcpy(begin, addr, 16);
		assert_true(npt6_address(&t, NAT_OUTBOUND, addr));
		assert_true(npt6_address(&t, NAT_INBOUND, addr));
		assert_memory_equal(addr, begin, 16);
	}
}

static void rfc6296_an_address_without_room_is_refused(void **state)
{
	struct npt6 t = make("fd01:203:405::/48", "2001:db8:1::/48");
	uint8_t addr[16];

	inet_pton(AF_INET6, "fd01:203:405:ffff::1", addr);
	assert_false(npt6_address(&t, NAT_OUTBOUND, addr));
	inet_pton(AF_INET6, "fd02:203:405:1::1", addr);
	assert_false(npt6_address(&t, NAT_OUTBOUND, addr));
}

static void make_packet(struct packet *p, struct frame *f, const char *src, const char *dst,
			uint8_t next)
{
	struct ipv6_hdr ip = {.version_class_flow = htonl(0x60000000),
			      .payload_len = htons(60),
			      .next_header = next,
			      .hop_limit = 64};

	memset(f, 0, sizeof(*f));
	f->len = f->head_len = 14 + 40 + 60;
	f->head[12] = 0x86;
	f->head[13] = 0xdd;
	inet_pton(AF_INET6, src, ip.src);
	inet_pton(AF_INET6, dst, ip.dst);
	memcpy(f->head + 14, &ip, 40);
	f->head[54] = 1; /* ICMPv6: destination unreachable */
	assert_int_equal(packet_parse(p, f), DROP_NONE);
}

static void packets_are_translated_at_our_end(void **state)
{
	struct npt6 t = make("fd01:203:405::/48", "2001:db8:1::/48");
	struct frame f;
	struct packet p;
	char text[INET6_ADDRSTRLEN];

	make_packet(&p, &f, "fd01:203:405:1::1234", "2001:db8:ff::1", 17);
	assert_int_equal(npt6_translate(&t, NAT_OUTBOUND, &p), DROP_NONE);
	assert_string_equal(inet_ntop(AF_INET6, f.head + 22, text, sizeof(text)),
			    "2001:db8:1:d550::1234");
	assert_string_equal(inet_ntop(AF_INET6, f.head + 38, text, sizeof(text)), "2001:db8:ff::1");
	make_packet(&p, &f, "2001:db8:ff::1", "2001:db8:1:d550::1234", 17);
	assert_int_equal(npt6_translate(&t, NAT_INBOUND, &p), DROP_NONE);
	assert_string_equal(inet_ntop(AF_INET6, f.head + 38, text, sizeof(text)),
			    "fd01:203:405:1::1234");
	make_packet(&p, &f, "fd09::1", "2001:db8:ff::1", 17);
	assert_int_equal(npt6_translate(&t, NAT_OUTBOUND, &p), DROP_NAT_SOURCE);
	make_packet(&p, &f, "2001:db8:ff::1", "2001:db8:2::1", 17);
	assert_int_equal(npt6_translate(&t, NAT_INBOUND, &p), DROP_NAT_NO_MAPPING);
}

static void rfc6296_errors_carry_our_own_address(void **state)
{
	struct npt6 t = make("fd01:203:405::/48", "2001:db8:1::/48");
	struct frame f;
	struct packet p;
	char text[INET6_ADDRSTRLEN];

	make_packet(&p, &f, "2001:db8:ff::1", "2001:db8:1:d550::1234", 58);
	f.head[62] = 0x60;
	inet_pton(AF_INET6, "2001:db8:1:d550::1234", f.head + 62 + 8);
	assert_int_equal(npt6_translate(&t, NAT_INBOUND, &p), DROP_NONE);
	assert_string_equal(inet_ntop(AF_INET6, f.head + 70, text, sizeof(text)),
			    "fd01:203:405:1::1234");
}

static void prefixes_that_do_not_fit_are_refused(void **state)
{
	struct ipaddr_prefix in, out;
	struct npt6 t;
	struct err e;

	ipaddr_prefix_parse("fd01:203:405::/48", &in);
	ipaddr_prefix_parse("2001:db8::/32", &out);
	assert_int_equal(npt6_init(&t, &in, &out, &e), -EINVAL);
	ipaddr_prefix_parse("fd01:203:405::/96", &in);
	ipaddr_prefix_parse("2001:db8::/96", &out);
	assert_int_equal(npt6_init(&t, &in, &out, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc6296_a_48_is_adjusted_in_the_subnet),
		cmocka_unit_test(rfc6296_a_64_is_adjusted_in_the_identifier),
		cmocka_unit_test(rfc6296_every_address_comes_back),
		cmocka_unit_test(rfc6296_an_address_without_room_is_refused),
		cmocka_unit_test(packets_are_translated_at_our_end),
		cmocka_unit_test(rfc6296_errors_carry_our_own_address),
		cmocka_unit_test(prefixes_that_do_not_fit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
