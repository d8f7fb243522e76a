/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/hosttap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

void hosttap_namespace(void)
{
	int fd;

	if (access("/dev/net/tun", F_OK) < 0) {
		puts("there is no /dev/net/tun");
		exit(77);
	}
	require(unshare(CLONE_NEWNET) == 0, "unshare: run tests as root");
	fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	require(write(fd, "1", 1) == 1, "disable_ipv6");
	close(fd);
}

void hosttap_open(struct hosttap *h, const char *interface)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(0x0003), /* ETH_P_ALL */
				 .sll_ifindex = (int)if_nametoindex(interface)};
	int one = 1, size = 64 << 20;

	h->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	require(h->fd >= 0, "packet socket");
	require(setsockopt(h->fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) == 0, "vnet_hdr");
	require(setsockopt(h->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) == 0,
		"ignore_outgoing");
	require(setsockopt(h->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == 0 &&
			setsockopt(h->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) == 0,
		"buffers");
	require(bind(h->fd, (struct sockaddr *)&at, sizeof(at)) == 0, interface);
}

void hosttap_close(struct hosttap *h)
{
	close(h->fd);
}

void hosttap_send(struct hosttap *h, const struct vnet *vnet, const void *bytes, uint32_t len)
{
	const struct vnet none = {0};
	struct iovec iov[2] = {{(void *)(vnet ? vnet : &none), sizeof(*vnet)},
			       {(void *)bytes, len}};

	require(writev(h->fd, iov, 2) == (ssize_t)(sizeof(*vnet) + len), "send");
}

bool hosttap_recv(struct hosttap *h, struct hostframe *f, int wait_ms)
{
	struct iovec iov[2] = {{&f->vnet, sizeof(f->vnet)}, {f->bytes, sizeof(f->bytes)}};
	struct pollfd p = {.fd = h->fd, .events = POLLIN};
	ssize_t n;

	if (poll(&p, 1, wait_ms) <= 0)
		return false;
	n = readv(h->fd, iov, 2);
	require(n >= (ssize_t)sizeof(f->vnet), "receive");
	f->len = (uint32_t)((size_t)n - sizeof(f->vnet));
	return true;
}
