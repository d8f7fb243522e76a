/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_MEMORY_H
#define VMM_MEMORY_H

/*
 * The guest's RAM: one memfd, mapped once, cut into the part below the hole of devices and the part
 * above it. The file cannot shrink (sealed), so that whoever gets the descriptor, a vhost-user
 * backend, cannot make an access of ours a SIGBUS. With `ksm` there is no file, and so no backend.
 *
 * All of it is shared with the guest's CPUs, which change it at any time: read once, into memory of
 * your own, what is to be checked.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

#define MEMORY_REGIONS_MAX 2
#define MEMORY_PAGE	   4096 /* of logs and of a machine's state */

struct memory_params {
	uint64_t bytes;
	uint64_t huge_bytes; /* page size: 0 (the normal one), 2 MiB or 1 GiB */
	bool prefault;	     /* all pages exist before the guest runs */
	bool ksm;	     /* private, for the host's KSM to merge; of normal pages only */
	bool on_node;	     /* preferably of NUMA node `node` */
	unsigned node;
};

struct memory_region {
	uint64_t gpa, bytes, offset;
};

struct memory {
	int fd; /* -1: private */
	uint8_t *base;
	uint64_t bytes, page_bytes;
	bool small_pages; /* a fault brings 4 KiB */
	unsigned n_regions;
	struct memory_region regions[MEMORY_REGIONS_MAX];

	/*
	 * While a machine migrates: a bit for each page that we or a backend wrote, by
	 * guest-physical address; a file, so that backends can have it. NULL, -1: nobody logs.
	 */
	_Atomic(uint64_t *) log; /* w: the loop; r: whoever writes to the guest's memory */
	int log_fd;
	uint64_t log_bytes;
};

int memory_init(struct memory *m, const struct memory_params *p, struct err *e);
void memory_fini(struct memory *m);
/* Where guest-physical [gpa, gpa + len) is, or NULL when it is not all in one region. */
void *memory_at(const struct memory *m, uint64_t gpa, uint64_t len);
/* As memory_at, and a multiple of `align`, a power of two. */
void *memory_at_aligned(const struct memory *m, uint64_t gpa, uint64_t len, uint64_t align);
/* The first address behind the RAM below the hole. */
uint64_t memory_low_end(const struct memory *m);
/* Gives all pages back to the host: the guest will read zeroes. */
void memory_clear(struct memory *m);
/*
 * The same for the whole pages within `len` bytes at `at`, which memory_at has returned for them. A
 * page is taken out of every mapping of the file: who touches it next, the guest or a backend,
 * finds a new one.
 */
void memory_release(const struct memory *m, const void *at, uint64_t len);
/*
 * Reads `bytes` from `offset` of file `fd` to `gpa`, where the guest's memory is as memory_init and
 * memory_clear leave it: zeroes of the file are not written, so that they take no pages. -EFAULT:
 * not all of that is in one region; -EIO: the file is shorter; or what else pread says.
 */
int memory_load(const struct memory *m, uint64_t gpa, int fd, uint64_t offset, uint64_t bytes);

/* Begins to log; all bits are clear. Devices are suspended meanwhile. */
int memory_log_start(struct memory *m, struct err *e);
void memory_log_stop(struct memory *m);
/* Moves a region's bits, 64 pages a word, into `bits`, which keeps those that it has. */
void memory_log_take(struct memory *m, unsigned region, uint64_t *bits);
/* Who wrote `len` bytes to `at`, which memory_at has returned for them, says so. Any thread. */
void memory_log_mark(const struct memory *m, const void *at, uint64_t len);
static inline void memory_written(const struct memory *m, const void *at, uint64_t len)
{
	if (__builtin_expect(atomic_load_explicit(&m->log, memory_order_relaxed) != NULL, 0))
		memory_log_mark(m, at, len);
}

/* Whether all MEMORY_PAGE bytes at `page` are zero. */
bool memory_is_zero(const uint8_t *page);
/* How much of it is there, in bytes, whoever touched it; pages that KSM merged count, too. */
uint64_t memory_resident(const struct memory *m);

#endif
