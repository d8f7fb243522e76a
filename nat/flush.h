/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_FLUSH_H
#define NAT_FLUSH_H

/* What must go when something that sessions and mappings refer to goes. Control thread. */

#include "nat/core.h"
#include "nat/pool.h"

/* Removes all forwards to an inside. */
void flush_forwards_to(struct nat *n, const struct nat_inside *in);
/* Ends the sessions of a mapping of a forward. */
void flush_forward(struct nat *n, const struct nat_forward *f, const struct nat_outside *out);
/* Ends the sessions that have an external address (wire order). */
void flush_address(struct nat *n, const struct nat_outside *out, uint32_t addr);
/* Frees the held mappings of an inside (0: any), of a pool (NULL: any). */
void flush_mappings_of(struct nat *n, uint16_t inside, const struct nat_pool *pool);

#endif
