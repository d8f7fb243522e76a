/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/wire.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

bool wire_namespace(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	return true;
}

void wire_ip(const char *fmt, ...)
{
	char command[300] = "ip ";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command + 3, sizeof(command) - 3, fmt, ap);
	va_end(ap);
	if (system(command) != 0)
		abort();
}

void wire_create(const char *arguments)
{
	wire_ip("link add " WIRE_DEV " %s type veth peer name wire0", arguments);
	wire_ip("link set " WIRE_DEV " up");
	wire_ip("link set wire0 up");
}

void wire_destroy(void)
{
	if (if_nametoindex(WIRE_DEV))
		wire_ip("link del " WIRE_DEV);
}

int wire_open(const char *dev)
{
	struct sockaddr_ll where = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(dev),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0)
		abort();
	return fd;
}

void wire_send(int fd, const void *frame, uint32_t len)
{
	if (send(fd, frame, len, 0) != (ssize_t)len)
		abort();
}

uint32_t wire_receive(int fd, void *frame, uint32_t size, unsigned wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, (int)wait_ms) == 1 ? (uint32_t)recv(fd, frame, size, 0) : 0;
}

struct mac wire_mac(const char *dev)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {0};
	struct mac mac;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", dev);
	if (ioctl(fd, SIOCGIFHWADDR, &r) < 0)
		abort();
	memcpy(&mac, r.ifr_hwaddr.sa_data, sizeof(mac));
	close(fd);
	return mac;
}

uint32_t wire_xdp_program(const char *dev)
{
	uint32_t id = 0;

	bpf_xdp_query_id((int)if_nametoindex(dev), 0, &id);
	return id;
}

void wire_set_queues(const char *dev, unsigned n)
{
	struct ethtool_channels c = {.cmd = ETHTOOL_SCHANNELS, .rx_count = n, .tx_count = n};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {.ifr_data = (void *)&c};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", dev);
	if (ioctl(fd, SIOCETHTOOL, &r) < 0)
		abort();
	close(fd);
}

struct wire_bpf wire_bpf_of(uint32_t program)
{
	struct wire_bpf b = {.program = program};
	int fd = bpf_prog_get_fd_by_id(program);
	struct bpf_prog_info info = {.map_ids = (uintptr_t)b.maps, .nr_map_ids = 16};
	uint32_t size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		abort();
	close(fd);
	b.n_maps = info.nr_map_ids;
	return b;
}

static unsigned exists(int fd)
{
	if (fd < 0)
		return 0;
	close(fd);
	return 1;
}

unsigned wire_bpf_count(const struct wire_bpf *b)
{
	unsigned n = exists(bpf_prog_get_fd_by_id(b->program));

	for (uint32_t i = 0; i < b->n_maps; i++)
		n += exists(bpf_map_get_fd_by_id(b->maps[i]));
	return n;
}
