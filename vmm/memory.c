/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/layout.h"

#define HUGE_SHIFT 26 /* MFD_HUGE_SHIFT */
#define PAGE_BYTES 4096
#define SEALS	   (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static unsigned memfd_flags(const struct memory_params *p)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

	if (p->huge_bytes)
		flags |= MFD_HUGETLB | (unsigned)__builtin_ctzll(p->huge_bytes) << HUGE_SHIFT;
	return flags;
}

static int cannot(struct memory *m, const struct memory_params *p, struct err *e)
{
	int code = errno;

	memory_fini(m);
	return err_set(e, code, "cannot get %llu MiB of memory%s: %s; %s",
		       (unsigned long long)p->bytes >> 20, p->huge_bytes ? " in huge pages" : "",
		       strerror(code),
		       p->huge_bytes ? "reserve more (vm.nr_hugepages) or leave out --hugepages"
				     : "give the guest less (--memory)");
}

static void cut_regions(struct memory *m)
{
	uint64_t low = MIN_OF(m->bytes, RAM_HOLE_START);

	m->regions[0] = (struct memory_region){.bytes = low};
	m->n_regions = 1;
	if (m->bytes > low)
		m->regions[m->n_regions++] =
			(struct memory_region){RAM_HOLE_END, m->bytes - low, low};
}

int memory_init(struct memory *m, const struct memory_params *p, struct err *e)
{
	*m = (struct memory){
		.bytes = p->bytes, .page_bytes = p->huge_bytes ?: PAGE_BYTES, .fd = -1};
	m->fd = memfd_create("weft-guest", memfd_flags(p));
	if (m->fd < 0 || ftruncate(m->fd, (off_t)p->bytes) < 0 ||
	    fcntl(m->fd, F_ADD_SEALS, SEALS) < 0)
		return cannot(m, p, e);
	m->base =
		mmap(NULL, p->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, m->fd, 0);
	if (m->base == MAP_FAILED) {
		m->base = NULL;
		return cannot(m, p, e);
	}
	madvise(m->base, p->bytes, MADV_DONTDUMP);
	madvise(m->base, p->bytes, MADV_HUGEPAGE); /* taken where the host's policy is advise */
	/* Huge pages that do not exist would be a SIGBUS later. */
	if ((p->prefault || p->huge_bytes) && madvise(m->base, p->bytes, MADV_POPULATE_WRITE) < 0)
		return cannot(m, p, e);
	cut_regions(m);
	return 0;
}

void memory_fini(struct memory *m)
{
	if (m->base)
		munmap(m->base, m->bytes);
	if (m->fd >= 0)
		close(m->fd);
	*m = (struct memory){.fd = -1};
}

void *memory_at(const struct memory *m, uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < m->n_regions; i++) {
		const struct memory_region *r = &m->regions[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->bytes && len <= r->bytes - (gpa - r->gpa))
			return m->base + r->offset + (gpa - r->gpa);
	}
	return NULL;
}

void *memory_at_aligned(const struct memory *m, uint64_t gpa, uint64_t len, uint64_t align)
{
	return gpa & (align - 1) ? NULL : memory_at(m, gpa, len);
}

uint64_t memory_low_end(const struct memory *m)
{
	return m->regions[0].bytes;
}

static int punch(const struct memory *m, uint64_t offset, uint64_t len)
{
	return fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			 (off_t)len);
}

void memory_clear(struct memory *m)
{
	if (punch(m, 0, m->bytes) < 0)
		memset(m->base, 0, m->bytes);
}

void memory_release(const struct memory *m, const void *at, uint64_t len)
{
	uint64_t offset = (uint64_t)((const uint8_t *)at - m->base);
	uint64_t mask = m->page_bytes - 1;
	uint64_t from = (offset + mask) & ~mask, to = (offset + len) & ~mask;

	if (from < to)
		punch(m, from, to - from);
}

uint64_t memory_resident(const struct memory *m)
{
	struct stat st;

	return fstat(m->fd, &st) < 0 ? 0 : (uint64_t)st.st_blocks * 512;
}
