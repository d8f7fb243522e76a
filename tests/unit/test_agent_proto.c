/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

#include "common/agent_proto.h"

/* What the parser delivered, in short: type and id of each frame, and the last payload. */
struct seen {
	unsigned n;
	int type[16];
	uint32_t id[16];
	uint8_t payload[AGENT_PAYLOAD_MAX];
	uint32_t len;
	int answer; /* what the handler returns */
};

static int see(const struct agent_frame *f, void *arg)
{
	struct seen *s = arg;

	assert_true(s->n < ARRAY_SIZE(s->type));
	s->type[s->n] = (int)f->type;
	s->id[s->n++] = f->id;
	s->len = f->len;
	memcpy(s->payload, f->payload, f->len);
	return s->answer;
}

static size_t put(uint8_t *at, enum agent_type type, uint32_t id, const void *payload, uint32_t len)
{
	agent_header_format(at, type, id, len);
	if (len)
		memcpy(at + AGENT_HEADER_BYTES, payload, len);
	return AGENT_HEADER_BYTES + len;
}

static size_t put_hello(uint8_t *at, uint32_t id)
{
	uint8_t hello[AGENT_HELLO_BYTES];

	agent_hello_format(hello);
	return put(at, AGENT_HELLO, id, hello, sizeof(hello));
}

static struct agent_parser parser;
static struct seen seen;

static int fresh(void **state)
{
	agent_parser_init(&parser, false);
	memset(&seen, 0, sizeof(seen));
	return 0;
}

static void a_frame_arrives_whole_however_its_bytes_are_cut(void **state)
{
	uint8_t bytes[64];
	size_t len = put(bytes, AGENT_STDOUT, 7, "hello", 5);

	for (size_t i = 0; i < len; i++)
		assert_int_equal(agent_parser_input(&parser, bytes + i, 1, see, &seen), 0);

	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.type[0], AGENT_STDOUT);
	assert_int_equal(seen.id[0], 7);
	assert_int_equal(seen.len, 5);
	assert_memory_equal(seen.payload, "hello", 5);
}

static void several_frames_in_one_read_arrive_in_order(void **state)
{
	uint8_t bytes[64];
	size_t len = put(bytes, AGENT_PING, 1, NULL, 0);

	bytes[len++] = 0;
	bytes[len++] = 0;
	len += put(bytes + len, AGENT_STDERR, 2, "x", 1);

	assert_int_equal(agent_parser_input(&parser, bytes, len, see, &seen), 0);

	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.type[0], AGENT_PING);
	assert_int_equal(seen.type[1], AGENT_STDERR);
}

static void a_type_that_does_not_exist_is_a_breach(void **state)
{
	uint8_t bytes[64];
	size_t len = put(bytes, AGENT_TYPE_N, 1, NULL, 0);

	assert_int_equal(agent_parser_input(&parser, bytes, len, see, &seen), -EPROTO);
	assert_int_equal(seen.n, 0);
}

static void a_length_that_its_type_cannot_have_is_a_breach(void **state)
{
	static const struct {
		enum agent_type type;
		uint32_t len;
	} bad[] = {{AGENT_STDOUT, AGENT_PAYLOAD_MAX + 1},
		   {AGENT_STDOUT, 0},
		   {AGENT_STDIN, UINT32_MAX},
		   {AGENT_WINDOW, 3},
		   {AGENT_EXITED, 6},
		   {AGENT_PING, 1}};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint8_t header[AGENT_HEADER_BYTES];

		agent_parser_init(&parser, false);
		agent_header_format(header, bad[i].type, 1, bad[i].len);
		assert_int_equal(agent_parser_input(&parser, header, sizeof(header), see, &seen),
				 -EPROTO);
	}
}

static void a_hunting_parser_finds_hello_behind_any_rubbish(void **state)
{
	uint8_t bytes[256];
	size_t len = put(bytes, AGENT_STDOUT, 7, "tail of an old session", 22);

	memset(bytes + len, AGENT_HELLO, 20);
	len += 20;
	len += put(bytes + len, AGENT_HELLO, 5, "no hello", AGENT_HELLO_BYTES);
	len += put_hello(bytes + len, 99);
	len += put(bytes + len, AGENT_PONG, 1, NULL, 0);
	agent_parser_init(&parser, true);

	for (size_t i = 0; i < len; i++)
		assert_int_equal(agent_parser_input(&parser, bytes + i, 1, see, &seen), 0);

	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.type[0], AGENT_HELLO);
	assert_int_equal(seen.id[0], 99);
	assert_int_equal(seen.type[1], AGENT_PONG);
}

static void padding_ends_a_frame_whose_sender_died_in_it(void **state)
{
	static const uint8_t padding[AGENT_FRAME_MAX];
	uint8_t header[AGENT_HEADER_BYTES], hello[64];
	size_t len = put_hello(hello, 3);

	agent_header_format(header, AGENT_STDIN, 1, AGENT_PAYLOAD_MAX);
	agent_parser_input(&parser, header, sizeof(header), see, &seen);
	agent_parser_input(&parser, padding, sizeof(padding), see, &seen);
	agent_parser_input(&parser, hello, len, see, &seen);

	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.type[1], AGENT_HELLO);
	assert_int_equal(seen.id[1], 3);
}

static void a_handler_that_fails_stops_the_input(void **state)
{
	uint8_t bytes[64];
	size_t len = put(bytes, AGENT_PING, 1, NULL, 0);

	len += put(bytes + len, AGENT_PING, 2, NULL, 0);
	seen.answer = -EIO;

	assert_int_equal(agent_parser_input(&parser, bytes, len, see, &seen), -EIO);
	assert_int_equal(seen.n, 1);
}

static int parse_exec(const void *payload, uint32_t len, const char *argv[AGENT_EXEC_WORDS_MAX + 1],
		      unsigned *flags)
{
	struct agent_frame f = {.type = AGENT_EXEC, .id = 1, .len = len, .payload = payload};

	return agent_exec_parse(&f, argv, flags);
}

static void exec_words_come_apart_at_their_nuls(void **state)
{
	const char *argv[AGENT_EXEC_WORDS_MAX + 1];
	unsigned flags;

	assert_int_equal(parse_exec("\1ls\0-l\0\0", 8, argv, &flags), 3);
	assert_int_equal(flags, AGENT_FLAG_DETACHED);
	assert_string_equal(argv[0], "ls");
	assert_string_equal(argv[1], "-l");
	assert_string_equal(argv[2], "");
	assert_null(argv[3]);
}

static void exec_without_a_command_or_an_end_is_a_breach(void **state)
{
	const char *argv[AGENT_EXEC_WORDS_MAX + 1];
	uint8_t many[1 + 2 * (AGENT_EXEC_WORDS_MAX + 1)] = {0};
	unsigned flags;

	for (size_t i = 1; i < sizeof(many); i += 2)
		many[i] = 'x';

	assert_int_equal(parse_exec("\0\0ls\0", 5, argv, &flags), -EPROTO);
	assert_int_equal(parse_exec("\0ls", 3, argv, &flags), -EPROTO);
	assert_int_equal(parse_exec(many, sizeof(many), argv, &flags), -EPROTO);
}

static void a_window_never_grows_beyond_its_size(void **state)
{
	uint32_t window = AGENT_WINDOW_BYTES - 10;

	assert_true(agent_window_grant(&window, 11) < 0);
	assert_true(agent_window_grant(&window, UINT32_MAX) < 0);
	assert_int_equal(agent_window_grant(&window, 10), 0);
	assert_int_equal(window, AGENT_WINDOW_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_frame_arrives_whole_however_its_bytes_are_cut, fresh),
		cmocka_unit_test_setup(several_frames_in_one_read_arrive_in_order, fresh),
		cmocka_unit_test_setup(a_type_that_does_not_exist_is_a_breach, fresh),
		cmocka_unit_test_setup(a_length_that_its_type_cannot_have_is_a_breach, fresh),
		cmocka_unit_test_setup(a_hunting_parser_finds_hello_behind_any_rubbish, fresh),
		cmocka_unit_test_setup(padding_ends_a_frame_whose_sender_died_in_it, fresh),
		cmocka_unit_test_setup(a_handler_that_fails_stops_the_input, fresh),
		cmocka_unit_test(exec_words_come_apart_at_their_nuls),
		cmocka_unit_test(exec_without_a_command_or_an_end_is_a_breach),
		cmocka_unit_test(a_window_never_grows_beyond_its_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
