/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_SYMTAB_H
#define CONFIG_SYMTAB_H

/*
 * A symbol table: text -> pointer, of a size known before. It finds duplicates and resolves names
 * in constant time, so that a hostile file cannot make the checks quadratic. Keys and values are
 * borrowed; the slots lie in an arena.
 */

#include <stddef.h>

#include "config/arena.h"

struct symtab_slot {
	const char *key;
	const void *value;
};

struct symtab {
	struct symtab_slot *slots;
	size_t mask;
};

/* Makes room for `max` keys. Returns 0 or -ENOMEM. There is nothing to undo. */
int symtab_init(struct symtab *t, struct arena *a, size_t max);

/*
 * Adds `value` (never NULL) under `key`. Returns NULL, or the value that is there already, which
 * then stays.
 */
const void *symtab_add(struct symtab *t, const char *key, const void *value);

/* Returns the value under `key` or NULL. */
const void *symtab_lookup(const struct symtab *t, const char *key);

#endif
