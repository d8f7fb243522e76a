/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/jsonx.h"
#include "common/rpc.h"
#include "tests/lib/controlworld.h"

#define SOON_MS 100

/* A world that is served, and a connection to it. */
static struct rpc *connect_to(struct world *w)
{
	struct rpc *rpc;
	struct err e;

	world_serve(w);
	rpc = rpc_connect(w->path, &e);
	assert_non_null(rpc);
	return rpc;
}

static void assert_echoes(struct rpc *rpc)
{
	json_t *result;
	struct err e;

	assert_int_equal(rpc_call(rpc, "echo", json_pack("{s:i}", "a", 1), RAW_PATIENCE_MS, NULL,
				  NULL, &result, &e),
			 0);
	assert_int_equal(jsonx_int(result, "a", 0), 1);
	json_decref(result);
}

static void a_call_returns_the_result(void **state)
{
	struct rpc *rpc = connect_to(*state);

	assert_echoes(rpc);
	assert_echoes(rpc);
	rpc_close(rpc);
}

static void an_error_is_its_code_its_message_and_its_data(void **state)
{
	struct rpc *rpc = connect_to(*state);
	json_t *data;
	struct err e;

	assert_int_equal(rpc_call(rpc, "fail", NULL, -1, NULL, NULL, &data, &e),
			 RPC_PARTLY_APPLIED);
	assert_string_equal(e.text, "bad byte ? in it");
	assert_int_equal(json_integer_value(data), 3);
	json_decref(data);
	assert_int_equal(rpc_call(rpc, "ecko", NULL, -1, NULL, NULL, &data, &e),
			 -RPC_UNKNOWN_METHOD);
	assert_null(data);
	rpc_close(rpc);
}

static void a_call_that_times_out_leaves_the_connection_usable(void **state)
{
	struct rpc *rpc = connect_to(*state);
	json_t *result;
	struct err e;

	assert_int_equal(rpc_call(rpc, "keep", NULL, SOON_MS, NULL, NULL, &result, &e), -ETIMEDOUT);
	assert_non_null(strstr(e.text, "'keep' within 0.1 s"));
	assert_null(result);
	assert_echoes(rpc);
	rpc_close(rpc);
}

static void a_late_answer_is_not_taken_for_the_next(void **state)
{
	struct rpc *rpc = connect_to(*state);
	struct err e;

	assert_int_equal(rpc_start(rpc, "echo", json_pack("{s:i}", "a", 2), &e), 0);
	assert_echoes(rpc);
	rpc_close(rpc);
}

static void sum(const char *method, json_t *params, void *arg)
{
	if (strcmp(method, "stream/output") == 0)
		*(int64_t *)arg += 1 + jsonx_int(params, "n", 0);
}

static void notifications_arrive_before_the_answer(void **state)
{
	struct rpc *rpc = connect_to(*state);
	int64_t total = 0;
	struct err e;

	assert_int_equal(rpc_call(rpc, "stream", NULL, -1, sum, &total, NULL, &e), 0);
	assert_int_equal(total, 6);
	rpc_close(rpc);
}

static void a_descriptor_comes_with_its_answer_once(void **state)
{
	struct rpc *rpc = connect_to(*state);
	char hello[8] = "";
	struct err e;
	int fd;

	assert_int_equal(rpc_call(rpc, "fd", NULL, -1, NULL, NULL, NULL, &e), 0);
	fd = rpc_recv_fd(rpc);
	assert_int_equal(read(fd, hello, sizeof(hello)), 5);
	assert_string_equal(hello, "hello");
	assert_int_equal(rpc_recv_fd(rpc), -1);
	close(fd);
	assert_int_equal(rpc_call(rpc, "fd", NULL, -1, NULL, NULL, NULL, &e), 0);
	rpc_close(rpc);
}

static void large_answers_come_whole(void **state)
{
	struct rpc *rpc = connect_to(*state);
	json_t *result;
	struct err e;

	assert_int_equal(rpc_call(rpc, "big", NULL, -1, NULL, NULL, &result, &e), 0);
	assert_int_equal(json_string_length(result), WORLD_BIG_LEN);
	json_decref(result);
	rpc_close(rpc);
}

static void a_request_that_weftd_would_refuse_for_its_length_is_not_sent(void **state)
{
	struct rpc *rpc = connect_to(*state);
	char *text = calloc(1, RPC_LINE_MAX + 1);
	json_t *params;
	struct err e;

	memset(text, 'a', RPC_LINE_MAX);
	params = json_pack("{s:s}", "text", text);
	free(text);

	assert_int_equal(rpc_call(rpc, "echo", params, -1, NULL, NULL, NULL, &e), -EMSGSIZE);
	assert_echoes(rpc);
	rpc_close(rpc);
}

static void the_death_of_weftd_ends_a_call(void **state)
{
	struct rpc *rpc = connect_to(*state);
	struct err e;

	assert_echoes(rpc);
	assert_int_equal(rpc_start(rpc, "keep", NULL, &e), 0);
	assert_int_equal(rpc_receive(rpc, 0, NULL, NULL, NULL, &e), -EAGAIN);
	world_stop(*state);

	assert_int_equal(rpc_receive(rpc, RAW_PATIENCE_MS, NULL, NULL, NULL, &e), -ECONNRESET);
	assert_non_null(strstr(e.text, "before it answered 'keep'"));
	rpc_close(rpc);
}

static void where_there_is_no_weftd_the_message_says_what_to_do(void **state)
{
	struct world *w = *state;
	struct err e;

	control_destroy(w->control);
	w->control = NULL;
	assert_null(rpc_connect(w->path, &e));
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(e.text, "start it"));
	close(open(w->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_null(rpc_connect(w->path, &e));
	assert_int_equal(errno, ECONNREFUSED);
	assert_non_null(strstr(e.text, w->path));
}

static void base64_brings_all_bytes_through(void **state)
{
	static const char *const texts[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "AP/+"};
	static const char *const bad[] = {"Z", "Zg=", "Zg==Zg==", "Z===", "====", "Zm9\n", "Zm9*"};
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		void *data = jsonx_unbase64(texts[i], &len);
		json_t *text = jsonx_base64(data, len);

		assert_string_equal(json_string_value(text), texts[i]);
		json_decref(text);
		free(data);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(jsonx_unbase64(bad[i], &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(a_call_returns_the_result),
		world_test(an_error_is_its_code_its_message_and_its_data),
		world_test(a_call_that_times_out_leaves_the_connection_usable),
		world_test(a_late_answer_is_not_taken_for_the_next),
		world_test(notifications_arrive_before_the_answer),
		world_test(a_descriptor_comes_with_its_answer_once),
		world_test(large_answers_come_whole),
		world_test(a_request_that_weftd_would_refuse_for_its_length_is_not_sent),
		world_test(the_death_of_weftd_ends_a_call),
		world_test(where_there_is_no_weftd_the_message_says_what_to_do),
		cmocka_unit_test(base64_brings_all_bytes_through),
	};

	return cmocka_run_group_tests_name("rpc", tests, NULL, NULL);
}
