/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

/*
 * Single values of the schema: between text and the field of an object. `key` is never a container
 * here; `object` is the struct that the key's offsets belong to.
 */

#include "config/arena.h"
#include "config/schema.h"

#define VALUE_TEXT_MAX 1280 /* holds any formatted value and its NUL */

/*
 * Reads `text` into the field of `key`; texts are copied to `a`. Returns 0, -EINVAL when the text
 * is no such value (the field stays as it was), or -ENOMEM.
 */
int value_parse(const struct schema_key *key, const char *text, void *object, struct arena *a);

/* Writes the field as it would be written in a file; "" when it has no value. */
char *value_format(const struct schema_key *key, const void *object, char text[VALUE_TEXT_MAX]);

/* Whether the field has a value, and whether that is the default of the schema. */
bool value_is_set(const struct schema_key *key, const void *object);
bool value_is_default(const struct schema_key *key, const void *object);

/* Whether both objects hold the same value. */
bool value_equal(const struct schema_key *key, const void *a, const void *b);

/* "a number from 1 to 16 or auto": what the key takes, for messages; containers too. */
char *value_expected(const struct schema_key *key, char *text, size_t size);

/* A name of an object: [A-Za-z0-9][A-Za-z0-9_.-]*, at most `max` bytes. */
bool value_is_name(const char *text, size_t max);

#endif
