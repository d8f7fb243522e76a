/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/util.h"
#include "config/schema.h"

#define KEYS(table) .keys = (table), .n_keys = ARRAY_SIZE(table)

static const struct schema_key neighbour_keys[] = {
	{
		.name = "address",
		.type = SCHEMA_IP,
		.flags = SCHEMA_REQUIRED,
		.offset = offsetof(struct config_neighbour, address),
		.example = "198.18.0.1",
		.help = "the neighbour's IPv4 or IPv6 address",
	},
	{
		.name = "mac",
		.type = SCHEMA_MAC,
		.flags = SCHEMA_REQUIRED,
		.offset = offsetof(struct config_neighbour, mac),
		.example = "02:00:00:00:00:01",
		.help = "its MAC address",
	},
};
static const struct schema_map neighbour_map = {
	.noun = "neighbour",
	KEYS(neighbour_keys),
	.size = sizeof(struct config_neighbour),
	.help = "neighbours that are not asked for their MAC address",
};

static const struct schema_key host_keys[] = {
	{
		.name = "range",
		.type = SCHEMA_IP4_PREFIX,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_uplink, host.range),
		.pos = offsetof(struct config_uplink, host.range_pos),
		.min = 8,
		.max = 30,
		.fallback = "100.64.0.0/10",
		.help = "where the link between weft and the host takes its two addresses from",
	},
};
static const struct schema_map host_map = {
	.noun = "host uplink",
	KEYS(host_keys),
	.size = sizeof(struct config_uplink),
	.help = "the host's own network, by a tap and rules that weftd owns",
};

static const struct schema_key uplink_keys[] = {
	{
		.name = "address",
		.type = SCHEMA_IP4_PREFIX,
		.offset = offsetof(struct config_uplink, address),
		.has = offsetof(struct config_uplink, has_address),
		.pos = offsetof(struct config_uplink, address_pos),
		.min = 8,
		.max = 31,
		.example = "198.18.0.2/24",
		.help = "weft's own address on the uplink, also the first that guests are "
			"translated to",
	},
	{
		.name = "gateway",
		.type = SCHEMA_IP,
		.offset = offsetof(struct config_uplink, gateway),
		.pos = offsetof(struct config_uplink, gateway_pos),
		.min = 4,
		.example = "198.18.0.1",
		.help = "the next hop for everything beyond the uplink's own subnet",
	},
	{
		.name = "addresses",
		.type = SCHEMA_RANGES,
		.offset = offsetof(struct config_uplink, addresses),
		.pos = offsetof(struct config_uplink, addresses_pos),
		.example = "198.18.0.3-198.18.0.9 198.18.0.20",
		.help = "more addresses that guests are translated to",
	},
	{
		.name = "address6",
		.type = SCHEMA_IP,
		.offset = offsetof(struct config_uplink, address6),
		.pos = offsetof(struct config_uplink, address6_pos),
		.min = 6,
		.max = 127,
		.example = "2001:db8::2/64",
		.help = "weft's own IPv6 address on the uplink",
	},
	{
		.name = "gateway6",
		.type = SCHEMA_IP,
		.offset = offsetof(struct config_uplink, gateway6),
		.pos = offsetof(struct config_uplink, gateway6_pos),
		.min = 6,
		.example = "2001:db8::1",
		.help = "the next hop for IPv6",
	},
	{
		.name = "mtu",
		.type = SCHEMA_UINT,
		.offset = offsetof(struct config_uplink, mtu),
		.min = 1280,
		.max = 65535,
		.fallback = "1500",
		.help = "longest packet that the uplink takes, bytes; longer ones are answered "
			"with an ICMP error",
	},
	{
		.name = "neighbours",
		.type = SCHEMA_LIST,
		.offset = offsetof(struct config_uplink, neighbours),
		.count = offsetof(struct config_uplink, n_neighbours),
		.max = 256,
		.map = &neighbour_map,
		.example = "[{address: 198.18.0.1, mac: 02:00:00:00:00:01}]",
		.help = "neighbours that are not asked for their MAC address",
	},
	{
		.name = "host",
		.type = SCHEMA_MAP,
		.map = &host_map,
		.example = "{range: 100.64.0.0/10}",
		.help = "through the host's own network",
	},
	{
		.name = "nic",
		.type = SCHEMA_MAP,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_uplink, nic),
		.pos = offsetof(struct config_uplink, nic.pos),
		.map = &schema_nic,
		.example = "{dev: eth1}",
		.help = "through a network interface",
	},
	{
		.name = "vhost-user",
		.type = SCHEMA_MAP,
		.offset = offsetof(struct config_uplink, vhost),
		.map = &schema_vhost,
		.example = "{path: /run/weft/lab.sock}",
		.help = "through a vhost-user socket, to a router in a guest",
	},
};
static const char *const uplink_kinds[UPLINK_KIND_N + 1] = {
	[UPLINK_HOST] = "host",
	[UPLINK_NIC] = "nic",
	[UPLINK_VHOST_USER] = "vhost-user",
};
const struct schema_map schema_uplink = {
	.noun = "uplink",
	KEYS(uplink_keys),
	.kinds = uplink_kinds,
	.kind = offsetof(struct config_uplink, kind),
	.size = sizeof(struct config_uplink),
	.name = offsetof(struct config_uplink, name),
	.builtin = offsetof(struct config_uplink, builtin),
	.help = "ways out of the bridges",
};
