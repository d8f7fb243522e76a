/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMON_JSONX_H
#define COMMON_JSONX_H

/*
 * What libjansson leaves to its users: members read with a value for "not there", and bytes of any
 * kind as base64 text (RFC 4648 section 4), because a JSON string holds UTF-8 only.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The member `key` of `object`, or `missing` when it is absent, null or of another type, or when
 * `object` is NULL or no object. Strings are borrowed from `object`.
 */
const char *jsonx_string(const json_t *object, const char *key, const char *missing);
int64_t jsonx_int(const json_t *object, const char *key, int64_t missing);
double jsonx_number(const json_t *object, const char *key, double missing);
bool jsonx_bool(const json_t *object, const char *key);

/* `len` bytes at `data` as a base64 string, the caller's. NULL when out of memory. */
json_t *jsonx_base64(const void *data, size_t len);

/*
 * The bytes that `text` encodes and their number in `len`; free with free(). An empty text gives a
 * pointer to no bytes. Returns NULL and errno: EINVAL when `text` is not base64, or ENOMEM.
 */
void *jsonx_unbase64(const char *text, size_t *len);

#endif
