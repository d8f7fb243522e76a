/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_CONTROL_H
#define PERF_CONTROL_H

/*
 * The control connection: whole messages over a socket, each wait bounded. The peer may be hostile
 * or dead; what it sends is never trusted beyond the frame (perf/message.h), and a wait ends by
 * its deadline, not by the peer's goodwill.
 */

#include <stdbool.h>

#include "perf/message.h"

#define CONTROL_TIMEOUT_MS 5000

struct control {
	int fd;
	size_t len;			 /* of the body last received, or being written */
	char body[MESSAGE_BODY_MAX + 1]; /* terminated after a receive */
};

/* Takes over `fd`. Returns NULL and errno on failure (the fd stays open then). */
struct control *control_create(int fd);
/* Closes the fd. Accepts NULL. */
void control_destroy(struct control *c);

/* Sends a message with the body c->body[0..c->len). Returns 0 or -errno. */
int control_send(struct control *c, enum message_type type, struct err *e);
/* The same without a body. */
int control_say(struct control *c, enum message_type type, struct err *e);
/* Tells the peer why this end gives up; failures do not matter any more. */
void control_abort(struct control *c, const char *reason);

/*
 * Receives one message, which has to be of `type`, within `timeout_ms`; its body is c->body.
 * Returns 0, -ETIMEDOUT, -ECONNRESET when the peer closed, -ECONNABORTED when it sent ABORT (its
 * reason is the message in `e`), -EPROTO or another -errno.
 */
int control_expect(struct control *c, enum message_type type, unsigned timeout_ms, struct err *e);

enum control_state { CONTROL_SILENT, CONTROL_NEWS, CONTROL_CLOSED };
/* What waits on the connection right now, without taking it. */
enum control_state control_peek(const struct control *c);

/* Waits for `events` (of poll) on `fd` until `deadline_ms` of clock_now_ms. 0 or -ETIMEDOUT. */
int control_wait(int fd, short events, uint64_t deadline_ms);

#endif
