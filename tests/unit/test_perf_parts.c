/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/address.h"
#include "perf/cpu.h"
#include "perf/digest.h"
#include "perf/jsonout.h"
#include "perf/payload.h"
#include "perf/summary.h"

#define LEN 1000

static void a_digest_does_not_depend_on_the_pieces(void **state)
{
	uint8_t *data = payload_create(LEN, true);
	uint64_t whole = digest_of(data, LEN);

	for (size_t piece = 1; piece < 40; piece++) {
		struct digest d;

		digest_init(&d);
		for (size_t at = 0; at < LEN; at += piece)
			digest_update(&d, data + at, MIN_OF(piece, LEN - at));

		assert_int_equal(digest_value(&d), whole);
		assert_int_equal(d.bytes, LEN);
	}
	free(data);
}

static void a_digest_sees_every_bit_and_the_length(void **state)
{
	uint8_t *data = payload_create(LEN, false);
	uint64_t whole = digest_of(data, LEN);

	for (size_t bit = 0; bit < 8 * LEN; bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(digest_of(data, LEN), whole);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	memset(data, 0, LEN);
	assert_int_not_equal(digest_of(data, 8), digest_of(data, 9));
	assert_int_not_equal(digest_of(data, 0), digest_of(data, 1));
	free(data);
}

static void a_sealed_datagram_shows_any_changed_byte(void **state)
{
	uint8_t *d = payload_create(100, false);

	payload_number(d, 100, 7 | PAYLOAD_MARK);
	payload_seal(d, 100);
	assert_true(payload_intact(d, 100));
	assert_int_equal(payload_sequence(d), 7 | PAYLOAD_MARK);

	for (size_t i = 0; i < 100; i++) {
		d[i] ^= 0x40;
		assert_false(payload_intact(d, 100));
		d[i] ^= 0x40;
	}
	assert_false(payload_intact(d, 99));
	assert_false(payload_intact(d, 15));
	free(d);
}

static void stamped_buffers_differ_in_every_segment(void **state)
{
	uint8_t *a = payload_create(8192, false), *b = payload_create(8192, false);

	payload_stamp(a, 8192, 1);
	payload_stamp(b, 8192, 2);

	for (size_t i = 0; i < 8192; i += PAYLOAD_STRIDE)
		assert_memory_not_equal(a + i, b + i, PAYLOAD_STRIDE);
	assert_memory_not_equal(a, a + PAYLOAD_STRIDE, 8);
	free(a);
	free(b);
}

static const char *resolve(const char *host, const char *hosts)
{
	static char text[ADDRESS_TEXT_MAX];
	struct address a;

	return address_resolve(&a, host, 80, hosts, NULL) < 0 ? NULL : address_format(&a, text);
}

static void addresses_resolve_without_a_resolver(void **state)
{
	char hosts[] = "/tmp/weft-perf-hosts-XXXXXX";
	int fd = mkstemp(hosts);

	dprintf(fd, "# comment\n127.0.0.1\tlocalhost\n10.1.2.3 alpha.lan Alpha # beta\nrubbish x\n"
		    "fd00::7 gamma");
	close(fd);

	assert_string_equal(resolve("192.0.2.1", hosts), "192.0.2.1");
	assert_string_equal(resolve("::1", hosts), "::1");
	assert_string_equal(resolve("::ffff:10.0.0.1", hosts), "10.0.0.1");
	assert_string_equal(resolve("fe80::2%lo", hosts), "fe80::2");
	assert_string_equal(resolve("alpha", hosts), "10.1.2.3");
	assert_string_equal(resolve("gamma", hosts), "fd00::7");
	assert_null(resolve("beta", hosts));
	assert_null(resolve("x", hosts));
	assert_null(resolve("10.0.0", hosts));
	assert_null(resolve("fe80::2%nosuchdevice", hosts));
	assert_null(resolve("alpha", "/nonexistent"));
	unlink(hosts);
}

static void cpu_time_is_the_difference_of_two_samples(void **state)
{
	static struct cpu_sample a, b;
	struct cpu_use use;
	uint64_t tick_ns = 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);

	cpu_sample_parse(&a, "cpu  1 1 1 1 1 1 1 1 0 0\n"
			     "cpu0 100 0 50 900 10 0 5 0 0 0\n"
			     "cpu1 0 0 0 1000 0 0 0 0 0 0\nintr 5 0\n");
	cpu_sample_parse(&b, "cpu  1 1 1 1 1 1 1 1 0 0\n"
			     "cpu0 140 10 70 920 10 0 15 0 0 0\n"
			     "cpu1 10 0 0 1080 5 5 0 0 0 0\nintr 5 0\n");
	cpu_use_between(&a, &b, &use);

	assert_int_equal(use.cores, 2);
	assert_int_equal(use.user_ns, 60 * tick_ns);
	assert_int_equal(use.system_ns, 20 * tick_ns);
	assert_int_equal(use.softirq_ns, 10 * tick_ns);
	assert_int_equal(use.irq_ns, 5 * tick_ns);
	assert_int_equal(use.idle_ns, 105 * tick_ns);
	assert_true(fabs(cpu_use_percent(&use) - 47.5) < 0.01);
	assert_int_equal(use.peak_core, 0);
	assert_int_equal(use.peak_permille, 800);
}

static void cpu_time_is_unknown_without_proc(void **state)
{
	static struct cpu_sample a, b;
	struct cpu_use use;

	cpu_sample_parse(&a, "");
	cpu_sample_parse(&b, "garbage\n");
	cpu_use_between(&a, &b, &use);

	assert_int_equal(use.cores, 0);
	assert_true(cpu_use_percent(&use) < 0);
}

static void service_demand_is_cpu_time_per_kilobyte(void **state)
{
	static struct trial t;
	struct setup s = {.kind = KIND_TCP_STREAM, .send_size = 1000, .recv_size = 1000};
	struct figures f;

	t.local.window_ns = t.remote.window_ns = 2000000000;
	t.remote.units = 1024 * 1000;
	t.local.cpu = (struct cpu_use){.cores = 4, .user_ns = 500000000, .system_ns = 500000000};
	figures_of(&f, &s, &t);

	assert_true(fabs(f.throughput - 4.096) < 1e-9);
	assert_true(fabs(f.local_sd - 1000) < 1e-6);
	assert_true(isnan(f.remote_sd));
}

static void json_escapes_what_it_must(void **state)
{
	char text[256] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");
	struct jsonout j;

	jsonout_init(&j, f);
	jsonout_object(&j, NULL);
	jsonout_text(&j, "a\"b", "c\\d\n");
	jsonout_number(&j, "n", NAN);
	jsonout_array(&j, "l");
	jsonout_integer(&j, NULL, 1);
	jsonout_bool(&j, NULL, true);
	jsonout_end(&j);
	jsonout_number(&j, "x", 0.5);
	jsonout_end(&j);
	fclose(f);

	assert_string_equal(text,
			    "{\"a\\\"b\":\"c\\\\d\\u000a\",\"n\":null,\"l\":[1,true],\"x\":0.5}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_digest_does_not_depend_on_the_pieces),
		cmocka_unit_test(a_digest_sees_every_bit_and_the_length),
		cmocka_unit_test(a_sealed_datagram_shows_any_changed_byte),
		cmocka_unit_test(stamped_buffers_differ_in_every_segment),
		cmocka_unit_test(addresses_resolve_without_a_resolver),
		cmocka_unit_test(cpu_time_is_the_difference_of_two_samples),
		cmocka_unit_test(cpu_time_is_unknown_without_proc),
		cmocka_unit_test(service_demand_is_cpu_time_per_kilobyte),
		cmocka_unit_test(json_escapes_what_it_must),
	};

	return cmocka_run_group_tests_name("perf_parts", tests, NULL, NULL);
}
