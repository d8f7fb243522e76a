/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_IPADDR_H
#define COMMON_IPADDR_H

/*
 * Addresses of either family. An IPv4 address is kept as the IPv4-mapped IPv6 address of RFC 4291,
 * 2.5.5.2, so that code which compares addresses need not ask for the family.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mac.h"

#define IPADDR_TEXT_MAX 50

struct ipaddr {
	uint8_t b[16];
};

struct ipaddr_prefix {
	struct ipaddr addr;
	uint8_t len; /* 0 to 128; of an IPv4 prefix 96 more than written */
};

/* `addr` in the order of the wire. */
struct ipaddr ipaddr_from_ip4(const void *addr);
bool ipaddr_is_ip4(const struct ipaddr *a);
/* fe80::/64 with the modified EUI-64 of the MAC address (RFC 4291, appendix A). */
struct ipaddr ipaddr_link_local(const struct mac *mac);

bool ipaddr_prefix_contains(const struct ipaddr_prefix *p, const struct ipaddr *a);

/* The prefix with its host bits zero. */
struct ipaddr_prefix ipaddr_network(const struct ipaddr_prefix *p);

/* "10.10.0.7", "10.20.0.0/16", "fd00::7", "fd00:1::/64". Returns 0 or -EINVAL. */
int ipaddr_prefix_parse(const char *text, struct ipaddr_prefix *p);
char *ipaddr_prefix_format(const struct ipaddr_prefix *p, char text[IPADDR_TEXT_MAX]);

/*
 * Reads a list with commas or blanks between its entries. Returns their number, -EINVAL when one
 * is no address, -E2BIG when there are more than `max`.
 */
int ipaddr_list_parse(const char *text, struct ipaddr_prefix *list, unsigned max);

#endif
