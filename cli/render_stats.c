/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/render.h"

#include <inttypes.h>
#include <string.h>

#include "cli/table.h"
#include "common/jsonx.h"

/*
 * Forwarding tables, ports and counters. Counters are printed in full: they are compared and
 * subtracted by the reader more often than they are admired.
 */

/* The entries by bridge: {"lan": [entry, ...], ...}, in the order in which bridges first appear. */
static json_t *by_bridge(const json_t *entries)
{
	json_t *groups = json_object(), *entry;
	size_t i;

	json_array_foreach (entries, i, entry) {
		const char *bridge = jsonx_string(entry, "bridge", "?");

		if (!json_object_get(groups, bridge))
			json_object_set_new(groups, bridge, json_array());
		json_array_append(json_object_get(groups, bridge), entry);
	}
	return groups;
}

static void print_fdb(const struct render *r, const json_t *entries)
{
	static const struct table_column columns[] = {
		{"Port", false}, {"VLAN", true}, {"MAC", false}, {"Age", true}};
	struct table *t = table_create(columns, ARRAY_SIZE(columns));
	char text[64];
	json_t *entry;
	size_t i;

	json_array_foreach (entries, i, entry) {
		table_cell(t, "%s", jsonx_string(entry, "port", ""));
		table_cell(t, "%s", render_member(entry, "vlan", text, sizeof(text)));
		table_cell(t, "%s", jsonx_string(entry, "mac", ""));
		table_cell(t, "%s",
			   jsonx_bool(entry, "static") ? "static"
			   : jsonx_bool(entry, "sticky")
				   ? "sticky"
				   : render_member(entry, "age_s", text, sizeof(text)));
	}
	table_print(t, r->heading, r->out);
	table_destroy(t);
}

void render_fdb(const struct render *r, const json_t *result)
{
	json_t *groups = by_bridge(result), *entries;
	const char *bridge;

	if (!json_object_size(groups))
		print_fdb(r, NULL);
	json_object_foreach (groups, bridge, entries) {
		if (json_object_size(groups) > 1)
			fprintf(r->out, "%s:\n", bridge);
		print_fdb(r, entries);
	}
	json_decref(groups);
}

static void cell_list(struct table *t, const json_t *list)
{
	char text[512] = "";
	size_t used = 0, i;
	json_t *name;

	json_array_foreach (list, i, name) {
		size_t len = strlen(json_string_value(name) ?: "");

		if (used + len + sizeof(", ...") > sizeof(text)) {
			snprintf(text + used, sizeof(text) - used, ", ...");
			break;
		}
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
					 json_string_value(name) ?: "");
	}
	table_cell(t, "%s", text);
}

void render_vlans(const struct render *r, const json_t *result)
{
	static const struct table_column columns[] = {
		{"VLAN", true}, {"UNTAGGED", false}, {"TAGGED", false}};
	struct table *t = table_create(columns, ARRAY_SIZE(columns));
	char text[32];
	json_t *vlan;
	size_t i;

	json_array_foreach (result, i, vlan) {
		table_cell(t, "%s", render_member(vlan, "vlan", text, sizeof(text)));
		cell_list(t, json_object_get(vlan, "untagged"));
		cell_list(t, json_object_get(vlan, "tagged"));
	}
	table_print(t, r->heading, r->out);
	table_destroy(t);
}

/* A table whose cells are members of the entries, by name. */
static void print_members(const struct render *r, const json_t *entries,
			  const struct table_column *columns, const char *const *keys, unsigned n)
{
	struct table *t = table_create(columns, n);
	char text[64];
	json_t *entry;
	size_t i;

	json_array_foreach (entries, i, entry)
		for (unsigned k = 0; k < n; k++)
			table_cell(t, "%s", render_member(entry, keys[k], text, sizeof(text)));
	table_print(t, r->heading, r->out);
	table_destroy(t);
}

void render_fdb_stats(const struct render *r, const json_t *result)
{
	static const struct table_column columns[] = {
		{"BRIDGE", false}, {"ENTRIES", true}, {"LIMIT", true}, {"LEARNED", true},
		{"MOVED", true},   {"AGED", true},    {"FULL", true}};
	static const char *const keys[] = {"bridge", "entries", "limit", "learned",
					   "moved",  "aged",	"full"};

	print_members(r, result, columns, keys, ARRAY_SIZE(keys));
}

void render_mdb(const struct render *r, const json_t *result)
{
	static const struct table_column columns[] = {{"BRIDGE", false}, {"GROUP", false},
						      {"FAMILY", false}, {"VLAN", true},
						      {"PORT", false},	 {"EXPIRES", true}};
	static const char *const keys[] = {"bridge", "group", "family",
					   "vlan",   "port",  "expires_s"};

	print_members(r, result, columns, keys, ARRAY_SIZE(keys));
}

void render_stats(const struct render *r, const json_t *result)
{
	static const struct table_column columns[] = {
		{"PORT", false},    {"RX-PACKETS", true}, {"RX-BYTES", true}, {"TX-PACKETS", true},
		{"TX-BYTES", true}, {"PUNTED", true},	  {"COPIES", true},   {"DROPS", false}};
	static const char *const keys[] = {"port",     "rx_packets", "rx_bytes", "tx_packets",
					   "tx_bytes", "punted",     "copies"};
	struct table *t = table_create(columns, ARRAY_SIZE(columns));
	char text[64], reasons[512];
	json_t *entry;
	size_t i;

	json_array_foreach (result, i, entry) {
		int64_t drops =
			render_counters(json_object_get(entry, "drops"), reasons, sizeof(reasons));

		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			table_cell(t, "%s", render_member(entry, keys[k], text, sizeof(text)));
		if (drops)
			table_cell(t, "%" PRId64 " (%s)", drops, reasons);
		else
			table_cell(t, "0");
	}
	table_print(t, r->heading, r->out);
	table_destroy(t);
}

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

static void print_worker(const struct render *r, const json_t *w)
{
	double busy = jsonx_number(w, "busy_cycles", 0), idle = jsonx_number(w, "idle_cycles", 0);
	int64_t iterations = jsonx_int(w, "iterations", 0);
	int64_t busy_iterations = jsonx_int(w, "busy_iterations", 0);
	char text[32];

	fprintf(r->out, "worker %s", render_member(w, "worker", text, sizeof(text)));
	if (json_is_integer(json_object_get(w, "cpu")))
		fprintf(r->out, " on cpu %s", render_member(w, "cpu", text, sizeof(text)));
	fprintf(r->out, ", %.2f GHz:\n", jsonx_number(w, "tsc_hz", 0) / 1e9);
	fprintf(r->out, "  Iterations:  %15" PRId64 "  (%.1f %% busy)\n", iterations,
		percent((double)busy_iterations, (double)iterations));
	fprintf(r->out, "  Busy cycles: %15.0f  (%.1f %% of those awake)\n", busy,
		percent(busy, busy + idle));
	fprintf(r->out, "  Idle cycles: %15.0f\n", idle);
	fprintf(r->out, "  Duty:        %15.1f %%\n", jsonx_number(w, "duty_percent", 0));
	fprintf(r->out, "  Rx packets:  %15" PRId64 "  (%.1f busy cycles each)\n",
		jsonx_int(w, "rx_packets", 0), jsonx_number(w, "cycles_per_packet", 0));
	fprintf(r->out, "  Rx bursts:   %15" PRId64 "  (%.1f packets each)\n",
		jsonx_int(w, "rx_bursts", 0), jsonx_number(w, "packets_per_burst", 0));
	fprintf(r->out, "  Tx packets:  %15" PRId64 "\n", jsonx_int(w, "tx_packets", 0));
	fprintf(r->out, "  Sleeps:      %15" PRId64 "  (%.3f s asleep, woken %" PRId64 " times)\n",
		jsonx_int(w, "sleeps", 0), jsonx_number(w, "sleep_ns", 0) / 1e9,
		jsonx_int(w, "wakeups", 0));
}

void render_workers(const struct render *r, const json_t *result)
{
	json_t *worker;
	size_t i;

	json_array_foreach (result, i, worker)
		print_worker(r, worker);
}
