/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"

#define READ_CHUNK 65536

struct out {
	TAILQ_ENTRY(out) link;
	size_t len, sent;
	int fd; /* to go with the first byte, -1: none */
	char data[];
};

static void client_ready(struct loop_watch *w, uint32_t events);

struct client *client_create(struct loop *loop, int fd, const struct client_ops *ops, void *ctx)
{
	struct client *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return NULL;
	c->ops = ops;
	c->ctx = ctx;
	c->watch.ready = client_ready;
	c->events = EPOLLIN;
	TAILQ_INIT(&c->out);
	TAILQ_INIT(&c->calls);
	ret = loop_watch_add(loop, &c->watch, fd, c->events);
	if (ret < 0) {
		free(c);
		errno = -ret;
		return NULL;
	}
	return c;
}

static void out_free(struct client *c, struct out *o)
{
	TAILQ_REMOVE(&c->out, o, link);
	c->backlog_bytes -= o->len - o->sent;
	if (o->fd >= 0)
		close(o->fd);
	free(o);
}

void client_destroy(struct client *c)
{
	struct out *o;
	int fd;

	if (!c)
		return;
	while ((o = TAILQ_FIRST(&c->out)))
		out_free(c, o);
	fd = c->watch.fd;
	loop_watch_del(&c->watch);
	close(fd);
	free(c->in);
	free(c);
}

static bool may_take_lines(const struct client *c)
{
	return !c->paused && !c->closing && c->backlog_bytes <= CLIENT_BACKLOG_SOFT;
}

/* Whether bytes wait that may hold a line. */
static bool has_input(const struct client *c)
{
	return c->in_len > c->scanned;
}

/*
 * Bytes that wait in `in` make no event of their own. Where they could be taken, the socket being
 * writable brings the loop round at once.
 */
static void update_events(struct client *c)
{
	bool take = may_take_lines(c);
	uint32_t events = 0;

	if (take && !c->eof)
		events |= EPOLLIN;
	if (c->behind || c->closing || (take && has_input(c)) || (c->eof && !c->n_calls))
		events |= EPOLLOUT;
	if (events == c->events)
		return;
	c->events = events;
	loop_watch_modify(&c->watch, events);
}

static ssize_t out_write(struct client *c, struct out *o)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {o->data + o->sent, o->len - o->sent};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;

	if (o->fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &o->fd, sizeof(int));
	}
	return sendmsg(c->watch.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Makes the loop report a hang-up. */
static void abandon(struct client *c)
{
	c->broken = true;
	shutdown(c->watch.fd, SHUT_RDWR);
}

/* Writes what the socket takes. */
static void flush(struct client *c)
{
	struct out *o;

	while ((o = TAILQ_FIRST(&c->out))) {
		ssize_t n = out_write(c, o);

		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				abandon(c);
			break;
		}
		if (o->fd >= 0)
			close(o->fd);
		o->fd = -1;
		o->sent += (size_t)n;
		c->backlog_bytes -= (size_t)n;
		if (o->sent < o->len)
			break;
		out_free(c, o);
	}
}

void client_send(struct client *c, const char *data, size_t len, int fd)
{
	struct out *o;

	if (c->broken || c->backlog_bytes > CLIENT_BACKLOG_MAX)
		goto err_broken;
	o = malloc(sizeof(*o) + len);
	if (!o)
		goto err_broken;
	o->len = len;
	o->sent = 0;
	o->fd = fd;
	memcpy(o->data, data, len);
	TAILQ_INSERT_TAIL(&c->out, o, link);
	c->backlog_bytes += len;
	flush(c);
	c->behind = c->behind || c->backlog_bytes;
	update_events(c);
	return;

err_broken:
	if (!c->broken)
		log_warn(LOG_CONTROL, "a control client does not read: dropped, %zu bytes unread",
			 c->backlog_bytes);
	if (fd >= 0)
		close(fd);
	abandon(c);
}

void client_pause(struct client *c, bool paused)
{
	c->paused = paused;
	update_events(c);
}

/* Reads what has arrived, a chunk at most. Returns false when the connection is broken. */
static bool fill(struct client *c)
{
	ssize_t n;

	if (c->in_size - c->in_len < READ_CHUNK) {
		size_t size = MAX_OF(c->in_size * 2, (size_t)READ_CHUNK * 2);
		char *in = realloc(c->in, size);

		if (!in)
			return false;
		c->in = in;
		c->in_size = size;
	}
	n = read(c->watch.fd, c->in + c->in_len, READ_CHUNK);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->eof = n == 0;
	c->in_len += (size_t)n;
	return true;
}

static void refuse_line(struct client *c)
{
	c->ops->too_long(c);
	c->closing = true;
}

/* Hands over whole lines as long as the client may go on; what is left moves to the front. */
static void take_lines(struct client *c)
{
	size_t start = 0;

	while (may_take_lines(c) && has_input(c)) {
		char *line = c->in + start;
		char *newline = memchr(c->in + c->scanned, '\n', c->in_len - c->scanned);

		if (!newline) {
			c->scanned = c->in_len;
			break;
		}
		start = (size_t)(newline - c->in) + 1;
		c->scanned = start;
		if (newline - line < CLIENT_LINE_MAX)
			c->ops->line(c, line, (size_t)(newline - line));
		else
			refuse_line(c);
	}

	c->in_len -= start;
	c->scanned -= start;
	if (c->in_len)
		memmove(c->in, c->in + start, c->in_len);
	if (c->scanned >= CLIENT_LINE_MAX && !c->closing)
		refuse_line(c);
}

/* An idle client keeps no memory. */
static void shrink(struct client *c)
{
	if (c->in_len || !c->in)
		return;
	free(c->in);
	c->in = NULL;
	c->in_size = 0;
}

/* Nothing is left to do for it: it hung up, or it wrote its last and has all its answers. */
static bool is_over(const struct client *c, uint32_t events)
{
	if (events & (EPOLLHUP | EPOLLERR))
		return c->eof || !(events & EPOLLIN);
	return c->backlog_bytes == 0 && (c->closing || (c->eof && !c->n_calls && !has_input(c)));
}

static void client_ready(struct loop_watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, watch);

	if (events & EPOLLIN && !c->eof && !fill(c)) {
		c->ops->gone(c);
		return;
	}
	flush(c);
	take_lines(c);
	if (c->behind && !c->backlog_bytes) {
		c->behind = false;
		c->ops->drained(c);
	}

	if (is_over(c, events)) {
		c->ops->gone(c);
		return;
	}
	shrink(c);
	update_events(c);
}
