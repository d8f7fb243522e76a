/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/value_address.h"

#include <errno.h>
#include <string.h>

#include "common/ipaddr.h"
#include "common/util.h"
#include "config/nat_value.h"

int value_parse_mac(const struct schema_key *key, const char *text, void *field)
{
	struct mac m;

	if (mac_parse(text, &m) || mac_is_multicast(&m) || mac_is_zero(&m))
		return -EINVAL;
	*(struct mac *)field = m;
	return 0;
}

int value_parse_ip4_prefix(const struct schema_key *key, const char *text, void *field)
{
	struct ip4_prefix p;

	if (ip4_prefix_parse(text, &p) || p.len < key->min || p.len > key->max)
		return -EINVAL;
	*(struct ip4_prefix *)field = p;
	return 0;
}

int value_parse_ip4(const struct schema_key *key, const char *text, void *field)
{
	uint32_t addr;

	if (ip4_parse(text, &addr) || addr == 0)
		return -EINVAL;
	*(uint32_t *)field = addr;
	return 0;
}

int value_parse_ip4_range(const struct schema_key *key, const char *text, void *field)
{
	struct ip4_range range;

	if (ip4_range_parse(text, &range) || range.first == 0)
		return -EINVAL;
	*(struct ip4_range *)field = range;
	return 0;
}

int value_check_address_list(const struct schema_key *key, const char *text, void *field)
{
	struct ipaddr_prefix list[CONFIG_ADDRESSES_MAX];

	return ipaddr_list_parse(text, list, ARRAY_SIZE(list)) < 0 ? -EINVAL : 0;
}

int value_check_ip(const struct schema_key *key, const char *text, void *field)
{
	struct ipaddr_prefix p;
	bool is_ip4;

	if (ipaddr_prefix_parse(text, &p) < 0)
		return -EINVAL;
	is_ip4 = ipaddr_is_ip4(&p.addr);
	if ((key->min == 4 && !is_ip4) || (key->min == 6 && is_ip4))
		return -EINVAL;
	if (!key->max)
		return strchr(text, '/') ? -EINVAL : 0;
	return strchr(text, '/') && p.len >= 8 && p.len <= key->max ? 0 : -EINVAL;
}

int value_check_ranges(const struct schema_key *key, const char *text, void *field)
{
	uint32_t list[CONFIG_EXTERNAL_MAX];

	return nat_value_addresses(text, list, ARRAY_SIZE(list)) < 0 ? -EINVAL : 0;
}

void value_format_mac(const void *field, char *text, size_t size)
{
	mac_format(field, text);
}

void value_format_ip4_prefix(const void *field, char *text, size_t size)
{
	ip4_prefix_format(field, text);
}

void value_format_ip4(const void *field, char *text, size_t size)
{
	ip4_format(*(const uint32_t *)field, text);
}

void value_format_ip4_range(const void *field, char *text, size_t size)
{
	ip4_range_format(field, text);
}
