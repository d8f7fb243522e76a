/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/render.h"

#include "common/jsonx.h"

/* trace: the stages one below the other, then the receivers, then what it comes to. */

static void print_entry(const struct render *r, const json_t *entry, const char *key)
{
	const char *drop = jsonx_string(entry, "drop", NULL);

	fprintf(r->out, "%-10s %s%s%s%s\n", jsonx_string(entry, key, "?"),
		drop ? "dropped as " : "", drop ? drop : "", drop ? ": " : "",
		jsonx_string(entry, "text", ""));
}

void render_trace(const struct render *r, const json_t *result)
{
	json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(result, "steps"), i, entry)
		print_entry(r, entry, "stage");
	json_array_foreach (json_object_get(result, "receivers"), i, entry) {
		fprintf(r->out, "emit       to ");
		print_entry(r, entry, "port");
	}
	fprintf(r->out, "verdict    %s\n", jsonx_string(result, "verdict", "?"));
}
