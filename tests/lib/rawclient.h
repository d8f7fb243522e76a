/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_RAWCLIENT_H
#define TESTS_LIB_RAWCLIENT_H

/*
 * A client of the control socket that sends whatever bytes a test gives it, in the thread of the
 * server: while it waits, it turns the server's loop. What does not happen within some seconds
 * fails the test.
 */

#include <jansson.h>

#include "common/loop.h"

#define RAW_PATIENCE_MS 5000

struct raw {
	struct loop *loop;
	int fd;
	char *in;
	size_t len;
};

struct raw raw_connect(struct loop *loop, const char *path);
void raw_close(struct raw *r);

/* Writes all of it, or until the server has closed. Turns the loop only when the socket is full. */
void raw_write(struct raw *r, const char *data, size_t len);
void raw_say(struct raw *r, const char *text);
/* Writes a request; `params` is the text of an object, NULL for none. */
void raw_call(struct raw *r, int id, const char *method, const char *params);

/* The next message of the server, the caller's; NULL when it closed the connection. */
json_t *raw_hear(struct raw *r);

/* The next message is an error of that code whose message has `part` in it. */
void raw_hear_error(struct raw *r, int code, const char *part);
/* The next message is the answer to `id` (-1: one that is no number) with this result. */
void raw_hear_result(struct raw *r, int id, const char *result);
/* The connection is closed and nothing more came before. */
void raw_hear_end(struct raw *r);

#endif
