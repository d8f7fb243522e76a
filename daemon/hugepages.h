/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_HUGEPAGES_H
#define DAEMON_HUGEPAGES_H

/* What the host has of huge pages of 2 MiB. */

#include <stdint.h>

#define HUGEPAGE_BYTES (2ull << 20)

struct hugepages {
	uint64_t total, free; /* pages; free: not reserved by anybody */
};

/* All 0 when the host has no huge pages of that size. */
void hugepages_read(struct hugepages *h);

#endif
