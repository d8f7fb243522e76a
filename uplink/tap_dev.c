/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/tap_dev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Of Linux 6.2; the headers may be older than the kernel. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/*
 * The kernel takes a device away some time after its last descriptor was closed: the tap of a
 * weftd that was killed may still be there when the next one starts.
 */
#define DYING_TRIES   50
#define DYING_WAIT_NS 10000000

static int open_node(struct err *e)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return err_set(e, errno,
			       "there is no /dev/net/tun; load it with `modprobe tun`, or give the "
			       "container the device");
	return err_set(e, errno, "cannot open /dev/net/tun: %s; run weftd as root",
		       strerror(errno));
}

/* Whether the interface is a tap, which may be on its way out. */
static bool is_tap(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/tun_flags", name);
	return access(path, F_OK) == 0;
}

static int attach(int fd, const struct tap_dev_params *p, bool first, struct err *e)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	const struct timespec wait = {.tv_nsec = DYING_WAIT_NS};
	int code;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", p->name);
	if (first)
		ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_TUN_EXCL);
	if (p->queues > 1)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	code = ioctl(fd, TUNSETIFF, &ifr) < 0 ? errno : 0;
	for (int i = 0; code == EBUSY && i < DYING_TRIES && is_tap(p->name); i++) {
		nanosleep(&wait, NULL);
		code = ioctl(fd, TUNSETIFF, &ifr) < 0 ? errno : 0;
	}
	switch (code) {
	case 0:
		return 0;
	case EBUSY:
	case EINVAL:
	case EEXIST:
		return err_set(e, EEXIST,
			       "tap %s: there is an interface of that name; remove it with `ip "
			       "link del %s` or choose another name",
			       p->name, p->name);
	case EPERM:
		return err_set(e, EPERM,
			       "tap %s: not permitted; run weftd as root or with CAP_NET_ADMIN",
			       p->name);
	default:
		return err_set(e, code, "tap %s: cannot make it: %s", p->name, strerror(code));
	}
}

static unsigned offload_flags(const struct tap_dev_params *p)
{
	if (!p->csum)
		return 0;
	return TUN_F_CSUM | (p->tso ? TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN : 0) |
	       (p->uso ? TUN_F_USO4 | TUN_F_USO6 : 0);
}

static struct offloads offloads_of(unsigned flags)
{
	return (struct offloads){
		.csum = flags & TUN_F_CSUM,
		.tso4 = flags & TUN_F_TSO4,
		.tso6 = flags & TUN_F_TSO6,
		.ecn = flags & TUN_F_TSO_ECN,
		.uso4 = flags & TUN_F_USO4,
		.uso6 = flags & TUN_F_USO6,
	};
}

/* What the host may give us is what we give it: the kernel decides about both in one version. */
static int set_offloads(int fd, const struct tap_dev_params *p, struct offloads *takes,
			struct err *e)
{
	unsigned flags = offload_flags(p);

	if (ioctl(fd, TUNSETOFFLOAD, flags) < 0) {
		flags &= ~(unsigned)(TUN_F_USO4 | TUN_F_USO6);
		if (ioctl(fd, TUNSETOFFLOAD, flags) < 0)
			return err_set(e, errno, "tap %s: cannot set offloads: %s", p->name,
				       strerror(errno));
	}
	*takes = offloads_of(flags);
	return 0;
}

static int open_queue(const struct tap_dev_params *p, unsigned i, struct err *e)
{
	int fd = open_node(e), ret;

	if (fd < 0)
		return fd;
	ret = attach(fd, p, i == 0, e);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

int tap_dev_open(const struct tap_dev_params *p, struct offloads *takes, struct err *e)
{
	unsigned n = 0;
	int ret = 0;

	while (n < p->queues && ret >= 0) {
		ret = open_queue(p, n, e);
		if (ret >= 0)
			p->fds[n++] = ret;
	}
	if (ret >= 0)
		ret = set_offloads(p->fds[0], p, takes, e);
	if (ret >= 0)
		return 0;
	while (n > 0)
		close(p->fds[--n]);
	return ret;
}
