/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_ARENA_H
#define CONFIG_ARENA_H

/*
 * Memory that is given back in one piece: a tree lives and dies with its arena, so no error path
 * has to take a half-built tree apart. Not thread safe.
 */

#include <stddef.h>

#include "common/util.h"

struct arena;

/* Returns NULL and errno when there is no memory. arena_destroy accepts NULL. */
struct arena *arena_create(void);
void arena_destroy(struct arena *a);

/*
 * Zeroed memory, aligned for any type, valid until arena_destroy. A size of 0 gives a valid
 * pointer. Returns NULL and ENOMEM when there is no memory or `n * size` overflows.
 */
void *arena_alloc(struct arena *a, size_t size);
void *arena_array(struct arena *a, size_t n, size_t size);

/* Copies of text, ended by a NUL; NULL and ENOMEM as above. */
char *arena_strndup(struct arena *a, const char *text, size_t len);
char *arena_strdup(struct arena *a, const char *text);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
