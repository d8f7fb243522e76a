/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/gen/guestmem.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_BYTES ((size_t)2 << 20)

static size_t align_up(size_t v, size_t align)
{
	return (v + align - 1) & ~(align - 1);
}

static int region_create(size_t bytes, bool huge)
{
	int fd = memfd_create("weft-gen", MFD_CLOEXEC | (huge ? MFD_HUGETLB : 0));
	int saved;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes)) {
		saved = errno;
		close(fd);
		return -saved;
	}
	return fd;
}

/* Huge pages are reserved by mmap, so a shortage shows here and not as SIGBUS later. */
static int map_regions(struct guestmem *m)
{
	for (unsigned i = 0; i < m->n_regions; i++) {
		m->fd[i] = region_create(m->region_bytes, m->huge);
		if (m->fd[i] < 0)
			return m->fd[i];
		if (mmap(guestmem_edge(m, i), m->region_bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_POPULATE, m->fd[i], 0) == MAP_FAILED)
			return -errno;
	}
	return 0;
}

/* The address range is reserved first, aligned so that every kind of page fits. */
static int reserve(struct guestmem *m)
{
	size_t span = m->bytes + HUGE_BYTES;
	uint8_t *p, *start;

	p = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	start = (uint8_t *)align_up((size_t)p, HUGE_BYTES);
	if (start > p)
		munmap(p, (size_t)(start - p));
	if (start < p + HUGE_BYTES)
		munmap(start + m->bytes, (size_t)(p + HUGE_BYTES - start));
	m->base = start;
	return 0;
}

static int try_init(struct guestmem *m, size_t bytes, unsigned n_regions, bool huge)
{
	size_t page = huge ? HUGE_BYTES : (size_t)sysconf(_SC_PAGESIZE);
	int ret;

	*m = (struct guestmem){.n_regions = n_regions, .huge = huge};
	memset(m->fd, -1, sizeof(m->fd));
	m->region_bytes = align_up((bytes + n_regions - 1) / n_regions, page);
	m->bytes = m->region_bytes * n_regions;
	ret = reserve(m);
	if (!ret)
		ret = map_regions(m);
	if (ret)
		guestmem_fini(m);
	return ret;
}

int guestmem_init(struct guestmem *m, size_t bytes, unsigned n_regions, bool huge, struct err *e)
{
	int ret;

	if (!n_regions || n_regions > GUESTMEM_REGIONS_MAX || !bytes)
		return err_set(e, EINVAL, "guest memory needs bytes and 1 to %d regions",
			       GUESTMEM_REGIONS_MAX);
	if (huge && !try_init(m, bytes, n_regions, true))
		return 0;
	ret = try_init(m, bytes, n_regions, false);
	if (ret)
		return err_set(
			e, -ret,
			"cannot map %zu bytes of guest memory (%s): ask for less, or free some",
			bytes, strerror(-ret));
	return 0;
}

void guestmem_fini(struct guestmem *m)
{
	if (m->base)
		munmap(m->base, m->bytes);
	for (unsigned i = 0; i < m->n_regions; i++)
		if (m->fd[i] >= 0)
			close(m->fd[i]);
	*m = (struct guestmem){0};
}

void *guestmem_alloc(struct guestmem *m, size_t bytes, size_t align)
{
	size_t at = align_up(m->used, align);

	if (at > m->bytes || bytes > m->bytes - at)
		return NULL;
	m->used = at + bytes;
	return m->base + at;
}
