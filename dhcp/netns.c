/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dhcp/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/route.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct birth {
	struct netns *ns;
	int error;
};

/* A thread of its own goes there and ends: it never has to come back. */
static void *be_born(void *arg)
{
	struct birth *b = arg;

	if (unshare(CLONE_NEWNET) < 0)
		goto err;
	b->ns->fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	b->ns->sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (b->ns->fd >= 0 && b->ns->sock >= 0)
		return NULL;
err:
	b->error = errno;
	return NULL;
}

int netns_create(struct netns *ns, struct err *e)
{
	struct birth b = {.ns = ns};
	pthread_t thread;
	int ret;

	*ns = (struct netns){-1, -1};
	ret = pthread_create(&thread, NULL, be_born, &b);
	if (ret == 0)
		pthread_join(thread, NULL);
	ret = ret ?: b.error;
	if (ret == 0)
		return 0;
	netns_destroy(ns);
	return err_set(e, ret,
		       "cannot make a network namespace: %s; run weftd as root, outside of "
		       "containers that forbid it",
		       strerror(ret));
}

void netns_destroy(struct netns *ns)
{
	if (ns->fd >= 0)
		close(ns->fd);
	if (ns->sock >= 0)
		close(ns->sock);
	*ns = (struct netns){-1, -1};
}

static void set_sockaddr(struct sockaddr *sa, uint32_t addr)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(addr)};

	memcpy(sa, &in, sizeof(in));
}

int netns_set_gateway(const struct netns *ns, uint32_t gateway, struct err *e)
{
	struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
	char text[IP4_TEXT_MAX];

	set_sockaddr(&route.rt_dst, 0);
	set_sockaddr(&route.rt_genmask, 0);
	set_sockaddr(&route.rt_gateway, gateway);
	if (ioctl(ns->sock, SIOCADDRT, &route) == 0 || errno == EEXIST)
		return 0;
	return err_set(e, errno, "cannot route by way of %s: %s", ip4_format(gateway, text),
		       strerror(errno));
}
