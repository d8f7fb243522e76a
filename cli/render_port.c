/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/render.h"

#include <inttypes.h>
#include <string.h>

#include "common/jsonx.h"
#include "common/util.h"

/*
 * port/show: all that weftd knows about a port, a block a port. Offloads and rings are lists of
 * names, so that what a later weftd adds shows without a change here.
 */

static void line(const struct render *r, const char *key, const char *value)
{
	if (*value)
		fprintf(r->out, "    %s: %s\n", key, value);
}

static void member(const struct render *r, const json_t *object, const char *key)
{
	char text[512];

	line(r, key, render_member(object, key, text, sizeof(text)));
}

static void append(char *text, size_t size, const char *word, const char *value)
{
	size_t len = strlen(text);

	snprintf(text + len, size - len, "%s%s%s%s", len ? " " : "", word, value ? " " : "",
		 value ? value : "");
}

static void show_features(const struct render *r, const json_t *features)
{
	char text[1024] = "";
	json_t *feature;
	size_t i;

	json_array_foreach (features, i, feature)
		if (json_is_string(feature))
			append(text, sizeof(text), json_string_value(feature), NULL);
	line(r, "features", text);
}

/* The names of what is on; offloads of both directions may be told apart by nested objects. */
static void append_enabled(char *text, size_t size, const json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)object, name, value) {
		if (json_is_true(value))
			append(text, size, name, NULL);
		else if (json_is_object(value)) {
			size_t len = strlen(text);

			snprintf(text + len, size - len, "%s%s:", len ? ", " : "", name);
			append_enabled(text, size, value);
		}
	}
}

/* Of a port without a frontend, whose own they are. */
static void show_offloads(const struct render *r, const json_t *offloads)
{
	const char *name, *comma = " ";
	json_t *on;

	if (!json_is_object(offloads))
		return;
	fputs("    offloads:", r->out);
	json_object_foreach ((json_t *)offloads, name, on)
		if (json_is_true(on)) {
			fprintf(r->out, "%s%s", comma, name);
			comma = ", ";
		}
	fputs(*comma == ' ' ? " none\n" : "\n", r->out);
}

static void show_frontend(const struct render *r, const json_t *frontend)
{
	char text[512] = "";

	if (!json_is_object(frontend))
		return;
	show_features(r, json_object_get(frontend, "features"));
	append_enabled(text, sizeof(text), json_object_get(frontend, "offloads"));
	line(r, "offloads", *text ? text : "none");
	member(r, frontend, "mtu");
}

/* "0 guest-to-switch: split, size 256, event_idx, posted 12": what is on, and what counts. */
static void show_ring(const struct render *r, const json_t *ring)
{
	static const char *const named[] = {"index", "direction", "kind"};
	const char *key;
	json_t *value;
	char text[64];

	fprintf(r->out, "    ring %" PRId64 " %s: %s", jsonx_int(ring, "index", 0),
		jsonx_string(ring, "direction", "?"), jsonx_string(ring, "kind", "?"));
	json_object_foreach ((json_t *)ring, key, value) {
		bool skip = json_is_false(value) || json_is_null(value);

		for (size_t i = 0; i < ARRAY_SIZE(named); i++)
			skip |= strcmp(named[i], key) == 0;
		if (skip)
			continue;
		fprintf(r->out, ", %s", key);
		if (!json_is_true(value))
			fprintf(r->out, " %s", render_member(ring, key, text, sizeof(text)));
	}
	fputc('\n', r->out);
}

/* "queue 1: up, worker 0, received 12 packets, 720 bytes". */
static void show_queue(const struct render *r, const json_t *queue)
{
	const json_t *worker = json_object_get(queue, "worker");

	fprintf(r->out, "    queue %" PRId64 ": %s", jsonx_int(queue, "index", 0),
		jsonx_string(queue, "state", "?"));
	if (worker)
		fprintf(r->out, ", worker %" PRId64, (int64_t)json_integer_value(worker));
	fprintf(r->out, ", received %" PRId64 " packets, %" PRId64 " bytes\n",
		jsonx_int(queue, "rx_packets", 0), jsonx_int(queue, "rx_bytes", 0));
}

static void show_counters(const struct render *r, const json_t *stats)
{
	char reasons[512];
	int64_t drops = render_counters(json_object_get(stats, "drops"), reasons, sizeof(reasons));

	if (!json_is_object(stats))
		return;
	fprintf(r->out, "    rx: %" PRId64 " packets, %" PRId64 " bytes\n",
		jsonx_int(stats, "rx_packets", 0), jsonx_int(stats, "rx_bytes", 0));
	fprintf(r->out, "    tx: %" PRId64 " packets, %" PRId64 " bytes\n",
		jsonx_int(stats, "tx_packets", 0), jsonx_int(stats, "tx_bytes", 0));
	fprintf(r->out, "    punted: %" PRId64 ", copies: %" PRId64 "\n",
		jsonx_int(stats, "punted", 0), jsonx_int(stats, "copies", 0));
	fprintf(r->out, "    drops: %" PRId64 "%s%s%s\n", drops, drops ? " (" : "", reasons,
		drops ? ")" : "");
}

/* "rate_in_bps 100000000, anti_spoof 52:54:.. with 10.10.0.7" */
static void show_policy(const struct render *r, const json_t *policy)
{
	const char *key;
	json_t *value, *binding;
	char text[64];
	size_t i;

	json_object_foreach ((json_t *)policy, key, value) {
		if (!json_is_object(value)) {
			line(r, key, render_member(policy, key, text, sizeof(text)));
			continue;
		}
		fprintf(r->out, "    %s: %s", key, jsonx_string(value, "mac", "?"));
		json_array_foreach (json_object_get(value, "bindings"), i, binding)
			fprintf(r->out, "%s %s", i ? "," : " with",
				jsonx_string(binding, "address", "?"));
		fputc('\n', r->out);
	}
}

static void show_port(const struct render *r, const json_t *port)
{
	static const char *const keys[] = {
		"bridge",  "kind",	   "socket", "mode", "device",	 "driver", "interface",
		"address", "host-address", "mtu",    "mac",  "nftables", "state",  "error"};
	const char *waiting = jsonx_string(port, "waiting_for", ""), *key;
	json_t *ring, *queue, *value;
	size_t i;

	fprintf(r->out, "Port %s\n", jsonx_string(port, "name", "?"));
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		member(r, port, keys[i]);
	line(r, "waiting for", waiting);
	json_object_foreach (json_object_get(port, "member"), key, value)
		member(r, json_object_get(port, "member"), key);
	json_object_foreach (json_object_get(port, "nic"), key, value)
		member(r, json_object_get(port, "nic"), key);
	show_offloads(r, json_object_get(port, "offloads"));
	show_frontend(r, json_object_get(port, "frontend"));
	json_array_foreach (json_object_get(port, "queues"), i, queue)
		show_queue(r, queue);
	json_array_foreach (json_object_get(port, "rings"), i, ring)
		show_ring(r, ring);
	show_policy(r, json_object_get(port, "policy"));
	show_counters(r, json_object_get(port, "stats"));
}

void render_ports(const struct render *r, const json_t *result)
{
	json_t *port;
	size_t i;

	json_array_foreach (result, i, port)
		show_port(r, port);
}
