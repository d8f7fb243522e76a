/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_FRAGMENT_H
#define NAT_FRAGMENT_H

/*
 * Virtual reassembly: fragments are translated one by one, by the session of their first one (RFC
 * 4787 REQ-14). What comes before its first fragment is copied and held for FRAGMENT_LIFE_NS.
 *
 * Each worker has its own table of datagrams and store of copies, both of fixed size. When the
 * store is full, or when one sender has its share of it, further fragments are dropped; when the
 * table is, the oldest datagram of a bucket is forgotten. So a flood of fragments costs fragments
 * only (REQ-14a). All fragments of a datagram come by the same queue, so to the same worker.
 */

#include "nat/core.h"

#define FRAGMENT_LIFE_NS   (2 * NS_PER_S)
#define FRAGMENT_HELD_MAX  64	/* a worker */
#define FRAGMENT_SHARE_MAX 16	/* of them, from one address */
#define FRAGMENT_LEN_MAX   9216 /* longer ones are not held */

struct fragments *fragments_create(void);
void fragments_destroy(struct fragments *f);

/* Notes whose datagram a first fragment begins; `p` is not yet translated. */
void fragments_note_first(struct nat *n, unsigned worker, const struct packet *p,
			  struct nat_found found, uint64_t now_ns);

/* Drops held fragments whose first one did not come. */
void fragments_tick(struct nat *n, unsigned worker, uint64_t now_ns);
/* Whether any are held. */
bool fragments_any(const struct fragments *f);

#endif
