/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "daemon/http.h"

/* The end of the head: behind an empty line, whose line ends may lack their CR. NULL: not yet. */
static const char *head_end(const char *text, size_t len)
{
	for (const char *p = text; (p = memchr(p, '\n', len - (size_t)(p - text))); p++) {
		size_t left = len - (size_t)(p - text);

		if (left >= 2 && p[1] == '\n')
			return p + 2;
		if (left >= 3 && p[1] == '\r' && p[2] == '\n')
			return p + 3;
	}
	return NULL;
}

static bool is_text(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)p[i] < ' ' || p[i] == 0x7f)
			return false;
	return true;
}

/* "GET /metrics?x=1 HTTP/1.1" of `len` bytes. */
static int parse_line(const char *line, size_t len, struct http_request *r)
{
	const char *target = memchr(line, ' ', len), *version;
	size_t method_len, n;

	if (!target || !is_text(line, len))
		return -EBADMSG;
	method_len = (size_t)(target - line);
	target++;
	version = memchr(target, ' ', len - method_len - 1);
	if (!version || method_len == 0 || method_len >= sizeof(r->method) || *target != '/')
		return -EBADMSG;
	if (len - (size_t)(version - line) != 9 || strncmp(version, " HTTP/1.", 8) != 0)
		return -EBADMSG;

	memcpy(r->method, line, method_len);
	n = (size_t)(version - target);
	n = MIN_OF(n, sizeof(r->path) - 1);
	memcpy(r->path, target, n);
	r->path[strcspn(r->path, "?")] = '\0';
	return 0;
}

int http_request_parse(const char *text, size_t len, struct http_request *r)
{
	const char *end = head_end(text, len), *line_end = memchr(text, '\n', len);
	size_t line_len;

	*r = (struct http_request){0};
	if (!line_end)
		return 0;
	line_len = (size_t)(line_end - text);
	if (line_len && text[line_len - 1] == '\r')
		line_len--;
	if (parse_line(text, line_len, r) < 0)
		return -EBADMSG;
	return end ? (int)(end - text) : 0;
}
