/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DHCP_LEASE_STORE_H
#define DHCP_LEASE_STORE_H

/*
 * The leases of one bridge: weftd's memory of them, and the file that dnsmasq reads when it starts.
 *
 * dnsmasq writes no lease database of its own (leasefile-ro). It tells each change by its script,
 * the store takes it in and is saved, whole and by rename, so that the file is true at any moment
 * at which weftd or dnsmasq may die. An address has one lease.
 */

#include "common/err.h"
#include "dhcp/lease.h"

#define LEASE_DUID_MAX 400

struct lease_store {
	struct lease *leases; /* in the order of their arrival */
	unsigned n, room;
	char duid[LEASE_DUID_MAX]; /* of the server, DHCPv6; "" until it has one */
	unsigned ignored;	   /* lines of a loaded file that were no leases */
};

void lease_store_init(struct lease_store *s);
void lease_store_fini(struct lease_store *s);

/*
 * Takes over `l`, in place of the address's former lease. Returns 0 or -ENOMEM; `l` is spent in any
 * case.
 */
int lease_store_put(struct lease_store *s, struct lease *l);
/* Forgets the lease of an address. Returns whether there was one. */
bool lease_store_del(struct lease_store *s, const struct ipaddr *address);
/* NULL when the address is not leased. */
const struct lease *lease_store_lookup(const struct lease_store *s, const struct ipaddr *address);
/* The first lease of a MAC address behind `after` (NULL: of all); NULL when there is no more. */
const struct lease *lease_store_lookup_mac(const struct lease_store *s, const struct mac *mac,
					   const struct lease *after);

/*
 * Reads a file: leases that are over at `now_s` are left out, lines that are none counted. A file
 * that is not there is an empty one. Returns 0, or -errno with `e`.
 */
int lease_store_load(struct lease_store *s, const char *path, int64_t now_s, struct err *e);
/* Writes the file anew, readable by `gid`. Returns 0, or -errno with `e`; the old file stays then.
 */
int lease_store_save(const struct lease_store *s, const char *path, unsigned gid, struct err *e);

#endif
