/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/link.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>

#include "common/util.h"
#include "common/wire.h"
#include "uplink/netns.h"

#define IP4_MAPPED_BITS 96 /* struct ipaddr_prefix counts them in the length */

/* libnl's errors are its own numbers; most stand for one of the kernel's. */
static int nl_errno(int nl_error)
{
	switch (-nl_error) {
	case NLE_EXIST:
		return EEXIST;
	case NLE_PERM:
	case NLE_NOACCESS:
		return EPERM;
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return ENODEV;
	case NLE_NOMEM:
		return ENOMEM;
	case NLE_RANGE:
	case NLE_INVAL:
		return EINVAL;
	default:
		return EIO;
	}
}

static int nl_fail(struct err *e, int nl_error, const char *name, const char *what)
{
	int code = nl_errno(nl_error);

	return err_set(e, code, "interface %s: cannot %s: %s%s", name, what, nl_geterror(nl_error),
		       code == EPERM ? "; weftd needs CAP_NET_ADMIN" : "");
}

static struct nl_sock *rtnl_open(struct err *e)
{
	struct nl_sock *sk = nl_socket_alloc();
	int ret = sk ? nl_connect(sk, NETLINK_ROUTE) : -NLE_NOMEM;

	if (ret == 0)
		return sk;
	err_set(e, nl_errno(ret), "cannot open a netlink socket: %s", nl_geterror(ret));
	nl_socket_free(sk);
	return NULL;
}

bool link_exists(const char *name)
{
	return if_nametoindex(name) != 0;
}

struct ipaddr_prefix link_address4(const struct ip4_prefix *p)
{
	uint32_t wire = htonl(p->addr);

	return (struct ipaddr_prefix){ipaddr_from_ip4(&wire), (uint8_t)(p->len + IP4_MAPPED_BITS)};
}

/* A file of the interface in the namespace that the thread is in. Without IPv6 there is none. */
static void set_conf(const char *family, const char *name, const char *key)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, name, key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	dprintf(fd, "0");
	close(fd);
}

static void distrust(const char *name)
{
	set_conf("ipv6", name, "accept_ra");
	set_conf("ipv6", name, "accept_redirects");
	set_conf("ipv4", name, "accept_redirects");
}

static int change(struct nl_sock *sk, const char *name, struct rtnl_link *changes, const char *what,
		  struct err *e)
{
	struct rtnl_link *link = rtnl_link_alloc();
	int ret = -NLE_NOMEM;

	if (link) {
		rtnl_link_set_ifindex(link, (int)if_nametoindex(name));
		ret = rtnl_link_change(sk, link, changes, 0);
	}
	rtnl_link_put(link);
	return ret < 0 ? nl_fail(e, ret, name, what) : 0;
}

/* What is done where the interface was made: MAC address, MTU, and the move. */
static int prepare(const struct link_setup *s, struct err *e)
{
	struct nl_addr *mac = NULL;
	struct rtnl_link *changes;
	struct nl_sock *sk;
	int ret;

	sk = rtnl_open(e);
	if (!sk)
		return -EIO;
	changes = rtnl_link_alloc();
	if (!mac_is_zero(&s->mac))
		mac = nl_addr_build(AF_LLC, s->mac.b, sizeof(s->mac.b));
	if (!changes || (!mac && !mac_is_zero(&s->mac))) {
		ret = err_set(e, ENOMEM, "out of memory");
		goto out;
	}
	if (mac)
		rtnl_link_set_addr(changes, mac);
	if (s->mtu)
		rtnl_link_set_mtu(changes, s->mtu);
	if (s->netns_fd >= 0)
		rtnl_link_set_ns_fd(changes, s->netns_fd);
	ret = change(sk, s->name, changes, "set MAC address, MTU and namespace", e);
out:
	nl_addr_put(mac);
	rtnl_link_put(changes);
	nl_socket_free(sk);
	return ret;
}

static int add_address(struct nl_sock *sk, const char *name, const struct ipaddr_prefix *p,
		       struct err *e)
{
	bool ip4 = ipaddr_is_ip4(&p->addr);
	struct rtnl_addr *a = rtnl_addr_alloc();
	struct nl_addr *local = ip4 ? nl_addr_build(AF_INET, p->addr.b + 12, 4)
				    : nl_addr_build(AF_INET6, p->addr.b, 16);
	char text[IPADDR_TEXT_MAX], what[IPADDR_TEXT_MAX + 32];
	int ret = -NLE_NOMEM;

	if (a && local) {
		rtnl_addr_set_ifindex(a, (int)if_nametoindex(name));
		rtnl_addr_set_local(a, local);
		rtnl_addr_set_prefixlen(a, ip4 ? p->len - IP4_MAPPED_BITS : p->len);
		/* Nobody else may have it, so there is nothing to wait for. */
		if (!ip4)
			rtnl_addr_set_flags(a, IFA_F_NODAD);
		ret = rtnl_addr_add(sk, a, 0);
	}
	nl_addr_put(local);
	rtnl_addr_put(a);
	snprintf(what, sizeof(what), "add address %s", ipaddr_prefix_format(p, text));
	return ret < 0 ? nl_fail(e, ret, name, what) : 0;
}

/* What is done where it is now. */
static int complete(const struct link_setup *s, struct err *e)
{
	struct rtnl_link *changes = rtnl_link_alloc();
	struct nl_sock *sk = changes ? rtnl_open(e) : NULL;
	int ret = sk ? 0 : changes ? -EIO : err_set(e, ENOMEM, "out of memory");

	distrust(s->name);
	for (unsigned i = 0; i < s->n_addresses && ret == 0; i++)
		ret = add_address(sk, s->name, &s->addresses[i], e);
	if (ret == 0) {
		rtnl_link_set_flags(changes, IFF_UP);
		ret = change(sk, s->name, changes, "bring it up", e);
	}
	nl_socket_free(sk);
	rtnl_link_put(changes);
	return ret;
}

int link_setup(const struct link_setup *s, struct err *e)
{
	struct netns_stay stay;
	int ret = prepare(s, e);

	if (ret == 0)
		ret = netns_enter(&stay, s->netns_fd, e);
	if (ret < 0)
		return ret;
	ret = complete(s, e);
	netns_leave(&stay);
	return ret;
}
