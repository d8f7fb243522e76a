/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ip4_parse(const char *text, uint32_t *addr)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return -EINVAL;
	*addr = ntohl(in.s_addr);
	return 0;
}

int ip4_prefix_parse(const char *text, struct ip4_prefix *p)
{
	const char *slash = strchr(text, '/');
	char addr[IP4_TEXT_MAX];
	unsigned long len;
	char *end;

	if (!slash || (size_t)(slash - text) >= sizeof(addr) || slash[1] < '0' || slash[1] > '9')
		return -EINVAL;
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	len = strtoul(slash + 1, &end, 10);
	if (*end || len > 32)
		return -EINVAL;
	p->len = (uint8_t)len;
	return ip4_parse(addr, &p->addr);
}

int ip4_range_parse(const char *text, struct ip4_range *r)
{
	const char *dash = strchr(text, '-');
	char first[IP4_TEXT_MAX];
	struct ip4_range range;

	if (!dash || (size_t)(dash - text) >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	if (ip4_parse(first, &range.first) || ip4_parse(dash + 1, &range.last) ||
	    range.first > range.last)
		return -EINVAL;
	*r = range;
	return 0;
}

char *ip4_format(uint32_t addr, char text[IP4_TEXT_MAX])
{
	snprintf(text, IP4_TEXT_MAX, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 0xff, addr >> 8 & 0xff,
		 addr & 0xff);
	return text;
}

char *ip4_prefix_format(const struct ip4_prefix *p, char text[IP4_PREFIX_TEXT])
{
	char addr[IP4_TEXT_MAX];

	snprintf(text, IP4_PREFIX_TEXT, "%s/%u", ip4_format(p->addr, addr), p->len);
	return text;
}

char *ip4_range_format(const struct ip4_range *r, char text[IP4_RANGE_TEXT])
{
	char first[IP4_TEXT_MAX], last[IP4_TEXT_MAX];

	snprintf(text, IP4_RANGE_TEXT, "%s-%s", ip4_format(r->first, first),
		 ip4_format(r->last, last));
	return text;
}
