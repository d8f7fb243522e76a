/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/rpc.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/jsonx.h"

/*
 * The socket is read in whole lines out of one growing buffer. Sending takes in what arrives when
 * the socket is full: weftd stops reading from a client that does not read, so a client that only
 * wrote would wait for ever beside a weftd that waits for it.
 */

#define ANSWER_MAX	(256u << 20)
#define READ_CHUNK	65536
#define CONNECT_WAIT_S	5
#define SEND_WAIT_MS	10000
#define FDS_PER_MESSAGE 4

struct rpc {
	int fd;
	int passed_fd; /* came with the last answer, -1: none */
	json_int_t id; /* of the call under way */
	char method[64];
	char *in;
	size_t in_len, in_size;
};

static int connect_failed(struct err *e, int code, const char *path)
{
	switch (code) {
	case ENOENT:
		return err_set(e, code,
			       "no weftd at %s: start it (weftd -c FILE), or name its socket with "
			       "-s PATH or WEFT_SOCKET",
			       path);
	case ECONNREFUSED:
		return err_set(e, code, "no weftd behind %s any more: start it again", path);
	case EACCES:
	case EPERM:
		return err_set(e, code,
			       "no permission to use %s: run as root, or as the user or group that "
			       "the config gives the socket to",
			       path);
	case EAGAIN:
		return err_set(e, code, "weftd at %s takes no connections: is it stopped?", path);
	default:
		return err_set(e, code, "cannot connect to %s: %s: is that weftd's socket?", path,
			       strerror(code));
	}
}

struct rpc *rpc_connect(const char *path, struct err *e)
{
	struct timeval wait = {.tv_sec = CONNECT_WAIT_S};
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct rpc *r;
	int code;

	if (strlen(path) >= sizeof(sa.sun_path)) {
		errno = -err_set(e, ENAMETOOLONG, "socket path %s is too long: at most %zu bytes",
				 path, sizeof(sa.sun_path) - 1);
		return NULL;
	}
	strcpy(sa.sun_path, path);
	r = calloc(1, sizeof(*r));
	if (!r)
		goto err_memory;
	r->passed_fd = -1;
	r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (r->fd < 0)
		goto err_socket;
	setsockopt(r->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(r->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		goto err_socket;
	return r;

err_socket:
	code = errno;
	connect_failed(e, code, path);
	rpc_close(r);
	errno = code;
	return NULL;
err_memory:
	err_set(e, ENOMEM, "out of memory");
	return NULL;
}

void rpc_close(struct rpc *r)
{
	if (!r)
		return;
	if (r->passed_fd >= 0)
		close(r->passed_fd);
	if (r->fd >= 0)
		close(r->fd);
	free(r->in);
	free(r);
}

int rpc_fd(const struct rpc *r)
{
	return r->fd;
}

int rpc_recv_fd(struct rpc *r)
{
	int fd = r->passed_fd;

	r->passed_fd = -1;
	return fd;
}

static int lost(struct rpc *r, struct err *e)
{
	return err_set(e, ECONNRESET,
		       "weftd closed the connection before it answered '%s': its log says why",
		       r->method);
}

/* Keeps the newest descriptor of a message, closes all others. */
static void take_fds(struct rpc *r, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (r->passed_fd >= 0)
				close(r->passed_fd);
			memcpy(&r->passed_fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
		}
	}
}

static int grow(struct rpc *r, struct err *e)
{
	size_t size = r->in_size ? r->in_size * 2 : READ_CHUNK * 2;
	char *in;

	if (r->in_size - r->in_len >= READ_CHUNK)
		return 0;
	if (size > ANSWER_MAX)
		return err_set(e, EMSGSIZE, "the answer to '%s' is longer than %u MiB", r->method,
			       ANSWER_MAX >> 20);
	in = realloc(r->in, size);
	if (!in)
		return err_set(e, ENOMEM, "out of memory");
	r->in = in;
	r->in_size = size;
	return 0;
}

/* Takes in what has arrived. Returns 0, also when nothing has, or -errno. */
static int fill(struct rpc *r, struct err *e)
{
	char control[CMSG_SPACE(FDS_PER_MESSAGE * sizeof(int))];
	struct iovec iov;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	ssize_t n;
	int ret = grow(r, e);

	if (ret < 0)
		return ret;
	iov = (struct iovec){r->in + r->in_len, r->in_size - r->in_len};
	n = recvmsg(r->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return lost(r, e);
	take_fds(r, &msg);
	r->in_len += (size_t)n;
	return 0;
}

/* Waits for `events`, until `due_ms` (monotonic; UINT64_MAX: for ever). -EAGAIN: not in time. */
static int wait_for(struct rpc *r, short events, uint64_t due_ms, short *revents)
{
	struct pollfd p = {.fd = r->fd, .events = events};
	uint64_t now_ms = clock_now_ms();
	int wait_ms =
		due_ms == UINT64_MAX ? -1 : (int)MIN_OF(due_ms - MIN_OF(now_ms, due_ms), 60000u);
	int n = poll(&p, 1, wait_ms);

	*revents = p.revents;
	if (n < 0 && errno != EINTR)
		return -errno;
	return n > 0 || clock_now_ms() < due_ms ? 0 : -EAGAIN;
}

/*
 * Sends all of `text` until `due_ms`. A closed socket is no error here: why weftd closed it may
 * still lie in it, and the one who waits for the answer finds that or the end.
 */
static int send_all(struct rpc *r, const char *text, size_t len, uint64_t due_ms, struct err *e)
{
	size_t sent = 0;
	short revents;
	int ret;

	while (sent < len) {
		ssize_t n = send(r->fd, text + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		if (errno == EPIPE)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return lost(r, e);
		ret = wait_for(r, POLLIN | POLLOUT, due_ms, &revents);
		if (ret == -EAGAIN)
			return err_set(e, ETIMEDOUT, "weftd does not read '%s': is it stopped?",
				       r->method);
		if (ret == 0 && revents & POLLIN)
			ret = fill(r, e);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Sends `message` (stolen) as one line. */
static int send_line(struct rpc *r, json_t *message, uint64_t due_ms, struct err *e)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;
	int ret;

	json_decref(message);
	if (!text)
		return err_set(e, EINVAL,
			       "cannot write the request '%s' as JSON: are its words UTF-8?",
			       r->method);
	text[len++] = '\n';
	if (len > RPC_LINE_MAX)
		ret = err_set(e, EMSGSIZE,
			      "the request '%s' is longer than %u KiB: make it smaller", r->method,
			      RPC_LINE_MAX >> 10);
	else
		ret = send_all(r, text, len, due_ms, e);
	free(text);
	return ret;
}

int rpc_start(struct rpc *r, const char *method, json_t *params, struct err *e)
{
	json_t *request;
	int fd = rpc_recv_fd(r);

	if (fd >= 0)
		close(fd);
	snprintf(r->method, sizeof(r->method), "%s", method);
	request = json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", ++r->id, "method",
			    method, "params", params ? params : json_object());
	return send_line(r, request, clock_now_ms() + SEND_WAIT_MS, e);
}

int rpc_notify(struct rpc *r, const char *method, json_t *params, struct err *e)
{
	return send_line(r,
			 json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method, "params",
				   params ? params : json_object()),
			 UINT64_MAX, e);
}

static int answer_error(struct rpc *r, const json_t *error, json_t **result, struct err *e)
{
	int code = abs((int)jsonx_int(error, "code", RPC_INTERNAL_ERROR));

	err_set(e, code, "%s", jsonx_string(error, "message", "weftd gave no reason"));
	if (result)
		*result = json_incref(json_object_get(error, "data"));
	return code ? code : RPC_FAILED;
}

/*
 * Sorts one message. Returns -EAGAIN unless it ends the call under way: it carries its id, or it is
 * an error without an id, which weftd sends before it closes a connection.
 */
static int handle(struct rpc *r, json_t *message,
		  void (*notify)(const char *method, json_t *params, void *arg), void *arg,
		  json_t **result, struct err *e)
{
	const char *method = jsonx_string(message, "method", NULL);
	json_t *error = json_object_get(message, "error");
	json_t *id = json_object_get(message, "id");

	if (method && !id) {
		if (notify)
			notify(method, json_object_get(message, "params"), arg);
		return -EAGAIN;
	}
	if (json_is_integer(id) ? json_integer_value(id) != r->id : !error)
		return -EAGAIN;
	if (error)
		return answer_error(r, error, result, e);
	if (result)
		*result = json_incref(json_object_get(message, "result"));
	return 0;
}

/* Handles the lines in the buffer, up to the answer. Returns -EAGAIN when it is not among them. */
static int drain(struct rpc *r, void (*notify)(const char *method, json_t *params, void *arg),
		 void *arg, json_t **result, struct err *e)
{
	char *line = r->in, *end = r->in + r->in_len, *newline;
	int ret = -EAGAIN;

	while (ret == -EAGAIN && line < end &&
	       (newline = memchr(line, '\n', (size_t)(end - line)))) {
		json_t *message = json_loadb(line, (size_t)(newline - line), 0, NULL);

		line = newline + 1;
		ret = message ? handle(r, message, notify, arg, result, e)
			      : err_set(e, EPROTO, "what answers is not weftd: check the socket");
		json_decref(message);
	}
	if (line != r->in) {
		r->in_len = (size_t)(end - line);
		memmove(r->in, line, r->in_len);
	}
	return ret;
}

int rpc_receive(struct rpc *r, int timeout_ms,
		void (*notify)(const char *method, json_t *params, void *arg), void *arg,
		json_t **result, struct err *e)
{
	uint64_t due_ms = timeout_ms < 0 ? UINT64_MAX : clock_now_ms() + (uint64_t)timeout_ms;
	short revents;
	int ret;

	if (result)
		*result = NULL;
	for (;;) {
		ret = drain(r, notify, arg, result, e);
		if (ret != -EAGAIN)
			return ret;
		ret = wait_for(r, POLLIN, due_ms, &revents);
		if (ret == 0 && revents)
			ret = fill(r, e);
		if (ret < 0)
			return ret;
	}
}

int rpc_call(struct rpc *r, const char *method, json_t *params, int timeout_ms,
	     void (*notify)(const char *method, json_t *params, void *arg), void *arg,
	     json_t **result, struct err *e)
{
	int ret;

	if (result)
		*result = NULL;
	ret = rpc_start(r, method, params, e);
	if (ret < 0)
		return ret;
	ret = rpc_receive(r, timeout_ms, notify, arg, result, e);
	if (ret == -EAGAIN)
		return err_set(e, ETIMEDOUT,
			       "weftd did not answer '%s' within %g s: wait longer with -t SEC",
			       method, timeout_ms / 1e3);
	return ret;
}
