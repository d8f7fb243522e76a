/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/link_watch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Messages are only counted: an overflow (ENOBUFS) says no less than what was lost. */
static void on_messages(struct loop_watch *lw, uint32_t events)
{
	struct link_watch *w = container_of(lw, struct link_watch, watch);
	uint8_t text[8192];

	while (recv(lw->fd, text, sizeof(text), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
	w->changed(w);
}

int link_watch_init(struct link_watch *w, struct loop *loop, struct err *e)
{
	struct sockaddr_nl links = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), ret;

	w->watch = (struct loop_watch){.ready = on_messages, .fd = -1};
	if (fd < 0)
		return err_set(e, errno, "cannot watch network devices: %s", strerror(errno));
	if (bind(fd, (struct sockaddr *)&links, sizeof(links)) < 0) {
		ret = err_set(e, errno, "cannot watch network devices: %s", strerror(errno));
		close(fd);
		return ret;
	}
	return loop_watch_add(loop, &w->watch, fd, EPOLLIN);
}

void link_watch_fini(struct link_watch *w)
{
	int fd = w->watch.fd;

	loop_watch_del(&w->watch);
	if (fd >= 0)
		close(fd);
}
