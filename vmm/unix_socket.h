/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_UNIX_SOCKET_H
#define VMM_UNIX_SOCKET_H

#include "common/err.h"

/*
 * Listens at `path`, without blocking; a socket there that nobody serves any more is replaced.
 * Returns a descriptor or -errno.
 */
int unix_listen(const char *path, struct err *e);
/* Connects to who listens at `path`; the connection itself may block. A descriptor or -errno. */
int unix_connect(const char *path, struct err *e);

#endif
