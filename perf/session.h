/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_SESSION_H
#define PERF_SESSION_H

/*
 * One test from the server's side, in a process of its own: whatever the client does, this process
 * waits for a bounded time, holds bounded memory, and ends.
 */

/* Serves the control connection `fd`, which it closes. Returns 0 or -errno. */
int session_serve(int fd);

#endif
