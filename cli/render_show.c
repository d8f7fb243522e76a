/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/render.h"

#include <inttypes.h>
#include <string.h>

#include "cli/table.h"
#include "common/jsonx.h"
#include "common/units.h"

/*
 * The tree of bridges, ports and guests, and the list of guests: what exists and how it fares.
 */

/* "    key: value", left out when there is no value. */
static void line(const struct render *r, int depth, const char *key, const char *value)
{
	if (value && *value)
		fprintf(r->out, "%*s%s: %s\n", depth * 4, "", key, value);
}

/* A port of a bridge, or an uplink, which is a port on none. */
static void show_port(const struct render *r, const json_t *port, int depth, const char *noun)
{
	const char *mode = jsonx_string(port, "mode", "");
	const char *waiting = jsonx_string(port, "waiting_for", ""), *key;
	json_t *value;
	char text[512];

	fprintf(r->out, "%*s%s %s\n", depth * 4 - 4, "", noun, jsonx_string(port, "name", "?"));
	line(r, depth, "kind", jsonx_string(port, "kind", ""));
	snprintf(text, sizeof(text), "%s%s%s%s", jsonx_string(port, "socket", ""),
		 *mode ? " (" : "", mode, *mode ? ")" : "");
	line(r, depth, "socket", json_object_get(port, "socket") ? text : "");
	line(r, depth, "interface", jsonx_string(port, "interface", ""));
	snprintf(text, sizeof(text), "%s%s%s", jsonx_string(port, "state", ""),
		 *waiting ? ", waiting for " : "", waiting);
	line(r, depth, "state", text);
	line(r, depth, "error", jsonx_string(port, "error", ""));
	json_object_foreach (json_object_get(port, "member"), key, value)
		line(r, depth, key,
		     render_member(json_object_get(port, "member"), key, text, sizeof(text)));
}

static void show_bridge(const struct render *r, const json_t *bridge)
{
	json_t *port;
	size_t i;

	fprintf(r->out, "%*sBridge %s\n", 4, "", jsonx_string(bridge, "name", "?"));
	line(r, 2, "address", jsonx_string(bridge, "address", ""));
	line(r, 2, "vlan-filtering", jsonx_string(bridge, "vlan-filtering", ""));
	json_array_foreach (json_object_get(bridge, "ports"), i, port)
		show_port(r, port, 3, "Port");
}

/* "kvm", "tcg: why not kvm" */
static const char *accel_text(const json_t *guest, char *text, size_t size)
{
	const char *reason = jsonx_string(guest, "accel_reason", "");

	snprintf(text, size, "%s%s%s", jsonx_string(guest, "accel", ""), *reason ? ": " : "",
		 reason);
	return text;
}

/* "qemu: why not weft-vmm" */
static const char *engine_text(const json_t *guest, char *text, size_t size)
{
	const char *reason = jsonx_string(guest, "engine_reason", "");

	snprintf(text, size, "%s%s%s", jsonx_string(guest, "engine", ""), *reason ? ": " : "",
		 reason);
	return text;
}

static void show_guest(const struct render *r, const json_t *guest)
{
	char text[512];
	json_t *nic;
	size_t i;

	fprintf(r->out, "%*sGuest %s\n", 4, "", jsonx_string(guest, "name", "?"));
	line(r, 2, "state", jsonx_string(guest, "state", ""));
	line(r, 2, "engine", engine_text(guest, text, sizeof(text)));
	line(r, 2, "accel", accel_text(guest, text, sizeof(text)));
	line(r, 2, "ended", jsonx_string(guest, "exit_reason", ""));
	json_array_foreach (json_object_get(guest, "nics"), i, nic) {
		const char *address = jsonx_string(nic, "address", "");

		fprintf(r->out, "%*sNic %s\n", 8, "", jsonx_string(nic, "port", "?"));
		line(r, 3, "kind", jsonx_string(nic, "kind", ""));
		line(r, 3, "mac", jsonx_string(nic, "mac", ""));
		line(r, 3, "address", address);
	}
}

void render_show(const struct render *r, const json_t *result)
{
	const char *yaml = jsonx_string(result, "yaml", NULL);
	json_t *entry;
	size_t i;

	if (yaml) {
		fputs(yaml, r->out);
		return;
	}
	fprintf(r->out, "weft %s\n", jsonx_string(result, "version", "?"));
	line(r, 1, "config", jsonx_string(result, "config", ""));
	json_array_foreach (json_object_get(result, "bridges"), i, entry)
		show_bridge(r, entry);
	json_array_foreach (json_object_get(result, "uplinks"), i, entry)
		show_port(r, entry, 2, "Uplink");
	json_array_foreach (json_object_get(result, "guests"), i, entry)
		show_guest(r, entry);
}

static void cell_size(struct table *t, const json_t *guest, const char *key)
{
	const json_t *memory = json_object_get(guest, key);
	char text[32];

	if (json_is_integer(memory))
		table_cell(t, "%s",
			   units_format_size((uint64_t)json_integer_value(memory), text,
					     sizeof(text)));
	else
		table_cell(t, "%s", jsonx_string(guest, key, ""));
}

static void cell_addresses(struct table *t, const json_t *guest)
{
	char text[256] = "";
	size_t len = 0, i;
	json_t *nic;

	json_array_foreach (json_object_get(guest, "nics"), i, nic) {
		const char *address = jsonx_string(nic, "address", "");

		if (*address && len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
						len ? "," : "", address);
	}
	table_cell(t, "%s", text);
}

/* Why guests run slowly: a line for each reason, however many guests it is true for. */
static void explain_accel(const struct render *r, const json_t *guests)
{
	char text[512];
	json_t *guest;
	size_t i, k;

	json_array_foreach (guests, i, guest) {
		const char *reason = jsonx_string(guest, "accel_reason", "");

		for (k = 0; k < i; k++)
			if (strcmp(reason, jsonx_string(json_array_get(guests, k), "accel_reason",
							"")) == 0)
				break;
		if (*reason && k == i)
			fprintf(r->out, "%s\n", accel_text(guest, text, sizeof(text)));
	}
}

void render_guests(const struct render *r, const json_t *result)
{
	static const struct table_column columns[] = {
		{"NAME", false},  {"STATE", false},   {"ENGINE", false},  {"ACCEL", false},
		{"PID", true},	  {"UPTIME", true},   {"RESTARTS", true}, {"VCPUS", true},
		{"MEMORY", true}, {"RESIDENT", true}, {"AGENT", false},	  {"ADDRESS", false},
		{"NOTE", false},
	};
	struct table *t = table_create(columns, ARRAY_SIZE(columns));
	char text[256];
	json_t *guest;
	size_t i;

	json_array_foreach (result, i, guest) {
		const json_t *uptime = json_object_get(guest, "uptime_s");

		table_cell(t, "%s", jsonx_string(guest, "name", ""));
		table_cell(t, "%s", jsonx_string(guest, "state", ""));
		table_cell(t, "%s", jsonx_string(guest, "engine", ""));
		table_cell(t, "%s", jsonx_string(guest, "accel", ""));
		table_cell(t, "%s", render_member(guest, "pid", text, sizeof(text)));
		table_cell(t, "%s",
			   json_is_number(uptime)
				   ? render_uptime(json_number_value(uptime), text, sizeof(text))
				   : "");
		table_cell(t, "%s", render_member(guest, "restarts", text, sizeof(text)));
		table_cell(t, "%s", render_member(guest, "vcpus", text, sizeof(text)));
		cell_size(t, guest, "memory");
		cell_size(t, guest, "resident");
		table_cell(t, "%s", jsonx_string(guest, "agent", ""));
		cell_addresses(t, guest);
		table_cell(t, "%s", jsonx_string(guest, "exit_reason", ""));
	}
	table_print(t, r->heading, r->out);
	table_destroy(t);
	if (r->heading)
		explain_accel(r, result);
}
