/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/message.h"
#include "perf/outcome.h"
#include "perf/setup.h"

static char body[MESSAGE_BODY_MAX];
static struct outcome outcome, copy;
static struct err e;

static const struct setup good = {
	.kind = KIND_UDP_STREAM,
	.warmup_ns = NS_PER_S,
	.window_ns = 10 * NS_PER_S,
	.interval_ns = 500 * NS_PER_MS,
	.send_size = 1472,
	.recv_size = 65507,
	.request_size = 1,
	.response_size = 1,
	.server_port = 5001,
	.verify = 1,
};

static int parse_setup(const char *text)
{
	struct setup s;

	return setup_parse(&s, text, strlen(text), &e);
}

/* The good setup as text with "key=..." replaced by `line`. */
static const char *with(const char *line)
{
	static char text[4096];
	size_t len = 0;
	char *at, *end;

	assert_int_equal(setup_format(&good, text, sizeof(text) - 64, &len), 0);
	text[len] = '\0';
	at = text;
	while (at && strncmp(at, line, strcspn(line, "=") + 1) != 0)
		at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
	assert_non_null(at);
	end = strchr(at, '\n');
	memmove(at + strlen(line), end, strlen(end) + 1);
	memcpy(at, line, strlen(line));
	return text;
}

static void a_header_reads_back(void **state)
{
	struct message_header h = {MESSAGE_RESULT, 0x12345}, got;
	uint8_t bytes[MESSAGE_HEADER_SIZE];

	message_header_write(&h, bytes);

	assert_int_equal(message_header_read(&got, bytes, &e), 0);
	assert_int_equal(got.type, MESSAGE_RESULT);
	assert_int_equal(got.body_len, 0x12345);
}

static void a_foreign_or_damaged_header_is_refused(void **state)
{
	struct message_header h = {MESSAGE_SETUP, 0}, got;
	uint8_t bytes[MESSAGE_HEADER_SIZE];

	assert_int_equal(message_header_read(&got, (const uint8_t *)"GET / HTTP/1", &e), -EPROTO);
	message_header_write(&h, bytes);
	bytes[5] = 9;
	assert_int_equal(message_header_read(&got, bytes, &e), -EPROTONOSUPPORT);
	assert_non_null(strstr(e.text, "same weft-perf on both ends"));
	h.body_len = MESSAGE_BODY_MAX + 1;
	message_header_write(&h, bytes);
	assert_int_equal(message_header_read(&got, bytes, &e), -EPROTO);
	h = (struct message_header){MESSAGE_N, 0};
	message_header_write(&h, bytes);
	assert_int_equal(message_header_read(&got, bytes, &e), -EPROTO);
}

static void a_setup_reads_back(void **state)
{
	struct setup got;
	size_t len = 0;

	assert_int_equal(setup_format(&good, body, sizeof(body), &len), 0);
	assert_int_equal(setup_parse(&got, body, len, &e), 0);
	assert_memory_equal(&got, &good, sizeof(got));
}

static void an_unknown_key_is_left_to_newer_peers(void **state)
{
	char text[4096];

	snprintf(text, sizeof(text), "%sfuture=yes\n", with("nodelay=1"));

	assert_int_equal(parse_setup(text), 0);
}

static void a_setup_beyond_its_limits_is_refused(void **state)
{
	static const char *const bad[] = {
		"kind=6",
		"kind=18446744073709551615",
		"send_size=0",
		"send_size=16777217",
		"send_size=65508",
		"window_ns=0",
		"window_ns=86400000000001",
		"warmup_ns=3600000000001",
		"interval_ns=1",
		"interval_ns=0",
		"client_port=65536",
		"server_sndbuf=1073741825",
		"verify=2",
		"request_size=-1",
		"request_size= 1",
		"request_size=",
		"request_size=0x10",
		"request_size=18446744073709551616",
		"request_size=99999999999999999999999",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_not_equal(parse_setup(with(bad[i])), 0);
}

static void lines_that_are_none_are_refused(void **state)
{
	assert_int_equal(parse_setup("kind"), -EPROTO);
	assert_int_equal(parse_setup("kind=1"), -EPROTO);
	assert_int_equal(parse_setup("kind\n=1\n"), -EPROTO);
	assert_int_equal(parse_setup("\n"), -EPROTO);
	assert_int_not_equal(parse_setup(""), 0);
	assert_int_not_equal(parse_setup("=\n"), 0);
}

static void the_largest_outcome_fits_a_message_and_reads_back(void **state)
{
	size_t len = 0;

	memset(&outcome, 0, sizeof(outcome));
	outcome.complete = 1;
	outcome.units = UINT64_MAX >> 8;
	outcome.sent_digest = UINT64_MAX;
	outcome.cpu.user_ns = 12345;
	outcome.n_samples = OUTCOME_SAMPLES_MAX;
	for (unsigned i = 0; i < OUTCOME_SAMPLES_MAX; i++)
		outcome.samples[i] = (struct outcome_sample){UINT64_MAX >> 8, 1000000 * NS_PER_S};
	strcpy(outcome.tcp.congestion, "cubic");

	assert_int_equal(outcome_format(&outcome, body, sizeof(body), &len), 0);
	assert_int_equal(outcome_parse(&copy, body, len, &e), 0);

	assert_memory_equal(&copy, &outcome, sizeof(copy));
}

static void an_outcome_is_not_trusted(void **state)
{
	static const char *const bad[] = {
		"units=18446744073709551615\n",
		"sample=1\n",
		"sample=1,\n",
		"sample=,1\n",
		"sample=1,2,3\n",
		"tcp.congestion=\x1b[2J\n",
		"tcp.congestion=a_name_that_is_too_long\n",
		"complete=2\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(outcome_parse(&copy, bad[i], strlen(bad[i]), &e), -EPROTO);
}

static void too_many_samples_are_refused(void **state)
{
	size_t len = 0;

	for (unsigned i = 0; i <= OUTCOME_SAMPLES_MAX; i++)
		len += (size_t)sprintf(body + len, "sample=%u,1\n", i);

	assert_int_equal(outcome_parse(&copy, body, len, &e), -EPROTO);
}

static void formatting_never_overruns(void **state)
{
	for (size_t size = 1; size < 200; size++) {
		char *exact = malloc(size);
		size_t len = 0;

		assert_int_equal(setup_format(&good, exact, size, &len), -ENOSPC);
		assert_int_equal(len, 0);
		free(exact);
	}
}

static void a_reason_to_abort_arrives_printable(void **state)
{
	char reason[MESSAGE_REASON_MAX];
	size_t len = 0;

	assert_int_equal(message_abort_format("busy\n\x1b[1mnow", body, sizeof(body), &len), 0);
	assert_int_equal(message_abort_parse(reason, body, len), 0);

	assert_string_equal(reason, "busy??[1mnow");
	assert_int_equal(message_abort_parse(reason, "reason=\x1b\n", 9), -EPROTO);
	assert_string_equal(reason, "no reason given");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_reads_back),
		cmocka_unit_test(a_foreign_or_damaged_header_is_refused),
		cmocka_unit_test(a_setup_reads_back),
		cmocka_unit_test(an_unknown_key_is_left_to_newer_peers),
		cmocka_unit_test(a_setup_beyond_its_limits_is_refused),
		cmocka_unit_test(lines_that_are_none_are_refused),
		cmocka_unit_test(the_largest_outcome_fits_a_message_and_reads_back),
		cmocka_unit_test(an_outcome_is_not_trusted),
		cmocka_unit_test(too_many_samples_are_refused),
		cmocka_unit_test(formatting_never_overruns),
		cmocka_unit_test(a_reason_to_abort_arrives_printable),
	};

	return cmocka_run_group_tests_name("perf_message", tests, NULL, NULL);
}
