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
#include <netlink/route/route.h>

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

static struct nl_addr *nl_address(const struct ipaddr *a)
{
	return ipaddr_is_ip4(a) ? nl_addr_build(AF_INET, a->b + 12, 4)
				: nl_addr_build(AF_INET6, a->b, 16);
}

static int add_address(struct nl_sock *sk, const char *name, const struct ipaddr_prefix *p,
		       struct err *e)
{
	bool ip4 = ipaddr_is_ip4(&p->addr);
	struct rtnl_addr *a = rtnl_addr_alloc();
	struct nl_addr *local = nl_address(&p->addr);
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

/* --- routes ----------------------------------------------------------------------------------- */

static struct rtnl_route *route_to(const char *name, const struct ipaddr_prefix *prefix,
				   const struct ipaddr *via)
{
	bool ip4 = ipaddr_is_ip4(&prefix->addr);
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *dst = nl_address(&prefix->addr), *gw = via ? nl_address(via) : NULL;

	if (!route || !hop || !dst || (via && !gw)) {
		rtnl_route_put(route);
		rtnl_route_nh_free(hop);
		route = NULL;
	} else {
		nl_addr_set_prefixlen(dst, ip4 ? prefix->len - IP4_MAPPED_BITS : prefix->len);
		rtnl_route_set_family(route, ip4 ? AF_INET : AF_INET6);
		rtnl_route_set_dst(route, dst);
		rtnl_route_nh_set_ifindex(hop, (int)if_nametoindex(name));
		if (gw)
			rtnl_route_nh_set_gateway(hop, gw);
		rtnl_route_add_nexthop(route, hop);
	}
	nl_addr_put(dst);
	nl_addr_put(gw);
	return route;
}

static int change_route(const char *name, const struct ipaddr_prefix *prefix,
			const struct ipaddr *via, bool add, struct err *e)
{
	struct rtnl_route *route = route_to(name, prefix, via);
	char text[IPADDR_TEXT_MAX], what[IPADDR_TEXT_MAX + 32];
	struct nl_sock *sk = rtnl_open(e);
	int ret = -NLE_NOMEM;

	if (!sk) {
		rtnl_route_put(route);
		return -EIO;
	}
	if (route)
		ret = add ? rtnl_route_add(sk, route, NLM_F_REPLACE)
			  : rtnl_route_delete(sk, route, 0);
	rtnl_route_put(route);
	nl_socket_free(sk);
	snprintf(what, sizeof(what), "%s the route to %s", add ? "add" : "remove",
		 ipaddr_prefix_format(prefix, text));
	return ret < 0 ? nl_fail(e, ret, name, what) : 0;
}

int link_add_route(const char *name, const struct ipaddr_prefix *prefix, const struct ipaddr *via,
		   struct err *e)
{
	return change_route(name, prefix, via, true, e);
}

int link_del_route(const char *name, const struct ipaddr_prefix *prefix, struct err *e)
{
	return change_route(name, prefix, NULL, false, e);
}

struct search {
	const struct ip4_prefix *p;
	char *text;
	size_t size;
};

static void look_at_route(struct nl_object *o, void *arg)
{
	struct rtnl_route *route = (struct rtnl_route *)o;
	struct nl_addr *dst = rtnl_route_get_dst(route);
	struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);
	char interface[IFNAMSIZ] = "?", prefix[IP4_PREFIX_TEXT];
	struct search *s = arg;
	struct ip4_prefix p;
	uint32_t wire;

	if (!dst || nl_addr_get_family(dst) != AF_INET || nl_addr_get_prefixlen(dst) == 0 ||
	    nl_addr_get_len(dst) != sizeof(wire))
		return;
	memcpy(&wire, nl_addr_get_binary_addr(dst), sizeof(wire));
	p = (struct ip4_prefix){ntohl(wire), (uint8_t)nl_addr_get_prefixlen(dst)};
	if (!ip4_prefix_overlap(&p, s->p))
		return;
	if (hop)
		if_indextoname((unsigned)rtnl_route_nh_get_ifindex(hop), interface);
	snprintf(s->text, s->size, "%s by %s", ip4_prefix_format(&p, prefix), interface);
}

int link_find_route(const struct ip4_prefix *p, char *text, size_t size, struct err *e)
{
	struct search s = {p, text, size};
	struct nl_sock *sk = rtnl_open(e);
	struct nl_cache *cache;
	int ret;

	text[0] = '\0';
	if (!sk)
		return -EIO;
	ret = rtnl_route_alloc_cache(sk, AF_INET, 0, &cache);
	if (ret < 0) {
		ret = err_set(e, nl_errno(ret), "cannot read the host's routes: %s",
			      nl_geterror(ret));
	} else {
		nl_cache_foreach(cache, look_at_route, &s);
		nl_cache_free(cache);
	}
	nl_socket_free(sk);
	return ret;
}
