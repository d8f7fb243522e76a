/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GEN_GUESTMEM_H
#define GEN_GUESTMEM_H

/*
 * The memory of the guest that we play: 1..8 memfd regions of equal size, shared with the backend.
 *
 * The regions follow each other without a gap both in guest-physical space and in our own address
 * space, so here a buffer may lie across an edge and still be one pointer; a backend maps each
 * region somewhere else and must split such a buffer. Addresses that a backend is told as "user
 * addresses" are our own pointers.
 *
 * One thread allocates; there is no free: memory goes with guestmem_fini.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define GUESTMEM_REGIONS_MAX 8
#define GUESTMEM_GPA_BASE    0x40000000ull

struct guestmem {
	uint8_t *base;
	size_t bytes; /* of all regions */
	size_t region_bytes;
	unsigned n_regions;
	int fd[GUESTMEM_REGIONS_MAX];
	size_t used; /* bytes handed out from the start */
	bool huge;   /* really on 2 MiB pages */
};

/*
 * Maps at least `bytes` in `n_regions` regions. `huge` asks for 2 MiB pages and falls back to plain
 * ones when none are free (`m->huge` says which it is). Returns 0 or -errno.
 */
int guestmem_init(struct guestmem *m, size_t bytes, unsigned n_regions, bool huge, struct err *e);
void guestmem_fini(struct guestmem *m);

/* `align` is a power of two. Returns zeroed memory, or NULL when there is not enough left. */
void *guestmem_alloc(struct guestmem *m, size_t bytes, size_t align);

static inline uint64_t guestmem_gpa(const struct guestmem *m, const void *p)
{
	return GUESTMEM_GPA_BASE + (uint64_t)((const uint8_t *)p - m->base);
}

/* The caller has checked that `gpa` lies inside. */
static inline void *guestmem_ptr(const struct guestmem *m, uint64_t gpa)
{
	return m->base + (gpa - GUESTMEM_GPA_BASE);
}

/* The first byte of region `i` (1..n_regions-1): a buffer that starts before it crosses an edge. */
static inline uint8_t *guestmem_edge(const struct guestmem *m, unsigned i)
{
	return m->base + (size_t)i * m->region_bytes;
}

#endif
