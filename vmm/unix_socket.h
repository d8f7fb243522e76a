/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_UNIX_SOCKET_H
#define VMM_UNIX_SOCKET_H

#include "common/err.h"

/* Wherever a path stands here, "fd=N" is a socket that was passed in (vmm/passed.h). */

/*
 * Listens at `path`, without blocking; a socket there that nobody serves any more is replaced.
 * Returns a descriptor or -errno.
 */
int unix_listen(const char *path, struct err *e);
/* Closes what unix_listen returned, and removes the socket that it made. */
void unix_unlisten(int fd, const char *path);
/* Connects to who listens at `path`; the connection itself may block. A descriptor or -errno. */
int unix_connect(const char *path, struct err *e);

#endif
