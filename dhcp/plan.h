/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DHCP_PLAN_H
#define DHCP_PLAN_H

/*
 * What the DHCP server of one bridge serves, drawn from the whole configuration: the bridge's own
 * keys, and a reservation for each NIC of a guest on it, so that a guest gets the address which
 * weftd derived or the file gave it, under the guest's name.
 */

#include "common/ipaddr.h"
#include "config/config.h"

#define DHCP_NAME_MAX 64 /* of a host in DNS, with its NUL (RFC 1035: 63 bytes) */

struct dhcp_host {
	char name[DHCP_NAME_MAX];
	struct mac mac;
	uint32_t address;
};

struct dhcp_plan {
	const struct config_bridge *bridge; /* borrowed */
	const char *interface;		    /* of dnsmasq, on the bridge; borrowed */
	const char *domain;		    /* of the clients */
	struct mac mac;			    /* of the interface, derived from the bridge's name */
	bool ip6;			    /* serves IPv6 too */
	struct ipaddr_prefix prefix6;	    /* of the bridge */
	struct ipaddr address6;		    /* its own in that: the prefix and its EUI-64 */
	struct dhcp_host *hosts;
	unsigned n_hosts;
};

/*
 * NIC 0 of guest vm.a on the bridge is the host vm-a, a second NIC of its on the same bridge
 * vm-a-2: dots would begin a domain. Borrows from `c`. Returns 0 or -ENOMEM.
 */
int dhcp_plan_init(struct dhcp_plan *p, const struct config *c, const struct config_bridge *b,
		   const char *interface);
void dhcp_plan_fini(struct dhcp_plan *p);

/* The most leases that the server may have: the range and a bound for what is reserved, so that a
 * reservation more is no other bound. */
unsigned dhcp_plan_leases(const struct dhcp_plan *p);

#endif
