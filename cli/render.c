/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/render.h"

#include <inttypes.h>
#include <string.h>

#include "cli/table.h"
#include "common/jsonx.h"
#include "common/util.h"

char *render_uptime(double seconds, char *text, size_t size)
{
	uint64_t s = seconds > 0 ? (uint64_t)seconds : 0;

	if (s >= 86400)
		snprintf(text, size, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		snprintf(text, size, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(text, size, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else
		snprintf(text, size, "%" PRIu64 "s", s);
	return text;
}

const char *render_member(const json_t *object, const char *key, char *text, size_t size)
{
	const json_t *value = json_object_get(object, key);

	*text = '\0';
	if (json_is_string(value))
		snprintf(text, size, "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(text, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		snprintf(text, size, "%.1f", json_real_value(value));
	else if (json_is_boolean(value))
		snprintf(text, size, "%s", json_is_true(value) ? "yes" : "no");
	return text;
}

int64_t render_counters(const json_t *counters, char *text, size_t size)
{
	int64_t sum = 0;
	size_t len = 0;
	const char *name;
	json_t *value;

	*text = '\0';
	json_object_foreach ((json_t *)counters, name, value) {
		int64_t n = json_is_integer(value) ? json_integer_value(value) : 0;

		if (!n)
			continue;
		sum += n;
		if (len < size)
			len += (size_t)snprintf(text + len, size - len, "%s%s %" PRId64,
						len ? ", " : "", name, n);
	}
	return sum;
}

void render_json(FILE *out, const json_t *result)
{
	json_dumpf(result, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);
	fputc('\n', out);
}

static void print_change(const struct render *r, const json_t *change)
{
	static const struct {
		const char *op, *sign;
	} signs[] = {{"add", "+"}, {"remove", "-"}, {"update", "~"}};
	const char *op = jsonx_string(change, "op", ""), *sign = ">";
	const char *name = jsonx_string(change, "name", "");
	const char *detail = jsonx_string(change, "detail", "");
	const char *disrupts = jsonx_string(change, "disrupts", "");

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (strcmp(signs[i].op, op) == 0)
			sign = signs[i].sign;
	fprintf(r->out, "%s %s%s%s%s%s", sign, jsonx_string(change, "object", "?"),
		*name ? " " : "", name, *detail ? ": " : "", detail);
	if (jsonx_bool(change, "disruptive"))
		fprintf(r->out, "  ! %s", *disrupts ? disrupts : "disturbs traffic");
	if (jsonx_bool(change, "needs_restart"))
		fprintf(r->out, "  (when weftd starts again)");
	fputc('\n', r->out);
}

static unsigned count_true(const json_t *changes, const char *key)
{
	unsigned n = 0;
	json_t *change;
	size_t i;

	json_array_foreach (changes, i, change)
		n += jsonx_bool(change, key);
	return n;
}

void render_changes(const struct render *r, const json_t *result)
{
	const json_t *changes = json_object_get(result, "changes");
	const json_t *failed = json_object_get(result, "failed");
	size_t n = json_array_size(changes), i;
	json_t *entry;

	json_array_foreach (changes, i, entry)
		print_change(r, entry);
	json_array_foreach (failed, i, entry)
		fprintf(r->out, "failed: %s: %s\n", jsonx_string(entry, "name", "?"),
			jsonx_string(entry, "error", "no reason given"));
	if (!n) {
		fprintf(r->out, "nothing to do\n");
		return;
	}
	fprintf(r->out, "%zu change%s%s", n, n == 1 ? "" : "s",
		jsonx_bool(result, "applied") ? " applied" : " planned");
	if (count_true(changes, "disruptive"))
		fprintf(r->out, ", %u disruptive", count_true(changes, "disruptive"));
	if (count_true(changes, "needs_restart"))
		fprintf(r->out, ", %u when weftd starts again",
			count_true(changes, "needs_restart"));
	if (json_array_size(failed))
		fprintf(r->out, ", %zu failed", json_array_size(failed));
	fputc('\n', r->out);
}

static void render_log(const struct render *r, const json_t *result)
{
	static const struct table_column columns[] = {{"MODULE", false}, {"LEVEL", false}};
	struct table *t = table_create(columns, ARRAY_SIZE(columns));
	json_t *entry;
	size_t i;

	json_array_foreach (result, i, entry) {
		table_cell(t, "%s", jsonx_string(entry, "module", ""));
		table_cell(t, "%s", jsonx_string(entry, "level", ""));
	}
	table_print(t, r->heading, r->out);
	table_destroy(t);
}

static void render_version(const struct render *r, const json_t *result)
{
	char uptime[32];

	fprintf(r->out, "weftd %s\n", jsonx_string(result, "version", "?"));
	fprintf(r->out, "dpdk %s\n", jsonx_string(result, "dpdk", "?"));
	fprintf(r->out, "pid %" PRId64 ", up %s\n", jsonx_int(result, "pid", 0),
		render_uptime(jsonx_number(result, "uptime_s", 0), uptime, sizeof(uptime)));
}

static void render_lines(const struct render *r, const json_t *result)
{
	fputs(jsonx_string(result, "text", ""), r->out);
}

static void render_state(const struct render *r, const json_t *result)
{
	fprintf(r->out, "%s: %s\n", jsonx_string(result, "name", "?"),
		jsonx_string(result, "state", "?"));
}

static void render_nothing(const struct render *r, const json_t *result)
{
}

/* What has no form of its own: values one a line, members as "key: value". */
static void render_plain(const struct render *r, const json_t *result)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_string(result)) {
		fprintf(r->out, "%s\n", json_string_value(result));
	} else if (json_is_array(result)) {
		json_array_foreach (result, i, value)
			render_plain(r, value);
	} else if (json_is_object(result)) {
		json_object_foreach ((json_t *)result, key, value) {
			fprintf(r->out, "%s: ", key);
			render_plain(r, value);
		}
	} else if (!json_is_null(result)) {
		render_json(r->out, result);
	}
}

static const struct {
	const char *verb;
	void (*render)(const struct render *r, const json_t *result);
} renderers[] = {
	{"show", render_show},
	{"br-exists", render_nothing},
	{"plan", render_changes},
	{"fdb/show", render_fdb},
	{"fdb/stats-show", render_fdb_stats},
	{"mdb/show", render_mdb},
	{"vlan/show", render_vlans},
	{"port/show", render_ports},
	{"stats/show", render_stats},
	{"ring/show", render_rings},
	{"nat/show", render_nat},
	{"nat/sessions", render_sessions},
	{"nat/list-forwards", render_forwards},
	{"neigh/show", render_neighbours},
	{"route/show", render_routes},
	{"trace", render_trace},
	{"pmd-perf-show", render_workers},
	{"dhcp/show", render_dhcp},
	{"dhcp/leases", render_leases},
	{"guest/list", render_guests},
	{"guest/start", render_state},
	{"guest/stop", render_state},
	{"guest/restart", render_state},
	{"log/list", render_log},
	{"log/tail", render_lines},
	{"version", render_version},
};

void render_text(const struct render *r, const struct command_spec *spec, const json_t *result)
{
	if (json_object_get(result, "changes")) {
		render_changes(r, result);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(renderers); i++) {
		if (strcmp(renderers[i].verb, spec->name) == 0) {
			renderers[i].render(r, result);
			return;
		}
	}
	render_plain(r, result);
}
