/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf/address.h"
#include "perf/control.h"
#include "perf/session.h"

#define SESSIONS_MAX 64

static int listen_on(const struct address *a)
{
	int on = 1, off = 0, ret;
	int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (const struct sockaddr *)&a->sa, a->len) == 0 && listen(fd, SESSIONS_MAX) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static int open_listener(const struct server_options *o, struct err *e)
{
	const char *host = o->address ? o->address : "::";
	struct address a;
	int ret = address_resolve(&a, host, o->port, "/etc/hosts", e);

	if (ret < 0)
		return ret;
	ret = listen_on(&a);
	if (!o->address && (ret == -EAFNOSUPPORT || ret == -EADDRNOTAVAIL)) {
		address_resolve(&a, "0.0.0.0", o->port, "/etc/hosts", e);
		ret = listen_on(&a);
	}
	if (ret < 0)
		return err_set(e, -ret, "cannot listen on %s port %u: %s; choose another with -p",
			       host, o->port, strerror(-ret));
	return ret;
}

static void announce(int fd, pid_t pid)
{
	struct address a;

	address_local(&a, fd);
	printf("weft-perf: listening on port %u, pid %d\n", address_port(&a), (int)pid);
	fflush(stdout);
}

/* Returns 1 in the parent, 0 in the daemon, or -errno. */
static int daemonise(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = null < 0 ? -1 : fork();

	if (pid < 0)
		return -errno;
	if (pid > 0) {
		announce(fd, pid);
		return 1;
	}
	setsid();
	if (chdir("/") < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close(null);
	return 0;
}

static bool serve_in_child(int listen_fd, int fd)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0) {
		close(fd);
		return pid > 0;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	close(listen_fd);
	signal(SIGCHLD, SIG_DFL);
	_exit(session_serve(fd) < 0);
}

static void turn_away(int fd)
{
	struct control *c = control_create(fd);

	if (!c) {
		close(fd);
		return;
	}
	control_abort(c, "the server runs as many tests as it may: try again later");
	control_destroy(c);
}

static void wake(int signal)
{
}

static void serve(int listen_fd)
{
	struct sigaction sa = {.sa_handler = wake};
	unsigned sessions = 0;

	sigaction(SIGCHLD, &sa, NULL);
	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

		while (sessions > 0 && waitpid(-1, NULL, WNOHANG) > 0)
			sessions--;
		if (fd < 0) {
			if (errno != EINTR && errno != ECONNABORTED)
				poll(NULL, 0, 100);
			continue;
		}
		if (sessions >= SESSIONS_MAX) {
			turn_away(fd);
			continue;
		}
		sessions += serve_in_child(listen_fd, fd);
	}
}

int server_run(const struct server_options *o, struct err *e)
{
	int fd = open_listener(o, e), ret = 0;

	if (fd < 0)
		return fd;
	if (o->daemonise)
		ret = daemonise(fd);
	else
		announce(fd, getpid());
	if (ret == 0)
		serve(fd);
	close(fd);
	if (ret < 0)
		return err_set(e, -ret, "cannot become a daemon: %s; run it without -d",
			       strerror(-ret));
	return 0;
}
