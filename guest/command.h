/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GUEST_COMMAND_H
#define GUEST_COMMAND_H

/*
 * One command that the agent runs: a process group of its own, three pipes, and the windows that
 * bound what is in flight (common/agent_proto.h). Buffers at most one window of stdin.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/agent_proto.h"

enum { COMMAND_STDIN, COMMAND_STDOUT, COMMAND_STDERR, COMMAND_FDS };

struct command {
	uint32_t id; /* 0: free */
	pid_t pid;
	int fd[COMMAND_FDS]; /* our ends of its pipes, -1: closed */
	bool reaped;
	int status;	   /* of waitpid, once reaped */
	uint64_t quiet_ms; /* when it was reaped or wrote last, after it was reaped */

	uint32_t output_window; /* bytes it may still send */
	uint32_t input_window;	/* bytes the host may still send */
	uint32_t input_done;	/* bytes given to the process, not yet granted again */
	bool input_eof;
	size_t input_head, input_len;
	uint8_t input[AGENT_WINDOW_BYTES];
};

/*
 * Starts `argv` as `id` in `c`, which is free. Returns 0, or -errno of pipe, fork or exec, with `c`
 * still free.
 */
int command_start(struct command *c, uint32_t id, const char *const *argv);

/* Starts `argv` without pipes; it is init's when the agent dies. Returns 0 or -errno. */
int command_start_detached(const char *const *argv);

/* Takes stdin from the host. Returns 0, or -EPROTO when it is more than the window. */
int command_input(struct command *c, const void *data, size_t len);
/* Writes what is buffered into the pipe, and closes it at the end of stdin or when nobody reads. */
void command_input_flush(struct command *c);

/*
 * Reads at most `size` bytes of output from pipe `which`, a part of the output window, and closes
 * the pipe at its end. Returns the bytes, 0 when there are none.
 */
size_t command_output(struct command *c, int which, void *data, size_t size, uint64_t now_ms);

void command_kill(struct command *c, int signal);

/* Notes what waitpid said. */
void command_reaped(struct command *c, int status, uint64_t now_ms);

/*
 * True when the process has ended and its output is out. Processes that it left behind may hold
 * its pipes: they are waited for only while they write.
 */
bool command_done(const struct command *c, uint64_t now_ms);

/* Closes everything and kills the group if it may still run; `c` is free then. */
void command_release(struct command *c);

#endif
