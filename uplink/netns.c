/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int netns_enter(struct netns_stay *stay, int fd, struct err *e)
{
	int ret;

	stay->home = -1;
	if (fd < 0)
		return 0;
	stay->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (stay->home < 0)
		return err_set(e, errno, "cannot open /proc/thread-self/ns/net: %s; mount /proc",
			       strerror(errno));
	if (setns(fd, CLONE_NEWNET) == 0)
		return 0;
	ret = err_set(e, errno,
		      "cannot enter a network namespace: %s; weftd needs CAP_SYS_ADMIN for it",
		      strerror(errno));
	close(stay->home);
	stay->home = -1;
	return ret;
}

void netns_leave(struct netns_stay *stay)
{
	if (stay->home < 0)
		return;
	/* To go on in a foreign namespace would be worse than not to go on. */
	if (setns(stay->home, CLONE_NEWNET) < 0)
		abort();
	close(stay->home);
	stay->home = -1;
}
