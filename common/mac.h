/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_MAC_H
#define COMMON_MAC_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* An Ethernet address, in the order of the wire. */
struct mac {
	uint8_t b[6];
};

#define MAC_TEXT_MAX 18

static inline bool mac_is_multicast(const struct mac *m)
{
	return m->b[0] & 1;
}

static inline bool mac_is_broadcast(const struct mac *m)
{
	return (m->b[0] & m->b[1] & m->b[2] & m->b[3] & m->b[4] & m->b[5]) == 0xff;
}

static inline bool mac_is_zero(const struct mac *m)
{
	return !(m->b[0] | m->b[1] | m->b[2] | m->b[3] | m->b[4] | m->b[5]);
}

static inline bool mac_eq(const struct mac *a, const struct mac *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Accepts six hexadecimal pairs with ':' or '-' between them. Returns 0 or -EINVAL. */
int mac_parse(const char *text, struct mac *m);

/* Writes aa:bb:cc:dd:ee:ff into `text` and returns it. */
char *mac_format(const struct mac *m, char text[MAC_TEXT_MAX]);

/*
 * A stable, locally administered unicast address for NIC number `nic` of guest `guest`: the same
 * names give the same address on every host and in every run.
 */
struct mac mac_derive(const char *guest, unsigned nic);

#endif
