/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_CLIENT_H
#define DAEMON_CLIENT_H

/*
 * One connection to the control socket as lines in and lines out, without blocking and without
 * growing: a line that is too long or a reader that is too slow costs that client its connection
 * and nobody else anything.
 *
 * Reading stops while more than CLIENT_BACKLOG_SOFT bytes wait to be written, so that a client
 * that only asks is slowed to the pace at which it reads. A line, of any length, that is to be
 * queued behind more than CLIENT_BACKLOG_MAX ends it.
 *
 * A client is torn down in one place, when the loop reports its descriptor. Everything else that
 * wants its end shuts the socket down and lets the loop come round, so a caller of client_send
 * never sees the client vanish under its hands.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/loop.h"
#include "common/rpc.h"

#define CLIENT_LINE_MAX	    RPC_LINE_MAX
#define CLIENT_BACKLOG_SOFT (256u << 10)
#define CLIENT_BACKLOG_MAX  (8u << 20)

struct client;
struct call;

/* What the owner of clients does with them; `ctx` is client_create's. */
struct client_ops {
	/* One line without its newline; it may be written to, and lasts for the call. */
	void (*line)(struct client *c, char *line, size_t len);
	/* A line grew beyond CLIENT_LINE_MAX. Nothing more is read; an answer may be sent. */
	void (*too_long)(struct client *c);
	/* All that was queued has been written. */
	void (*drained)(struct client *c);
	/* The connection is over; destroy the client before returning. */
	void (*gone)(struct client *c);
};

struct out;

struct client {
	struct loop_watch watch;
	const struct client_ops *ops;
	void *ctx;
	char *in; /* bytes not handled yet */
	size_t in_len, in_size;
	size_t scanned; /* of `in`, known to hold no newline */
	TAILQ_HEAD(, out) out;
	size_t backlog_bytes;
	bool behind;  /* something waited, and `drained` has not been called since */
	bool broken;  /* shut down by us; the loop is about to report it */
	bool eof;     /* the other side writes no more */
	bool closing; /* close when the backlog is written */
	bool paused;  /* by client_pause */
	uint32_t events;

	/* The owner's. */
	TAILQ_HEAD(, call) calls;
	unsigned n_calls;
	bool served; /* completed a request */
	uint64_t active_ms;
	TAILQ_ENTRY(client) link;
};

/* Takes over the connected, non-blocking socket `fd` unless it fails. Returns NULL and errno. */
struct client *client_create(struct loop *loop, int fd, const struct client_ops *ops, void *ctx);
/* Closes the connection and drops what is queued. Accepts NULL. */
void client_destroy(struct client *c);

/* Queues `len` bytes and, unless -1, the descriptor `fd`, which is taken over in any case. */
void client_send(struct client *c, const char *data, size_t len, int fd);

/* Stops or resumes the reading of lines. */
void client_pause(struct client *c, bool paused);

#endif
