/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_GUARDNET_H
#define TESTS_LIB_GUARDNET_H

/*
 * A guest with one MAC address, one IPv4 and one IPv6 address behind port a, which is guarded, and
 * the frames with which it tries to be somebody else. They go through the whole pipeline to port b.
 * A frame is made in `buf` by `begin` and what is added to it, or whole by udp4, udp6, arp and nd.
 */

#include "bridge/bridge.h"
#include "bridge/guard.h"
#include "tests/lib/test.h"
#include "tests/lib/testport.h"

#define SECOND 1000000000ull

enum { A, B, PORTS };
enum { REPLY = 2, REQUEST = 1 };
enum { UDP = 17, ICMP6 = 58, RS = 133, RA = 134, NS = 135, NA = 136, REDIRECT = 137 };

#define own4	   "10.0.0.1"
#define other4	   "10.0.0.9"
#define none4	   "0.0.0.0"
#define own6	   "fd00::1"
#define other6	   "fd00::9"
#define none6	   "::"
#define own_link   "fe80::ff:fe00:1"
#define other_link "fe80::ff:fe00:9"

extern const struct guard_policy strict;

struct net {
	struct dataplane *dp;
	struct bridge *bridge;
	struct testport *ports[PORTS];
	uint64_t now_ns;
	uint8_t buf[512];
	unsigned len;
};

int setup(void **state);
int teardown(void **state);
/* Starts DPDK's environment; 0, or 1 for main to return. */
int environment(void);
#define guard_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

struct ipaddr_prefix prefix(const char *text);
void guard_port(struct net *net, const struct guard_policy *policy);

void add(struct net *net, const void *data, unsigned len);
void add16(struct net *net, unsigned v);
void begin(struct net *net, uint8_t src);
void add_ip4(struct net *net, const char *src, const char *dst, uint8_t proto, unsigned len,
	     unsigned frag);
void add_ip6(struct net *net, const char *src, uint8_t next, unsigned len);
/* An ND message about `target` with one link-layer option of station `mac`; `option` 0: without. */
void add_nd(struct net *net, uint8_t type, const char *target, uint8_t option, uint8_t mac);
void udp4(struct net *net, uint8_t mac, const char *src, unsigned sport, unsigned dport);
void udp6(struct net *net, const char *src, unsigned sport, unsigned dport);
void arp(struct net *net, unsigned op, uint8_t sender, const char *ip);
void nd(struct net *net, const char *src, uint8_t type, const char *target, uint8_t option,
	uint8_t mac);
/* Puts 802.1Q tags between the addresses and the rest. */
void tag(struct net *net, unsigned n);

/* The frame in `buf` arrives at b, or is counted under `reason`. */
void passes(struct net *net);
void is_dropped(struct net *net, enum drop_reason reason);

#endif
