/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/bench/copyrate.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "common/clock.h"
#include "common/util.h"

#define HUGE_BYTES ((size_t)2 << 20)

struct copy {
	const struct copyrate *c;
	uint8_t *from, *to;
	size_t from_bytes, to_bytes;
	unsigned piece; /* the next of the destination */
};

/* Mapped and written, so that no page is missing later. */
static uint8_t *map(size_t *bytes, bool huge)
{
	void *p = MAP_FAILED;

	*bytes = (*bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
	if (huge)
		p = mmap(NULL, *bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (p == MAP_FAILED)
		p = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	return memset(p, 1, *bytes);
}

static void copy_block(struct copy *m, const uint8_t *block)
{
	size_t left = m->c->block_bytes;

	while (left) {
		size_t n = MIN_OF(left, m->c->piece_bytes);

		memcpy(m->to + m->piece * m->c->piece_bytes, block, n);
		m->piece = m->piece + 1 < m->c->n_pieces ? m->piece + 1 : 0;
		block += n;
		left -= n;
	}
}

/* All source blocks once. Returns the bytes. */
static uint64_t copy_round(struct copy *m)
{
	for (unsigned i = 0; i < m->c->n_blocks; i++)
		copy_block(m, m->from + i * m->c->block_bytes);
	return (uint64_t)m->c->n_blocks * m->c->block_bytes;
}

static double measure(struct copy *m)
{
	uint64_t start_ns, now_ns, bytes = 0;

	copy_round(m);
	start_ns = now_ns = clock_now_ns();
	while ((double)(now_ns - start_ns) < m->c->seconds * (double)NS_PER_S) {
		bytes += copy_round(m);
		now_ns = clock_now_ns();
	}
	return (double)bytes * (double)NS_PER_S / (double)(now_ns - start_ns);
}

double copyrate_measure(const struct copyrate *c, struct err *e)
{
	struct copy m = {
		.c = c,
		.from_bytes = c->block_bytes * c->n_blocks,
		.to_bytes = c->piece_bytes * c->n_pieces,
	};
	double rate = -ENOMEM;

	m.from = map(&m.from_bytes, c->huge);
	m.to = map(&m.to_bytes, c->huge);
	if (m.from && m.to)
		rate = measure(&m);
	else
		err_set(e, ENOMEM, "no memory for %u blocks of %zu bytes", c->n_blocks,
			c->block_bytes);
	if (m.from)
		munmap(m.from, m.from_bytes);
	if (m.to)
		munmap(m.to, m.to_bytes);
	return rate;
}
