/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/util.h"
#include "config/schema.h"

#define KEYS(table) .keys = (table), .n_keys = ARRAY_SIZE(table)
#define DAY_NS	    (24 * 3600 * 1000000000ull)

static const struct schema_word none_zero[] = {{"none", 0}, {NULL, 0}};
static const struct schema_word directions[] = {{"out", 0}, {"in", 0}, {NULL, 0}};
static const struct schema_word protocols[] = {
	{"any", 0}, {"tcp", 0}, {"udp", 0}, {"icmp", 0}, {NULL, 0}};
static const struct schema_word filterings[] = {
	{"endpoint-independent", FILTERING_ENDPOINT_INDEPENDENT},
	{"address-dependent", FILTERING_ADDRESS_DEPENDENT},
	{"address-and-port-dependent", FILTERING_ADDRESS_AND_PORT_DEPENDENT},
	{NULL, 0},
};

static const struct schema_key forward_keys[] = {
	{
		.name = "tcp",
		.type = SCHEMA_STRING,
		.offset = offsetof(struct config_nat_forward, tcp),
		.max = 11,
		.example = "2222",
		.help = "TCP port of the uplink's addresses, or a range as 5000-5010",
	},
	{
		.name = "udp",
		.type = SCHEMA_STRING,
		.offset = offsetof(struct config_nat_forward, udp),
		.max = 11,
		.example = "5000-5010",
		.help = "UDP port of the uplink's addresses, or a range",
	},
	{
		.name = "to",
		.type = SCHEMA_STRING,
		.flags = SCHEMA_REQUIRED,
		.offset = offsetof(struct config_nat_forward, to),
		.max = 64,
		.example = "alpha:22",
		.help = "where it leads: a guest or an address of the bridge, and a port, the "
			"first one of a range; without a port: the same one",
	},
	{
		.name = "address",
		.type = SCHEMA_IP,
		.offset = offsetof(struct config_nat_forward, address),
		.min = 4,
		.example = "198.18.0.3",
		.help = "only of this address of the uplink; not given: of each",
	},
};
static const char *const forward_kinds[FORWARD_PROTO_N + 1] = {
	[FORWARD_TCP] = "tcp",
	[FORWARD_UDP] = "udp",
};
static const struct schema_map forward_map = {
	.noun = "forward",
	KEYS(forward_keys),
	.kinds = forward_kinds,
	.kind = offsetof(struct config_nat_forward, proto),
	.size = sizeof(struct config_nat_forward),
	.help = "ports of the uplink that lead to guests",
};

static const struct schema_key rule_keys[] = {
	{
		.name = "allow",
		.type = SCHEMA_WORD,
		.offset = offsetof(struct config_nat_rule, allow),
		.words = directions,
		.example = "in",
		.help = "let through what a guest begins (out) or what others begin (in)",
	},
	{
		.name = "deny",
		.type = SCHEMA_WORD,
		.offset = offsetof(struct config_nat_rule, deny),
		.words = directions,
		.example = "out",
		.help = "drop it, and answer a guest with an ICMP error",
	},
	{
		.name = "proto",
		.type = SCHEMA_WORD,
		.offset = offsetof(struct config_nat_rule, proto),
		.words = protocols,
		.fallback = "any",
		.help = "only of this protocol",
	},
	{
		.name = "from",
		.type = SCHEMA_STRING,
		.offset = offsetof(struct config_nat_rule, from),
		.max = 64,
		.example = "10.10.0.7",
		.help = "only from this address or prefix, of IPv4 or IPv6; on the bridge's side "
			"also a guest's name, for its IPv4 address",
	},
	{
		.name = "to",
		.type = SCHEMA_STRING,
		.offset = offsetof(struct config_nat_rule, to),
		.max = 64,
		.example = "10.0.0.0/8",
		.help = "only to this address or prefix, of IPv4 or IPv6; on the bridge's side "
			"also a guest's name, for its IPv4 address",
	},
	{
		.name = "port",
		.type = SCHEMA_STRING,
		.offset = offsetof(struct config_nat_rule, port),
		.max = 11,
		.example = "25",
		.help = "only to this port, or a range as 1-1023",
	},
};
static const char *const rule_kinds[FILTER_VERDICT_N + 1] = {
	[FILTER_ALLOW] = "allow",
	[FILTER_DENY] = "deny",
};
static const struct schema_map rule_map = {
	.noun = "rule",
	KEYS(rule_keys),
	.kinds = rule_kinds,
	.kind = offsetof(struct config_nat_rule, verdict),
	.size = sizeof(struct config_nat_rule),
	.help = "rules of the stateful filter; the first that fits decides",
};

/* clang-format off */
#define TIMEOUT(key, field, least, otherwise, text) \
	{ \
		.name = key, \
		.type = SCHEMA_DURATION, \
		.offset = offsetof(struct config_nat, field), \
		.min = (least) * 1000000000ull, \
		.max = DAY_NS, \
		.fallback = otherwise, \
		.help = text, \
	}
static const struct schema_key timeout_keys[] = {
	TIMEOUT("udp", udp_ns, 120, "5m",
		"UDP without packets; at least 2m (RFC 4787 REQ-5)"),
	TIMEOUT("tcp", tcp_ns, 7440, "124m",
		"TCP connections without packets; at least 2 h 4 min (RFC 5382 REQ-5)"),
	TIMEOUT("tcp-opening", tcp_opening_ns, 240, "4m",
		"TCP connections that are not open yet"),
	TIMEOUT("tcp-closing", tcp_closing_ns, 240, "4m",
		"TCP connections that are closing, or were reset"),
	TIMEOUT("icmp", icmp_ns, 60, "1m",
		"ICMP queries; at least 1m (RFC 5508 REQ-2)"),
};
/* clang-format on */
static const struct schema_map timeout_map = {
	.noun = "timeouts",
	KEYS(timeout_keys),
	.size = sizeof(struct config_nat),
	.help = "when sessions without packets end",
};

static const struct schema_key nat_keys[] = {
	{
		.name = "uplink",
		.type = SCHEMA_NAME,
		.offset = offsetof(struct config_nat, uplink),
		.pos = offsetof(struct config_nat, uplink_pos),
		.max = CONFIG_NAME_MAX,
		.example = "host",
		.help = "the way out: host, or a name of uplinks; a routed bridge needs none here",
	},
	{
		.name = "prefix6",
		.type = SCHEMA_IP,
		.offset = offsetof(struct config_nat, prefix6),
		.pos = offsetof(struct config_nat, prefix6_pos),
		.min = 6,
		.max = 64,
		.example = "2001:db8:7::/64",
		.help = "the IPv6 prefix, routed to the uplink's address6, that stands for the "
			"bridge's own outside (RFC 6296); not given: IPv6 does not leave the "
			"bridge",
	},
	{
		.name = "forwards",
		.type = SCHEMA_LIST,
		.offset = offsetof(struct config_nat, forwards),
		.count = offsetof(struct config_nat, n_forwards),
		.max = 1024,
		.map = &forward_map,
		.example = "[{tcp: 2222, to: \"alpha:22\"}]",
		.help = "ports of the uplink that lead to guests",
	},
	{
		.name = "filter",
		.type = SCHEMA_LIST,
		.offset = offsetof(struct config_nat, rules),
		.count = offsetof(struct config_nat, n_rules),
		.max = 1024,
		.map = &rule_map,
		.example = "[{deny: out, proto: tcp, to: 10.0.0.0/8, port: 25}]",
		.help = "rules for who may begin what; the first that fits decides, else it passes",
	},
	{
		.name = "filtering",
		.type = SCHEMA_CHOICE,
		.offset = offsetof(struct config_nat, filtering),
		.words = filterings,
		.fallback = "endpoint-independent",
		.help = "who outside may send to a port that a guest has opened (RFC 4787, 5)",
	},
	{
		.name = "sessions",
		.type = SCHEMA_UINT,
		.offset = offsetof(struct config_nat, sessions),
		.min = 1,
		.max = 1 << 26,
		.words = none_zero,
		.fallback = "none",
		.example = "65536",
		.help = "sessions of the bridge at most",
	},
	{
		.name = "sessions-per-guest",
		.type = SCHEMA_UINT,
		.offset = offsetof(struct config_nat, sessions_per_guest),
		.min = 1,
		.max = 1 << 26,
		.words = none_zero,
		.fallback = "none",
		.example = "4096",
		.help = "sessions of one inside address at most",
	},
	{
		.name = "ports-per-guest",
		.type = SCHEMA_UINT,
		.offset = offsetof(struct config_nat, ports_per_guest),
		.min = 1,
		.max = 64512,
		.words = none_zero,
		.fallback = "none",
		.example = "1024",
		.help = "ports that one inside address may have, of each protocol",
	},
	{
		.name = "tcp-strict",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_nat, tcp_strict),
		.fallback = "off",
		.help = "take no TCP connection up from its middle, as after a restart of weftd",
	},
	{
		.name = "timeouts",
		.type = SCHEMA_MAP,
		.map = &timeout_map,
		.example = "{udp: 5m, tcp: 124m}",
		.help = "when sessions without packets end",
	},
	{
		.name = "alg",
		.type = SCHEMA_NAMES,
		.offset = offsetof(struct config_nat, alg),
		.pos = offsetof(struct config_nat, alg_pos),
		.max = 32,
		.example = "[ftp, tftp]",
		.help = "protocols whose second connections are let through",
	},
};
const struct schema_map schema_nat = {
	.noun = "nat",
	KEYS(nat_keys),
	.size = sizeof(struct config_nat),
	.help = "translation for the bridge's guests",
};
