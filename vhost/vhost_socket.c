/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/vhost_socket.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_version.h>

#include "common/log.h"
#include "vhost/session.h"

#define RETRY_MS 50

/* Bits of VHOST_USER_GET_PROTOCOL_FEATURES. */
enum {
	PROTOCOL_MQ = 0,
	PROTOCOL_LOG_SHMFD = 1,
	PROTOCOL_RARP = 2,
	PROTOCOL_REPLY_ACK = 3,
	PROTOCOL_NET_MTU = 4,
	PROTOCOL_STATUS = 16
};

/* What is not offered cannot be negotiated; docs/security.md says why the rest is left out. */
static uint64_t protocol_features(const struct vhost_port *vp)
{
	uint64_t f = 1ull << PROTOCOL_LOG_SHMFD | 1ull << PROTOCOL_RARP |
		     1ull << PROTOCOL_REPLY_ACK | 1ull << PROTOCOL_NET_MTU |
		     1ull << PROTOCOL_STATUS;

	return vp->port.n_queues > 1 ? f | 1ull << PROTOCOL_MQ : f;
}

/*
 * How many pairs a frontend is told of. A library that cannot be told says 128; then a frontend
 * that takes more than the port has is refused when it sets up the first ring too many.
 */
static int set_queue_limit(const struct vhost_port *vp)
{
#if RTE_VERSION >= RTE_VERSION_NUM(24, 7, 0, 0)
	return rte_vhost_driver_set_max_queue_num(vp->path, vp->port.n_queues);
#else
	return 0;
#endif
}

static int register_driver(struct vhost_port *vp, uint64_t flags)
{
	if (rte_vhost_driver_register(vp->path, flags) < 0)
		return -EBUSY;
	if (rte_vhost_driver_set_features(vp->path, vp->offered) < 0 ||
	    rte_vhost_driver_set_protocol_features(vp->path, protocol_features(vp)) < 0 ||
	    set_queue_limit(vp) < 0 ||
	    rte_vhost_driver_callback_register(vp->path, &session_callbacks) < 0 ||
	    rte_vhost_driver_start(vp->path) < 0) {
		rte_vhost_driver_unregister(vp->path);
		return -EIO;
	}
	vp->registered = true;
	return 0;
}

/* Does anybody listen on the socket? 0, or -errno of the attempt. */
static int probe(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), ret = 0;

	if (fd < 0)
		return -errno;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int clear_path(struct vhost_port *vp, struct err *e)
{
	struct stat st;

	if (lstat(vp->path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, EEXIST,
			       "port %s: %s exists and is not a socket; remove it or "
			       "choose another path",
			       vp->port.name, vp->path);
	if (probe(vp->path) != -ECONNREFUSED)
		return err_set(e, EADDRINUSE,
			       "port %s: socket path %s is in use by another "
			       "program; stop it or choose another path",
			       vp->port.name, vp->path);
	if (unlink(vp->path) < 0)
		return err_set(e, errno, "port %s: cannot remove the stale socket %s: %s",
			       vp->port.name, vp->path, strerror(errno));
	return 0;
}

static int check_directory(const struct vhost_port *vp, struct err *e)
{
	char copy[VHOST_PATH_MAX];
	const char *dir;

	snprintf(copy, sizeof(copy), "%s", vp->path);
	dir = dirname(copy);
	if (access(dir, W_OK | X_OK) == 0)
		return 0;
	return err_set(e, errno,
		       "port %s: cannot create a socket in %s: %s; create the directory "
		       "or make it writable for weftd",
		       vp->port.name, dir, strerror(errno));
}

int vhost_socket_set_owner(struct vhost_port *vp, struct err *e)
{
	if ((vp->uid != (uid_t)-1 || vp->gid != (gid_t)-1) && chown(vp->path, vp->uid, vp->gid) < 0)
		return err_set(e, errno,
			       "port %s: cannot give %s to its owner: %s; run weftd as "
			       "root or drop owner and group",
			       vp->port.name, vp->path, strerror(errno));
	if (vp->socket_mode && chmod(vp->path, vp->socket_mode) < 0)
		return err_set(e, errno, "port %s: cannot set the mode of %s: %s", vp->port.name,
			       vp->path, strerror(errno));
	return 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 1) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * The library's event thread sees a new listening socket only when its poll ends, which takes a
 * second; a new connection ends it at once. So we make one, to ourselves, and forget it.
 */
static void wake_event_thread(const struct vhost_port *vp)
{
	static const struct rte_vhost_device_ops no_callbacks;
	char path[VHOST_PATH_MAX];
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s~", vp->path) >= sizeof(path))
		return;
	fd = listen_at(path);
	if (fd < 0)
		return;
	if (rte_vhost_driver_register(path, RTE_VHOST_USER_CLIENT | RTE_VHOST_USER_NO_RECONNECT) ==
	    0) {
		if (rte_vhost_driver_callback_register(path, &no_callbacks) == 0)
			rte_vhost_driver_start(path);
		rte_vhost_driver_unregister(path);
	}
	close(fd);
	unlink(path);
}

int vhost_socket_listen(struct vhost_port *vp, struct err *e)
{
	mode_t mask;
	int ret = check_directory(vp, e);

	if (ret == 0)
		ret = clear_path(vp, e);
	if (ret < 0)
		return ret;

	/* Until its owner and mode are set, nobody else may connect. */
	mask = umask(0177);
	ret = register_driver(vp, 0);
	if (ret == 0)
		wake_event_thread(vp);
	umask(mask);
	if (ret < 0)
		return err_set(e, -ret, "port %s: cannot listen on %s: %s", vp->port.name, vp->path,
			       ret == -EBUSY ? "another port has this path" : "binding failed");
	ret = vhost_socket_set_owner(vp, e);
	if (ret < 0)
		vhost_socket_close(vp);
	return ret;
}

int vhost_socket_connect(struct vhost_port *vp)
{
	struct stat st;

	if (stat(vp->path, &st) < 0) {
		snprintf(vp->error, sizeof(vp->error), "%s: %s",
			 errno == EACCES ? "no permission to reach the frontend's socket"
					 : "no frontend's socket there yet",
			 strerror(errno));
		return -errno;
	}
	if (access(vp->path, R_OK | W_OK) < 0) {
		snprintf(vp->error, sizeof(vp->error),
			 "no permission to use the frontend's socket; give weftd's user access");
		return -EACCES;
	}
	if (register_driver(vp, RTE_VHOST_USER_CLIENT | RTE_VHOST_USER_NO_RECONNECT) < 0) {
		snprintf(vp->error, sizeof(vp->error), "nobody listens on the frontend's socket");
		return -ECONNREFUSED;
	}
	return 0;
}

void vhost_socket_close(struct vhost_port *vp)
{
	if (!vp->registered)
		return;
	session_close(vp);
	/* Without vhost.lock: the library waits in here for callbacks that take it. */
	rte_vhost_driver_unregister(vp->path);
	vp->registered = false;
	session_forget(vp);
}

int vhost_tick(struct vhost *vh, uint64_t now_ms)
{
	struct vhost_port *vp;
	int next = -1;

	/* Only this thread edits the list; the lock is not held over calls into the library. */
	TAILQ_FOREACH (vp, &vh->ports, link) {
		if (vp->mode != VHOST_MODE_CLIENT || vp->vid >= 0)
			continue;
		if (vp->retry_at_ms <= now_ms) {
			vhost_socket_close(vp);
			vp->retry_at_ms = now_ms + RETRY_MS;
			if (vhost_socket_connect(vp) == 0)
				continue;
		}
		next = RETRY_MS;
	}
	return next;
}
