/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_MAX 16 /* pages of a record */

int pages_init(struct pages *p, const struct memory *m)
{
	*p = (struct pages){.mem = m, .n = m->bytes / MEMORY_PAGE, .is_first = true};
	p->todo = malloc(p->n / 8);
	if (!p->todo)
		return -ENOMEM;
	memset(p->todo, 0xff, p->n / 8);
	return 0;
}

void pages_fini(struct pages *p)
{
	free(p->todo);
	p->todo = NULL;
}

uint64_t pages_left(const struct pages *p)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < p->n / 64; i++)
		n += (uint64_t)__builtin_popcountll(p->todo[i]);
	return n;
}

void pages_again(struct pages *p)
{
	p->at = p->data_end = 0;
	p->is_first = false;
}

static bool is_todo(const struct pages *p, uint64_t page)
{
	return p->todo[page / 64] >> page % 64 & 1;
}

/* The first page from `at` on that is to be sent, or p->n. */
static uint64_t next(const struct pages *p, uint64_t at)
{
	while (at < p->n) {
		uint64_t rest = p->todo[at / 64] >> at % 64;

		if (rest)
			return at + (uint64_t)__builtin_ctzll(rest);
		at = (at / 64 + 1) * 64;
	}
	return p->n;
}

static uint64_t seek(const struct pages *p, uint64_t page, int whence)
{
	off_t at = lseek(p->mem->fd, (off_t)(page * MEMORY_PAGE), whence);

	if (at < 0)
		return errno == ENXIO ? p->n : page;
	return MIN_OF((uint64_t)at / MEMORY_PAGE, p->n);
}

/*
 * The first page from `page` on that exists; those up to p->data_end do. To read others would
 * change that: a hole becomes a page. Private memory does not tell; its holes become mappings of
 * the one page of zeroes.
 */
static uint64_t next_existing(struct pages *p, uint64_t page)
{
	uint64_t there;

	if (p->mem->fd < 0)
		p->data_end = p->n;
	if (page < p->data_end)
		return page;
	there = seek(p, page, SEEK_DATA);
	p->data_end = there < p->n ? MAX_OF(seek(p, there, SEEK_HOLE), there + 1) : p->n;
	return there;
}

static uint64_t address_of(const struct memory *m, uint64_t offset)
{
	unsigned i = m->n_regions - 1;

	while (offset < m->regions[i].offset)
		i--;
	return m->regions[i].gpa + (offset - m->regions[i].offset);
}

static void send_zeroes(struct pages *p, struct state_writer *w, uint64_t page, uint64_t n)
{
	if (p->is_first)
		return;
	state_begin(w, "zeroes", 1);
	state_put_u64(w, address_of(p->mem, page * MEMORY_PAGE));
	state_put_u64(w, n * MEMORY_PAGE);
	state_end(w);
}

/* The guest goes on writing, so it is a copy that is looked at and sent. */
static void send_run(struct pages *p, struct state_writer *w, uint64_t page, uint64_t n)
{
	uint8_t copy[RUN_MAX * MEMORY_PAGE];

	memcpy(copy, p->mem->base + page * MEMORY_PAGE, n * MEMORY_PAGE);
	for (uint64_t i = 0, k; i < n; i = k) {
		bool zero = memory_is_zero(copy + i * MEMORY_PAGE);

		for (k = i + 1; k < n && memory_is_zero(copy + k * MEMORY_PAGE) == zero; k++)
			;
		if (zero) {
			send_zeroes(p, w, page + i, k - i);
			continue;
		}
		state_begin(w, "memory", 1);
		state_put_u64(w, address_of(p->mem, (page + i) * MEMORY_PAGE));
		state_put_bytes(w, copy + i * MEMORY_PAGE, (k - i) * MEMORY_PAGE);
		state_end(w);
	}
}

/*
 * How many pages from `page` on are to be sent, up to `max`, and clears their bits. Regions begin
 * at whole words of the bitmap, so a run within a word lies within a region.
 */
static uint64_t take_run(struct pages *p, uint64_t page, uint64_t max)
{
	uint64_t n = 0, end = MIN_OF(page + max, (page / 64 + 1) * 64);

	for (; page + n < end && is_todo(p, page + n); n++)
		p->todo[page / 64] &= ~(1ull << (page + n) % 64);
	return n;
}

bool pages_send(struct pages *p, struct state_writer *w, uint64_t max)
{
	for (uint64_t n; max; max -= n) {
		uint64_t page = next(p, p->at), there;

		if (page == p->n || w->error)
			return false;
		there = next_existing(p, page);
		n = 0; /* what a hole costs */
		for (; page < there; page = next(p, page))
			send_zeroes(p, w, page, take_run(p, page, there - page));
		if (page > there || page == p->n)
			continue;
		n = take_run(p, page, MIN_OF(MIN_OF(max, (uint64_t)RUN_MAX), p->data_end - page));
		send_run(p, w, page, n);
		p->at = page + n;
	}
	return true;
}

/* --- the other end -------------------------------------------------------------------------------
 */

static int load_zeroes(const struct memory *m, struct state_reader *r, uint64_t gpa, struct err *e)
{
	uint64_t bytes = state_get_u64(r);
	void *to = bytes && bytes % MEMORY_PAGE == 0 ? memory_at_aligned(m, gpa, bytes, MEMORY_PAGE)
						     : NULL;

	if (!to)
		return state_refuse(r, e, "an address that the guest's memory does not have");
	if (m->page_bytes == MEMORY_PAGE)
		memory_release(m, to, bytes);
	else
		memset(to, 0, bytes);
	return state_done(r, e);
}

int pages_load(const struct memory *m, struct state_reader *r, struct err *e)
{
	uint64_t gpa = state_get_u64(r);
	size_t bytes = r->left;
	void *to;

	if (state_is(r, "zeroes"))
		return load_zeroes(m, r, gpa, e);
	to = bytes && bytes % MEMORY_PAGE == 0 ? memory_at_aligned(m, gpa, bytes, MEMORY_PAGE)
					       : NULL;
	if (!to)
		return state_refuse(r, e, "an address that the guest's memory does not have");
	state_get_bytes(r, to, bytes);
	return state_done(r, e);
}
