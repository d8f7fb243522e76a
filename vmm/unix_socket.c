/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/passed.h"

static int set_path(struct sockaddr_un *sa, const char *path, struct err *e)
{
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(sa->sun_path))
		return err_set(e, ENAMETOOLONG, "%s: a socket's path has at most %zu bytes", path,
			       sizeof(sa->sun_path) - 1);
	strcpy(sa->sun_path, path);
	return 0;
}

static void remove_stale(const struct sockaddr_un *sa)
{
	struct stat st;
	int fd;

	if (lstat(sa->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 && errno == ECONNREFUSED)
		unlink(sa->sun_path);
	close(fd);
}

/* A socket that was passed in; `listens`: what it has to be. */
static int take_socket(const char *path, bool listens, struct err *e)
{
	int fd = passed_take(path, O_RDWR, e), is = 0;
	socklen_t len = sizeof(is);

	if (fd < 0)
		return fd;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &len) == 0 && !is == !listens)
		return fd;
	close(fd);
	return err_set(e, EINVAL, "%s: is no socket that %s", path,
		       listens ? "listens" : "is connected; does it listen?");
}

static int set_blocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
	return fd;
}

int unix_listen(const char *path, struct err *e)
{
	struct sockaddr_un sa;
	int ret = set_path(&sa, path, e), fd, code;

	if (ret)
		return ret;
	if (passed_is(path)) {
		fd = take_socket(path, true, e);
		return fd < 0 ? fd : set_blocking(fd, false);
	}
	remove_stale(&sa);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 8) == 0)
		return fd;
	code = errno;
	if (fd >= 0)
		close(fd);
	return err_set(e, code, "cannot listen at %s: %s%s", path, strerror(code),
		       code == EADDRINUSE ? "; another process serves it" : "");
}

void unix_unlisten(int fd, const char *path)
{
	close(fd);
	if (!passed_is(path))
		unlink(path);
}

int unix_connect(const char *path, struct err *e)
{
	struct sockaddr_un sa;
	int ret = set_path(&sa, path, e), fd, code;

	if (ret)
		return ret;
	if (passed_is(path)) {
		fd = take_socket(path, false, e);
		return fd < 0 ? fd : set_blocking(fd, true);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return set_blocking(fd, true);
	code = errno;
	if (fd >= 0)
		close(fd);
	return err_set(e, code, "cannot connect to %s: %s", path, strerror(code));
}
