/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/util.h"

#define RETRY_FIRST_MS 20
#define RETRY_MAX_MS   500
#define READ_BYTES     16384
#define READS_MAX      16 /* of one turn, so that one peer cannot keep the loop */

static void channel_ready(struct loop_watch *w, uint32_t events);

static void retry_later(struct channel *c)
{
	loop_timer_start(c->loop, &c->retry, c->retry_ms, 0);
	c->retry_ms = MIN_OF(c->retry_ms * 2, RETRY_MAX_MS);
}

static int connect_fd(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret;

	if (fd < 0)
		return -errno;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static void try_connect(struct loop_timer *t, uint64_t now_ms)
{
	struct channel *c = container_of(t, struct channel, retry);

	c->fd = connect_fd(c->path);
	if (c->fd >= 0 && loop_watch_add(c->loop, &c->watch, c->fd, EPOLLIN) < 0) {
		close(c->fd);
		c->fd = -1;
	}
	if (c->fd < 0) {
		retry_later(c);
		return;
	}
	c->connected = true;
	c->up(c);
}

int channel_init(struct channel *c, struct loop *loop, const char *path)
{
	if (strlen(path) >= sizeof(c->path))
		return -ENAMETOOLONG;
	strcpy(c->path, path);
	c->loop = loop;
	c->watch.ready = channel_ready;
	c->watch.loop = NULL;
	c->retry.expired = try_connect;
	c->retry.armed = false;
	c->retry_ms = RETRY_FIRST_MS;
	c->connected = false;
	c->fd = -1;
	c->queue = NULL;
	c->queue_len = c->queue_size = 0;
	loop_timer_start(loop, &c->retry, 0, 0);
	return 0;
}

static void disconnect(struct channel *c)
{
	loop_timer_stop(c->loop, &c->retry);
	if (c->fd < 0)
		return;
	loop_watch_del(&c->watch);
	close(c->fd);
	c->fd = -1;
	c->connected = false;
	c->queue_len = 0;
}

void channel_fini(struct channel *c)
{
	disconnect(c);
	free(c->queue);
	c->queue = NULL;
	c->queue_size = 0;
}

void channel_reset(struct channel *c)
{
	bool was_up = c->connected;

	disconnect(c);
	retry_later(c);
	if (was_up)
		c->down(c);
}

static void watch_for(struct channel *c)
{
	loop_watch_modify(&c->watch, EPOLLIN | (c->queue_len ? EPOLLOUT : 0));
}

/* Returns the bytes the socket took; errors are left for the reading side to find. */
static size_t send_some(struct channel *c, const void *data, size_t len)
{
	ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);

	return n > 0 ? (size_t)n : 0;
}

static int enqueue(struct channel *c, const uint8_t *data, size_t len)
{
	size_t size = MAX_OF(c->queue_size, 4096);

	while (size < c->queue_len + len)
		size *= 2;
	if (size != c->queue_size) {
		uint8_t *grown = realloc(c->queue, size);

		if (!grown)
			return -ENOMEM;
		c->queue = grown;
		c->queue_size = size;
	}
	memcpy(c->queue + c->queue_len, data, len);
	c->queue_len += len;
	return 0;
}

int channel_write(struct channel *c, const void *data, size_t len)
{
	size_t sent = 0;
	int ret;

	if (!c->connected)
		return -ENOTCONN;
	if (c->queue_len + len > c->queue_max)
		return -ENOBUFS;
	if (c->queue_len == 0)
		sent = send_some(c, data, len);
	if (sent == len)
		return 0;
	ret = enqueue(c, (const uint8_t *)data + sent, len - sent);
	watch_for(c);
	return ret;
}

static void flush(struct channel *c)
{
	size_t sent = send_some(c, c->queue, c->queue_len);

	c->queue_len -= sent;
	memmove(c->queue, c->queue + sent, c->queue_len);
	if (c->queue_len)
		return;
	watch_for(c);
	if (c->drained)
		c->drained(c);
}

void channel_drain(struct channel *c)
{
	uint8_t data[READ_BYTES];
	int fd = c->fd;

	for (int i = 0; i < READS_MAX && c->fd >= 0 && c->fd == fd; i++) {
		ssize_t n = read(c->fd, data, sizeof(data));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			channel_reset(c);
			return;
		}
		c->retry_ms = RETRY_FIRST_MS;
		c->input(c, data, (size_t)n);
	}
}

static void channel_ready(struct loop_watch *w, uint32_t events)
{
	struct channel *c = container_of(w, struct channel, watch);

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		channel_drain(c);
	if (events & EPOLLOUT && c->connected && c->queue_len)
		flush(c);
}
