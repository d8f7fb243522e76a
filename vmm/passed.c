/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/passed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "fd="

bool passed_is(const char *path)
{
	return strncmp(path, PREFIX, strlen(PREFIX)) == 0;
}

/*
 * What came through execve has no close-on-exec flag, and all that is opened here has it: so the
 * flag tells what is ours, or was taken before.
 */
int passed_take(const char *path, int mode, struct err *e)
{
	const char *digits = path + strlen(PREFIX);
	char *end;
	long fd = strtol(digits, &end, 10);
	int flags, have;

	if (*digits < '0' || *digits > '9' || *end || fd < 3 || fd > 1 << 20)
		return err_set(e, EINVAL,
			       "%s: fd=N is wanted, N the number 3 or more of an open "
			       "descriptor",
			       path);
	flags = fcntl((int)fd, F_GETFD);
	if (flags < 0)
		return err_set(e, EBADF,
			       "%s: no such descriptor is open; does who starts weft-vmm "
			       "pass it on?",
			       path);
	if (flags & FD_CLOEXEC)
		return err_set(e, EBADF, "%s: was not passed on to weft-vmm, or is used twice",
			       path);
	have = fcntl((int)fd, F_GETFL) & O_ACCMODE;
	if (have != O_RDWR && have != mode)
		return err_set(e, EBADF, "%s: is not open for %s", path,
			       mode == O_RDWR ? "reading and writing" : "reading");
	if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	return (int)fd;
}
