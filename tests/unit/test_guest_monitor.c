/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What weftd says to the monitor of a guest's engine, and hears from it. The test is the engine. */

#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/jsonx.h"
#include "daemon/qmp.h"

#define WAIT_MS 5000

struct world {
	struct loop *loop;
	struct qmp *q;
	int listener, engine;
	struct sockaddr_un at;
	bool ready;
	int64_t target, actual;
};

static void on_ready(struct qmp *q, void *arg)
{
	((struct world *)arg)->ready = true;
}

static void on_event(struct qmp *q, const char *name, const json_t *data, void *arg)
{
	struct world *w = arg;

	if (strcmp(name, "BALLOON_CHANGE") != 0)
		return;
	w->target = jsonx_int(data, "target", -1);
	w->actual = jsonx_int(data, "actual", -1);
}

static const struct qmp_ops ops = {on_ready, on_event};

static void say(struct world *w, const char *line)
{
	assert_int_equal(send(w->engine, line, strlen(line), MSG_NOSIGNAL), strlen(line));
}

/* The next line that the engine is sent. */
static void hear(struct world *w, const char *line)
{
	uint64_t end_ms = clock_now_ms() + WAIT_MS;
	char text[256];
	size_t n = 0;

	while ((n == 0 || text[n - 1] != '\n') && n < sizeof(text) - 1 && clock_now_ms() < end_ms) {
		loop_run_once(w->loop, 10);
		if (recv(w->engine, text + n, 1, MSG_DONTWAIT) == 1)
			n++;
	}
	text[n] = '\0';
	assert_string_equal(text, line);
}

#define RUN_UNTIL(w, condition)                                                                    \
	for (uint64_t end_ms = clock_now_ms() + WAIT_MS; !(condition) && clock_now_ms() < end_ms;  \
	     loop_run_once((w)->loop, 10))

static void connect_monitor(struct world *w, enum qmp_dialect dialect)
{
	w->q = qmp_create(w->loop, w->at.sun_path, dialect, &ops, w);
	assert_non_null(w->q);
	RUN_UNTIL(w, (w->engine = accept4(w->listener, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	assert_true(w->engine >= 0);
}

static int setup(void **state)
{
	static struct world w;

	w = (struct world){.at.sun_family = AF_UNIX, .engine = -1};
	snprintf(w.at.sun_path, sizeof(w.at.sun_path), "/tmp/weft-monitor.%d", (int)getpid());
	w.loop = loop_create();
	w.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	*state = &w;
	return !w.loop || bind(w.listener, (struct sockaddr *)&w.at, sizeof(w.at)) < 0 ||
	       listen(w.listener, 1) < 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	qmp_destroy(w->q);
	loop_destroy(w->loop);
	close(w->listener);
	close(w->engine);
	return unlink(w->at.sun_path);
}

static void qemu_is_asked_for_the_size_that_it_shall_leave(void **state)
{
	struct world *w = *state;

	connect_monitor(w, QMP_QEMU);
	assert_int_equal(qmp_balloon(w->q, 1 << 28), -ENOTCONN);
	say(w, "{\"QMP\": {}}\n");
	hear(w, "{\"execute\":\"qmp_capabilities\",\"arguments\":{}}\n");
	say(w, "{\"return\": {}}\n");
	RUN_UNTIL(w, w->ready);

	assert_int_equal(qmp_balloon(w->q, 1 << 28), 0);
	hear(w, "{\"execute\":\"balloon\",\"arguments\":{\"value\":268435456}}\n");
	say(w, "{\"event\": \"BALLOON_CHANGE\", \"data\": {\"actual\": 300000000}}\n");
	RUN_UNTIL(w, w->actual);
	assert_int_equal(w->actual, 300000000);

	assert_int_equal(qmp_execute(w->q, "query-balloon"), 0);
	hear(w, "{\"execute\":\"query-balloon\",\"arguments\":{}}\n");
	say(w, "{\"return\": {\"actual\": 268435456}}\n");
	RUN_UNTIL(w, w->actual == 268435456);
	assert_int_equal(w->actual, 268435456);
}

static void weft_vmm_tells_target_and_size_by_itself(void **state)
{
	struct world *w = *state;

	connect_monitor(w, QMP_WEFT);
	hear(w, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":{}}\n");
	say(w, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"balloon\":{\"target\":7,"
	       "\"actual\":9}}}\n");
	RUN_UNTIL(w, w->actual);
	assert_true(w->ready);
	assert_int_equal(w->target, 7);
	assert_int_equal(w->actual, 9);

	assert_int_equal(qmp_balloon(w->q, 1 << 28), 0);
	hear(w, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"balloon\",\"params\":{\"size\":"
		"268435456}}\n");
	say(w, "{\"jsonrpc\":\"2.0\",\"method\":\"balloon\",\"params\":{\"target\":5,\"actual\":6}}"
	       "\n");
	RUN_UNTIL(w, w->actual == 6);
	assert_int_equal(w->target, 5);
	assert_int_equal(w->actual, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(qemu_is_asked_for_the_size_that_it_shall_leave,
						setup, teardown),
		cmocka_unit_test_setup_teardown(weft_vmm_tells_target_and_size_by_itself, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
