/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PERF_FIELD_H
#define PERF_FIELD_H

/*
 * A struct as lines of text, `key=value\n`, by a table: how messages between the two ends are
 * written and read. Numbers are unsigned decimal, each with its own maximum; texts are printable
 * ASCII. The reader trusts nothing: a line without '=', a number beyond its maximum, a text too
 * long or with a control character is refused. A key that the table lacks is left to the caller,
 * so that a newer peer may say more than an older one understands.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct field {
	const char *key;
	size_t offset; /* of a uint64_t, or of a char array when text_size is not 0 */
	uint64_t max;
	size_t text_size;
};

#define FIELD_NUMBER(type, name, limit)                                                            \
	{                                                                                          \
#name, offsetof(type, name), limit, 0                                              \
	}
#define FIELD_TEXT(type, name)                                                                     \
	{                                                                                          \
#name, offsetof(type, name), 0, sizeof(((type *)0)->name)                          \
	}

/* One line of a body: points into it, neither part is terminated. */
struct field_line {
	const char *key, *value;
	size_t key_len, value_len;
};

/*
 * Appends the `n` fields of `object` to `body`, which holds *len of `size` bytes.
 * Returns 0, or -ENOSPC with *len unchanged.
 */
int field_format(const struct field *fields, size_t n, const void *object, char *body, size_t size,
		 size_t *len);

/*
 * Takes the next line off the `*len` bytes at `*body` and advances both.
 * Returns 1, 0 at the end, or -EPROTO.
 */
int field_next(const char **body, size_t *len, struct field_line *line);

/* Stores the line into `object`. Returns 1, 0 when no field has that key, or -EPROTO. */
int field_store(const struct field *fields, size_t n, const struct field_line *line, void *object,
		struct err *e);

/* Reads a whole body; keys without a field are skipped. Returns 0 or -EPROTO. */
int field_parse(const struct field *fields, size_t n, const char *body, size_t len, void *object,
		struct err *e);

/* Reads `len` digits, nothing else, up to `max`. Returns 0 or -EPROTO. */
int field_number(const char *text, size_t len, uint64_t max, uint64_t *value);

#endif
