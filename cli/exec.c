/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/exec.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/render.h"
#include "common/clock.h"
#include "common/jsonx.h"

#define INPUT_CHUNK 16384 /* small beside the socket's buffer, which is asked for room before */

/* What a stream has brought so far, when it is collected. */
struct collected {
	char *data;
	size_t len;
};

struct exec {
	struct rpc *rpc;
	bool json;
	bool input; /* standard input is still open */
	struct collected out, err;
};

static void collect(struct collected *c, const void *data, size_t len)
{
	char *grown = realloc(c->data, c->len + len);

	if (!grown)
		return;
	c->data = grown;
	memcpy(c->data + c->len, data, len);
	c->len += len;
}

static void write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
}

static void output(const char *method, json_t *params, void *arg)
{
	bool is_err = strcmp(jsonx_string(params, "stream", ""), "stderr") == 0;
	struct exec *x = arg;
	size_t len;
	char *data;

	if (strcmp(method, "guest/exec/output") != 0)
		return;
	data = jsonx_unbase64(jsonx_string(params, "data", ""), &len);
	if (!data)
		return;
	if (x->json && len)
		collect(is_err ? &x->err : &x->out, data, len);
	else
		write_all(is_err ? STDERR_FILENO : STDOUT_FILENO, data, len);
	free(data);
}

/* Passes one chunk of standard input, or its end. Returns 0 or -errno. */
static int pass_input(struct exec *x, struct err *e)
{
	char data[INPUT_CHUNK];
	ssize_t n = read(STDIN_FILENO, data, sizeof(data));

	if (n < 0 && errno == EINTR)
		return 0;
	x->input = n > 0;
	return rpc_notify(x->rpc, "guest/exec/input",
			  json_pack("{s:o, s:b}", "data", jsonx_base64(data, n > 0 ? (size_t)n : 0),
				    "eof", !x->input),
			  e);
}

/*
 * Standard input that is ready waits until the socket has room for a chunk of it: a send that
 * blocked would keep the command's output waiting.
 */
static int pump(struct exec *x, uint64_t due_ms, json_t **result, struct err *e)
{
	bool ready = false;

	for (;;) {
		struct pollfd p[] = {
			{.fd = rpc_fd(x->rpc), .events = (short)(POLLIN | (ready ? POLLOUT : 0))},
			{.fd = x->input && !ready ? STDIN_FILENO : -1, .events = POLLIN}};
		uint64_t now_ms = clock_now_ms();
		int ret = rpc_receive(x->rpc, 0, output, x, result, e);

		if (ret != -EAGAIN)
			return ret;
		if (now_ms >= due_ms)
			return err_set(e, ETIMEDOUT, "the command did not end in time");
		if (poll(p, 2, due_ms == UINT64_MAX ? -1 : (int)MIN_OF(due_ms - now_ms, 60000u)) <
		    0)
			continue;
		if (ready && p[0].revents & POLLOUT) {
			ready = false;
			ret = pass_input(x, e);
			if (ret < 0)
				return ret;
		}
		ready |= p[1].revents != 0;
	}
}

/* Text as a string; other bytes as base64, under a name that says so. */
static void add_collected(json_t *result, const char *key, const struct collected *c)
{
	json_t *text = json_stringn(c->data ? c->data : "", c->len);
	char name[32];

	snprintf(name, sizeof(name), "%s%s", key, text ? "" : "_base64");
	json_object_set_new(result, name, text ? text : jsonx_base64(c->data, c->len));
}

static void print_collected(struct exec *x, json_t *result)
{
	json_t *all = json_object();

	add_collected(all, "stdout", &x->out);
	add_collected(all, "stderr", &x->err);
	json_object_update(all, result);
	render_json(stdout, all);
	json_decref(all);
}

int exec_run(struct rpc *rpc, json_t *params, int timeout_ms, bool json, int *status, struct err *e)
{
	uint64_t due_ms = timeout_ms < 0 ? UINT64_MAX : clock_now_ms() + (uint64_t)timeout_ms;
	struct exec x = {.rpc = rpc, .json = json, .input = true};
	json_t *result = NULL;
	int ret = rpc_start(rpc, "guest/exec", params, e);

	if (ret == 0)
		ret = pump(&x, due_ms, &result, e);
	if (ret == 0) {
		int64_t signal_number = jsonx_int(result, "signal", 0);

		*status = signal_number ? (int)(EXEC_SIGNAL_BASE + signal_number)
					: (int)jsonx_int(result, "exit_status", 1);
		if (json)
			print_collected(&x, result);
	}
	json_decref(result);
	free(x.out.data);
	free(x.err.data);
	return ret;
}
