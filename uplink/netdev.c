/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/netdev.h"

#include <assert.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One question to the kernel about device `name`; the answer is in `r`. */
static int ask(int fd, unsigned long request, const char *name, struct ifreq *r)
{
	snprintf(r->ifr_name, sizeof(r->ifr_name), "%s", name);
	return ioctl(fd, request, r) < 0 ? -errno : 0;
}

static int ask_ethtool(int fd, const char *name, void *command)
{
	struct ifreq r = {.ifr_data = command};

	return ask(fd, SIOCETHTOOL, name, &r);
}

static unsigned count_rx_queues(int fd, const char *name)
{
	struct ethtool_channels c = {.cmd = ETHTOOL_GCHANNELS};

	if (ask_ethtool(fd, name, &c) < 0 || c.rx_count + c.combined_count == 0)
		return 1;
	return c.rx_count + c.combined_count;
}

/* A device without a bus moves frames inside of this host, where nobody completes checksums. */
static void read_driver(int fd, struct netdev *d)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

	if (ask_ethtool(fd, d->name, &info) < 0) {
		d->partial_csums = true;
		return;
	}
	snprintf(d->driver, sizeof(d->driver), "%s", info.driver);
	d->partial_csums = !info.bus_info[0] || strcmp(d->driver, "virtio_net") == 0;
}

static int read_link(int fd, struct netdev *d)
{
	struct ifreq r = {0};
	int ret = ask(fd, SIOCGIFINDEX, d->name, &r);

	if (ret < 0)
		return ret;
	d->ifindex = (unsigned)r.ifr_ifindex;
	ret = ask(fd, SIOCGIFFLAGS, d->name, &r);
	if (ret < 0)
		return ret;
	d->up = r.ifr_flags & IFF_UP;
	d->carrier = d->up && (r.ifr_flags & IFF_RUNNING);
	ret = ask(fd, SIOCGIFHWADDR, d->name, &r);
	if (ret < 0)
		return ret;
	memcpy(&d->mac, r.ifr_hwaddr.sa_data, sizeof(d->mac));
	ret = ask(fd, SIOCGIFMTU, d->name, &r);
	d->mtu = ret < 0 ? 0 : (unsigned)r.ifr_mtu;
	return ret;
}

int netdev_read(const char *name, struct netdev *d, struct err *e)
{
	int fd, ret;

	*d = (struct netdev){0};
	if (strlen(name) >= sizeof(d->name))
		return err_set(e, ENODEV, "there is no network device '%s': names are shorter",
			       name);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, errno, "cannot ask about network devices: %s", strerror(errno));
	snprintf(d->name, sizeof(d->name), "%s", name);
	ret = read_link(fd, d);
	if (ret < 0) {
		err_set(e, ENODEV, "there is no network device '%s'; `ip link` lists them", name);
		ret = -ENODEV;
	} else {
		d->rx_queues = count_rx_queues(fd, name);
		read_driver(fd, d);
	}
	close(fd);
	return ret;
}

static const struct {
	uint32_t get, set, bit;
} offloads[] = {
	[NETDEV_VLAN_STRIP] = {ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_RXVLAN},
	[NETDEV_GRO] = {ETHTOOL_GGRO, ETHTOOL_SGRO, 1},
	[NETDEV_LRO] = {ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_LRO},
};
static_assert(ARRAY_SIZE(offloads) == NETDEV_OFFLOAD_N, "commands for each");

/* Whether it was set to `on`, having been the opposite. */
static bool switch_offload(const char *name, enum netdev_offload which, bool on)
{
	struct ethtool_value v = {.cmd = offloads[which].get};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t bit = offloads[which].bit;
	bool done = false;

	if (fd < 0)
		return false;
	if (ask_ethtool(fd, name, &v) == 0 && !(v.data & bit) == on) {
		v.cmd = offloads[which].set;
		v.data ^= bit;
		done = ask_ethtool(fd, name, &v) == 0;
	}
	close(fd);
	return done;
}

bool netdev_switch_off(const char *name, enum netdev_offload which)
{
	return switch_offload(name, which, false);
}

void netdev_switch_on(const char *name, enum netdev_offload which)
{
	switch_offload(name, which, true);
}

int netdev_promiscuous(unsigned ifindex)
{
	struct packet_mreq m = {.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_PROMISC};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}
