/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/clock.h"
#include "common/util.h"
#include "config/schema.h"

#define MINUTE_NS   (60 * NS_PER_S)
#define HOUR_NS	    (60 * MINUTE_NS)
#define PATH_BYTES  1023

#define KEYS(table) .keys = (table), .n_keys = ARRAY_SIZE(table)

static const struct schema_word infinite_most[] = {{"infinite", UINT64_MAX}, {NULL, 0}};
static const struct schema_word auto_zero[] = {{"auto", 0}, {NULL, 0}};
static const struct schema_word auto_none[] = {{"auto", 0}, {"none", 0}, {NULL, 0}};

static const struct schema_key reservation_keys[] = {
	{
		.name = "mac",
		.type = SCHEMA_MAC,
		.flags = SCHEMA_REQUIRED,
		.offset = offsetof(struct config_reservation, mac),
		.pos = offsetof(struct config_reservation, mac_pos),
		.example = "52:54:00:12:34:56",
		.help = "the client's MAC address",
	},
	{
		.name = "address",
		.type = SCHEMA_IP4,
		.flags = SCHEMA_REQUIRED,
		.offset = offsetof(struct config_reservation, address),
		.pos = offsetof(struct config_reservation, address_pos),
		.example = "10.10.0.7",
		.help = "the address that it gets, in the range or beside it",
	},
};
static const struct schema_map reservation_map = {
	.noun = "reservation",
	KEYS(reservation_keys),
	.size = sizeof(struct config_reservation),
	.name = offsetof(struct config_reservation, name),
	.help = "addresses kept for clients, by host name; those of guests are kept without it",
};

static const struct schema_key raw_keys[] = {
	{
		.name = "code",
		.type = SCHEMA_UINT,
		.flags = SCHEMA_REQUIRED,
		.offset = offsetof(struct config_dhcp_option, code),
		.pos = offsetof(struct config_dhcp_option, code_pos),
		.min = 1,
		.max = 254,
		.example = "252",
		.help = "the option's number",
	},
	{
		.name = "value",
		.type = SCHEMA_STRING,
		.flags = SCHEMA_REQUIRED,
		.offset = offsetof(struct config_dhcp_option, value),
		.pos = offsetof(struct config_dhcp_option, value_pos),
		.max = 255,
		.example = "http://10.10.0.1/wpad.dat",
		.help = "as dnsmasq reads it: text, addresses with commas between them, numbers, "
			"or bytes in hex with colons between them",
	},
};
static const struct schema_map raw_map = {
	.noun = "DHCP option",
	KEYS(raw_keys),
	.size = sizeof(struct config_dhcp_option),
	.help = "options by number",
};

#define OPTIONS(field) offsetof(struct config_dhcp, field)

static const struct schema_key options_keys[] = {
	{
		.name = "mtu",
		.type = SCHEMA_UINT,
		.offset = OPTIONS(mtu),
		.min = 576,
		.max = 65535,
		.words = auto_zero,
		.fallback = "auto",
		.example = "1400",
		.help = "MTU of the clients' interfaces, bytes; auto: they are not told one",
	},
	{
		.name = "router",
		.type = SCHEMA_ADDRESSES,
		.offset = OPTIONS(router),
		.words = auto_none,
		.fallback = "auto",
		.example = "10.10.0.254",
		.help = "default gateway; auto: the bridge's address",
	},
	{
		.name = "dns-server",
		.type = SCHEMA_ADDRESSES,
		.offset = OPTIONS(dns_server),
		.words = auto_none,
		.fallback = "auto",
		.example = "10.10.0.53 10.10.0.54",
		.help = "DNS servers; auto: this one, where dns is on",
	},
	{
		.name = "ntp-server",
		.type = SCHEMA_ADDRESSES,
		.offset = OPTIONS(ntp_server),
		.words = auto_none,
		.fallback = "none",
		.example = "10.10.0.123",
		.help = "time servers",
	},
	{
		.name = "search",
		.type = SCHEMA_NAMES,
		.offset = OPTIONS(search),
		.max = 255,
		.example = "[lan, example.org]",
		.help = "domains in which clients look up short names",
	},
	{
		.name = "raw",
		.type = SCHEMA_LIST,
		.offset = OPTIONS(raw),
		.count = OPTIONS(n_raw),
		.max = 64,
		.map = &raw_map,
		.example = "[{code: 252, value: \"http://10.10.0.1/wpad.dat\"}]",
		.help = "options by number",
	},
};
static const struct schema_map options_map = {
	.noun = "options",
	KEYS(options_keys),
	.size = sizeof(struct config_dhcp),
	.help = "what clients are told beside their address",
};

static const struct schema_key boot_keys[] = {
	{
		.name = "file",
		.type = SCHEMA_STRING,
		.offset = OPTIONS(boot_file),
		.pos = OPTIONS(boot_pos),
		.max = 127,
		.example = "pxelinux.0",
		.help = "what clients that boot from the network fetch; a name without commas",
	},
	{
		.name = "server",
		.type = SCHEMA_IP4,
		.offset = OPTIONS(boot_server),
		.example = "10.10.0.9",
		.help = "the TFTP server; not given: this one",
	},
	{
		.name = "tftp-root",
		.type = SCHEMA_PATH,
		.offset = OPTIONS(tftp_root),
		.pos = OPTIONS(tftp_pos),
		.max = PATH_BYTES,
		.example = "/srv/tftp",
		.help = "serve the files of this directory by TFTP, read only",
	},
};
static const struct schema_map boot_map = {
	.noun = "boot",
	KEYS(boot_keys),
	.size = sizeof(struct config_dhcp),
	.help = "booting from the network (PXE)",
};

static const struct schema_key dhcp_keys[] = {
	{
		.name = "range",
		.type = SCHEMA_IP4_RANGE,
		.flags = SCHEMA_REQUIRED,
		.offset = offsetof(struct config_dhcp, range),
		.pos = offsetof(struct config_dhcp, range_pos),
		.example = "10.10.0.100-10.10.0.199",
		.help = "addresses for clients without a reservation",
	},
	{
		.name = "lease",
		.type = SCHEMA_DURATION,
		.offset = offsetof(struct config_dhcp, lease_ns),
		.min = 2 * MINUTE_NS,
		.max = 10000 * HOUR_NS,
		.words = infinite_most,
		.fallback = "1h",
		.help = "how long a client may use its address before it asks again",
	},
	{
		.name = "domain",
		.type = SCHEMA_NAME,
		.offset = offsetof(struct config_dhcp, domain),
		.max = 63,
		.example = "lan",
		.help = "the clients' domain; not given: the bridge's name",
	},
	{
		.name = "address",
		.type = SCHEMA_IP4,
		.offset = offsetof(struct config_dhcp, address),
		.derived = offsetof(struct config_dhcp, address_derived),
		.pos = offsetof(struct config_dhcp, address_pos),
		.words = auto_zero,
		.fallback = "auto",
		.example = "10.10.0.254",
		.help = "address of the server itself; auto: the last one of the bridge's subnet",
	},
	{
		.name = "reservations",
		.type = SCHEMA_NAMED,
		.offset = offsetof(struct config_dhcp, reservations),
		.count = offsetof(struct config_dhcp, n_reservations),
		.max = 4096,
		.map = &reservation_map,
		.example = "{printer: {mac: 52:54:00:12:34:56, address: 10.10.0.7}}",
		.help = "addresses kept for clients, by host name; those of guests are kept "
			"without it",
	},
	{
		.name = "dns",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_dhcp, dns),
		.fallback = "on",
		.help = "answer DNS for the names of guests, reservations and clients",
	},
	{
		.name = "upstream",
		.type = SCHEMA_ADDRESSES,
		.offset = offsetof(struct config_dhcp, upstream),
		.words = auto_none,
		.fallback = "auto",
		.example = "192.0.2.53 192.0.2.54",
		.help = "DNS servers asked for other names, by way of the bridge's address; auto: "
			"those of the host's resolv.conf; none: other names do not exist",
	},
	{
		.name = "options",
		.type = SCHEMA_MAP,
		.map = &options_map,
		.example = "{mtu: 1400, ntp-server: 10.10.0.123}",
		.help = "what clients are told beside their address",
	},
	{
		.name = "boot",
		.type = SCHEMA_MAP,
		.map = &boot_map,
		.example = "{file: pxelinux.0, tftp-root: /srv/tftp}",
		.help = "booting from the network (PXE)",
	},
	{
		.name = "range6",
		.type = SCHEMA_STRING,
		.offset = offsetof(struct config_dhcp, range6),
		.pos = offsetof(struct config_dhcp, range6_pos),
		.max = 96,
		.example = "fd00:10::100-fd00:10::1ff",
		.help = "addresses given by DHCPv6, in the bridge's address6; not given: clients "
			"make their own",
	},
	{
		.name = "ra",
		.type = SCHEMA_BOOL,
		.offset = offsetof(struct config_dhcp, ra),
		.fallback = "on",
		.help = "advertise the prefix of the bridge's address6, with the DNS server; off: "
			"neither the server nor the gateway advertises anything",
	},
	{
		.name = "lease-file",
		.type = SCHEMA_PATH,
		.offset = offsetof(struct config_dhcp, lease_file),
		.pos = offsetof(struct config_dhcp, lease_file_pos),
		.max = PATH_BYTES,
		.example = "/var/lib/weft/lan.leases",
		.help = "where leases are kept; not given: in the run-dir, until weftd ends in "
			"order",
	},
};
const struct schema_map schema_dhcp = {
	.noun = "dhcp",
	KEYS(dhcp_keys),
	.size = sizeof(struct config_dhcp),
	.help = "a DHCP and DNS server (dnsmasq) on the bridge",
};
