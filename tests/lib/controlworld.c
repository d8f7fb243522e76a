/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/controlworld.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/jsonx.h"

static void run_echo(struct call *call, void *ctx)
{
	((struct world *)ctx)->n_run++;
	call_reply(call, json_incref(call_params(call)));
}

static void run_typed(struct call *call, void *ctx)
{
	const char *const *fields = NULL, *bridge;
	bool may_exist = false;
	unsigned n = 0;
	int64_t vlan = 0;

	if (call_param_string(call, "bridge", CALL_REQUIRED, &bridge) < 0 ||
	    call_param_bool(call, "may_exist", CALL_OPTIONAL, &may_exist) < 0 ||
	    call_param_int(call, "vlan", CALL_OPTIONAL, 0, 4094, &vlan) < 0 ||
	    call_param_strings(call, "fields", CALL_OPTIONAL, &fields, &n) < 0)
		return;
	call_reply(call, json_pack("[s, b, I, i, s]", bridge, may_exist, vlan, n,
				   n ? fields[n - 1] : ""));
}

static void on_gone(struct call *call, void *arg)
{
	((struct world *)arg)->n_gone++;
}

static void on_input(struct call *call, const char *method, json_t *params, void *arg)
{
	struct world *w = arg;

	snprintf(w->input, sizeof(w->input), "%s %s", method, jsonx_string(params, "data", "?"));
}

static void run_keep(struct call *call, void *ctx)
{
	struct world *w = ctx;

	assert_true(w->n_kept < ARRAY_SIZE(w->kept));
	w->kept[w->n_kept++] = call;
	call_on_gone(call, on_gone, w);
	call_on_input(call, on_input, w);
	call_pause_input(call, jsonx_bool(call_params(call), "pause"));
}

json_t *world_big_string(void)
{
	char *text = malloc(WORLD_BIG_LEN);
	json_t *string;

	memset(text, 'x', WORLD_BIG_LEN);
	string = json_stringn(text, WORLD_BIG_LEN);
	free(text);
	return string;
}

static void run_big(struct call *call, void *ctx)
{
	((struct world *)ctx)->n_run++;
	call_reply(call, world_big_string());
}

static void run_fd(struct call *call, void *ctx)
{
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(write(p[1], "hello", 5), 5);
	close(p[1]);
	call_send_fd(call, p[0]);
	call_reply(call, json_string("here"));
}

static void run_stream(struct call *call, void *ctx)
{
	for (int i = 0; i < 3; i++)
		call_notify(call, "stream/output", json_pack("{s:i}", "n", i));
	call_reply(call, json_string("end"));
}

static void run_fail(struct call *call, void *ctx)
{
	call_fail_data(call, RPC_PARTLY_APPLIED, json_integer(3), "bad byte \xff in %s", "it");
}

static const struct control_verb verbs[] = {
	{"echo", run_echo},	 {"typed", run_typed},	   {"keep", run_keep},
	{"big", run_big},	 {"fd", run_fd},	   {"fail", run_fail},
	{"fdb/flush", run_echo}, {"guest/exec", run_keep}, {"show", NULL},
	{"stream", run_stream},
};

int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err e;

	strcpy(w->dir, "/tmp/weft-control-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/weftd.sock", w->dir);
	w->loop = loop_create();
	w->control =
		control_create(w->loop, w->path, "", "", 0600, verbs, ARRAY_SIZE(verbs), w, &e);
	assert_non_null(w->control);
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;

	world_stop(w);
	control_destroy(w->control);
	for (unsigned i = 0; i < w->n_kept; i++)
		call_reply(w->kept[i], NULL);
	loop_destroy(w->loop);
	unlink(w->path);
	rmdir(w->dir);
	free(w);
	return 0;
}

void world_turn_until(struct world *w, const unsigned *n, unsigned wanted)
{
	uint64_t due_ms = clock_now_ms() + RAW_PATIENCE_MS;

	while (*n < wanted && clock_now_ms() < due_ms)
		assert_int_equal(loop_run_once(w->loop, 10), 0);
	assert_true(*n >= wanted);
}

void world_turn_until_idle(struct world *w)
{
	for (int i = 0; i < 1000; i++)
		assert_int_equal(loop_run_once(w->loop, 0), 0);
}

void world_turn_until_clients(struct world *w, unsigned wanted)
{
	uint64_t due_ms = clock_now_ms() + RAW_PATIENCE_MS;

	while (control_n_clients(w->control) != wanted && clock_now_ms() < due_ms)
		assert_int_equal(loop_run_once(w->loop, 10), 0);
	assert_int_equal(control_n_clients(w->control), wanted);
}

void world_serve(struct world *w)
{
	w->server = fork();
	assert_true(w->server >= 0);
	if (w->server)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	loop_run(w->loop);
	_exit(0);
}

void world_stop(struct world *w)
{
	if (!w->server)
		return;
	kill(w->server, SIGKILL);
	waitpid(w->server, NULL, 0);
	w->server = 0;
}

struct raw world_enter(struct world *w)
{
	return raw_connect(w->loop, w->path);
}

void world_assert_served(struct raw *r)
{
	raw_call(r, 77, "echo", "{\"a\":1}");
	raw_hear_result(r, 77, "{\"a\":1}");
}
