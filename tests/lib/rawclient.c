/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/rawclient.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/jsonx.h"
#include "tests/lib/test.h"

#define READ_CHUNK 65536

struct raw raw_connect(struct loop *loop, const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct raw r = {.loop = loop};

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	r.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(r.fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(fcntl(r.fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(loop_run_once(loop, 0), 0);
	return r;
}

void raw_close(struct raw *r)
{
	close(r->fd);
	free(r->in);
}

void raw_write(struct raw *r, const char *data, size_t len)
{
	uint64_t due_ms = clock_now_ms() + RAW_PATIENCE_MS;

	while (len && clock_now_ms() < due_ms) {
		ssize_t n = send(r->fd, data, len, MSG_NOSIGNAL);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			assert_int_equal(loop_run_once(r->loop, 0), 0);
		} else {
			return;
		}
	}
	assert_int_equal(len, 0);
}

void raw_say(struct raw *r, const char *text)
{
	raw_write(r, text, strlen(text));
}

void raw_call(struct raw *r, int id, const char *method, const char *params)
{
	char line[512];

	snprintf(line, sizeof(line),
		 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":%s}\n", id, method,
		 params ? params : "{}");
	raw_say(r, line);
}

/* Takes in what is there. Returns false at the end of the connection. */
static bool fill(struct raw *r)
{
	ssize_t n;

	r->in = realloc(r->in, r->len + READ_CHUNK);
	assert_non_null(r->in);
	n = read(r->fd, r->in + r->len, READ_CHUNK);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		return false;
	r->len += n > 0 ? (size_t)n : 0;
	return true;
}

json_t *raw_hear(struct raw *r)
{
	uint64_t due_ms = clock_now_ms() + RAW_PATIENCE_MS;
	json_t *message;
	char *newline;

	while (!(newline = r->len ? memchr(r->in, '\n', r->len) : NULL)) {
		assert_true(clock_now_ms() < due_ms);
		assert_int_equal(loop_run_once(r->loop, 1), 0);
		if (!fill(r))
			return NULL;
	}
	message = json_loadb(r->in, (size_t)(newline - r->in), 0, NULL);
	assert_non_null(message);
	r->len -= (size_t)(newline + 1 - r->in);
	memmove(r->in, newline + 1, r->len);
	return message;
}

void raw_hear_error(struct raw *r, int code, const char *part)
{
	json_t *message = raw_hear(r), *error = json_object_get(message, "error");

	assert_int_equal(jsonx_int(error, "code", 0), code);
	assert_non_null(strstr(jsonx_string(error, "message", ""), part));
	json_decref(message);
}

void raw_hear_result(struct raw *r, int id, const char *result)
{
	json_t *message = raw_hear(r);
	char *text = json_dumps(json_object_get(message, "result"), JSON_COMPACT | JSON_ENCODE_ANY);

	assert_non_null(text);
	assert_string_equal(text, result);
	assert_int_equal(jsonx_int(message, "id", -1), id);
	free(text);
	json_decref(message);
}

void raw_hear_end(struct raw *r)
{
	assert_null(raw_hear(r));
}
