/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/util.h"
#include "config/schema.h"

#define KEYS(table) .keys = (table), .n_keys = ARRAY_SIZE(table)

static const struct schema_word auto_value[] = {{"auto", 0}, {NULL, 0}};

static const struct schema_key tap_keys[] = {
	{
		.name = "name",
		.type = SCHEMA_NAME,
		.flags = SCHEMA_REQUIRED | SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_tap, name),
		.pos = offsetof(struct config_tap, name_pos),
		.max = 15,
		.example = "weft0",
		.help = "the interface that weftd makes, and that goes with it",
	},
	{
		.name = "address",
		.type = SCHEMA_IP4_PREFIX,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_tap, address),
		.has = offsetof(struct config_tap, has_address),
		.pos = offsetof(struct config_tap, address_pos),
		.min = 8,
		.max = 31,
		.example = "10.10.0.254/24",
		.help = "the host's address on the bridge; not given: none",
	},
	{
		.name = "address6",
		.type = SCHEMA_IP,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_tap, address6),
		.pos = offsetof(struct config_tap, address6_pos),
		.min = 6,
		.max = 127,
		.example = "fd00:10::254/64",
		.help = "the host's IPv6 address on the bridge, beside the link-local one",
	},
	{
		.name = "mac",
		.type = SCHEMA_MAC,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_tap, mac),
		.derived = offsetof(struct config_tap, mac_derived),
		.pos = offsetof(struct config_tap, mac_pos),
		.words = auto_value,
		.fallback = "auto",
		.example = "52:54:00:12:34:56",
		.help = "the interface's MAC address; auto: made from the port's name",
	},
	{
		.name = "mtu",
		.type = SCHEMA_UINT,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_tap, mtu),
		.min = 1280,
		.max = 65521,
		.fallback = "1500",
		.help = "MTU of the interface, bytes",
	},
	{
		.name = "queues",
		.type = SCHEMA_UINT,
		.flags = SCHEMA_DISRUPTIVE,
		.offset = offsetof(struct config_tap, queues),
		.min = 1,
		.max = 16,
		.fallback = "1",
		.help = "queues, spread over the workers; the kernel gives each flow one",
	},
};
const struct schema_map schema_tap = {
	.noun = "tap port",
	KEYS(tap_keys),
	.size = sizeof(struct config_tap),
	.help = "an interface of the host as a member of the bridge",
};
