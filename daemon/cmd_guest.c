/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/jsonx.h"
#include "common/units.h"
#include "daemon/cmd.h"

static struct guest *guest_param(struct call *call, struct weftd *d)
{
	const char *name;
	struct guest *g;

	if (call_param_string(call, "guest", CALL_REQUIRED, &name) < 0)
		return NULL;
	g = guest_lookup(d->guests, name);
	if (!g)
		call_fail(call, RPC_FAILED, "there is no guest '%s'; `weft guest/list` names them",
			  name);
	return g;
}

static void reply_state(struct call *call, const struct guest *g)
{
	call_reply(call, json_pack("{s:s, s:s}", "name", guest_name(g), "state",
				   guest_state_name(guest_state(g))));
}

void cmd_guest_list(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	json_t *list = json_array();

	for (struct guest *g = guest_next(d->guests, NULL); g; g = guest_next(d->guests, g))
		json_array_append_new(list, guest_json(g));
	call_reply(call, list);
}

static void start(struct call *call, struct guest *g)
{
	struct err e = {0};

	if (guest_start(g, &e) < 0)
		call_fail(call, RPC_FAILED, "%s", e.text);
	else
		reply_state(call, g);
}

void cmd_guest_start(struct call *call, void *ctx)
{
	struct guest *g = guest_param(call, ctx);

	if (g)
		start(call, g);
}

static void on_stopped(struct guest *g, void *arg)
{
	reply_state(arg, g);
}

void cmd_guest_stop(struct call *call, void *ctx)
{
	struct guest *g = guest_param(call, ctx);

	if (g)
		guest_stop(g, on_stopped, call);
}

static void on_stopped_restart(struct guest *g, void *arg)
{
	start(arg, g);
}

void cmd_guest_restart(struct call *call, void *ctx)
{
	struct guest *g = guest_param(call, ctx);

	if (g)
		guest_stop(g, on_stopped_restart, call);
}

void cmd_guest_balloon(struct call *call, void *ctx)
{
	struct guest *g = guest_param(call, ctx);
	const char *size;
	uint64_t bytes;
	struct err e = {0};

	if (!g || call_param_string(call, "size", CALL_REQUIRED, &size) < 0)
		return;
	if (units_parse_size(size, &bytes) < 0)
		call_fail(call, RPC_INVALID_PARAMS, "'%s' is no size; say 256M or 1G", size);
	else if (guest_balloon(g, bytes, &e) < 0)
		call_fail(call, RPC_FAILED, "%s", e.text);
	else
		call_reply(call, json_pack("{s:s, s:I}", "guest", guest_name(g), "target",
					   (json_int_t)bytes));
}

void cmd_guest_console(struct call *call, void *ctx)
{
	struct guest *g = guest_param(call, ctx);
	struct err e = {0};
	int fd;

	if (!g)
		return;
	fd = guest_console_open(g, &e);
	if (fd < 0) {
		call_fail(call, RPC_FAILED, "%s", e.text);
		return;
	}
	call_send_fd(call, fd);
	call_reply(call, json_pack("{s:s}", "guest", guest_name(g)));
}

/* --- guest/exec: a command in the guest, streamed over the call --------------------------------
 */

#define BACKLOG_HIGH (256 * 1024) /* more of the guest's output than this waits in the guest */

struct exec_stream {
	struct call *call;
	struct agent_exec *exec;
	/* stdin that the agent's window has not taken yet; the client is paused meanwhile */
	uint8_t *pending;
	size_t pending_len, pending_off;
	bool eof;
};

static void stream_free(struct exec_stream *s)
{
	free(s->pending);
	free(s);
}

static void on_room(struct call *call, void *arg)
{
	struct exec_stream *s = arg;

	agent_exec_pause(s->exec, false);
}

static void on_output(struct agent_exec *x, int fd, const void *data, size_t len, void *arg)
{
	struct exec_stream *s = arg;
	call_notify(s->call, "guest/exec/output",
		    json_pack("{s:s, s:o}", "stream", fd == 2 ? "stderr" : "stdout", "data",
			      jsonx_base64(data, len)));
	if (call_backlog(s->call) > BACKLOG_HIGH) {
		agent_exec_pause(x, true);
		call_on_room(s->call, on_room, s);
	}
}

static void on_ended(struct agent_exec *x, enum agent_end end, int value, void *arg)
{
	struct exec_stream *s = arg;

	switch (end) {
	case AGENT_END_EXITED:
		call_reply(s->call, json_pack("{s:i}", "exit_status", value));
		break;
	case AGENT_END_SIGNALED:
		call_reply(s->call, json_pack("{s:i}", "signal", value));
		break;
	case AGENT_END_FAILED:
		call_fail(s->call, RPC_FAILED, "the guest cannot run it: %s", strerror(value));
		break;
	default:
		call_fail(s->call, RPC_FAILED,
			  "the guest or its agent went away before the command ended");
		break;
	}
	stream_free(s);
}

/* Gives the agent what waits; the client goes on when nothing does. */
static void feed(struct exec_stream *s)
{
	ssize_t n = agent_exec_write(s->exec, s->pending + s->pending_off,
				     s->pending_len - s->pending_off);

	if (n > 0)
		s->pending_off += (size_t)n;
	if (n >= 0 && s->pending_off < s->pending_len) {
		call_pause_input(s->call, true);
		return;
	}
	free(s->pending);
	s->pending = NULL;
	s->pending_len = s->pending_off = 0;
	if (s->eof)
		agent_exec_eof(s->exec);
	call_pause_input(s->call, false);
}

static void on_writable(struct agent_exec *x, void *arg)
{
	struct exec_stream *s = arg;

	if (s->pending)
		feed(s);
}

static const struct agent_exec_ops exec_ops = {
	.output = on_output,
	.ended = on_ended,
	.writable = on_writable,
};

static void on_client_gone(struct call *call, void *arg)
{
	struct exec_stream *s = arg;

	agent_exec_drop(s->exec);
	call_reply(call, NULL);
	stream_free(s);
}

static void on_input(struct call *call, const char *method, json_t *params, void *arg)
{
	const char *text = json_string_value(json_object_get(params, "data"));
	struct exec_stream *s = arg;
	size_t len = 0;
	uint8_t *data = text ? jsonx_unbase64(text, &len) : NULL, *all;

	s->eof |= json_is_true(json_object_get(params, "eof"));
	all = realloc(s->pending, s->pending_len + len + 1);
	if (all) {
		if (len)
			memcpy(all + s->pending_len, data, len);
		s->pending = all;
		s->pending_len += len;
		feed(s);
	}
	free(data);
}

void cmd_guest_exec(struct call *call, void *ctx)
{
	struct guest *g = guest_param(call, ctx);
	const char *const *argv;
	struct exec_stream *s;
	struct err e = {0};
	bool detach = false;
	unsigned n;

	if (!g || call_param_strings(call, "argv", CALL_REQUIRED, &argv, &n) < 0 ||
	    call_param_bool(call, "detach", CALL_OPTIONAL, &detach) < 0)
		return;
	s = calloc(1, sizeof(*s));
	if (!s) {
		call_fail(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	s->call = call;
	s->exec = guest_exec(g, argv, n, detach ? AGENT_EXEC_DETACHED : 0, &exec_ops, s, &e);
	if (!s->exec) {
		call_fail(call, RPC_FAILED, "%s", e.text);
		free(s);
		return;
	}
	call_on_gone(call, on_client_gone, s);
	call_on_input(call, on_input, s);
}
