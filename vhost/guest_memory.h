/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_GUEST_MEMORY_H
#define VHOST_GUEST_MEMORY_H

/*
 * The guest's memory as librte_vhost mapped it: a copy of its table that the virtqueues translate
 * with. It is valid from attach to detach, between which the mapping does not change.
 */

#include <stddef.h>
#include <stdint.h>

#define GUEST_REGIONS_MAX 8

struct guest_region {
	uint64_t gpa, size;
	uint8_t *hva;
};

struct guest_memory {
	unsigned n;
	struct guest_region regions[GUEST_REGIONS_MAX];
};

/*
 * Where guest-physical `gpa` lies. Lowers `*len` to what is contiguous from there: the end of the
 * region is an edge that no access crosses. Returns NULL when the address is not the guest's.
 */
static inline uint8_t *guest_memory_translate(const struct guest_memory *m, uint64_t gpa,
					      uint64_t *len)
{
	for (unsigned i = 0; i < m->n; i++) {
		const struct guest_region *r = &m->regions[i];
		uint64_t off = gpa - r->gpa;

		if (off >= r->size)
			continue;
		if (*len > r->size - off)
			*len = r->size - off;
		return r->hva + off;
	}
	return NULL;
}

#endif
