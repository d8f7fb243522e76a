/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/render.h"

#include <inttypes.h>

#include "cli/table.h"
#include "common/jsonx.h"

static void print_server(const struct render *r, const json_t *s)
{
	int64_t refused = jsonx_int(s, "refused", 0), restarts = jsonx_int(s, "restarts", 0);
	const char *error = jsonx_string(s, "error", "");

	fprintf(r->out, "%s: %s, %" PRId64 " of %" PRId64 " used", jsonx_string(s, "bridge", "?"),
		jsonx_string(s, "state", "?"), jsonx_int(s, "range_used", 0),
		jsonx_int(s, "range_size", 0));
	if (refused)
		fprintf(r->out, ", %" PRId64 " request%s refused", refused,
			refused == 1 ? "" : "s");
	fprintf(r->out, "\n    range: %s\n", jsonx_string(s, "range", "?"));
	fprintf(r->out, "    server: %s, port %s, pid %" PRId64 "\n",
		jsonx_string(s, "address", "?"), jsonx_string(s, "port", "?"),
		jsonx_int(s, "pid", 0));
	fprintf(r->out, "    domain: %s, dns %s\n", jsonx_string(s, "domain", "?"),
		jsonx_string(s, "dns", "?"));
	fprintf(r->out, "    leases: %" PRId64 "\n", jsonx_int(s, "leases", 0));
	if (restarts)
		fprintf(r->out, "    restarts: %" PRId64 "\n", restarts);
	if (*error)
		fprintf(r->out, "    error: %s\n", error);
}

void render_dhcp(const struct render *r, const json_t *result)
{
	json_t *server;
	size_t i;

	json_array_foreach (result, i, server)
		print_server(r, server);
}

void render_leases(const struct render *r, const json_t *result)
{
	static const struct table_column columns[] = {
		{"BRIDGE", false}, {"ADDRESS", false}, {"MAC", false},
		{"NAME", false},   {"EXPIRES", true},
	};
	struct table *t = table_create(columns, ARRAY_SIZE(columns));
	char expires[32];
	json_t *lease;
	size_t i;

	json_array_foreach (result, i, lease) {
		bool ends = json_is_integer(json_object_get(lease, "expires_s"));

		table_cell(t, "%s", jsonx_string(lease, "bridge", ""));
		table_cell(t, "%s", jsonx_string(lease, "address", ""));
		table_cell(t, "%s", jsonx_string(lease, "mac", ""));
		table_cell(t, "%s", jsonx_string(lease, "name", ""));
		table_cell(t, "%s",
			   ends ? render_uptime(jsonx_number(lease, "expires_s", 0), expires,
						sizeof(expires))
				: "never");
	}
	table_print(t, r->heading, r->out);
	table_destroy(t);
}
