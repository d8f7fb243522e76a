/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/utf8.h"

#include <string.h>

#include "common/util.h"

uint32_t utf8_next(const char **text)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *p = (const uint8_t *)*text;
	unsigned len = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	uint32_t c = len == 1 ? *p : *p & (0x7fu >> len);

	++*text;
	if ((*p >= 0x80 && *p < 0xc0) || *p >= 0xf8)
		return UTF8_BAD;
	for (unsigned i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return UTF8_BAD;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return UTF8_BAD;
	*text += len - 1;
	return c;
}

static bool is_clean(uint32_t c)
{
	return c != UTF8_BAD && c >= 0x20 && c != 0x7f;
}

bool utf8_is_clean(const char *text)
{
	while (*text)
		if (!is_clean(utf8_next(&text)))
			return false;
	return true;
}

char *utf8_excerpt(const char *text, char *out, size_t size)
{
	size_t used = 0, room = size - sizeof("...");

	while (*text) {
		const char *from = text;
		bool clean = is_clean(utf8_next(&text));
		size_t len = clean ? (size_t)(text - from) : 1;

		if (used + len > room) {
			memcpy(out + used, "...", 3);
			used += 3;
			break;
		}
		memcpy(out + used, clean ? from : "?", len);
		used += len;
	}
	out[used] = '\0';
	return out;
}
