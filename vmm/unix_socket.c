/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

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

int unix_listen(const char *path, struct err *e)
{
	struct sockaddr_un sa;
	int ret = set_path(&sa, path, e), fd, code;

	if (ret)
		return ret;
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

int unix_connect(const char *path, struct err *e)
{
	struct sockaddr_un sa;
	int ret = set_path(&sa, path, e), fd, code;

	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0) {
		fcntl(fd, F_SETFL, 0);
		return fd;
	}
	code = errno;
	if (fd >= 0)
		close(fd);
	return err_set(e, code, "cannot connect to %s: %s", path, strerror(code));
}
