/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "daemon/listener.h"

#define LISTEN_BACKLOG	16
#define ACCEPT_RETRY_MS 200

struct client {
	TAILQ_ENTRY(client) link; /* oldest first */
	struct http_server *server;
	struct loop_watch watch;
	struct loop_timer deadline;
	char in[HTTP_REQUEST_MAX];
	size_t in_len;
	char *out; /* NULL: the request has not come yet */
	size_t out_len, out_off;
};

struct http_server {
	struct loop *loop;
	char address[HTTP_LISTEN_MAX];
	const char *path, *type;
	char *(*content)(void *arg, size_t *len);
	void *arg;
	struct loop_watch watch;
	struct loop_timer retry; /* runs while there are no descriptors for clients */
	struct listener unix_socket;
	bool is_unix;
	TAILQ_HEAD(, client) clients;
	unsigned n_clients;
};

static void client_destroy(struct client *c)
{
	int fd = c->watch.fd;

	TAILQ_REMOVE(&c->server->clients, c, link);
	c->server->n_clients--;
	loop_timer_stop(c->server->loop, &c->deadline);
	loop_watch_del(&c->watch);
	if (fd >= 0)
		close(fd);
	free(c->out);
	free(c);
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void answer(struct client *c, const char *status, const char *type, const char *extra,
		   const char *body, size_t len)
{
	FILE *f = open_memstream(&c->out, &c->out_len);

	if (!f)
		return;
	fprintf(f,
		"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s"
		"Connection: close\r\n\r\n",
		status, type, len, extra);
	fwrite(body, 1, len, f);
	if (fclose(f) != 0) {
		free(c->out);
		c->out = NULL;
	}
}

static void answer_text(struct client *c, const char *status, const char *extra, const char *text)
{
	answer(c, status, "text/plain; charset=utf-8", extra, text, strlen(text));
}

static void answer_content(struct client *c)
{
	struct http_server *s = c->server;
	size_t len;
	char *body = s->content(s->arg, &len);

	if (body)
		answer(c, "200 OK", s->type, "", body, len);
	else
		answer_text(c, "503 Service Unavailable", "", "out of memory\n");
	free(body);
}

/* Makes the answer when the request is whole, or when it can never become one. */
static void handle(struct client *c)
{
	struct http_request r;
	int n = http_request_parse(c->in, c->in_len, &r);

	if (n < 0)
		answer_text(c, "400 Bad Request", "", "this is no HTTP/1.1 request\n");
	else if (n == 0 && c->in_len == sizeof(c->in))
		answer_text(c, "431 Request Header Fields Too Large", "", "request too large\n");
	else if (n == 0)
		return;
	else if (strcmp(r.method, "GET") != 0)
		answer_text(c, "405 Method Not Allowed", "Allow: GET\r\n", "only GET is served\n");
	else if (strcmp(r.path, c->server->path) != 0)
		answer_text(c, "404 Not Found", "", "the only page is /metrics\n");
	else
		answer_content(c);
}

/* --- connections -------------------------------------------------------------------------------
 */

/* Returns false when the connection is over. */
static bool send_some(struct client *c)
{
	while (c->out_off < c->out_len) {
		ssize_t n = send(c->watch.fd, c->out + c->out_off, c->out_len - c->out_off,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return loop_watch_modify(&c->watch, EPOLLOUT) == 0;
		if (n < 0 && errno != EINTR)
			return false;
		c->out_off += n > 0 ? (size_t)n : 0;
	}
	return false;
}

static bool receive_some(struct client *c)
{
	ssize_t n = recv(c->watch.fd, c->in + c->in_len, sizeof(c->in) - c->in_len, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	c->in_len += (size_t)n;
	handle(c);
	if (c->out)
		return send_some(c);
	return c->in_len < sizeof(c->in);
}

static void on_client(struct loop_watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, watch);

	if (!(c->out ? send_some(c) : receive_some(c)))
		client_destroy(c);
}

static void on_deadline(struct loop_timer *t, uint64_t now_ms)
{
	client_destroy(container_of(t, struct client, deadline));
}

static void on_connection(struct loop_watch *w, uint32_t events)
{
	struct http_server *s = container_of(w, struct http_server, watch);
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c = fd >= 0 ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		if (fd >= 0)
			close(fd);
		if (fd >= 0 || errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
			loop_watch_modify(w, 0);
			loop_timer_start(s->loop, &s->retry, ACCEPT_RETRY_MS, 0);
		}
		return;
	}
	if (s->n_clients == HTTP_CLIENTS_MAX)
		client_destroy(TAILQ_FIRST(&s->clients));
	c->server = s;
	c->watch.ready = on_client;
	c->deadline.expired = on_deadline;
	TAILQ_INSERT_TAIL(&s->clients, c, link);
	s->n_clients++;
	if (loop_watch_add(s->loop, &c->watch, fd, EPOLLIN) < 0) {
		c->watch.fd = -1;
		close(fd);
		client_destroy(c);
		return;
	}
	loop_timer_start(s->loop, &c->deadline, HTTP_TIME_MAX_MS, 0);
}

static void on_retry(struct loop_timer *t, uint64_t now_ms)
{
	loop_watch_modify(&container_of(t, struct http_server, retry)->watch, EPOLLIN);
}

/* --- listening ---------------------------------------------------------------------------------
 */

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* "127.0.0.1:9464" or "[::1]:9464". Returns the length of the socket address, or -EINVAL. */
static int address_parse(const char *text, union address *a)
{
	const char *colon = strrchr(text, ':');
	char host[HTTP_LISTEN_MAX], *end;
	unsigned long port;
	size_t len;

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || *end || port == 0 || port > 65535)
		return -EINVAL;
	len = (size_t)(colon - text);
	memcpy(host, text, len);
	host[len] = '\0';
	*a = (union address){0};
	if (inet_pton(AF_INET, host, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons((uint16_t)port);
		return sizeof(a->in);
	}
	if (len < 2 || host[0] != '[' || host[len - 1] != ']')
		return -EINVAL;
	host[len - 1] = '\0';
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons((uint16_t)port);
	return inet_pton(AF_INET6, host + 1, &a->in6.sin6_addr) == 1 ? (int)sizeof(a->in6)
								     : -EINVAL;
}

/* Returns a listening descriptor or -errno. */
static int listen_tcp(const char *text, struct err *e)
{
	union address a;
	int len = address_parse(text, &a), fd, one = 1, ret;

	if (len < 0)
		return err_set(e, EINVAL,
			       "switch.metrics.listen '%s': give ADDRESS:PORT, such as "
			       "127.0.0.1:9464, or the absolute path of a socket",
			       text);
	fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(e, errno, "cannot make a socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, &a.sa, (socklen_t)len) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	ret = err_set(e, errno, "cannot serve metrics at %s: %s; choose another address", text,
		      strerror(errno));
	close(fd);
	return ret;
}

static int server_listen(struct http_server *s, struct err *e)
{
	int fd, ret;

	s->is_unix = s->address[0] == '/';
	if (s->is_unix) {
		ret = listener_open(&s->unix_socket, s->address, "", "", 0660, e);
		fd = ret < 0 ? ret : s->unix_socket.fd;
	} else {
		fd = listen_tcp(s->address, e);
	}
	if (fd < 0)
		return fd;
	ret = loop_watch_add(s->loop, &s->watch, fd, EPOLLIN);
	if (ret == 0)
		return 0;
	if (s->is_unix)
		listener_close(&s->unix_socket);
	else
		close(fd);
	s->watch.fd = -1;
	return err_set(e, -ret, "cannot watch a socket: %s", strerror(-ret));
}

struct http_server *http_server_create(struct loop *loop, const char *listen_at, const char *path,
				       const char *type, char *(*content)(void *arg, size_t *len),
				       void *arg, struct err *e)
{
	struct http_server *s = calloc(1, sizeof(*s));

	if (!s) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	s->loop = loop;
	s->path = path;
	s->type = type;
	s->content = content;
	s->arg = arg;
	s->watch.fd = -1;
	s->watch.ready = on_connection;
	s->retry.expired = on_retry;
	TAILQ_INIT(&s->clients);
	if ((size_t)snprintf(s->address, sizeof(s->address), "%s", listen_at) <
		    sizeof(s->address) &&
	    server_listen(s, e) == 0)
		return s;
	if (strlen(listen_at) >= sizeof(s->address))
		err_set(e, ENAMETOOLONG, "switch.metrics.listen is longer than %zu bytes",
			sizeof(s->address) - 1);
	free(s);
	return NULL;
}

void http_server_destroy(struct http_server *s)
{
	int fd;

	if (!s)
		return;
	while (!TAILQ_EMPTY(&s->clients))
		client_destroy(TAILQ_FIRST(&s->clients));
	loop_timer_stop(s->loop, &s->retry);
	fd = s->watch.fd;
	loop_watch_del(&s->watch);
	if (s->is_unix)
		listener_close(&s->unix_socket);
	else
		close(fd);
	free(s);
}

const char *http_server_address(const struct http_server *s)
{
	return s->address;
}
