/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Bytes of a hostile client into the control socket: line splitting, the request parser, dispatch,
 * typed parameters, calls that are kept and streams. Each input is one connection over a socket
 * pair; kept calls are ended after the client is gone.
 */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "daemon/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEPT_MAX 256

static struct call *kept[KEPT_MAX];
static unsigned n_kept;

static void run_echo(struct call *call, void *ctx)
{
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
	call_fail(call, RPC_FAILED, "no bridge '%s', %u fields, the last is %s", bridge, n,
		  n ? fields[n - 1] : "none");
}

static void on_input(struct call *call, const char *method, json_t *params, void *arg)
{
	call_notify(call, "guest/exec/output", json_incref(params));
}

static void on_gone(struct call *call, void *arg)
{
	call_notify(call, "guest/exec/output", json_object());
}

static void run_keep(struct call *call, void *ctx)
{
	if (n_kept == KEPT_MAX) {
		call_fail(call, RPC_BUSY, "no more");
		return;
	}
	kept[n_kept++] = call;
	call_on_input(call, on_input, NULL);
	call_on_gone(call, on_gone, NULL);
}

static const struct control_verb verbs[] = {
	{"show", run_echo},
	{"add-br", run_typed},
	{"fdb/flush", run_echo},
	{"guest/exec", run_keep},
};

static struct loop *loop;
static struct control *control;

static void close_control(void)
{
	control_destroy(control);
	loop_destroy(loop);
}

/* The listening socket is not what is tried here; its file goes at once. */
static void open_control(void)
{
	char path[64];
	struct err e;

	snprintf(path, sizeof(path), "/tmp/weft-fuzz-control-%d.sock", (int)getpid());
	log_level_set("any", "error", NULL);
	loop = loop_create();
	control = control_create(loop, path, "", "", 0600, verbs, ARRAY_SIZE(verbs), NULL, &e);
	if (!control) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
	unlink(path);
	atexit(close_control);
}

/* Turns the loop and reads what comes, as long as the client is connected and something moves. */
static void turn(int fd)
{
	char answer[4096];
	ssize_t n;

	do {
		loop_run_once(loop, 0);
		n = read(fd, answer, sizeof(answer));
	} while (n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fds[2];

	if (!control)
		open_control();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0 ||
	    control_adopt(control, fds[1]) < 0)
		abort();

	while (size) {
		ssize_t n = send(fds[0], data, size, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			break;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
		turn(fds[0]);
	}
	turn(fds[0]);
	close(fds[0]);
	while (control_n_clients(control))
		loop_run_once(loop, 0);
	while (n_kept)
		call_reply(kept[--n_kept], json_string("late"));
	return 0;
}
