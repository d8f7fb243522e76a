/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/render.h"

#include <inttypes.h>

#include "common/jsonx.h"

/* ring/show: a line a ring, then a bar for each range of fills that sampled bursts have found. */

#define BAR_WIDTH 40

static int64_t sum(const json_t *fill)
{
	const char *range;
	json_t *value;
	int64_t n = 0;

	json_object_foreach ((json_t *)fill, range, value)
		n += json_integer_value(value);
	return n;
}

static void print_ring(const struct render *r, const json_t *ring)
{
	const json_t *fill = json_object_get(ring, "fill");
	int64_t total = sum(fill);
	const char *range;
	json_t *value;

	fprintf(r->out, "    %s: %" PRId64 " of %" PRId64 " posted, %" PRId64 " bursts\n",
		jsonx_string(ring, "ring", "?"), jsonx_int(ring, "posted", 0),
		jsonx_int(ring, "size", 0), jsonx_int(ring, "bursts", 0));
	json_object_foreach ((json_t *)fill, range, value) {
		double part = (double)json_integer_value(value) / (double)total;

		fprintf(r->out, "        %11s %6.2f %% %.*s\n", range, 100 * part,
			(int)(part * BAR_WIDTH + 0.5), "########################################");
	}
}

void render_rings(const struct render *r, const json_t *result)
{
	json_t *port, *ring;
	size_t i, k;

	json_array_foreach (result, i, port) {
		fprintf(r->out, "Port %s\n", jsonx_string(port, "port", "?"));
		json_array_foreach (json_object_get(port, "rings"), k, ring)
			print_ring(r, ring);
	}
}
