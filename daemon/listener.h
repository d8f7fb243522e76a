/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

/*
 * A Unix stream socket that listens at a path, and the care around its file: what a dead daemon
 * left is replaced, what is in use is not, and the right user gets it before anybody can connect.
 *
 * Two daemons that start at the same moment over the same leftover could both take it for dead;
 * the lock on the run-dir keeps that from happening.
 */

#include <sys/types.h>
#include <sys/un.h>

#include "common/err.h"

struct listener {
	int fd; /* non-blocking */
	struct sockaddr_un sa;
	dev_t dev; /* of the file, to know it again */
	ino_t ino;
};

/*
 * Listens at `path`. `owner` and `group` are names, "" leaves what the process has; `mode` are
 * permission bits, whatever the umask. Returns 0, or -errno with the reason and a remedy in `e`:
 * -EADDRINUSE when somebody answers there, -EEXIST when the file is no socket.
 */
int listener_open(struct listener *l, const char *path, const char *owner, const char *group,
		  mode_t mode, struct err *e);

/* Gives the file another owner, group and mode, as listener_open does; open connections stay. */
int listener_give(struct listener *l, const char *owner, const char *group, mode_t mode,
		  struct err *e);

/* Closes the socket, and unlinks its file if it is still the one that was made. */
void listener_close(struct listener *l);

#endif
