/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/symtab.h"

#include <errno.h>
#include <string.h>

#include "common/hash.h"

int symtab_init(struct symtab *t, struct arena *a, size_t max)
{
	size_t n = 8;

	while (n < max * 2)
		n *= 2;
	t->slots = arena_array(a, n, sizeof(*t->slots));
	if (!t->slots)
		return -ENOMEM;
	t->mask = n - 1;
	return 0;
}

/* The table is never more than half full, so the search always meets a free slot. */
static struct symtab_slot *slot_of(const struct symtab *t, const char *key)
{
	size_t i = hash_text(key) & t->mask;

	while (t->slots[i].key && strcmp(t->slots[i].key, key) != 0)
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

const void *symtab_add(struct symtab *t, const char *key, const void *value)
{
	struct symtab_slot *slot = slot_of(t, key);

	if (slot->key)
		return slot->value;
	slot->key = key;
	slot->value = value;
	return NULL;
}

const void *symtab_lookup(const struct symtab *t, const char *key)
{
	return slot_of(t, key)->value;
}
