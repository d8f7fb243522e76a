/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_NAT_VALUE_H
#define CONFIG_NAT_VALUE_H

/* What the texts of `nat` and `uplinks` mean. Addresses and ports are in host byte order. */

#include "common/ipaddr.h"
#include "config/config.h"

/*
 * "192.0.2.3-192.0.2.9 192.0.2.20": writes the addresses to `list`. Returns their number, -EINVAL
 * when one is none or a range is the wrong way round, -E2BIG when there are more than `max`.
 */
int nat_value_addresses(const char *text, uint32_t *list, unsigned max);

/* All external addresses of an uplink, its own first; up to CONFIG_EXTERNAL_MAX. Never fails. */
unsigned nat_value_externals(const struct config_uplink *u, uint32_t list[CONFIG_EXTERNAL_MAX]);

/* "25" or "1-1023". Returns 0 or -EINVAL. */
int nat_value_ports(const char *text, uint16_t *first, uint16_t *last);

/* The ports of the uplink that a forward is about. Returns 0 or -EINVAL. */
int nat_value_forward_ports(const struct config_nat_forward *f, uint16_t *first, uint16_t *last);

/*
 * Where a forward leads: an address of `b`, or that of a guest's first NIC on `b`. `port` is left
 * alone when the text has none. Returns 0, -EINVAL for no address and no name, -ENOENT when no
 * guest of that name has an address on `b`.
 */
int nat_value_target(const struct config *c, const struct config_bridge *b, const char *text,
		     uint32_t *addr, uint16_t *port);

/* A prefix, an address, or the name of a guest on `b`. "" is all addresses. Returns as above. */
int nat_value_prefix(const struct config *c, const struct config_bridge *b, const char *text,
		     struct ip4_prefix *p);

/*
 * Which family the ends of a filter rule are of: 4, 6, 0 for either, -EINVAL when they are not of
 * the same. The name of a guest is its IPv4 address.
 */
int nat_value_family(const char *from, const char *to);

/* An IPv6 prefix or address. "" is all addresses. Returns 0 or -EINVAL. */
int nat_value_prefix6(const char *text, struct ipaddr_prefix *p);

/* Host-order IPv4 address of a text that the schema has checked to be one. */
uint32_t nat_value_ip4(const char *text);

#endif
