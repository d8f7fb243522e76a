/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/data.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "perf/tcpinfo.h"

#define HELLO_MAGIC	"WPRFDATA"
#define HELLO_WAIT_MS	1000 /* for one connection's token */
#define HELLO_REPEAT_MS 100  /* UDP: datagrams may be lost */

struct hello {
	char magic[8];
	uint64_t token;
};

static struct hello hello_make(uint64_t token)
{
	struct hello h = {HELLO_MAGIC, token};

	return h;
}

static int set_buffer(int fd, int option, uint64_t bytes)
{
	int v = (int)bytes;

	return bytes && setsockopt(fd, SOL_SOCKET, option, &v, sizeof(v)) < 0 ? -errno : 0;
}

static int open_socket(const struct setup *s, sa_family_t family, uint64_t sndbuf, uint64_t rcvbuf)
{
	bool udp = kind_traits((enum kind)s->kind)->udp;
	int fd = socket(family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -errno;
	ret = set_buffer(fd, SO_SNDBUF, sndbuf);
	if (ret == 0)
		ret = set_buffer(fd, SO_RCVBUF, rcvbuf);
	if (ret == 0 && s->nodelay && !udp)
		ret = tcpinfo_set_nodelay(fd);
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

static int bind_port(int fd, struct address *a, uint64_t port)
{
	int on = 1;

	if (port && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	address_set_port(a, (uint16_t)port);
	return bind(fd, (struct sockaddr *)&a->sa, a->len) < 0 ? -errno : 0;
}

int data_listen(const struct setup *s, const struct control *c, uint16_t *port, struct err *e)
{
	struct address here;
	int fd, ret;

	ret = address_local(&here, c->fd);
	if (ret < 0)
		return err_set(e, -ret, "no local address: %s", strerror(-ret));
	fd = open_socket(s, here.sa.ss_family, s->server_sndbuf, s->server_rcvbuf);
	if (fd < 0)
		return err_set(e, -fd, "cannot open a data socket: %s", strerror(-fd));
	ret = bind_port(fd, &here, s->server_port);
	if (ret < 0) {
		err_set(e, -ret, "cannot bind data port %u: %s; choose another with -P 0,PORT",
			(unsigned)s->server_port, strerror(-ret));
		goto err_bind;
	}
	if (!kind_traits((enum kind)s->kind)->udp && listen(fd, 128) < 0) {
		ret = err_set(e, errno, "cannot listen on the data port: %s", strerror(errno));
		goto err_bind;
	}
	address_local(&here, fd);
	*port = address_port(&here);
	return fd;

err_bind:
	close(fd);
	return ret;
}

/* Reads the hello of a fresh connection. True when it knows the token. */
static bool says_token(int fd, uint64_t token)
{
	uint64_t deadline = clock_now_ms() + HELLO_WAIT_MS;
	struct hello wanted = hello_make(token), got;
	size_t have = 0;

	while (have < sizeof(got)) {
		ssize_t n;

		if (control_wait(fd, POLLIN, deadline) < 0)
			return false;
		n = recv(fd, (char *)&got + have, sizeof(got) - have, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		have += n > 0 ? (size_t)n : 0;
	}
	return memcmp(&got, &wanted, sizeof(got)) == 0;
}

static int join_stream(int listen_fd, uint64_t token, uint64_t deadline_ms)
{
	for (;;) {
		int ret = control_wait(listen_fd, POLLIN, deadline_ms), fd;

		if (ret < 0)
			return ret;
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			return -errno;
		if (fd < 0)
			continue;
		if (says_token(fd, token))
			return fd;
		close(fd);
	}
}

static int join_datagrams(int fd, uint64_t token, uint64_t deadline_ms)
{
	struct hello wanted = hello_make(token), got;
	struct address from;

	for (;;) {
		int ret = control_wait(fd, POLLIN, deadline_ms);
		ssize_t n;

		if (ret < 0)
			return ret;
		from.len = sizeof(from.sa);
		n = recvfrom(fd, &got, sizeof(got), MSG_DONTWAIT, (struct sockaddr *)&from.sa,
			     &from.len);
		if (n != sizeof(got) || memcmp(&got, &wanted, sizeof(got)) != 0)
			continue;
		return connect(fd, (struct sockaddr *)&from.sa, from.len) < 0 ? -errno : fd;
	}
}

int data_join(const struct setup *s, const struct control *c, int listen_fd, uint64_t token,
	      struct err *e)
{
	const struct kind_traits *traits = kind_traits((enum kind)s->kind);
	uint64_t deadline = clock_now_ms() + CONTROL_TIMEOUT_MS;
	int fd;

	if (traits->connects)
		return listen_fd;
	fd = traits->udp ? join_datagrams(listen_fd, token, deadline)
			 : join_stream(listen_fd, token, deadline);
	if (fd < 0)
		return err_set(e, -fd,
			       "no data connection from the client: %s; a firewall may block it, "
			       "fix the port with -P 0,PORT and open it",
			       strerror(-fd));
	return fd;
}

int data_open(const struct setup *s, sa_family_t family)
{
	int fd = open_socket(s, family, s->client_sndbuf, s->client_rcvbuf), ret;
	struct address any = {.sa.ss_family = family};
	/* A fixed port is for the next test too: no TIME_WAIT. All data is through by the close. */
	struct linger no_wait = {.l_onoff = 1};

	if (fd < 0 || s->client_port == 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &no_wait, sizeof(no_wait));
	any.len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	ret = bind_port(fd, &any, s->client_port);
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

static int await_joined(struct control *c, int fd, uint64_t token, bool udp, struct err *e)
{
	uint64_t deadline = clock_now_ms() + CONTROL_TIMEOUT_MS;
	struct hello h = hello_make(token);

	for (;;) {
		uint64_t now = clock_now_ms();

		if (send(fd, &h, sizeof(h), MSG_NOSIGNAL) < 0 && !udp)
			return err_set(e, errno, "the data connection broke: %s", strerror(errno));
		if (!udp || now >= deadline)
			break;
		if (control_wait(c->fd, POLLIN, now + HELLO_REPEAT_MS) == 0)
			break;
	}
	return control_expect(c, MESSAGE_JOINED, CONTROL_TIMEOUT_MS + HELLO_WAIT_MS, e);
}

int data_connect(const struct setup *s, struct control *c, const struct address *server,
		 uint64_t token, int *ret, struct err *e)
{
	const struct kind_traits *traits = kind_traits((enum kind)s->kind);
	int fd;

	if (traits->connects) {
		*ret = control_expect(c, MESSAGE_JOINED, CONTROL_TIMEOUT_MS, e);
		return -1;
	}
	fd = data_open(s, server->sa.ss_family);
	if (fd < 0) {
		*ret = err_set(e, -fd, "cannot open a data socket: %s", strerror(-fd));
		return -1;
	}
	*ret = address_connect(server, fd, CONTROL_TIMEOUT_MS);
	if (*ret < 0)
		err_set(e, -*ret, "cannot connect to data port %u: %s; a firewall may block it",
			address_port(server), strerror(-*ret));
	else
		*ret = await_joined(c, fd, token, traits->udp, e);
	if (*ret == 0)
		return fd;
	close(fd);
	return -1;
}

void data_flush(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno == EINTR || errno == ECONNREFUSED)
		continue;
}

bool data_is_hello(const void *datagram, size_t len)
{
	return len == sizeof(struct hello) && memcmp(datagram, HELLO_MAGIC, 8) == 0;
}

void data_buffers(int fd, uint64_t *sndbuf, uint64_t *rcvbuf)
{
	int v = 0;
	socklen_t len = sizeof(v);

	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &v, &len) == 0)
		*sndbuf = (uint64_t)v;
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &v, &len) == 0)
		*rcvbuf = (uint64_t)v;
}
