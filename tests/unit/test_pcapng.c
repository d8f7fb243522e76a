/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/pcapng.h"

static void a_packet_reads_back_as_it_was_written(void **state)
{
	static const uint8_t data[61] = {1, 2, 3, [60] = 61};
	struct pcapng_packet p = {.interface = 3,
				  .time_ns = 1795358947123456789ull,
				  .cap_len = sizeof(data),
				  .len = 1500,
				  .data = data,
				  .direction = PCAPNG_OUTBOUND,
				  .comment = "dropped: ring_full"};
	uint8_t buf[256];
	struct pcapng_block b;
	size_t n = pcapng_write_packet(buf, sizeof(buf), &p);

	assert_int_equal(pcapng_read(buf, n, &b), n);

	assert_int_equal(b.type, PCAPNG_PACKET);
	assert_int_equal(b.packet.interface, 3);
	assert_int_equal(b.packet.time_ns, p.time_ns);
	assert_int_equal(b.packet.cap_len, sizeof(data));
	assert_int_equal(b.packet.len, 1500);
	assert_memory_equal(b.packet.data, data, sizeof(data));
	assert_int_equal(b.packet.direction, PCAPNG_OUTBOUND);
	assert_string_equal(b.packet.comment, p.comment);
}

static void interfaces_and_statistics_read_back(void **state)
{
	uint8_t buf[256];
	struct pcapng_block b;
	size_t n = pcapng_write_interface(buf, sizeof(buf), "alpha.0", 65535);

	assert_int_equal(pcapng_read(buf, n, &b), n);
	assert_string_equal(b.name, "alpha.0");

	n = pcapng_write_statistics(buf, sizeof(buf), 1, 42, 1000, 7);
	assert_int_equal(pcapng_read(buf, n, &b), n);
	assert_int_equal(b.captured, 1000);
	assert_int_equal(b.missed, 7);
}

/* The layout of the standard, byte by byte. */
static void a_section_begins_with_the_magic_of_the_format(void **state)
{
	static const uint8_t want[] = {0x0a, 0x0d, 0x0d, 0x0a, 32,   0,	   0,	 0,
				       0x4d, 0x3c, 0x2b, 0x1a, 1,    0,	   0,	 0,
				       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				       0,    0,	   0,	 0,    32,   0,	   0,	 0};
	uint8_t buf[64];

	assert_int_equal(pcapng_write_section(buf, sizeof(buf), ""), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

static void a_block_that_does_not_fit_is_not_written(void **state)
{
	uint8_t buf[256], data[60] = {0};
	struct pcapng_packet p = {.cap_len = 60, .len = 60, .data = data, .comment = "x"};
	size_t n = pcapng_write_packet(buf, sizeof(buf), &p);

	for (size_t room = 0; room < n; room++)
		assert_int_equal(pcapng_write_packet(buf, room, &p), 0);
	assert_int_equal(pcapng_write_packet(buf, n, &p), n);
}

static void half_a_block_waits_for_the_rest(void **state)
{
	uint8_t buf[64];
	struct pcapng_block b;
	size_t n = pcapng_write_section(buf, sizeof(buf), "weftd");

	for (size_t have = 0; have < n; have++)
		assert_int_equal(pcapng_read(buf, have, &b), 0);
}

/* Any byte of a block may be anything: the reader stays within the block. Run it under ASan. */
static void a_damaged_block_is_refused_or_read_within_its_bounds(void **state)
{
	uint8_t buf[256], data[60] = {0};
	struct pcapng_packet p = {.cap_len = 60, .len = 60, .data = data, .comment = "comment"};
	size_t n = pcapng_write_packet(buf, sizeof(buf), &p);

	for (size_t at = 0; at < n; at++) {
		for (unsigned value = 0; value < 256; value += 5) {
			uint8_t *damaged = malloc(n);
			struct pcapng_block b;
			int ret;

			memcpy(damaged, buf, n);
			damaged[at] = (uint8_t)value;
			ret = pcapng_read(damaged, n, &b);
			assert_true(ret == -EBADMSG || ret == 0 || ret == (int)n);
			if (ret > 0 && b.type == PCAPNG_PACKET)
				assert_in_range(b.packet.cap_len, 0, n);
			free(damaged);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_reads_back_as_it_was_written),
		cmocka_unit_test(interfaces_and_statistics_read_back),
		cmocka_unit_test(a_section_begins_with_the_magic_of_the_format),
		cmocka_unit_test(a_block_that_does_not_fit_is_not_written),
		cmocka_unit_test(half_a_block_waits_for_the_rest),
		cmocka_unit_test(a_damaged_block_is_refused_or_read_within_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
