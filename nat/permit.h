/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_PERMIT_H
#define NAT_PERMIT_H

/*
 * Whom a mapping lets in under address-dependent filtering: the addresses that the guest has sent
 * to from it, each with a count of the sessions that say so. So a question costs one look-up,
 * however many others the guest talks to. All of a mapping's are under the lock of its endpoint.
 * Inside networks without that filtering have none.
 */

#include "nat/core.h"

struct nat_permit {
	_Atomic uint64_t key; /* mapping, remote address */
	uint32_t sessions;
};

/* Counts one session more. Returns its index; 0: there is no room, strangers are kept out. */
uint32_t permit_get(struct nat *n, unsigned worker, uint32_t mapping, uint32_t remote);
void permit_put(struct nat *n, unsigned worker, uint32_t index);
bool permit_has(const struct nat *n, uint32_t mapping, uint32_t remote);

#endif
