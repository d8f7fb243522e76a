/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/filter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vhost/message.h"

#define MESSAGES_A_TURN 32 /* of one connection, before the others have theirs */

/*
 * Connections are made by the library's event thread and ended by the filter's own, which alone
 * reads and writes their sockets; `lock` guards the list.
 */
struct conn {
	TAILQ_ENTRY(conn) link;
	int front; /* the frontend's socket */
	int back;  /* our end of the pair; the library has the other one */
	int vid;   /* of the session; -1: the library gave it to a later one */
	uint64_t protocol;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

	struct message m;
	uint32_t have; /* bytes of `m` */
	int fds[MESSAGE_FDS_MAX];
	unsigned n_fds;
	bool passing; /* `m` is checked and waits for the library */
};

struct filter {
	filter_refused_fn *refused;
	pthread_t thread;
	int epoll_fd, stop_fd;
	pthread_mutex_t lock;
	TAILQ_HEAD(, conn) conns;
};

/* --- one connection, in the filter's thread --------------------------------------------------- */

static void forget_message(struct conn *c)
{
	for (unsigned i = 0; i < c->n_fds; i++)
		close(c->fds[i]);
	c->n_fds = 0;
	c->have = 0;
	c->passing = false;
}

/* Takes over what descriptors came; -EMSGSIZE when they are more than any message has. */
static int take_fds(struct conn *c, struct msghdr *h)
{
	int ret = h->msg_flags & MSG_CTRUNC ? -EMSGSIZE : 0;

	for (struct cmsghdr *cm = CMSG_FIRSTHDR(h); cm; cm = CMSG_NXTHDR(h, cm)) {
		size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(fd));
			if (c->n_fds < MESSAGE_FDS_MAX) {
				c->fds[c->n_fds++] = fd;
			} else {
				close(fd);
				ret = -EMSGSIZE;
			}
		}
	}
	return ret;
}

static uint32_t wanted(const struct conn *c)
{
	return c->have < MESSAGE_HEADER_BYTES ? MESSAGE_HEADER_BYTES
					      : MESSAGE_HEADER_BYTES + c->m.size;
}

/* Reads towards the end of the header, then of the message. 1: got something, or -errno. */
static int read_piece(struct conn *c)
{
	char control[CMSG_SPACE(MESSAGE_FDS_MAX * sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = {(uint8_t *)&c->m + c->have, wanted(c) - c->have};
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(c->front, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	int ret;

	if (n <= 0)
		return n ? -errno : -EPIPE;
	ret = take_fds(c, &h);
	c->have += (uint32_t)n;
	return ret ? ret : 1;
}

static int pass_on(struct conn *c)
{
	char control[CMSG_SPACE(MESSAGE_FDS_MAX * sizeof(int))] __attribute__((aligned(8))) = {0};
	struct iovec iov = {&c->m, c->have};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	if (c->n_fds) {
		struct cmsghdr *cm;

		h.msg_control = control;
		h.msg_controllen = CMSG_SPACE(c->n_fds * sizeof(int));
		cm = CMSG_FIRSTHDR(&h);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(c->n_fds * sizeof(int));
		memcpy(CMSG_DATA(cm), c->fds, c->n_fds * sizeof(int));
	}
	if (sendmsg(c->back, &h, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	forget_message(c);
	return 0;
}

static int refuse(struct filter *f, const struct conn *c, const char *why)
{
	char text[128];

	snprintf(text, sizeof(text), "the frontend sent %s (%u) %s", message_name(c->m.request),
		 c->m.request, why);
	f->refused(c->path, text);
	return -EPROTO;
}

/* The message as far as it has come: 0, 1 when it is whole and checked, or -errno. */
static int judge(struct filter *f, struct conn *c)
{
	const char *why;

	if (c->have < MESSAGE_HEADER_BYTES)
		return 0;
	if (c->m.size > sizeof(c->m.bytes))
		return refuse(f, c, "of the wrong size");
	if (c->have < wanted(c))
		return 0;
	why = message_check(&c->m, c->fds, c->n_fds, c->protocol);
	return why ? refuse(f, c, why) : 1;
}

/* Carries messages to the library until one side has to wait: -EAGAIN; or -errno at the end. */
static int carry_messages(struct filter *f, struct conn *c)
{
	int ret;

	for (unsigned i = 0; i < MESSAGES_A_TURN;) {
		if (c->passing) {
			ret = pass_on(c);
			if (ret < 0)
				return ret;
			i++;
		}
		ret = read_piece(c);
		if (ret == -EMSGSIZE)
			return refuse(f, c, "with too many descriptors");
		if (ret < 0)
			return ret;
		ret = judge(f, c);
		if (ret < 0)
			return ret;
		c->passing = ret;
	}
	return -EAGAIN;
}

/* An answer is short: who leaves so many unread that they fill its socket is not served longer. */
static int carry_answers(struct filter *f, struct conn *c)
{
	uint8_t buf[4096];
	ssize_t n;

	while ((n = recv(c->back, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		if (send(c->front, buf, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
			return errno == EAGAIN ? refuse(f, c, "and does not read the answers")
					       : -EPIPE;
	return n < 0 ? -errno : -EPIPE;
}

static int watch(struct filter *f, struct conn *c, int op, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = c};

	return epoll_ctl(f->epoll_fd, op, fd, &ev) < 0 ? -errno : 0;
}

static void end(struct filter *f, struct conn *c)
{
	pthread_mutex_lock(&f->lock);
	TAILQ_REMOVE(&f->conns, c, link);
	pthread_mutex_unlock(&f->lock);
	forget_message(c);
	close(c->front);
	close(c->back);
	free(c);
}

static void run(struct filter *f, struct conn *c)
{
	bool was_passing = c->passing;
	int from_back = carry_answers(f, c);
	int from_front = from_back == -EAGAIN ? carry_messages(f, c) : from_back;

	if (from_front != -EAGAIN) {
		end(f, c);
		return;
	}
	if (c->passing == was_passing)
		return;
	/* A frontend whose message waits is not listened to, its hang-up included. */
	watch(f, c, c->passing ? EPOLL_CTL_DEL : EPOLL_CTL_ADD, c->front, EPOLLIN);
	watch(f, c, EPOLL_CTL_MOD, c->back, EPOLLIN | (c->passing ? EPOLLOUT : 0u));
}

/* One event at a time: what it ends may be named by the next one. */
static void *filter_main(void *arg)
{
	struct filter *f = arg;
	struct epoll_event ev;

	for (;;) {
		if (epoll_wait(f->epoll_fd, &ev, 1, -1) < 1)
			continue;
		if (!ev.data.ptr)
			return NULL;
		run(f, ev.data.ptr);
	}
}

/* --- control ---------------------------------------------------------------------------------- */

struct filter *filter_create(filter_refused_fn *refused)
{
	struct filter *f = calloc(1, sizeof(*f));
	struct epoll_event stop = {.events = EPOLLIN};
	sigset_t all, old;
	int ret = ENOMEM;

	if (!f)
		goto err;
	f->refused = refused;
	TAILQ_INIT(&f->conns);
	pthread_mutex_init(&f->lock, NULL);
	f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	f->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->epoll_fd < 0 || f->stop_fd < 0 ||
	    epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, f->stop_fd, &stop) < 0) {
		ret = errno;
		goto err_close;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&f->thread, NULL, filter_main, f);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret)
		goto err_close;
	pthread_setname_np(f->thread, "weft-vhost-in");
	return f;

err_close:
	if (f->epoll_fd >= 0)
		close(f->epoll_fd);
	if (f->stop_fd >= 0)
		close(f->stop_fd);
	free(f);
err:
	errno = ret;
	return NULL;
}

void filter_destroy(struct filter *f)
{
	struct conn *c;

	if (!f)
		return;
	eventfd_write(f->stop_fd, 1);
	pthread_join(f->thread, NULL);
	while ((c = TAILQ_FIRST(&f->conns)))
		end(f, c);
	close(f->epoll_fd);
	close(f->stop_fd);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static bool is_ours(const struct filter *f, int fd)
{
	const struct conn *c;

	TAILQ_FOREACH (c, &f->conns, link)
		if (c->front == fd)
			return true;
	return false;
}

/* A connected socket whose own name, or whose peer's, is `path`. */
static bool is_connection(int fd, const char *path, bool server)
{
	struct sockaddr_un name = {0}, peer = {0};
	socklen_t name_len = sizeof(name), peer_len = sizeof(peer);
	const struct sockaddr_un *told = server ? &name : &peer;

	return getsockname(fd, (struct sockaddr *)&name, &name_len) == 0 &&
	       getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0 &&
	       told->sun_family == AF_UNIX && strcmp(told->sun_path, path) == 0;
}

/* The library keeps its connections to itself, but a socket knows its path. */
static int find_connection(const struct filter *f, const char *path, bool server)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int found = -ENOENT;

	while (dir && found < 0 && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && !is_ours(f, fd) && is_connection(fd, path, server))
			found = fd;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Moves the connection from the library's descriptor `fd` to ours, and gives it one of a pair. */
static int interpose(struct conn *c, int fd)
{
	int pair[2], ret = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	c->back = pair[0];
	c->front = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (c->front < 0 || dup3(pair[1], fd, O_CLOEXEC) < 0) {
		ret = -errno;
		close(c->back);
		if (c->front >= 0)
			close(c->front);
	}
	close(pair[1]);
	return ret;
}

int filter_insert(struct filter *f, int vid, const char *path, bool server, uint64_t protocol)
{
	struct conn *c = calloc(1, sizeof(*c)), *other;
	int ret;

	if (!c)
		return -ENOMEM;
	c->vid = vid;
	c->protocol = protocol;
	snprintf(c->path, sizeof(c->path), "%s", path);

	pthread_mutex_lock(&f->lock);
	ret = find_connection(f, path, server);
	if (ret >= 0)
		ret = interpose(c, ret);
	if (ret < 0) {
		pthread_mutex_unlock(&f->lock);
		free(c);
		return ret;
	}
	TAILQ_FOREACH (other, &f->conns, link)
		if (other->vid == vid)
			other->vid = -1;
	TAILQ_INSERT_TAIL(&f->conns, c, link);
	watch(f, c, EPOLL_CTL_ADD, c->back, EPOLLIN);
	watch(f, c, EPOLL_CTL_ADD, c->front, EPOLLIN);
	pthread_mutex_unlock(&f->lock);
	return 0;
}

bool filter_has_dead_peer(struct filter *f, int vid)
{
	struct pollfd p = {.fd = -1, .events = POLLRDHUP};
	struct conn *c;
	bool dead;

	pthread_mutex_lock(&f->lock);
	TAILQ_FOREACH (c, &f->conns, link)
		if (c->vid == vid)
			p.fd = c->front;
	dead = p.fd < 0 || (poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLRDHUP)));
	pthread_mutex_unlock(&f->lock);
	return dead;
}
