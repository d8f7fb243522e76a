/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_HTTP_H
#define DAEMON_HTTP_H

/*
 * As much of HTTP/1.1 (RFC 9112) as answering GET for one document takes: one request a
 * connection, whose header fields are read over and whose body is not wanted.
 *
 * Clients are not trusted. A request is bounded in bytes, a connection in time, and connections in
 * number: the oldest makes room for a new one. Nothing blocks; all of it runs in the loop's thread.
 */

#include <stddef.h>

#include "common/err.h"
#include "common/loop.h"

#define HTTP_REQUEST_MAX 8192
#define HTTP_CLIENTS_MAX 16
#define HTTP_TIME_MAX_MS 5000
#define HTTP_LISTEN_MAX	 108 /* of an address as text, with its NUL */

struct http_request {
	char method[8];
	char path[64]; /* without its query; cut when it is longer */
};

/*
 * Reads the head of a request. Returns its length, 0 when more bytes are needed, or -EBADMSG. Pure.
 */
int http_request_parse(const char *text, size_t len, struct http_request *r);

struct http_server;

/*
 * Serves `path` at `listen`: ADDRESS:PORT with a numeric IPv4 or bracketed IPv6 address, or the
 * absolute path of a Unix socket. `content` makes the document of `type`, allocated by malloc, its
 * length in `len`; NULL is answered with 503. Returns NULL with the reason in `e`.
 */
struct http_server *http_server_create(struct loop *loop, const char *listen, const char *path,
				       const char *type, char *(*content)(void *arg, size_t *len),
				       void *arg, struct err *e);
/* Closes all connections. Accepts NULL. */
void http_server_destroy(struct http_server *s);

/* The address as it was given. */
const char *http_server_address(const struct http_server *s);

#endif
