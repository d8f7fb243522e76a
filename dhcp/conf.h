/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DHCP_CONF_H
#define DHCP_CONF_H

/*
 * The files that dnsmasq reads, as texts made of a plan. What is in `main` takes a restart of
 * dnsmasq, everything else SIGHUP; leases outlive both. `rules` is for nft, in dnsmasq's network
 * namespace, and belongs to `main`.
 *
 * Paths in them are those inside the jail (dhcp/jail.c).
 */

#include "dhcp/plan.h"

#define DHCP_JAIL_FILES "/weft" /* the server's folder */
#define DHCP_JAIL_TFTP	"/tftp" /* boot.tftp-root */
#define DHCP_JAIL_USER	"weft-dhcp"
#define DHCP_JAIL_LEASE "/weft-lease"

#define DHCP_CONF	"dnsmasq.conf"
#define DHCP_RULES	"rules.nft"

enum dhcp_file {
	DHCP_FILE_MAIN,	   /* dnsmasq.conf */
	DHCP_FILE_RULES,   /* rules.nft: who may reach which port */
	DHCP_FILE_HOSTS,   /* hosts: addresses reserved by MAC address (dhcp-hostsfile) */
	DHCP_FILE_OPTIONS, /* options: what clients are told (dhcp-optsfile) */
	DHCP_FILE_NAMES,   /* names: in the form of /etc/hosts (addn-hosts) */
	DHCP_FILE_SERVERS, /* servers: upstream DNS (servers-file) */
	DHCP_FILE_N
};

/* Its name in the server's folder. */
const char *dhcp_file_name(enum dhcp_file file);
/* Whether a change of it takes a restart, not a SIGHUP. */
bool dhcp_file_is_structural(enum dhcp_file file);

/*
 * The text of a file. `upstream`: servers in the form of ipaddr_list_parse, "" for none, used by
 * DHCP_FILE_SERVERS. NULL without memory. Free.
 */
char *dhcp_file_text(enum dhcp_file file, const struct dhcp_plan *p, const char *upstream);

#endif
