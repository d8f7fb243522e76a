/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_CHANNEL_H
#define DAEMON_CHANNEL_H

/*
 * A connection to a Unix stream socket that comes back by itself: tries until somebody listens,
 * tries again when the connection ends. Never blocks; output that the peer does not take waits in a
 * bounded queue. Embedded in its user, who runs in the loop's thread.
 *
 * A callback may call channel_reset, but not channel_fini: the user defers its own end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/loop.h"

#define CHANNEL_PATH_MAX 108 /* of a socket address, with its NUL */

struct channel {
	/* Set by the user before channel_init; `drained` may be NULL. */
	void (*up)(struct channel *c);
	void (*down)(struct channel *c); /* what was queued is gone */
	void (*input)(struct channel *c, const void *data, size_t len);
	void (*drained)(struct channel *c); /* the queue is empty again */
	size_t queue_max;		    /* bytes */

	struct loop *loop;
	struct loop_watch watch;
	struct loop_timer retry;
	uint64_t retry_ms;
	bool connected;
	int fd;
	uint8_t *queue;
	size_t queue_len, queue_size;
	char path[CHANNEL_PATH_MAX];
};

/* Starts to connect to `path`. Returns 0 or -ENAMETOOLONG. The first callback comes from the loop.
 */
int channel_init(struct channel *c, struct loop *loop, const char *path);
void channel_fini(struct channel *c);

/* Queues `len` bytes whole: 0, -ENOTCONN, -ENOBUFS when queue_max would be passed, or -ENOMEM. */
int channel_write(struct channel *c, const void *data, size_t len);

/* Handles what has arrived already, without waiting: before the peer's end is believed. */
void channel_drain(struct channel *c);

/* Ends the connection (`down` is called if it was up) and connects anew. */
void channel_reset(struct channel *c);

#endif
