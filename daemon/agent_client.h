/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_AGENT_CLIENT_H
#define DAEMON_AGENT_CLIENT_H

/*
 * The host's end of the channel to a guest's weft-agent: connects to the socket on which QEMU
 * serves the virtio-serial port, says HELLO until the agent answers, and runs commands.
 * It reconnects by itself; what the guest sends is checked as an enemy's.
 * All calls and callbacks belong to the loop's thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/loop.h"

struct agent_client;
struct agent_exec;

enum agent_end {
	AGENT_END_EXITED,   /* value: exit status */
	AGENT_END_SIGNALED, /* value: signal number */
	AGENT_END_FAILED,   /* never ran; value: errno of the guest's fork or exec */
	AGENT_END_LOST,	    /* the guest or its agent went away; value: 0 */
	AGENT_END_N
};

struct agent_exec_ops {
	/*
	 * `len` bytes that the command wrote to its stdout (fd 1) or stderr (2). They count as
	 * consumed unless the command is paused (agent_exec_pause) when this returns.
	 */
	void (*output)(struct agent_exec *x, int fd, const void *data, size_t len, void *arg);
	/* Called exactly once, the last callback: the handle is invalid afterwards. */
	void (*ended)(struct agent_exec *x, enum agent_end end, int value, void *arg);
	/* agent_exec_write takes bytes again after a short write; may be NULL. */
	void (*writable)(struct agent_exec *x, void *arg);
};

/* A server that stays: no stdin, no output; `ended` comes with 0 as soon as it has been started. */
#define AGENT_EXEC_DETACHED 1u

/*
 * Creates a client of the socket at `path`, which need not exist yet. `ready` (may be NULL) is
 * called when the agent starts or stops to answer. NULL with errno on failure.
 */
struct agent_client *agent_client_create(struct loop *loop, const char *path,
					 void (*ready)(struct agent_client *c, bool ready,
						       void *arg),
					 void *arg);
/* Ends running commands with AGENT_END_LOST, closes and frees. Accepts NULL. */
void agent_client_destroy(struct agent_client *c);

bool agent_client_ready(const struct agent_client *c);

/* The guest closed its end of the port: the agent has gone. Ends the session at once. */
void agent_client_lost(struct agent_client *c);

/* Asks the guest to switch itself off. 0, or -ENOTCONN when the agent does not answer. */
int agent_client_poweroff(struct agent_client *c);

/*
 * Runs `n` words `argv` in the guest (searched in its PATH), stdin open unless detached.
 * Returns a handle that lives until `ended`, or NULL with errno and `e`: ENOTCONN, E2BIG, EAGAIN
 * (too many commands), ENOMEM. No callback happens before it returns.
 */
struct agent_exec *agent_exec(struct agent_client *c, const char *const *argv, unsigned n,
			      unsigned flags, const struct agent_exec_ops *ops, void *arg,
			      struct err *e);

/* Sends stdin. Returns the bytes taken (0..len; fewer: wait for `writable`), or -EPIPE after eof.
 */
ssize_t agent_exec_write(struct agent_exec *x, const void *data, size_t len);
/* Closes the command's stdin after what was written. */
void agent_exec_eof(struct agent_exec *x);
/* Sends a signal to the command's process group. */
void agent_exec_kill(struct agent_exec *x, int signal);
/*
 * Paused: the guest may send a window (64 KiB) of output more, which still arrives at `output`,
 * and then waits. Resume when the reader has room again.
 */
void agent_exec_pause(struct agent_exec *x, bool paused);
/* The caller loses interest: no callback any more, the command is killed; the handle is invalid. */
void agent_exec_drop(struct agent_exec *x);

#endif
