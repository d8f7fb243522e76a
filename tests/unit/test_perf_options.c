/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "perf/options.h"

static struct options o;
static struct err e;

/* Parses "weft-perf LINE", words separated by blanks. */
static int parse(const char *line)
{
	static char text[256];
	char *argv[32] = {"weft-perf"}, *save, *word;
	int argc = 1;

	snprintf(text, sizeof(text), "%s", line);
	e.text[0] = '\0';
	for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	return options_parse(&o, argc, argv, &e);
}

#define assert_refused(line, part)                                                                 \
	do {                                                                                       \
		assert_int_equal(parse(line), -EINVAL);                                            \
		assert_non_null(strstr(e.text, part));                                             \
	} while (0)

static void a_client_has_netperfs_defaults(void **state)
{
	assert_int_equal(parse("client 10.0.0.2 TCP_RR"), 0);

	assert_int_equal(o.command, OPTIONS_CLIENT);
	assert_string_equal(o.client.host, "10.0.0.2");
	assert_int_equal(o.client.kind, KIND_TCP_RR);
	assert_int_equal(o.client.port, OPTIONS_PORT);
	assert_int_equal(o.client.setup.window_ns, 10 * NS_PER_S);
	assert_int_equal(o.client.setup.warmup_ns, NS_PER_S);
	assert_int_equal(o.client.setup.request_size, 1);
	assert_int_equal(o.client.setup.response_size, 1);
	assert_true(o.client.confidence == 0);
}

static void default_sizes_depend_on_the_test(void **state)
{
	assert_int_equal(parse("client h TCP_STREAM"), 0);
	assert_int_equal(o.client.setup.send_size, 128 << 10);
	assert_int_equal(parse("client h UDP_STREAM"), 0);
	assert_int_equal(o.client.setup.send_size, 65507);
}

static void options_stand_before_and_after_and_behind_dashes(void **state)
{
	assert_int_equal(parse("client -l 2 h -D TCP_STREAM -p 99 -- -m 1K -s 64K,1M -P 7,8"), 0);

	assert_int_equal(o.client.setup.window_ns, 2 * NS_PER_S);
	assert_int_equal(o.client.setup.nodelay, 1);
	assert_int_equal(o.client.port, 99);
	assert_int_equal(o.client.setup.send_size, 1024);
	assert_int_equal(o.client.setup.client_sndbuf, 64 << 10);
	assert_int_equal(o.client.setup.client_rcvbuf, 1 << 20);
	assert_int_equal(o.client.setup.client_port, 7);
	assert_int_equal(o.client.setup.server_port, 8);
}

static void confidence_reads_as_in_netperf(void **state)
{
	assert_int_equal(parse("client h TCP_STREAM -I 99,5 -i 10,3"), 0);
	assert_true(o.client.confidence == 0.99 && o.client.interval == 0.05);
	assert_int_equal(o.client.runs_max, 10);
	assert_int_equal(o.client.runs_min, 3);
	assert_int_equal(parse("client h TCP_STREAM -I 95,10 -i 1,100"), 0);
	assert_int_equal(o.client.runs_max, 30);
	assert_int_equal(o.client.runs_min, 3);
}

static void an_interval_divides_the_test(void **state)
{
	assert_int_equal(parse("client h TCP_STREAM -l 1s -i 300ms"), 0);
	assert_int_equal(o.client.setup.interval_ns, NS_PER_S / 3);
	assert_int_equal(parse("client h TCP_STREAM -l 20h --interval 500ms"), 0);
	assert_in_range(o.client.setup.window_ns / o.client.setup.interval_ns, 4000, 4096);
}

static void a_mistyped_test_is_guessed(void **state)
{
	assert_int_equal(parse("client h udp_stream"), 0);
	assert_refused("client h TCP_STREM", "did you mean TCP_STREAM?");
	assert_refused("client h tcp-rr", "did you mean TCP_RR?");
	assert_refused("client h SCTP_OR_SOMETHING_LONG", "choose one of TCP_STREAM");
}

static void bad_usage_says_what_to_write(void **state)
{
	assert_refused("", "weft-perf server");
	assert_refused("sever", "weft-perf server");
	assert_refused("client h", "HOST and TEST");
	assert_refused("client h TCP_RR x", "HOST and TEST");
	assert_refused("client h TCP_RR -l", "-l needs a value");
	assert_refused("client h TCP_RR --interval", "--interval needs a value");
	assert_refused("client h TCP_RR -z", "unknown option -z");
	assert_refused("client h TCP_RR --jsn", "unknown option --jsn");
	assert_refused("client h TCP_RR -l 5x", "write 10s");
	assert_refused("client h TCP_RR -l 0s", "give -l 10s");
	assert_refused("client h TCP_RR -l 48h", "up to 24h");
	assert_refused("client h TCP_RR -m 0", "message size of 0");
	assert_refused("client h TCP_RR -r 1,-1", "no size");
	assert_refused("client h TCP_RR -I 90,5", "95 or 99");
	assert_refused("client h TCP_RR -I 99", "second number");
	assert_refused("client h TCP_RR -P 1,70000", "0 to 65535");
	assert_refused("client h TCP_RR -F zeros", "pattern or random");
	assert_refused("server extra", "takes no 'extra'");
	assert_refused("server -p 65536", "0 to 65535");
}

static void impossible_tests_are_refused_with_a_way_out(void **state)
{
	assert_refused("client h UDP_STREAM -m 65508", "at most 65507 bytes");
	assert_refused("client h UDP_RR --verify", "-r 16,16");
	assert_refused("client h UDP_RR --verify -r 100,1", "-r 16,16");
	assert_refused("client h UDP_STREAM -m 8 --verify", "-m 16");
	assert_refused("client h UDP_STREAM -M 100 --verify", "raise -M");
	assert_refused("client h TCP_CRR -P 5,0", "-P 0,PORT");
	assert_refused("client h TCP_STREAM -m 17M", "at most 16777216 bytes");
	assert_refused("client h TCP_STREAM -s 2G", "up to 1G");
	assert_int_equal(parse("client h UDP_RR --verify -r 16,16"), 0);
}

static void a_server_takes_port_address_and_background(void **state)
{
	assert_int_equal(parse("server -p 0 -L ::1 -d"), 0);

	assert_int_equal(o.command, OPTIONS_SERVER);
	assert_int_equal(o.server.port, 0);
	assert_string_equal(o.server.address, "::1");
	assert_true(o.server.daemonise);
}

static void help_is_never_an_error(void **state)
{
	assert_int_equal(parse("--help"), 0);
	assert_int_equal(o.command, OPTIONS_HELP);
	assert_int_equal(parse("client --help"), 0);
	assert_int_equal(o.command, OPTIONS_HELP);
	assert_int_equal(parse("--version"), 0);
	assert_int_equal(o.command, OPTIONS_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_has_netperfs_defaults),
		cmocka_unit_test(default_sizes_depend_on_the_test),
		cmocka_unit_test(options_stand_before_and_after_and_behind_dashes),
		cmocka_unit_test(confidence_reads_as_in_netperf),
		cmocka_unit_test(an_interval_divides_the_test),
		cmocka_unit_test(a_mistyped_test_is_guessed),
		cmocka_unit_test(bad_usage_says_what_to_write),
		cmocka_unit_test(impossible_tests_are_refused_with_a_way_out),
		cmocka_unit_test(a_server_takes_port_address_and_background),
		cmocka_unit_test(help_is_never_an_error),
	};

	return cmocka_run_group_tests_name("perf_options", tests, NULL, NULL);
}
