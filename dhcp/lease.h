/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DHCP_LEASE_H
#define DHCP_LEASE_H

/*
 * A lease, in the form of dnsmasq's lease database, one a line:
 *
 *   EXPIRY MAC ADDRESS NAME CLIENT-ID	      IPv4; EXPIRY in seconds since 1970, 0: never
 *   EXPIRY [T]IAID ADDRESS NAME DUID	      IPv6; T: a temporary address
 *
 * with "*" for no name or no client id.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/ipaddr.h"

#define LEASE_KEY_MAX  48   /* of the second field, with its NUL */
#define LEASE_NAME_MAX 256  /* RFC 1035, 2.3.4 */
#define LEASE_ID_MAX   768  /* 255 bytes in hex with colons */
#define LEASE_LINE_MAX 1280 /* a line and its NUL */

struct lease {
	struct ipaddr address;
	int64_t expiry_s;	 /* 0: never */
	char key[LEASE_KEY_MAX]; /* the MAC or the IAID as dnsmasq writes it */
	bool has_mac;
	struct mac mac; /* IPv6: of a DUID that holds one (RFC 8415, 11.2 and 11.4) */
	char *name;	/* "" */
	char *id;	/* client id or DUID; "" */
};

/*
 * Reads a line without its newline. Returns 0, -EINVAL when it is no lease, -ENOMEM. Free with
 * lease_fini.
 */
int lease_parse(struct lease *l, const char *line);
/* The same from its parts, each as in the line; "" and "*" are none. */
int lease_init(struct lease *l, const char *address, const char *key, int64_t expiry_s,
	       const char *name, const char *id);
void lease_fini(struct lease *l);

/* Writes the lease as a line with its newline. */
void lease_print(const struct lease *l, FILE *f);

/* Whether it has ended at `now_s`. */
bool lease_is_over(const struct lease *l, int64_t now_s);

/* "10.10.0.7" or "fd00::7". */
char *lease_address(const struct lease *l, char text[IPADDR_TEXT_MAX]);

#endif
