/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_RA_H
#define NAT_RA_H

/* Router solicitations read, router advertisements made (RFC 4861, 4.1 and 4.2). Pure functions. */

#include "common/ipaddr.h"
#include "common/wire.h"

#define RA_FRAME_MAX 110u /* with the sender's MAC address and a prefix */

enum { RA_MANAGED = 0x80, RA_OTHER = 0x40 };

struct ra_solicit {
	struct ipaddr src; /* zero: the sender has no address yet */
	bool has_mac;
	struct mac mac;
};

struct ra_advert {
	struct mac mac;	     /* the router's */
	struct ipaddr src;   /* its link-local address */
	uint16_t lifetime_s; /* as a default router; 0: it is none */
	uint8_t flags;	     /* RA_*: addresses, or the rest, are to be had by DHCPv6 */
	bool has_prefix;     /* on the link */
	bool autonomous;     /* addresses may be made of it, when it has 64 bits */
	uint32_t valid_s;    /* how long they are; UINT32_MAX: for ever */
	uint32_t preferred_s;
	struct ipaddr_prefix prefix;
};

/*
 * Reads an untagged frame of which `len` bytes are there. False when it is no router solicitation,
 * or breaks a rule of RFC 4861, 6.1.1: hop limit, checksum, lengths, options.
 */
bool ra_solicit_parse(const uint8_t *frame, unsigned len, struct ra_solicit *s);

/* Makes a frame of up to RA_FRAME_MAX bytes, for `dst` at `mac`. Returns its length. */
unsigned ra_build(uint8_t *frame, const struct mac *mac, const struct ipaddr *dst,
		  const struct ra_advert *a);

#endif
