/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_ND_H
#define NAT_ND_H

/* Neighbour solicitations and advertisements (RFC 4861): messages read and made. Pure functions. */

#include "common/ipaddr.h"
#include "common/wire.h"

#define ND_FRAME_MAX 86u /* with a link-layer address */

enum nd_type { ND_SOLICIT = 135, ND_ADVERTISE = 136 };
enum { ND_ROUTER = 0x80, ND_SOLICITED = 0x40, ND_OVERRIDE = 0x20 };

struct nd {
	enum nd_type type;
	uint8_t flags; /* of an advertisement */
	struct ipaddr src, dst, target;
	bool has_mac;
	struct mac mac; /* the source's of a solicitation, the target's of an advertisement */
};

/*
 * Reads an untagged frame of which `len` bytes are there. False when it is neither of the two, or
 * breaks a rule of RFC 4861, 7.1: hop limit, checksum, lengths, options.
 */
bool nd_parse(const uint8_t *frame, unsigned len, struct nd *n);

/* Makes a frame of up to ND_FRAME_MAX bytes. Returns its length. */
unsigned nd_build(uint8_t *frame, const struct mac *dst, const struct mac *src, const struct nd *n);

/* The group that the owner of `a` listens to, and the MAC address of a group. */
struct ipaddr nd_solicited_node(const struct ipaddr *a);
struct mac nd_group_mac(const struct ipaddr *group);

#endif
