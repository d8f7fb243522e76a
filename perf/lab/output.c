/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/output.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX (16u << 20)

void output_append(struct output *out, const void *data, size_t len)
{
	char *text;

	if (out->len + len > OUTPUT_MAX)
		return;
	text = realloc(out->text, out->len + len + 1);
	if (!text)
		return;
	memcpy(text + out->len, data, len);
	out->text = text;
	out->len += len;
	text[out->len] = '\0';
}

void output_append_error(struct output *out, const char *data, size_t len)
{
	size_t room = sizeof(out->error) - 1, used = strlen(out->error), drop;

	if (len > room) {
		data += len - room;
		len = room;
	}
	drop = used + len > room ? used + len - room : 0;
	memmove(out->error, out->error + drop, used - drop);
	memcpy(out->error + used - drop, data, len);
	out->error[used - drop + len] = '\0';
}

void output_fini(struct output *out)
{
	free(out->text);
	out->text = NULL;
}
