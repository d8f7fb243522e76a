/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list of blocks, the newest first; allocations are cut from the front of the newest one. What
 * is larger than a block's rest opens a new block, at least as large as itself.
 */
#include "config/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define ARENA_BLOCK_BYTES 4096

struct arena_block {
	SLIST_ENTRY(arena_block) link;
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

struct arena {
	SLIST_HEAD(, arena_block) blocks;
};

struct arena *arena_create(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_destroy(struct arena *a)
{
	if (!a)
		return;
	while (!SLIST_EMPTY(&a->blocks)) {
		struct arena_block *b = SLIST_FIRST(&a->blocks);

		SLIST_REMOVE_HEAD(&a->blocks, link);
		free(b);
	}
	free(a);
}

static struct arena_block *block_add(struct arena *a, size_t size)
{
	struct arena_block *b;

	size = MAX_OF(size, (size_t)ARENA_BLOCK_BYTES);
	b = malloc(sizeof(*b) + size);
	if (!b)
		return NULL;
	b->size = size;
	b->used = 0;
	SLIST_INSERT_HEAD(&a->blocks, b, link);
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b = SLIST_FIRST(&a->blocks);
	void *p;

	if (size > SIZE_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	size = (MAX_OF(size, (size_t)1) + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!b || b->size - b->used < size)
		b = block_add(a, size);
	if (!b)
		return NULL;
	p = b->bytes + b->used;
	b->used += size;
	return memset(p, 0, size);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return arena_alloc(a, bytes);
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
	return arena_strndup(a, text, strlen(text));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len >= 0)
		text = arena_alloc(a, (size_t)len + 1);
	if (!text)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return text;
}
