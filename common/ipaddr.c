/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/ipaddr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPPED_BITS 96

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

struct ipaddr ipaddr_from_ip4(const void *addr)
{
	struct ipaddr a;

	memcpy(a.b, mapped, sizeof(mapped));
	memcpy(a.b + sizeof(mapped), addr, 4);
	return a;
}

bool ipaddr_is_ip4(const struct ipaddr *a)
{
	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

struct ipaddr ipaddr_link_local(const struct mac *mac)
{
	const uint8_t *m = mac->b;

	return (struct ipaddr){
		{0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}};
}

bool ipaddr_prefix_contains(const struct ipaddr_prefix *p, const struct ipaddr *a)
{
	unsigned bytes = p->len / 8, bits = p->len % 8;

	if (memcmp(p->addr.b, a->b, bytes) != 0)
		return false;
	return bits == 0 || (p->addr.b[bytes] ^ a->b[bytes]) >> (8 - bits) == 0;
}

static int parse_len(const char *text, unsigned max, unsigned *len)
{
	char *end;
	unsigned long v;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	v = strtoul(text, &end, 10);
	if (*end || v > max)
		return -EINVAL;
	*len = (unsigned)v;
	return 0;
}

struct ipaddr_prefix ipaddr_network(const struct ipaddr_prefix *p)
{
	struct ipaddr_prefix net = *p;

	for (unsigned i = p->len; i < 128; i++)
		net.addr.b[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return net;
}

int ipaddr_prefix_parse(const char *text, struct ipaddr_prefix *p)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	bool is_ip6 = memchr(text, ':', n);
	unsigned max = is_ip6 ? 128 : 32, len = max;
	char addr[INET6_ADDRSTRLEN];
	uint8_t ip4[4];

	if (n >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (slash && parse_len(slash + 1, max, &len) < 0)
		return -EINVAL;
	if (inet_pton(is_ip6 ? AF_INET6 : AF_INET, addr, is_ip6 ? p->addr.b : ip4) != 1)
		return -EINVAL;
	if (!is_ip6)
		p->addr = ipaddr_from_ip4(ip4);
	p->len = (uint8_t)(is_ip6 ? len : len + MAPPED_BITS);
	return 0;
}

char *ipaddr_prefix_format(const struct ipaddr_prefix *p, char text[IPADDR_TEXT_MAX])
{
	bool is_ip4 = ipaddr_is_ip4(&p->addr);
	unsigned max = is_ip4 ? 32 : 128, len = is_ip4 ? p->len - MAPPED_BITS : p->len;
	size_t used;

	inet_ntop(is_ip4 ? AF_INET : AF_INET6, is_ip4 ? p->addr.b + sizeof(mapped) : p->addr.b,
		  text, IPADDR_TEXT_MAX);
	used = strlen(text);
	if (len != max)
		snprintf(text + used, IPADDR_TEXT_MAX - used, "/%u", len);
	return text;
}

int ipaddr_list_parse(const char *text, struct ipaddr_prefix *list, unsigned max)
{
	static const char blanks[] = ", \t";
	char word[IPADDR_TEXT_MAX];
	unsigned n = 0;

	for (text += strspn(text, blanks); *text; text += strspn(text, blanks)) {
		size_t len = strcspn(text, blanks);

		if (len >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, len);
		word[len] = '\0';
		text += len;
		if (n == max)
			return -E2BIG;
		if (ipaddr_prefix_parse(word, &list[n++]) < 0)
			return -EINVAL;
	}
	return (int)n;
}
