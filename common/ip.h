/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_IP_H
#define COMMON_IP_H

#include <stdbool.h>
#include <stdint.h>

/* IPv4 addresses are in host byte order here; the wire order lives in common/wire.h. */

#define IP4_TEXT_MAX	16
#define IP4_PREFIX_TEXT 20
#define IP4_RANGE_TEXT	32

struct ip4_prefix {
	uint32_t addr; /* the address as written, host bits included */
	uint8_t len;   /* 0-32 */
};

/* Both ends included. */
struct ip4_range {
	uint32_t first, last;
};

/* Each parse returns 0 or -EINVAL and takes the whole text. */
int ip4_parse(const char *text, uint32_t *addr);
int ip4_prefix_parse(const char *text, struct ip4_prefix *p);
/* "10.10.0.100-10.10.0.199"; -EINVAL also when it ends before it begins. */
int ip4_range_parse(const char *text, struct ip4_range *r);

char *ip4_format(uint32_t addr, char text[IP4_TEXT_MAX]);
char *ip4_prefix_format(const struct ip4_prefix *p, char text[IP4_PREFIX_TEXT]);
char *ip4_range_format(const struct ip4_range *r, char text[IP4_RANGE_TEXT]);

static inline uint32_t ip4_mask(uint8_t len)
{
	return len ? ~0u << (32 - len) : 0;
}

static inline uint32_t ip4_network(const struct ip4_prefix *p)
{
	return p->addr & ip4_mask(p->len);
}

static inline bool ip4_prefix_contains(const struct ip4_prefix *p, uint32_t addr)
{
	return (addr & ip4_mask(p->len)) == ip4_network(p);
}

static inline bool ip4_range_contains(const struct ip4_range *r, uint32_t addr)
{
	return addr >= r->first && addr <= r->last;
}

static inline uint64_t ip4_range_count(const struct ip4_range *r)
{
	return (uint64_t)r->last - r->first + 1;
}

static inline bool ip4_prefix_overlap(const struct ip4_prefix *a, const struct ip4_prefix *b)
{
	return ip4_prefix_contains(a, ip4_network(b)) || ip4_prefix_contains(b, ip4_network(a));
}

#endif
