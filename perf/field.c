/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/field.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int field_format(const struct field *fields, size_t n, const void *object, char *body, size_t size,
		 size_t *len)
{
	size_t at = *len;

	for (size_t i = 0; i < n; i++) {
		const char *value = (const char *)object + fields[i].offset;
		int wrote;

		if (fields[i].text_size)
			wrote = snprintf(body + at, size - at, "%s=%s\n", fields[i].key, value);
		else
			wrote = snprintf(body + at, size - at, "%s=%" PRIu64 "\n", fields[i].key,
					 *(const uint64_t *)value);
		if (wrote < 0 || (size_t)wrote >= size - at)
			return -ENOSPC;
		at += (size_t)wrote;
	}
	*len = at;
	return 0;
}

int field_next(const char **body, size_t *len, struct field_line *line)
{
	const char *end, *equals;

	if (*len == 0)
		return 0;
	end = memchr(*body, '\n', *len);
	if (!end)
		return -EPROTO;
	equals = memchr(*body, '=', (size_t)(end - *body));
	if (!equals)
		return -EPROTO;
	line->key = *body;
	line->key_len = (size_t)(equals - *body);
	line->value = equals + 1;
	line->value_len = (size_t)(end - equals - 1);
	*len -= (size_t)(end + 1 - *body);
	*body = end + 1;
	return 1;
}

int field_number(const char *text, size_t len, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;

	if (len == 0)
		return -EPROTO;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EPROTO;
		if (__builtin_mul_overflow(v, 10ull, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(text[i] - '0'), &v))
			return -EPROTO;
	}
	if (v > max)
		return -EPROTO;
	*value = v;
	return 0;
}

static int store_text(const char *text, size_t len, size_t size, char *out)
{
	if (len >= size)
		return -EPROTO;
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return -EPROTO;
	memcpy(out, text, len);
	out[len] = '\0';
	return 0;
}

static const struct field *lookup(const struct field *fields, size_t n,
				  const struct field_line *line)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(fields[i].key) == line->key_len &&
		    memcmp(fields[i].key, line->key, line->key_len) == 0)
			return &fields[i];
	return NULL;
}

int field_store(const struct field *fields, size_t n, const struct field_line *line, void *object,
		struct err *e)
{
	const struct field *f = lookup(fields, n, line);
	char *at;
	int ret;

	if (!f)
		return 0;
	at = (char *)object + f->offset;
	if (f->text_size)
		ret = store_text(line->value, line->value_len, f->text_size, at);
	else
		ret = field_number(line->value, line->value_len, f->max, (uint64_t *)at);
	if (ret < 0)
		return err_set(e, EPROTO, "the peer sent a bad value for '%s'", f->key);
	return 1;
}

int field_parse(const struct field *fields, size_t n, const char *body, size_t len, void *object,
		struct err *e)
{
	struct field_line line;
	int ret;

	while ((ret = field_next(&body, &len, &line)) > 0) {
		ret = field_store(fields, n, &line, object, e);
		if (ret < 0)
			return ret;
	}
	if (ret < 0)
		return err_set(e, EPROTO, "the peer sent a line that is not key=value");
	return 0;
}
