/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/render.h"

#include <inttypes.h>

#include "cli/table.h"
#include "common/jsonx.h"

/* Gateways, translation, neighbours and routes. */

#define LISTED_MAX 20 /* guests of a bridge, addresses of an uplink */

static void print_refused(const struct render *r, const json_t *o, const char *key,
			  const char *title)
{
	char text[512];

	if (render_counters(json_object_get(o, key), text, sizeof(text)))
		fprintf(r->out, "%s: %s\n", title, text);
}

static void print_packets(const struct render *r, const json_t *o)
{
	char text[512];

	if (render_counters(json_object_get(o, "packets"), text, sizeof(text)))
		fprintf(r->out, "    packets: %s\n", text);
}

static void print_guests(const struct render *r, const json_t *guests)
{
	static const struct table_column columns[] = {{"    Guest", false},
						      {"Sessions", true},
						      {"UDP-ports", true},
						      {"TCP-ports", true},
						      {"ICMP-ids", true}};
	static const char *const keys[] = {"sessions", "udp_ports", "tcp_ports", "icmp_ids"};
	struct table *t = table_create(columns, ARRAY_SIZE(columns));
	char text[64];
	json_t *guest;
	size_t i;

	json_array_foreach (guests, i, guest) {
		if (i == LISTED_MAX)
			break;
		table_cell(t, "    %s", jsonx_string(guest, "address", "?"));
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			table_cell(t, "%s", render_member(guest, keys[k], text, sizeof(text)));
	}
	if (json_array_size(guests))
		table_print(t, r->heading, r->out);
	if (json_array_size(guests) > LISTED_MAX)
		fprintf(r->out, "    and %zu more\n", json_array_size(guests) - LISTED_MAX);
	table_destroy(t);
}

static void print_bridge(const struct render *r, const json_t *b)
{
	const char *uplink = jsonx_string(b, "uplink", "");

	fprintf(r->out, "Bridge %s\n    forward: %s%s%s\n", jsonx_string(b, "bridge", "?"),
		jsonx_string(b, "forward", "?"), *uplink ? ", uplink " : "", uplink);
	fprintf(r->out, "    sessions: %" PRId64, jsonx_int(b, "sessions", 0));
	if (json_object_get(b, "sessions_max"))
		fprintf(r->out, " of %" PRId64, jsonx_int(b, "sessions_max", 0));
	fputc('\n', r->out);
	if (json_object_get(b, "sessions6"))
		fprintf(r->out, "    IPv6 sessions: %" PRId64 "\n", jsonx_int(b, "sessions6", 0));
	print_refused(r, b, "refused", "    refused");
	print_refused(r, b, "refused6", "    IPv6 refused");
	print_packets(r, b);
	print_guests(r, json_object_get(b, "guests"));
}

static void print_uplink(const struct render *r, const json_t *u)
{
	const char *waiting = jsonx_string(u, "waiting_for", ""), *name;
	const char *gateway = jsonx_string(u, "gateway", "");
	json_t *ports, *external;
	size_t i;

	fprintf(r->out, "Uplink %s\n    kind: %s\n    state: %s%s%s\n",
		jsonx_string(u, "uplink", "?"), jsonx_string(u, "kind", "?"),
		jsonx_string(u, "state", "?"), *waiting ? ", waiting for " : "", waiting);
	fprintf(r->out, "    address: %s%s%s\n", jsonx_string(u, "address", "none"),
		*gateway ? ", gateway " : "", gateway);
	fprintf(r->out, "    external:");
	json_array_foreach (json_object_get(u, "externals"), i, external)
		if (i < LISTED_MAX)
			fprintf(r->out, " %s", json_string_value(external));
	if (i > LISTED_MAX)
		fprintf(r->out, " and %zu more", i - LISTED_MAX);
	fputc('\n', r->out);
	json_object_foreach (json_object_get(u, "ports"), name, ports)
		fprintf(r->out, "    %s ports: %" PRId64 " of %" PRId64 "\n", name,
			jsonx_int(ports, "used", 0), jsonx_int(ports, "of", 0));
	print_packets(r, u);
}

void render_nat(const struct render *r, const json_t *result)
{
	json_t *entry;
	size_t i;

	fprintf(r->out,
		"sessions: %" PRId64 " of %" PRId64 ", mappings: %" PRId64 ", memory: %" PRId64
		" KiB\n",
		jsonx_int(result, "sessions", 0), jsonx_int(result, "sessions_max", 0),
		jsonx_int(result, "mappings", 0), jsonx_int(result, "memory_bytes", 0) / 1024);
	fprintf(r->out, "opened: %" PRId64 ", expired: %" PRId64 ", flushed: %" PRId64 "\n",
		jsonx_int(result, "opened", 0), jsonx_int(result, "expired", 0),
		jsonx_int(result, "flushed", 0));
	print_refused(r, result, "refused", "refused");
	json_array_foreach (json_object_get(result, "bridges"), i, entry)
		print_bridge(r, entry);
	json_array_foreach (json_object_get(result, "uplinks"), i, entry)
		print_uplink(r, entry);
}

/* A table of an array of objects: one column a key. */
static void print_members(const struct render *r, const json_t *list,
			  const struct table_column *columns, const char *const *keys, unsigned n)
{
	struct table *t = table_create(columns, n);
	char text[128];
	json_t *entry;
	size_t i;

	json_array_foreach (list, i, entry)
		for (unsigned k = 0; k < n; k++)
			table_cell(t, "%s", render_member(entry, keys[k], text, sizeof(text)));
	table_print(t, r->heading, r->out);
	table_destroy(t);
}

void render_sessions(const struct render *r, const json_t *result)
{
	static const struct table_column columns[] = {
		{"Bridge", false}, {"Proto", false}, {"Guest", false}, {"External", false},
		{"Remote", false}, {"State", false}, {"Age", true},    {"Expires", true}};
	static const char *const keys[] = {"bridge", "proto", "guest", "external",
					   "remote", "state", "age_s", "expires_s"};

	print_members(r, result, columns, keys, ARRAY_SIZE(keys));
}

void render_forwards(const struct render *r, const json_t *result)
{
	static const struct table_column columns[] = {
		{"Bridge", false}, {"Uplink", false}, {"Proto", false},	 {"Ports", true},
		{"To", false},	   {"Target", false}, {"Address", false}};
	static const char *const keys[] = {"bridge", "uplink", "proto",	 "ports",
					   "to",     "target", "address"};

	print_members(r, result, columns, keys, ARRAY_SIZE(keys));
}

void render_neighbours(const struct render *r, const json_t *result)
{
	static const struct table_column columns[] = {{"Interface", false}, {"Address", false},
						      {"MAC", false},	    {"State", false},
						      {"Heard", true},	    {"Used", true}};
	static const char *const keys[] = {"interface", "address", "mac",
					   "state",	"heard_s", "used_s"};

	print_members(r, result, columns, keys, ARRAY_SIZE(keys));
}

void render_routes(const struct render *r, const json_t *result)
{
	static const struct table_column columns[] = {{"To", false},
						      {"Interface", false},
						      {"Kind", false},
						      {"Next", false},
						      {"From", false}};
	static const char *const keys[] = {"to", "interface", "kind", "next", "from"};

	print_members(r, result, columns, keys, ARRAY_SIZE(keys));
}
