/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/util.h"
#include "config/schema.h"

#define KEYS(table) .keys = (table), .n_keys = ARRAY_SIZE(table)

static const struct schema_word none_zero[] = {{"none", 0}, {NULL, 0}};
static const struct schema_word auto_zero[] = {{"auto", 0}, {NULL, 0}};

static const struct schema_key spoof_keys[] = {
	{
		.name = "enable",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_spoof, enable),
		.fallback = "off",
		.help = "check what the guest sends; `anti-spoof: on` is short for it",
	},
	{
		.name = "mac",
		.type = SCHEMA_MAC,
		.offset = offsetof(struct config_spoof, mac),
		.example = "52:54:00:12:34:56",
		.help = "the guest's MAC address; not given: that of the NIC",
	},
	{
		.name = "addresses",
		.type = SCHEMA_ADDRESSES,
		.offset = offsetof(struct config_spoof, addresses),
		.example = "10.10.0.7 fd00::7 10.20.0.0/24",
		.help = "what the guest may use beside the NIC's address and the IPv6 link-local "
			"address made from its MAC address",
	},
	{
		.name = "leases",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_spoof, leases),
		.fallback = "off",
		.help = "on a bridge with dhcp: what the guest leased there, as long as it has it, "
			"instead of the NIC's address",
	},
	{
		.name = "ipv4",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_spoof, ipv4),
		.fallback = "on",
		.help = "check IPv4 sources",
	},
	{
		.name = "ipv6",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_spoof, ipv6),
		.fallback = "on",
		.help = "check IPv6 sources",
	},
	{
		.name = "arp",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_spoof, arp),
		.fallback = "on",
		.help = "check the senders in ARP",
	},
	{
		.name = "nd",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_spoof, nd),
		.fallback = "on",
		.help = "check targets and link-layer addresses in IPv6 neighbour discovery",
	},
};
const struct schema_map schema_spoof = {
	.noun = "anti-spoof",
	KEYS(spoof_keys),
	.shorthand = "enable",
	.size = sizeof(struct config_spoof),
	.help = "what the guest may claim to be",
};

static const struct schema_key rate_keys[] = {
	{
		.name = "in",
		.type = SCHEMA_RATE,
		.offset = offsetof(struct config_rate, in_bps),
		.min = 64000,
		.max = 1000000000000,
		.words = none_zero,
		.fallback = "none",
		.example = "100Mbps",
		.help = "bits a second from the guest; frames beyond it wait in the guest's ring",
	},
	{
		.name = "out",
		.type = SCHEMA_RATE,
		.offset = offsetof(struct config_rate, out_bps),
		.min = 64000,
		.max = 1000000000000,
		.words = none_zero,
		.fallback = "none",
		.example = "1Gbps",
		.help = "bits a second to the guest; what cannot wait in the senders' rings is "
			"dropped",
	},
	{
		.name = "in-pps",
		.type = SCHEMA_UINT,
		.offset = offsetof(struct config_rate, in_pps),
		.min = 10,
		.max = 1000000000,
		.words = none_zero,
		.fallback = "none",
		.example = "100000",
		.help = "packets a second from the guest",
	},
	{
		.name = "out-pps",
		.type = SCHEMA_UINT,
		.offset = offsetof(struct config_rate, out_pps),
		.min = 10,
		.max = 1000000000,
		.words = none_zero,
		.fallback = "none",
		.example = "100000",
		.help = "packets a second to the guest",
	},
	{
		.name = "burst",
		.type = SCHEMA_SIZE,
		.offset = offsetof(struct config_rate, burst_bytes),
		.min = 1514,
		.max = 1 << 30,
		.words = auto_zero,
		.fallback = "auto",
		.example = "256K",
		.help = "bytes that may go at once after a pause, in each direction; auto: 50 ms, "
			"at least 128K",
	},
};
const struct schema_map schema_rate = {
	.noun = "rate",
	KEYS(rate_keys),
	.size = sizeof(struct config_rate),
	.help = "limits; frames count without preamble and FCS, segmented ones with all headers",
};
