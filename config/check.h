/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

/* The inside of config_check, shared by its two files. */

#include "config/arena.h"
#include "config/config.h"
#include "config/symtab.h"

/* Who uses something, and where that is written. */
struct check_claim {
	const char *path;
	struct config_pos pos;
	const char *bridge;		    /* of a port */
	const struct config_member *member; /* of a port */
};

struct check {
	const struct config *c;
	struct config_errors *errs;
	struct arena *scratch;
	struct symtab bridges; /* name -> struct config_bridge */
	struct symtab ports;   /* name -> struct check_claim, as all others */
	struct symtab sockets, taps, macs, addresses, disks, files;
	struct symtab devices; /* NICs of the host */
	int ret;
};

/*
 * Claims `value` in table `t` for the object at `path`; a second claim is an error at `pos`. The
 * texts must live as long as the check; NULL stands for an allocation that failed.
 */
void check_claim(struct check *k, struct symtab *t, const char *value, const char *path,
		 struct config_pos pos, const char *help);

/* "guests.alpha.nics[0]" and `key` behind it, in the scratch arena; NULL without memory. */
const char *check_nic_path(struct check *k, const struct config_guest *g, unsigned n,
			   const char *key);

/* What ports may do. */
void check_policies(struct check *k);

/* MAC and IPv4 addresses of bridges and NICs. */
void check_addresses(struct check *k);

/* Bridges' DHCP servers, and what needs one. */
void check_dhcp(struct check *k, bool look_at_files);

/* Addresses and kinds of uplinks; gateways, forwards and rules of bridges. */
void check_uplinks(struct check *k);
void check_nat(struct check *k);

/* Returns false when `p` is no address of a host, which it reports. */
bool check_host_address(struct check *k, const struct ip4_prefix *p, struct config_pos pos,
			const char *path, const char *help);
/* An address of a member of `bridge`: in its subnet, and nobody else's there. */
void check_member_address(struct check *k, const char *bridge, const struct ip4_prefix *p,
			  struct config_pos pos, const char *path, const char *help);

/* Interfaces of the host that are ports. */
void check_taps(struct check *k);

/* Network devices of the host that are ports or uplinks. */
void check_host_nics(struct check *k);

/* VLANs and guards of ports and NICs, and mirrors. */
void check_members(struct check *k);

#endif
