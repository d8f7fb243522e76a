/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/nat_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char blanks[] = ", \t";

/* "A" or "A-B" of `len` bytes. */
static int parse_range(const char *text, size_t len, uint32_t *first, uint32_t *last)
{
	char word[2 * IP4_TEXT_MAX], *dash;

	if (len >= sizeof(word))
		return -EINVAL;
	memcpy(word, text, len);
	word[len] = '\0';
	dash = strchr(word, '-');
	if (dash)
		*dash = '\0';
	if (ip4_parse(word, first) || ip4_parse(dash ? dash + 1 : word, last))
		return -EINVAL;
	return *first <= *last ? 0 : -EINVAL;
}

int nat_value_addresses(const char *text, uint32_t *list, unsigned max)
{
	unsigned n = 0;

	for (text += strspn(text, blanks); *text; text += strspn(text, blanks)) {
		size_t len = strcspn(text, blanks);
		uint32_t first, last;

		if (parse_range(text, len, &first, &last))
			return -EINVAL;
		if (last - first >= max - n)
			return -E2BIG;
		for (uint32_t a = first; a <= last; a++)
			list[n++] = a;
		text += len;
	}
	return (int)n;
}

unsigned nat_value_externals(const struct config_uplink *u, uint32_t list[CONFIG_EXTERNAL_MAX])
{
	unsigned n = 0;
	int more;

	if (u->has_address)
		list[n++] = u->address.addr;
	more = nat_value_addresses(u->addresses, list + n, CONFIG_EXTERNAL_MAX - n);
	return more < 0 ? n : n + (unsigned)more;
}

static int parse_port(const char *text, char **end, uint16_t *port)
{
	unsigned long v;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	v = strtoul(text, end, 10);
	*port = (uint16_t)v;
	return v >= 1 && v <= 65535 ? 0 : -EINVAL;
}

int nat_value_ports(const char *text, uint16_t *first, uint16_t *last)
{
	char *end;

	if (parse_port(text, &end, first))
		return -EINVAL;
	*last = *first;
	if (*end == '-' && parse_port(end + 1, &end, last))
		return -EINVAL;
	return *end == '\0' && *first <= *last ? 0 : -EINVAL;
}

int nat_value_forward_ports(const struct config_nat_forward *f, uint16_t *first, uint16_t *last)
{
	return nat_value_ports(f->proto == FORWARD_TCP ? f->tcp : f->udp, first, last);
}

/* The address of the guest's first NIC on the bridge that has one. */
static int guest_address(const struct config *c, const struct config_bridge *b, const char *name,
			 uint32_t *addr)
{
	const struct config_guest *g = config_guest_lookup(c, name);

	for (unsigned n = 0; g && n < g->n_nics; n++) {
		const struct config_nic *nic = &g->nics[n];

		if (nic->kind != NIC_BRIDGE || strcmp(nic->bridge, b->name) != 0 ||
		    !nic->has_address)
			continue;
		*addr = nic->address.addr;
		return 0;
	}
	return -ENOENT;
}

int nat_value_target(const struct config *c, const struct config_bridge *b, const char *text,
		     uint32_t *addr, uint16_t *port)
{
	size_t len = strcspn(text, ":");
	char host[CONFIG_NAME_MAX + 1], *end;

	if (len == 0 || len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (text[len] == ':' && (parse_port(text + len + 1, &end, port) || *end))
		return -EINVAL;
	return ip4_parse(host, addr) ? guest_address(c, b, host, addr) : 0;
}

int nat_value_prefix(const struct config *c, const struct config_bridge *b, const char *text,
		     struct ip4_prefix *p)
{
	*p = (struct ip4_prefix){0};
	if (!text[0] || ip4_prefix_parse(text, p) == 0)
		return 0;
	p->len = 32;
	if (ip4_parse(text, &p->addr) == 0)
		return 0;
	return strchr(text, '/') ? -EINVAL : guest_address(c, b, text, &p->addr);
}

static int family_of(const char *text)
{
	return !text[0] ? 0 : strchr(text, ':') ? 6 : 4;
}

int nat_value_family(const char *from, const char *to)
{
	int a = family_of(from), b = family_of(to);

	return !a || !b || a == b ? a | b : -EINVAL;
}

int nat_value_prefix6(const char *text, struct ipaddr_prefix *p)
{
	*p = (struct ipaddr_prefix){0};
	if (!text[0])
		return 0;
	return family_of(text) == 6 ? ipaddr_prefix_parse(text, p) : -EINVAL;
}

uint32_t nat_value_ip4(const char *text)
{
	uint32_t addr = 0;

	ip4_parse(text, &addr);
	return addr;
}
