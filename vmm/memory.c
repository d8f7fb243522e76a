/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/layout.h"

#define HUGE_SHIFT 26		/* MFD_HUGE_SHIFT */
#define LOAD_BYTES (256u << 10) /* of a cache's size, and more than malloc keeps when freed */
#define NODES_MAX  1024		/* bits of a mask that each kernel takes */
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

static int map_shared(struct memory *m, const struct memory_params *p)
{
	m->fd = memfd_create("weft-guest", memfd_flags(p));
	if (m->fd < 0 || ftruncate(m->fd, (off_t)p->bytes) < 0 ||
	    fcntl(m->fd, F_ADD_SEALS, SEALS) < 0)
		return -1;
	m->base =
		mmap(NULL, p->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, m->fd, 0);
	return m->base == MAP_FAILED ? -1 : 0;
}

static int map_private(struct memory *m, const struct memory_params *p)
{
	m->base = mmap(NULL, p->bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return m->base == MAP_FAILED ? -1 : 0;
}

/* Whether the kernel takes advice about huge pages for shared memory: "always ... [never] ..." */
static bool has_huge_shmem(void)
{
	char text[80] = "";
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "re");

	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return strstr(text, "[advise]") || strstr(text, "[always]") ||
	       strstr(text, "[within_size]") || strstr(text, "[force]");
}

static const char *nodes_with_memory(char *text, int size)
{
	FILE *f = fopen("/sys/devices/system/node/has_memory", "re");

	if (!f || !fgets(text, size, f))
		snprintf(text, (size_t)size, "none");
	if (f)
		fclose(f);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* A policy of the mapping, which with a file is the file's: it holds for a backend's accesses, too.
 */
static int prefer_node(const struct memory *m, unsigned node, struct err *e)
{
	unsigned long nodes[NODES_MAX / 64] = {0};
	char text[64];
	int code;

	if (node < NODES_MAX - 1) {
		nodes[node / 64] = 1ul << node % 64;
		if (syscall(SYS_mbind, m->base, m->bytes, MPOL_PREFERRED, nodes, NODES_MAX, 0) == 0)
			return 0;
	}
	code = node < NODES_MAX - 1 ? errno : EINVAL;
	if (code == EINVAL)
		return err_set(e, code,
			       "--numa %u: the host has no such node with memory for us; there is "
			       "%s",
			       node, nodes_with_memory(text, sizeof(text)));
	return err_set(e, code, "--numa %u: %s; leave it out", node, strerror(code));
}

/* How the pages are to be had, before there are any. */
static int advise(const struct memory *m, const struct memory_params *p, struct err *e)
{
	madvise(m->base, p->bytes, MADV_DONTDUMP);
	if (p->ksm && madvise(m->base, p->bytes, MADV_MERGEABLE) < 0)
		return err_set(e, errno, "--ksm: the host's kernel has no KSM; leave it out");
	if (!p->ksm) /* taken where the host's policy is advise */
		madvise(m->base, p->bytes, MADV_HUGEPAGE);
	return p->on_node ? prefer_node(m, p->node, e) : 0;
}

int memory_init(struct memory *m, const struct memory_params *p, struct err *e)
{
	int ret;

	*m = (struct memory){.bytes = p->bytes,
			     .page_bytes = p->huge_bytes ?: MEMORY_PAGE,
			     .fd = -1,
			     .log_fd = -1};
	if ((p->ksm ? map_private(m, p) : map_shared(m, p)) < 0) {
		m->base = m->base == MAP_FAILED ? NULL : m->base;
		return cannot(m, p, e);
	}
	ret = advise(m, p, e);
	if (ret) {
		memory_fini(m);
		return ret;
	}
	/* Huge pages that do not exist would be a SIGBUS later. */
	if ((p->prefault || p->huge_bytes) && madvise(m->base, p->bytes, MADV_POPULATE_WRITE) < 0)
		return cannot(m, p, e);
	m->small_pages = !p->huge_bytes && !has_huge_shmem();
	cut_regions(m);
	return 0;
}

void memory_fini(struct memory *m)
{
	memory_log_stop(m);
	if (m->base)
		munmap(m->base, m->bytes);
	if (m->fd >= 0)
		close(m->fd);
	*m = (struct memory){.fd = -1, .log_fd = -1};
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
	if (m->fd < 0)
		return madvise(m->base + offset, len, MADV_DONTNEED);
	return fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			 (off_t)len);
}

void memory_clear(struct memory *m)
{
	if (punch(m, 0, m->bytes) < 0)
		memset(m->base, 0, m->bytes);
	for (unsigned i = 0; i < m->n_regions; i++)
		memory_written(m, m->base + m->regions[i].offset, m->regions[i].bytes);
}

void memory_release(const struct memory *m, const void *at, uint64_t len)
{
	uint64_t offset = (uint64_t)((const uint8_t *)at - m->base);
	uint64_t mask = m->page_bytes - 1;
	uint64_t from = (offset + mask) & ~mask, to = (offset + len) & ~mask;

	if (from >= to)
		return;
	punch(m, from, to - from);
	memory_written(m, m->base + from, to - from);
}

/* --- the log -------------------------------------------------------------------------------------
 */

int memory_log_start(struct memory *m, struct err *e)
{
	const struct memory_region *last = &m->regions[m->n_regions - 1];
	uint64_t bits = (last->gpa + last->bytes) / MEMORY_PAGE;
	uint64_t *log;

	m->log_bytes = (bits / 8 + MEMORY_PAGE - 1) / MEMORY_PAGE * MEMORY_PAGE;
	m->log_fd = memfd_create("weft-dirty", MFD_CLOEXEC);
	if (m->log_fd < 0 || ftruncate(m->log_fd, (off_t)m->log_bytes) < 0)
		goto err_file;
	log = mmap(NULL, m->log_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m->log_fd, 0);
	if (log == MAP_FAILED)
		goto err_file;
	atomic_store(&m->log, log);
	return 0;
err_file:
	err_set(e, errno, "no memory for a log of written pages: %s", strerror(errno));
	memory_log_stop(m);
	return -ENOMEM;
}

void memory_log_stop(struct memory *m)
{
	uint64_t *log = atomic_exchange(&m->log, NULL);

	if (log)
		munmap(log, m->log_bytes);
	if (m->log_fd >= 0)
		close(m->log_fd);
	m->log_fd = -1;
}

/* Each region begins and ends at a whole word: sizes are multiples of 2 MiB. */
void memory_log_take(struct memory *m, unsigned region, uint64_t *bits)
{
	const struct memory_region *r = &m->regions[region];
	uint64_t *log = atomic_load(&m->log) + r->gpa / MEMORY_PAGE / 64;

	for (uint64_t i = 0; i < r->bytes / MEMORY_PAGE / 64; i++)
		if (__atomic_load_n(&log[i], __ATOMIC_RELAXED))
			bits[i] |= __atomic_exchange_n(&log[i], 0, __ATOMIC_ACQUIRE);
}

/* Release: who takes the bit sees what was written before it. */
void memory_log_mark(const struct memory *m, const void *at, uint64_t len)
{
	uint64_t *log = atomic_load_explicit(&m->log, memory_order_relaxed);
	uint64_t offset = (uint64_t)((const uint8_t *)at - m->base);

	for (unsigned i = 0; i < m->n_regions && len && log; i++) {
		const struct memory_region *r = &m->regions[i];
		uint64_t first, last;

		if (offset - r->offset >= r->bytes)
			continue;
		first = (r->gpa + offset - r->offset) / MEMORY_PAGE;
		last = (r->gpa + MIN_OF(offset - r->offset + len, r->bytes) - 1) / MEMORY_PAGE;
		for (uint64_t page = first; page <= last; page++)
			__atomic_fetch_or(&log[page / 64], 1ull << page % 64, __ATOMIC_RELEASE);
	}
}

bool memory_is_zero(const uint8_t *page)
{
	uint64_t word, any = 0;

	for (size_t i = 0; i < MEMORY_PAGE; i += sizeof(word)) {
		memcpy(&word, page + i, sizeof(word));
		any |= word;
	}
	return any == 0;
}

/*
 * By its file: a page that is written whole is neither faulted in nor cleared before. Where faults
 * bring huge pages, those are the better thing.
 */
static int put(const struct memory *m, uint8_t *to, const uint8_t *from, size_t len)
{
	if (m->fd < 0 || !m->small_pages) {
		memcpy(to, from, len);
		return 0;
	}
	return pwrite(m->fd, from, len, to - m->base) == (ssize_t)len ? 0 : -ENOSPC;
}

/* Writes the runs of pages of `from` that are not zero. */
static int put_sparse(const struct memory *m, uint8_t *to, const uint8_t *from, size_t len)
{
	size_t run = 0; /* bytes before `at` that are to be written */
	int ret = 0;

	for (size_t at = 0, n; at < len && ret == 0; at += n) {
		n = MIN_OF(len - at, (size_t)MEMORY_PAGE);
		if (n < MEMORY_PAGE || !memory_is_zero(from + at)) {
			run += n;
		} else if (run) {
			ret = put(m, to + at - run, from + at - run, run);
			run = 0;
		}
	}
	return ret || !run ? ret : put(m, to + len - run, from + len - run, run);
}

static int load(const struct memory *m, uint8_t *to, int fd, uint64_t offset, uint64_t bytes,
		uint8_t *buffer)
{
	int ret = 0;

	while (bytes && ret == 0) {
		ssize_t n = pread(fd, buffer, MIN_OF(bytes, (uint64_t)LOAD_BYTES), (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		ret = put_sparse(m, to, buffer, (size_t)n);
		to += n;
		offset += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
	return ret;
}

int memory_load(const struct memory *m, uint64_t gpa, int fd, uint64_t offset, uint64_t bytes)
{
	uint8_t *to = memory_at(m, gpa, bytes), *buffer;
	int ret;

	if (!to)
		return -EFAULT;
	buffer = malloc(LOAD_BYTES);
	if (!buffer)
		return -ENOMEM;
	ret = load(m, to, fd, offset, bytes, buffer);
	free(buffer);
	return ret;
}

static uint64_t count_resident(const struct memory *m)
{
	unsigned char there[MEMORY_PAGE];
	uint64_t step = sizeof(there) * MEMORY_PAGE, n = 0;

	for (uint64_t at = 0; at < m->bytes; at += step) {
		uint64_t len = MIN_OF(step, m->bytes - at);

		if (mincore(m->base + at, len, there) < 0)
			return 0;
		for (uint64_t i = 0; i < len / MEMORY_PAGE; i++)
			n += there[i] & 1;
	}
	return n * MEMORY_PAGE;
}

uint64_t memory_resident(const struct memory *m)
{
	struct stat st;

	if (m->fd < 0)
		return count_resident(m);
	return fstat(m->fd, &st) < 0 ? 0 : (uint64_t)st.st_blocks * 512;
}
