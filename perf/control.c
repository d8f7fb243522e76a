/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/clock.h"
#include "perf/tcpinfo.h"

struct control *control_create(int fd)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = fd;
	tcpinfo_set_nodelay(fd);
	return c;
}

void control_destroy(struct control *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c);
}

int control_wait(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		uint64_t now = clock_now_ms();
		int n = poll(&p, 1, now < deadline_ms ? (int)(deadline_ms - now) : 0);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ETIMEDOUT;
	}
}

static int send_all(int fd, const void *bytes, size_t len, uint64_t deadline_ms)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		int ret;

		if (n >= 0) {
			at += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		ret = control_wait(fd, POLLOUT, deadline_ms);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int receive_all(int fd, void *bytes, size_t len, uint64_t deadline_ms)
{
	char *at = bytes;

	while (len > 0) {
		int ret = control_wait(fd, POLLIN, deadline_ms);
		ssize_t n;

		if (ret < 0)
			return ret;
		n = recv(fd, at, len, MSG_DONTWAIT);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n < 0)
			continue;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int control_send(struct control *c, enum message_type type, struct err *e)
{
	struct message_header h = {.type = type, .body_len = (uint32_t)c->len};
	uint64_t deadline = clock_now_ms() + CONTROL_TIMEOUT_MS;
	uint8_t bytes[MESSAGE_HEADER_SIZE];
	int ret;

	message_header_write(&h, bytes);
	ret = send_all(c->fd, bytes, sizeof(bytes), deadline);
	if (ret == 0)
		ret = send_all(c->fd, c->body, c->len, deadline);
	if (ret < 0)
		return err_set(e, -ret, "the control connection broke when sending %s: %s",
			       message_name(type), strerror(-ret));
	return 0;
}

int control_say(struct control *c, enum message_type type, struct err *e)
{
	c->len = 0;
	return control_send(c, type, e);
}

void control_abort(struct control *c, const char *reason)
{
	c->len = 0;
	if (message_abort_format(reason, c->body, sizeof(c->body), &c->len) == 0)
		control_send(c, MESSAGE_ABORT, NULL);
}

static int explain(int ret, enum message_type type, struct err *e)
{
	if (ret == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT, "the peer did not send %s in time: is it still alive?",
			       message_name(type));
	if (ret == -ECONNRESET)
		return err_set(e, ECONNRESET, "the peer closed the control connection");
	return err_set(e, -ret, "the control connection broke when receiving %s: %s",
		       message_name(type), strerror(-ret));
}

int control_expect(struct control *c, enum message_type type, unsigned timeout_ms, struct err *e)
{
	uint64_t deadline = clock_now_ms() + timeout_ms;
	uint8_t bytes[MESSAGE_HEADER_SIZE];
	char reason[MESSAGE_REASON_MAX];
	struct message_header h;
	int ret;

	c->len = 0;
	ret = receive_all(c->fd, bytes, sizeof(bytes), deadline);
	if (ret < 0)
		return explain(ret, type, e);
	ret = message_header_read(&h, bytes, e);
	if (ret < 0)
		return ret;
	ret = receive_all(c->fd, c->body, h.body_len, deadline);
	if (ret < 0)
		return explain(ret, type, e);
	c->len = h.body_len;
	c->body[c->len] = '\0';
	if (h.type == type)
		return 0;
	if (h.type != MESSAGE_ABORT)
		return err_set(e, EPROTO, "the peer sent %s where %s was due", message_name(h.type),
			       message_name(type));
	message_abort_parse(reason, c->body, c->len);
	return err_set(e, ECONNABORTED, "the peer gave up: %s", reason);
}

enum control_state control_peek(const struct control *c)
{
	char byte;
	ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n > 0)
		return CONTROL_NEWS;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? CONTROL_SILENT : CONTROL_CLOSED;
}
