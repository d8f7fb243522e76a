/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/unix_socket.h"

#define CHUNK 4096

static void watch_nothing(struct stream *s)
{
	s->listener.fd = s->input.fd = s->output.fd = -1;
	s->listen_fd = s->in_fd = s->out_fd = s->log_fd = -1;
}

static int open_log(struct stream *s, const char *path, struct err *e)
{
	s->log_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);
	return s->log_fd < 0 ? err_set(e, errno, "%s: cannot be written: %s", path, strerror(errno))
			     : 0;
}

static int open_socket(struct stream *s, const char *where, struct err *e)
{
	const char *log = strstr(where, ",log=");
	size_t len = log ? (size_t)(log - where) : strlen(where);
	char path[sizeof(s->path)];
	int ret;

	if (len >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "%s: a socket's path has at most %zu bytes", where,
			       sizeof(path) - 1);
	memcpy(path, where, len);
	path[len] = '\0';
	ret = log ? open_log(s, log + 5, e) : 0;
	if (ret)
		return ret;
	s->listen_fd = unix_listen(path, e);
	if (s->listen_fd < 0)
		return s->listen_fd;
	strcpy(s->path, path);
	return 0;
}

/* Keys go to the guest as they are pressed; Ctrl-C, too. */
static void make_raw(struct stream *s)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &s->saved) < 0)
		return;
	raw = s->saved;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST;
	s->is_terminal = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* A description of our own, which may be non-blocking without harm to who shares the other one. */
static int reopen(int fd, int flags)
{
	char path[32];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int stream_open(struct stream *s, const char *where, struct err *e)
{
	memset(s, 0, sizeof(*s));
	watch_nothing(s);
	if (strcmp(where, "none") == 0)
		return 0;
	if (strncmp(where, "unix:", 5) == 0)
		return open_socket(s, where + 5, e);
	if (strcmp(where, "stdio") != 0)
		return err_set(e, EINVAL,
			       "'%s': stdio, none, unix:PATH or unix:PATH,log=FILE is possible",
			       where);
	make_raw(s);
	s->in_fd = reopen(STDIN_FILENO, O_RDONLY);
	s->out_fd = reopen(STDOUT_FILENO, O_WRONLY | O_APPEND);
	return 0;
}

/* Files and /dev/null are always ready, and epoll refuses them. */
static void watch(struct stream *s, struct loop_watch *w, int fd, uint32_t events)
{
	if (fd >= 0)
		loop_watch_add(s->loop, w, fd, events);
}

static void hang_up(struct stream *s)
{
	loop_watch_del(&s->input);
	loop_watch_del(&s->output);
	if (s->in_fd >= 0)
		close(s->in_fd);
	if (s->out_fd >= 0)
		close(s->out_fd);
	s->in_fd = s->out_fd = -1;
	s->head = s->len = 0;
	if (s->ops && s->ops->connected)
		s->ops->connected(s->arg, false);
	if (s->ops && s->ops->writable)
		s->ops->writable(s->arg);
}

static void on_input(struct loop_watch *w, uint32_t events)
{
	struct stream *s = container_of(w, struct stream, input);
	size_t room = s->ops->room(s->arg);
	uint8_t bytes[CHUNK];
	ssize_t n;

	if (!room && !(events & (EPOLLHUP | EPOLLERR))) {
		loop_watch_modify(w, 0);
		return;
	}
	n = read(w->fd, bytes, MIN_OF(MAX_OF(room, 1u), sizeof(bytes)));
	if (n > 0)
		s->ops->input(s->arg, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		if (s->listen_fd >= 0)
			hang_up(s);
		else
			loop_watch_del(w);
	}
}

static void drain(struct stream *s)
{
	while (s->len) {
		size_t part = MIN_OF(s->len, STREAM_BUFFER - s->head);
		ssize_t n = write(s->out_fd, s->buffer + s->head, part);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		s->head = (s->head + (size_t)n) % STREAM_BUFFER;
		s->len -= (size_t)n;
	}
}

static void on_output(struct loop_watch *w, uint32_t events)
{
	struct stream *s = container_of(w, struct stream, output);

	drain(s);
	if (!s->len)
		loop_watch_modify(w, 0);
	if (s->ops->writable)
		s->ops->writable(s->arg);
}

static void take_client(struct stream *s, int fd)
{
	s->in_fd = fd;
	s->out_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	watch(s, &s->input, s->in_fd, EPOLLIN);
	watch(s, &s->output, s->out_fd, 0);
	if (s->ops->connected)
		s->ops->connected(s->arg, true);
}

static void on_client(struct loop_watch *w, uint32_t events)
{
	struct stream *s = container_of(w, struct stream, listener);
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	/* The newest one is who wants it now: an older one may have been forgotten. */
	if (s->in_fd >= 0)
		hang_up(s);
	take_client(s, fd);
}

int stream_attach(struct stream *s, struct loop *loop, const struct stream_ops *ops, void *arg,
		  struct err *e)
{
	s->loop = loop;
	s->ops = ops;
	s->arg = arg;
	s->input.ready = on_input;
	s->output.ready = on_output;
	s->listener.ready = on_client;
	watch(s, &s->listener, s->listen_fd, EPOLLIN);
	watch(s, &s->input, s->in_fd, EPOLLIN);
	watch(s, &s->output, s->out_fd, 0);
	if (s->path[0] && s->listener.fd < 0)
		return err_set(e, errno, "cannot wait for clients at %s: %s", s->path,
			       strerror(errno));
	return 0;
}

void stream_close(struct stream *s)
{
	s->ops = NULL;
	if (s->out_fd >= 0)
		drain(s);
	if (s->is_terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
	hang_up(s);
	loop_watch_del(&s->listener);
	if (s->listen_fd >= 0)
		unix_unlisten(s->listen_fd, s->path);
	if (s->log_fd >= 0)
		close(s->log_fd);
	watch_nothing(s);
}

size_t stream_room(const struct stream *s)
{
	return STREAM_BUFFER - s->len;
}

static void keep(struct stream *s, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s->buffer[(s->head + s->len++) % STREAM_BUFFER] = bytes[i];
}

void stream_write(struct stream *s, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	ssize_t n = 0;

	if (s->log_fd >= 0)
		(void)!write(s->log_fd, bytes, len);
	if (s->out_fd < 0)
		return;
	/* Who cannot be watched, a file, does not make us wait either. */
	if (!s->len)
		n = write(s->out_fd, bytes, len);
	n = MAX_OF(n, 0);
	keep(s, p + n, MIN_OF(len - (size_t)n, stream_room(s)));
	if (s->len && s->output.loop)
		loop_watch_modify(&s->output, EPOLLOUT);
}

void stream_unblock(struct stream *s)
{
	if (s->input.loop)
		loop_watch_modify(&s->input, EPOLLIN);
}
