/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VHOST_DIRTY_LOG_H
#define VHOST_DIRTY_LOG_H

/*
 * The bitmap in which a migrating VMM wants to see the pages that we write (vhost-user,
 * "Migration": VHOST_USER_SET_LOG_BASE, VHOST_F_LOG_ALL). One bit a page of 4 KiB, by
 * guest-physical address; the VMM clears bits while we set them.
 *
 * A page is marked after it was written: the VMM that clears the bit and copies the page either
 * copies what we wrote or finds the bit set again. Several workers mark at once.
 *
 * The bitmap is what rte_vhost_get_log_base gives; it stays mapped while a ring that names this log
 * is attached.
 */

#include <stdint.h>

#include "vhost/guest_memory.h"

#define DIRTY_LOG_PAGE 4096

struct dirty_log {
	uint8_t *bitmap;
	uint64_t size; /* bytes of it */
};

/* Marks `len` bytes from `gpa` on. Pages beyond the bitmap's end are left out. Any thread. */
void dirty_log_mark(const struct dirty_log *log, uint64_t gpa, uint64_t len);

/* The same by where we see them; bytes that are not the guest's are left out. */
void dirty_log_mark_at(const struct dirty_log *log, const struct guest_memory *mem, const void *p,
		       uint64_t len);

#endif
