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
