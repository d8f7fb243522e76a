/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The control socket with clients that behave and clients that do not.
 */

#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "common/jsonx.h"
#include "daemon/client.h"
#include "tests/lib/controlworld.h"

static void a_request_gets_the_result_of_its_verb(void **state)
{
	struct raw r = world_enter(*state);

	world_assert_served(&r);
	raw_say(&r, "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"echo\"}\r\n \n");
	raw_hear_result(&r, -1, "{}");

	raw_close(&r);
}

static void each_wrong_shape_has_its_code_and_the_connection_lives_on(void **state)
{
	static const struct {
		const char *line;
		int code;
		const char *part;
	} rows[] = {
		{"garbage", RPC_PARSE_ERROR, "not JSON"},
		{"{\"jsonrpc\":\"2.0\"", RPC_PARSE_ERROR, "not JSON"},
		{"\xff\xfe\x01", RPC_PARSE_ERROR, "not JSON"},
		{"42", RPC_INVALID_REQUEST, "object"},
		{"[]", RPC_INVALID_REQUEST, "batches"},
		{"{}", RPC_INVALID_REQUEST, "jsonrpc"},
		{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"echo\"}", RPC_INVALID_REQUEST, "2.0"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_INVALID_REQUEST, "method"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", RPC_INVALID_REQUEST, "method"},
		{"{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"echo\"}", RPC_INVALID_REQUEST, "id"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":[1]}",
		 RPC_INVALID_PARAMS, "named"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"echo\"}", RPC_PARSE_ERROR,
		 "duplicate"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ecko\"}", RPC_UNKNOWN_METHOD,
		 "did you mean 'echo'"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"zzz\"}", RPC_UNKNOWN_METHOD,
		 "list-commands"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"show\"}", RPC_UNKNOWN_METHOD, "show"},
	};
	struct raw r = world_enter(*state);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		raw_say(&r, rows[i].line);
		raw_say(&r, "\n");
		raw_hear_error(&r, rows[i].code, rows[i].part);
	}

	world_assert_served(&r);
	raw_close(&r);
}

static void parameters_are_checked_for_their_types(void **state)
{
	static const struct {
		const char *params, *part;
	} rows[] = {
		{"{}", "\"bridge\" is missing"},
		{"{\"bridge\":null}", "\"bridge\" is missing"},
		{"{\"bridge\":7}", "\"bridge\" has the wrong type"},
		{"{\"bridge\":\"b\",\"may_exist\":1}", "true or false"},
		{"{\"bridge\":\"b\",\"vlan\":\"1\"}", "whole number"},
		{"{\"bridge\":\"b\",\"vlan\":4095}", "0 to 4094"},
		{"{\"bridge\":\"b\",\"fields\":[\"a\",1]}", "array of strings"},
		{"{\"bridge\":\"b\",\"fields\":\"a\"}", "array of strings"},
	};
	struct raw r = world_enter(*state);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		raw_call(&r, 1, "typed", rows[i].params);
		raw_hear_error(&r, RPC_INVALID_PARAMS, rows[i].part);
	}
	raw_call(
		&r, 1, "typed",
		"{\"bridge\":\"b\",\"vlan\":4094,\"may_exist\":true,\"fields\":[\"k=v\",\"l=w\"]}");
	raw_hear_result(&r, 1, "[\"b\",true,4094,2,\"l=w\"]");

	raw_close(&r);
}

static void an_error_carries_its_code_its_data_and_any_text(void **state)
{
	struct raw r = world_enter(*state);
	json_t *message, *error;

	raw_call(&r, 1, "fail", NULL);
	message = raw_hear(&r);

	error = json_object_get(message, "error");
	assert_int_equal(jsonx_int(error, "code", 0), RPC_PARTLY_APPLIED);
	assert_int_equal(jsonx_int(error, "data", 0), 3);
	assert_string_equal(jsonx_string(error, "message", ""), "bad byte ? in it");
	json_decref(message);
	raw_close(&r);
}

static void half_a_line_keeps_nobody_waiting(void **state)
{
	struct raw stalled = world_enter(*state), working = world_enter(*state);

	raw_say(&stalled, "{\"jsonrpc\":\"2.0\",\"id\":1,\"meth");
	world_assert_served(&working);

	raw_say(&stalled, "od\":\"echo\"}\n");
	raw_hear_result(&stalled, 1, "{}");
	raw_close(&stalled);
	raw_close(&working);
}

/* A call of echo with `len` bytes and a newline. */
static char *request_of(size_t len)
{
	static const char head[] =
		"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"echo\",\"params\":{\"a\":\"";
	char *line = malloc(len + 2);

	memset(line, 'a', len);
	memcpy(line, head, sizeof(head) - 1);
	strcpy(line + len - 3, "\"}}\n");
	return line;
}

static void the_longest_line_is_served(void **state)
{
	struct raw r = world_enter(*state);
	char *line = request_of(CLIENT_LINE_MAX - 1);
	json_t *message;

	raw_say(&r, line);

	message = raw_hear(&r);
	assert_int_equal(jsonx_int(message, "id", 0), 5);
	json_decref(message);
	world_assert_served(&r);
	free(line);
	raw_close(&r);
}

static void a_longer_line_is_answered_and_closed(void **state)
{
	struct raw whole = world_enter(*state), endless = world_enter(*state);
	struct raw working = world_enter(*state);
	char *line = request_of(CLIENT_LINE_MAX);

	raw_say(&whole, line);
	raw_hear_error(&whole, RPC_INVALID_REQUEST, "longer than 1024 KiB");
	raw_hear_end(&whole);
	raw_write(&endless, line, CLIENT_LINE_MAX);
	raw_hear_error(&endless, RPC_INVALID_REQUEST, "longer than 1024 KiB");
	raw_hear_end(&endless);

	world_assert_served(&working);
	free(line);
	raw_close(&whole);
	raw_close(&endless);
	raw_close(&working);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct raw r = world_enter(*state);

	for (int i = 0; i < 100; i++)
		raw_call(&r, i, "echo", NULL);

	for (int i = 0; i < 100; i++)
		raw_hear_result(&r, i, "{}");
	raw_close(&r);
}

static void a_client_that_closes_at_once_harms_nobody(void **state)
{
	struct raw hasty = world_enter(*state), working = world_enter(*state);

	raw_call(&hasty, 1, "big", NULL);
	raw_close(&hasty);

	world_assert_served(&working);
	world_turn_until_clients(*state, 1);
	raw_close(&working);
}

static void a_client_that_does_not_read_is_slowed_not_dropped(void **state)
{
	struct world *w = *state;
	struct raw r = world_enter(w);

	for (int i = 0; i < 100; i++)
		raw_call(&r, i, "big", NULL);
	world_turn_until_idle(w);
	assert_true(w->n_run * WORLD_BIG_LEN < 2 * CLIENT_BACKLOG_SOFT);

	for (int i = 0; i < 100; i++) {
		json_t *message = raw_hear(&r);

		assert_int_equal(jsonx_int(message, "id", -1), i);
		json_decref(message);
	}
	raw_close(&r);
}

static void a_dry_run_of_a_verb_that_acts_never_reaches_it(void **state)
{
	struct world *w = *state;
	struct raw r = world_enter(w);
	json_t *message, *result;

	raw_call(&r, 1, "fdb/flush", "{\"dry_run\":true,\"bridge\":\"lan\"}");
	message = raw_hear(&r);

	result = json_object_get(message, "result");
	assert_true(json_is_false(json_object_get(result, "applied")));
	assert_int_equal(json_array_size(json_object_get(result, "changes")), 1);
	assert_int_equal(w->n_run, 0);
	json_decref(message);
	raw_close(&r);
}

static void a_client_may_have_only_so_many_calls_under_way(void **state)
{
	struct world *w = *state;
	struct raw r = world_enter(w);

	for (unsigned i = 0; i < CONTROL_CALLS_MAX; i++)
		raw_call(&r, 1, "keep", NULL);
	world_turn_until(w, &w->n_kept, CONTROL_CALLS_MAX);
	raw_call(&r, 1, "echo", NULL);

	raw_hear_error(&r, RPC_BUSY, "calls are under way");
	raw_close(&r);
}

static void in_a_full_house_the_oldest_idle_client_makes_room(void **state)
{
	struct raw crowd[CONTROL_CLIENTS_MAX], newcomer;

	for (unsigned i = 0; i < ARRAY_SIZE(crowd); i++)
		crowd[i] = world_enter(*state);
	world_turn_until_clients(*state, CONTROL_CLIENTS_MAX);
	world_assert_served(&crowd[0]);
	newcomer = world_enter(*state);

	world_assert_served(&newcomer);
	raw_hear_error(&crowd[1], RPC_BUSY, "dropped");
	raw_hear_end(&crowd[1]);
	world_assert_served(&crowd[0]);
	world_assert_served(&crowd[2]);
	for (unsigned i = 0; i < ARRAY_SIZE(crowd); i++)
		raw_close(&crowd[i]);
	raw_close(&newcomer);
}

static void a_newcomer_is_turned_away_when_all_are_busy(void **state)
{
	struct world *w = *state;
	struct raw crowd[CONTROL_CLIENTS_MAX], newcomer;

	for (unsigned i = 0; i < ARRAY_SIZE(crowd); i++) {
		crowd[i] = world_enter(w);
		raw_call(&crowd[i], 1, "keep", NULL);
	}
	world_turn_until(w, &w->n_kept, CONTROL_CLIENTS_MAX);
	newcomer = world_enter(w);

	raw_hear_error(&newcomer, RPC_BUSY, "too many");
	raw_hear_end(&newcomer);
	for (unsigned i = 0; i < ARRAY_SIZE(crowd); i++)
		raw_close(&crowd[i]);
	raw_close(&newcomer);
}

static void run_nothing(struct call *call, void *ctx)
{
	call_reply(call, NULL);
}

static void verbs_without_a_handler_are_found(void **state)
{
	struct control_verb served[64];
	const struct command_spec *specs;
	size_t n, n_served = 0;

	specs = command_specs(&n);
	for (size_t i = 0; i < n; i++)
		if (!(specs[i].flags & COMMAND_LOCAL))
			served[n_served++] = (struct control_verb){specs[i].name, run_nothing};

	assert_null(control_unserved(served, n_served));
	served[3].run = NULL;
	assert_string_equal(control_unserved(served, n_served), served[3].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(a_request_gets_the_result_of_its_verb),
		world_test(each_wrong_shape_has_its_code_and_the_connection_lives_on),
		world_test(parameters_are_checked_for_their_types),
		world_test(an_error_carries_its_code_its_data_and_any_text),
		world_test(half_a_line_keeps_nobody_waiting),
		world_test(the_longest_line_is_served),
		world_test(a_longer_line_is_answered_and_closed),
		world_test(pipelined_requests_are_answered_in_order),
		world_test(a_client_that_closes_at_once_harms_nobody),
		world_test(a_client_that_does_not_read_is_slowed_not_dropped),
		world_test(a_dry_run_of_a_verb_that_acts_never_reaches_it),
		world_test(a_client_may_have_only_so_many_calls_under_way),
		world_test(in_a_full_house_the_oldest_idle_client_makes_room),
		world_test(a_newcomer_is_turned_away_when_all_are_busy),
		world_test(verbs_without_a_handler_are_found),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
