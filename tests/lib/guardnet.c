/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/guardnet.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/eal.h"
#include "tests/lib/packet.h"

const struct guard_policy strict = {
	.mac = {{0x02, 0, 0, 0, 0, 1}},
	.check_mac = true,
	.check_ipv4 = true,
	.check_ipv6 = true,
	.check_arp = true,
	.check_nd = true,
	.no_dhcp = true,
	.no_router = true,
};

struct ipaddr_prefix prefix(const char *text)
{
	struct ipaddr_prefix p;

	assert_int_equal(ipaddr_prefix_parse(text, &p), 0);
	return p;
}

void guard_port(struct net *net, const struct guard_policy *policy)
{
	struct port *p = &net->ports[A]->port;
	struct guard *g = guard_create(p, policy);
	struct ipaddr_prefix ip4 = prefix(own4), ip6 = prefix(own6);

	guard_add(g, &ip4, &policy->mac, GUARD_FOREVER);
	guard_add(g, &ip6, &policy->mac, GUARD_FOREVER);
	guard_publish(net->dp, p, g);
}

int setup(void **state)
{
	struct bridge_params bridge = {.name = "br", .fdb_entries = 1000, .ageing_s = 300};
	struct net *net = calloc(1, sizeof(*net));

	net->bridge = testports_create(&net->dp, &bridge, net->ports, PORTS);
	net->now_ns = 1000 * SECOND;
	guard_port(net, &strict);
	*state = net;
	return 0;
}

int teardown(void **state)
{
	struct net *net = *state;

	for (int i = 0; i < PORTS; i++)
		guard_publish(net->dp, &net->ports[i]->port, NULL);
	testports_destroy(net->dp, net->bridge, net->ports, PORTS);
	free(net);
	return 0;
}

/* --- frames ----------------------------------------------------------------------------------- */

void add(struct net *net, const void *data, unsigned len)
{
	memcpy(net->buf + net->len, data, len);
	net->len += len;
}

void add16(struct net *net, unsigned v)
{
	uint16_t be = htons((uint16_t)v);

	add(net, &be, 2);
}

static void add_mac(struct net *net, uint8_t n)
{
	struct mac m = station(n);

	add(net, &m, sizeof(m));
}

static void add_ip(struct net *net, int family, const char *text)
{
	uint8_t addr[16];

	assert_int_equal(inet_pton(family, text, addr), 1);
	add(net, addr, family == AF_INET ? 4 : 16);
}

void begin(struct net *net, uint8_t src)
{
	net->len = 0;
	add_mac(net, 2);
	add_mac(net, src);
}

void add_ip4(struct net *net, const char *src, const char *dst, uint8_t proto, unsigned len,
	     unsigned frag)
{
	struct ipv4_hdr ip = {.version_ihl = 0x45,
			      .total_len = htons((uint16_t)(20 + len)),
			      .frag_off = htons((uint16_t)frag),
			      .ttl = 64,
			      .proto = proto};

	add16(net, 0x0800);
	inet_pton(AF_INET, src, &ip.src);
	inet_pton(AF_INET, dst, &ip.dst);
	add(net, &ip, sizeof(ip));
}

void add_ip6(struct net *net, const char *src, uint8_t next, unsigned len)
{
	struct ipv6_hdr ip = {.version_class_flow = htonl(6u << 28),
			      .payload_len = htons((uint16_t)len),
			      .next_header = next,
			      .hop_limit = 255};

	add16(net, 0x86dd);
	inet_pton(AF_INET6, src, ip.src);
	inet_pton(AF_INET6, "ff02::1", ip.dst);
	add(net, &ip, sizeof(ip));
}

static void add_udp(struct net *net, unsigned src, unsigned dst)
{
	add16(net, src);
	add16(net, dst);
	add(net, "\0\x0c\0\0\x01\0\0\0", 8);
}

void udp4(struct net *net, uint8_t mac, const char *src, unsigned sport, unsigned dport)
{
	begin(net, mac);
	add_ip4(net, src, "255.255.255.255", UDP, 12, 0);
	add_udp(net, sport, dport);
}

void udp6(struct net *net, const char *src, unsigned sport, unsigned dport)
{
	begin(net, 1);
	add_ip6(net, src, UDP, 12);
	add_udp(net, sport, dport);
}

void arp(struct net *net, unsigned op, uint8_t sender, const char *ip)
{
	begin(net, 1);
	add16(net, 0x0806);
	add(net, "\0\1\x08\0\6\4", 6);
	add16(net, op);
	add_mac(net, sender);
	add_ip(net, AF_INET, ip);
	add_mac(net, 0);
	add_ip(net, AF_INET, other4);
}

void add_nd(struct net *net, uint8_t type, const char *target, uint8_t option, uint8_t mac)
{
	uint8_t fixed[8] = {type};

	add(net, fixed, sizeof(fixed));
	if (target)
		add_ip(net, AF_INET6, target);
	if (!option)
		return;
	add(net, (uint8_t[]){option, 1}, 2);
	add_mac(net, mac);
}

void nd(struct net *net, const char *src, uint8_t type, const char *target, uint8_t option,
	uint8_t mac)
{
	begin(net, 1);
	add_ip6(net, src, ICMP6, (target ? 24 : 8) + (option ? 8 : 0));
	add_nd(net, type, target, option, mac);
}

void tag(struct net *net, unsigned n)
{
	memmove(net->buf + 12 + 4 * n, net->buf + 12, net->len - 12);
	for (unsigned i = 0; i < n; i++)
		memcpy(net->buf + 12 + 4 * i, "\x81\0\0\x0a", 4);
	net->len += 4 * n;
}

/* --- outcomes --------------------------------------------------------------------------------- */

static void run(struct net *net)
{
	testport_put(net->ports[A], net->buf, net->len);
	worker_poll(net->dp->workers[0], net->now_ns);
}

void passes(struct net *net)
{
	testport_clear(net->ports[B]);
	run(net);
	assert_int_equal(net->ports[B]->n_out, 1);
}

void is_dropped(struct net *net, enum drop_reason reason)
{
	struct port_stats before, after;

	testport_clear(net->ports[B]);
	port_stats_sum(&net->ports[A]->port, &before);
	run(net);
	port_stats_sum(&net->ports[A]->port, &after);

	assert_int_equal(net->ports[B]->n_out, 0);
	assert_int_equal(after.drops[reason], before.drops[reason] + 1);
}

int environment(void)
{
	struct err e;

	if (eal_init(CONFIG_OFF, &e) == 0)
		return 0;
	print_error("%s\n", e.text);
	return 1;
}
