/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Calls that are not answered at once: kept ones, streams, and clients that leave meanwhile.
 */

#include "tests/lib/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/client.h"
#include "tests/lib/controlworld.h"

static void count_room(struct call *call, void *arg)
{
	((struct world *)arg)->n_room++;
}

static void a_kept_call_is_answered_after_later_ones(void **state)
{
	struct world *w = *state;
	struct raw r = world_enter(w);

	raw_call(&r, 1, "keep", NULL);
	world_assert_served(&r);
	call_notify(w->kept[0], "keep/output", json_pack("{s:i}", "n", 1));
	call_reply(w->kept[0], json_true());
	w->n_kept = 0;

	json_decref(raw_hear(&r));
	raw_hear_result(&r, 1, "true");
	raw_close(&r);
}

static void a_call_outlives_the_client_that_left(void **state)
{
	struct world *w = *state;
	struct raw r = world_enter(w);
	int fd;

	raw_call(&r, 1, "keep", NULL);
	world_turn_until(w, &w->n_kept, 1);
	raw_close(&r);
	world_turn_until(w, &w->n_gone, 1);

	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	call_notify(w->kept[0], "keep/output", json_object());
	call_send_fd(w->kept[0], fd);
	call_reply(w->kept[0], json_string("nobody hears this"));
	w->n_kept = 0;
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(control_n_clients(w->control), 0);
}

static void a_client_that_only_stops_writing_gets_its_answers(void **state)
{
	struct world *w = *state;
	struct raw r = world_enter(w);

	raw_call(&r, 1, "keep", NULL);
	world_turn_until(w, &w->n_kept, 1);
	shutdown(r.fd, SHUT_WR);
	world_turn_until_idle(w);
	call_reply(w->kept[0], json_true());
	w->n_kept = 0;

	raw_hear_result(&r, 1, "true");
	raw_hear_end(&r);
	raw_close(&r);
}

static void a_stream_that_nobody_reads_ends_and_its_call_is_told(void **state)
{
	struct world *w = *state;
	struct raw r = world_enter(w), working = world_enter(w);

	raw_call(&r, 1, "keep", NULL);
	world_turn_until(w, &w->n_kept, 1);
	for (int i = 0; i < 200; i++)
		call_notify(w->kept[0], "keep/output",
			    json_pack("{s:o}", "data", world_big_string()));

	world_turn_until(w, &w->n_gone, 1);
	world_assert_served(&working);
	raw_close(&r);
	raw_close(&working);
}

static void a_stream_that_waits_is_told_of_room(void **state)
{
	struct world *w = *state;
	struct raw r = world_enter(w);

	raw_call(&r, 1, "keep", NULL);
	world_turn_until(w, &w->n_kept, 1);
	for (int i = 0; i < 10; i++)
		call_notify(w->kept[0], "keep/output",
			    json_pack("{s:o}", "data", world_big_string()));
	assert_true(call_backlog(w->kept[0]) > 0);
	call_on_room(w->kept[0], count_room, w);
	world_turn_until_idle(w);
	assert_int_equal(w->n_room, 0);

	for (int i = 0; i < 10; i++)
		json_decref(raw_hear(&r));

	world_turn_until(w, &w->n_room, 1);
	assert_int_equal(call_backlog(w->kept[0]), 0);
	raw_close(&r);
}

static void input_reaches_the_stream_under_way_and_nothing_else(void **state)
{
	struct world *w = *state;
	struct raw r = world_enter(w);

	raw_call(&r, 1, "guest/exec", NULL);
	raw_say(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"guest/exec/input\",\"params\":{\"data\":"
		    "\"ls\"}}\n");
	raw_say(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"guest/execute\",\"params\":{}}\n");
	raw_say(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"guest/exec/input\",\"params\":[]}\n");
	raw_say(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}\n");
	world_assert_served(&r);

	assert_string_equal(w->input, "guest/exec/input ls");
	assert_int_equal(w->n_run, 1);
	raw_close(&r);
}

static void paused_input_waits_in_the_socket(void **state)
{
	struct world *w = *state;
	struct raw r = world_enter(w);

	raw_call(&r, 1, "keep", "{\"pause\":true}");
	world_turn_until(w, &w->n_kept, 1);
	raw_call(&r, 2, "echo", NULL);
	world_turn_until_idle(w);
	assert_int_equal(w->n_run, 0);
	call_pause_input(w->kept[0], false);

	raw_hear_result(&r, 2, "{}");
	raw_close(&r);
}

static void paused_input_that_was_read_before_is_taken_up_again(void **state)
{
	struct world *w = *state;
	struct raw r = world_enter(w);

	raw_call(&r, 1, "keep", "{\"pause\":true}");
	raw_call(&r, 2, "echo", NULL);
	world_turn_until_idle(w);
	assert_int_equal(w->n_kept, 1);
	assert_int_equal(w->n_run, 0);
	call_pause_input(w->kept[0], false);

	raw_hear_result(&r, 2, "{}");
	raw_close(&r);
}

static void a_descriptor_travels_with_the_reply(void **state)
{
	struct raw r = world_enter(*state);
	char control[CMSG_SPACE(sizeof(int))], data[256], hello[8] = "";
	struct iovec iov = {data, sizeof(data)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	int fd;

	raw_call(&r, 1, "fd", NULL);
	world_turn_until_idle(*state);
	assert_true(recvmsg(r.fd, &msg, MSG_CMSG_CLOEXEC) > 0);
	assert_non_null(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));

	assert_int_equal(read(fd, hello, sizeof(hello)), 5);
	assert_string_equal(hello, "hello");
	close(fd);
	raw_close(&r);
}

static void the_end_of_the_server_reaches_clients_and_calls(void **state)
{
	struct world *w = *state;
	struct raw r = world_enter(w);

	raw_call(&r, 1, "keep", NULL);
	world_turn_until(w, &w->n_kept, 1);
	control_destroy(w->control);
	w->control = NULL;

	assert_int_equal(w->n_gone, 1);
	raw_hear_end(&r);
	raw_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(a_kept_call_is_answered_after_later_ones),
		world_test(a_call_outlives_the_client_that_left),
		world_test(a_client_that_only_stops_writing_gets_its_answers),
		world_test(a_stream_that_nobody_reads_ends_and_its_call_is_told),
		world_test(a_stream_that_waits_is_told_of_room),
		world_test(input_reaches_the_stream_under_way_and_nothing_else),
		world_test(paused_input_waits_in_the_socket),
		world_test(paused_input_that_was_read_before_is_taken_up_again),
		world_test(a_descriptor_travels_with_the_reply),
		world_test(the_end_of_the_server_reaches_clients_and_calls),
	};

	return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
