/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_UTF8_H
#define CONFIG_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_BAD UINT32_MAX

/*
 * The code point at `*text`, which moves behind it; UTF8_BAD, and one byte forward, where the
 * text is not UTF-8 (RFC 3629: no surrogates, no overlong forms). Must not be called at the NUL.
 */
uint32_t utf8_next(const char **text);

/* Whether `text` is UTF-8 without ASCII control characters. */
bool utf8_is_clean(const char *text);

/*
 * Copies `text` into `out` for a message: control characters and broken bytes become '?', and
 * what does not fit is cut between characters and ends in "...". `size` is at least 8.
 */
char *utf8_excerpt(const char *text, char *out, size_t size);

#endif
