/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DHCP_LEASE_EVENT_H
#define DHCP_LEASE_EVENT_H

/*
 * What dnsmasq says of a lease by its script, as one datagram from weft-lease to weftd: lines
 * "NAME=VALUE", of which unknown ones mean nothing. dnsmasq runs one script at a time and
 * weft-lease sends one datagram, so that the order in which weftd reads them is the order of the
 * events.
 */

#include <stddef.h>

#include "dhcp/lease_store.h"

#define LEASE_EVENT_MAX 4096 /* bytes of a datagram */

enum lease_action {
	LEASE_IGNORE, /* of another kind (tftp, arp-add, ...) */
	LEASE_ADD,
	LEASE_OLD, /* known already, or changed: name, client id, expiry */
	LEASE_DEL,
};

struct lease_event {
	enum lease_action action;
	struct lease lease;	   /* ADD and OLD; DEL: its address only */
	char duid[LEASE_DUID_MAX]; /* of the server, or "" */
};

/*
 * Writes the datagram for the words of the script (verb, MAC or DUID, address, name or NULL) and
 * its environment. Returns its length; 0: nothing that weftd wants to know, or it does not fit.
 */
size_t lease_event_format(char *const argv[], char text[LEASE_EVENT_MAX]);

/*
 * Reads a datagram, ended by a NUL. Returns 0, -EINVAL when it is none, -ENOMEM. Free with
 * lease_event_fini.
 */
int lease_event_parse(struct lease_event *ev, char *text, int64_t now_s);
void lease_event_fini(struct lease_event *ev);

/* Makes it so in the store, which takes the lease. Returns 0 or -ENOMEM. */
int lease_event_apply(struct lease_event *ev, struct lease_store *s);

#endif
