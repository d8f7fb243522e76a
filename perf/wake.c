/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/clock.h"

volatile sig_atomic_t wake_pending;

static void handle(int signal)
{
	wake_pending = 1;
}

static int set_handler(void (*handler)(int))
{
	struct sigaction sa = {.sa_handler = handler};

	if (sigaction(SIGALRM, &sa, NULL) < 0 || sigaction(SIGIO, &sa, NULL) < 0)
		return -errno;
	return 0;
}

int wake_init(int control_fd)
{
	int flags, ret;

	wake_pending = 1;
	ret = set_handler(handle);
	if (ret < 0)
		return ret;
	flags = fcntl(control_fd, F_GETFL);
	if (flags < 0 || fcntl(control_fd, F_SETOWN, getpid()) < 0 ||
	    fcntl(control_fd, F_SETFL, flags | O_ASYNC) < 0)
		return -errno;
	return 0;
}

void wake_fini(int control_fd)
{
	struct itimerval off = {0};
	int flags = fcntl(control_fd, F_GETFL);

	setitimer(ITIMER_REAL, &off, NULL);
	if (flags >= 0)
		fcntl(control_fd, F_SETFL, flags & ~O_ASYNC);
	set_handler(SIG_IGN);
}

void wake_in(uint64_t delay_ns)
{
	uint64_t us = delay_ns / 1000 + 1;
	struct itimerval it = {.it_interval = {.tv_usec = WAKE_REPEAT_MS * 1000}};

	it.it_value.tv_sec = (time_t)(us / 1000000);
	it.it_value.tv_usec = (suseconds_t)(us % 1000000);
	setitimer(ITIMER_REAL, &it, NULL);
}
