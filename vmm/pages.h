/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_PAGES_H
#define VMM_PAGES_H

/*
 * The guest's memory in a machine's state (vmm/state.h), in two kinds of records:
 *
 *   memory   u64 address in the guest, then whole pages
 *   zeroes   u64 address, u64 bytes: pages that are zero now and were not when they went before
 *
 * `todo` has a bit for each page that is to be sent, by its place in the RAM's file. In the first
 * round the other end has zeroes everywhere, so holes of the file and pages of zeroes cost nothing.
 */

#include "vmm/memory.h"
#include "vmm/state.h"

struct pages {
	const struct memory *mem;
	uint64_t n;	   /* pages there are */
	uint64_t at;	   /* those before it were looked at in this round */
	uint64_t data_end; /* from `at` to here all pages exist */
	bool is_first;	   /* round */
	uint64_t *todo;	   /* bits, a multiple of 64 of them */
};

/* All pages are to be sent, in a first round. Returns 0 or -ENOMEM. */
int pages_init(struct pages *p, const struct memory *m);
void pages_fini(struct pages *p);
uint64_t pages_left(const struct pages *p);
/* Sends up to `max` pages. False: there are no more in this round. */
bool pages_send(struct pages *p, struct state_writer *w, uint64_t max);
/* Begins another round, of the bits in `todo`. */
void pages_again(struct pages *p);

/* Takes a record of one of the two kinds. -EPROTO with the reason. */
int pages_load(const struct memory *m, struct state_reader *r, struct err *e);

#endif
