/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost/dirty_log.h"

void dirty_log_mark(const struct dirty_log *log, uint64_t gpa, uint64_t len)
{
	uint64_t page = gpa / DIRTY_LOG_PAGE, last;

	if (len == 0 || gpa + len - 1 < gpa)
		return;
	last = (gpa + len - 1) / DIRTY_LOG_PAGE;
	/* Release: whoever takes the bit sees what was written before it. */
	for (; page <= last && page / 8 < log->size; page++)
		__atomic_fetch_or(&log->bitmap[page / 8], (uint8_t)(1u << page % 8),
				  __ATOMIC_RELEASE);
}

void dirty_log_mark_at(const struct dirty_log *log, const struct guest_memory *mem, const void *p,
		       uint64_t len)
{
	const uint8_t *at = p;

	for (unsigned i = 0; i < mem->n; i++) {
		const struct guest_region *r = &mem->regions[i];
		uint64_t off = (uint64_t)(at - r->hva);

		if (at < r->hva || off >= r->size)
			continue;
		dirty_log_mark(log, r->gpa + off, len < r->size - off ? len : r->size - off);
		return;
	}
}
