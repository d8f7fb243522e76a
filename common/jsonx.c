/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/jsonx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *jsonx_string(const json_t *object, const char *key, const char *missing)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : missing;
}

int64_t jsonx_int(const json_t *object, const char *key, int64_t missing)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : missing;
}

double jsonx_number(const json_t *object, const char *key, double missing)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : missing;
}

bool jsonx_bool(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

json_t *jsonx_base64(const void *data, size_t len)
{
	size_t text_len = (len + 2) / 3 * 4;
	const uint8_t *in = data;
	char *text = malloc(text_len + 1), *out = text;
	json_t *json;

	if (!text)
		return NULL;

	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i;
		uint32_t group = (uint32_t)in[i] << 16;

		group |= have > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		group |= have > 2 ? in[i + 2] : 0;
		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		*out++ = have > 1 ? digits[group >> 6 & 63] : '=';
		*out++ = have > 2 ? digits[group & 63] : '=';
	}
	json = json_stringn(text, text_len);
	free(text);
	return json;
}

/* The value of one base64 digit, -1 for anything else. */
static int digit_value(char c)
{
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* Four digits, of which the last `pad` are '='. Returns false when one of them is not a digit. */
static bool group_parse(const char *text, unsigned pad, uint32_t *group)
{
	*group = 0;
	for (unsigned i = 0; i < 4; i++) {
		int value = i < 4 - pad ? digit_value(text[i]) : 0;

		if (value < 0)
			return false;
		*group = *group << 6 | (uint32_t)value;
	}
	return true;
}

void *jsonx_unbase64(const char *text, size_t *len)
{
	size_t text_len = strlen(text), n = 0;
	uint8_t *data = malloc(text_len / 4 * 3 + 1);

	if (!data)
		return NULL;
	if (text_len % 4)
		goto err_invalid;

	for (const char *p = text; *p; p += 4) {
		bool last = p + 4 == text + text_len;
		unsigned pad = !last || p[3] != '=' ? 0 : p[2] != '=' ? 1 : 2;
		uint32_t group;

		if (!group_parse(p, pad, &group))
			goto err_invalid;
		for (unsigned i = 0; i < 3 - pad; i++)
			data[n++] = (uint8_t)(group >> (16 - 8 * i));
	}
	*len = n;
	return data;

err_invalid:
	free(data);
	errno = EINVAL;
	return NULL;
}
