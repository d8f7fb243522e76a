/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/xdp_features.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"

/* linux/netdev.h, which Debian 12 does not have yet. */
enum { NETDEV_CMD_DEV_GET = 1 };
enum { NETDEV_A_DEV_IFINDEX = 1, NETDEV_A_DEV_XDP_FEATURES = 3 };
enum { XDP_ACT_BASIC = 1, XDP_ACT_REDIRECT = 2, XDP_ACT_XSK_ZEROCOPY = 8 };

struct message {
	struct nlmsghdr nl;
	struct genlmsghdr genl;
	uint8_t attrs[4096];
};

static void put_attr(struct message *m, uint16_t type, const void *value, uint16_t len)
{
	struct nlattr *a = (struct nlattr *)((uint8_t *)m + NLMSG_ALIGN(m->nl.nlmsg_len));

	*a = (struct nlattr){.nla_type = type, .nla_len = (uint16_t)(NLA_HDRLEN + len)};
	memcpy((uint8_t *)a + NLA_HDRLEN, value, len);
	m->nl.nlmsg_len = NLMSG_ALIGN(m->nl.nlmsg_len) + NLA_ALIGN(a->nla_len);
}

/* Sends `m` and receives the answer into it. Returns 0 or -errno. */
static int ask(int fd, struct message *m)
{
	ssize_t n;

	if (send(fd, m, m->nl.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, m, sizeof(*m), 0);
	if (n < 0)
		return -errno;
	if (m->nl.nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(&m->nl))->error;
	return n < (ssize_t)(NLMSG_HDRLEN + GENL_HDRLEN) ? -EBADMSG : 0;
}

/* The value of an attribute of `len` bytes in the answer; NULL when it has none. */
static const void *find_attr(const struct message *m, uint16_t type, uint16_t len)
{
	size_t end = MIN_OF((size_t)m->nl.nlmsg_len, sizeof(*m)), at = NLMSG_HDRLEN + GENL_HDRLEN;

	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *a = (const struct nlattr *)((const uint8_t *)m + at);

		if (a->nla_len < NLA_HDRLEN || at + a->nla_len > end)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) == type && a->nla_len >= NLA_HDRLEN + len)
			return (const uint8_t *)a + NLA_HDRLEN;
		at += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

static struct message begin(uint16_t family, uint8_t command)
{
	return (struct message){
		.nl = {.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN,
		       .nlmsg_type = family,
		       .nlmsg_flags = NLM_F_REQUEST},
		.genl = {.cmd = command, .version = 1},
	};
}

/* The number of the family `netdev` in this kernel. */
static int find_family(int fd, uint16_t *family)
{
	static const char name[] = "netdev";
	struct message m = begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	const void *id;
	int ret;

	put_attr(&m, CTRL_ATTR_FAMILY_NAME, name, sizeof(name));
	ret = ask(fd, &m);
	if (ret < 0)
		return ret;
	id = find_attr(&m, CTRL_ATTR_FAMILY_ID, sizeof(*family));
	if (!id)
		return -EBADMSG;
	memcpy(family, id, sizeof(*family));
	return 0;
}

static int ask_device(int fd, unsigned ifindex, uint64_t *acts)
{
	uint32_t index = ifindex;
	struct message m;
	uint16_t family;
	const void *value;
	int ret = find_family(fd, &family);

	if (ret < 0)
		return ret;
	m = begin(family, NETDEV_CMD_DEV_GET);
	put_attr(&m, NETDEV_A_DEV_IFINDEX, &index, sizeof(index));
	ret = ask(fd, &m);
	if (ret < 0)
		return ret;
	value = find_attr(&m, NETDEV_A_DEV_XDP_FEATURES, sizeof(*acts));
	if (!value)
		return -ENOENT;
	memcpy(acts, value, sizeof(*acts));
	return 0;
}

int xdp_features_read(unsigned ifindex, struct xdp_features *f)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), ret;
	uint64_t acts = 0;

	if (fd < 0)
		return -errno;
	ret = ask_device(fd, ifindex, &acts);
	close(fd);
	f->native = (acts & XDP_ACT_BASIC) && (acts & XDP_ACT_REDIRECT);
	f->zero_copy = f->native && (acts & XDP_ACT_XSK_ZEROCOPY);
	return ret;
}
