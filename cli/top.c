/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/render.h"
#include "common/clock.h"
#include "common/jsonx.h"
#include "common/rpc.h"

#define REFRESH_MS 1000
#define ANSI_CLEAR "\033[H\033[J"

/* --- rates -------------------------------------------------------------------------------------
 */

/* A counter that was cleared, or whose port is new, has no rate yet. */
static double rate(const json_t *before, const json_t *after, const char *key, double seconds)
{
	double delta = jsonx_number(after, key, 0) - jsonx_number(before, key, 0);

	return before && delta > 0 && seconds > 0 ? delta / seconds : 0;
}

static int64_t drops_of(const json_t *stats)
{
	char text[8];

	return render_counters(json_object_get(stats, "drops"), text, sizeof(text));
}

static const json_t *entry_lookup(const json_t *list, const char *key, const json_t *value)
{
	json_t *entry;
	size_t i;

	json_array_foreach (list, i, entry)
		if (json_equal(json_object_get(entry, key), value))
			return entry;
	return NULL;
}

/* The part of a port's ring that the guest has posted, in percent; null without a ring. */
static json_t *ring_percent(const json_t *port, const char *direction)
{
	json_t *ring;
	size_t i;

	json_array_foreach (json_object_get(port, "rings"), i, ring) {
		double size = jsonx_number(ring, "size", 0);

		if (strcmp(jsonx_string(ring, "direction", ""), direction) == 0 && size > 0)
			return json_real(100 * jsonx_number(ring, "posted", 0) / size);
	}
	return json_null();
}

static json_t *port_rates(const json_t *before, const json_t *port, double seconds)
{
	const json_t *old = json_object_get(before, "stats");
	const json_t *now = json_object_get(port, "stats");
	double drops = old ? (double)(drops_of(now) - drops_of(old)) / seconds : 0;

	return json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "port",
			 jsonx_string(port, "name", "?"), "state", jsonx_string(port, "state", "?"),
			 "rx_pps", rate(old, now, "rx_packets", seconds), "rx_bps",
			 8 * rate(old, now, "rx_bytes", seconds), "tx_pps",
			 rate(old, now, "tx_packets", seconds), "tx_bps",
			 8 * rate(old, now, "tx_bytes", seconds), "drops_ps", drops > 0 ? drops : 0,
			 "from_guest_percent", ring_percent(port, "from_guest"), "to_guest_percent",
			 ring_percent(port, "to_guest"));
}

static json_t *worker_rates(const json_t *before, const json_t *w, double seconds)
{
	double hz = jsonx_number(w, "tsc_hz", 1);
	double busy = rate(before, w, "busy_cycles", seconds) / hz;
	double idle = rate(before, w, "idle_cycles", seconds) / hz;
	double pps = rate(before, w, "rx_packets", seconds);

	return json_pack("{s:O, s:f, s:f, s:f, s:f}", "worker", json_object_get(w, "worker"),
			 "busy_percent", 100 * busy, "idle_percent", 100 * idle, "rx_pps", pps,
			 "cycles_per_packet", pps > 0 ? busy * hz / pps : 0);
}

static int by_packets(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	double px = jsonx_number(x, "rx_pps", 0) + jsonx_number(x, "tx_pps", 0);
	double py = jsonx_number(y, "rx_pps", 0) + jsonx_number(y, "tx_pps", 0);

	if (px != py)
		return px < py ? 1 : -1;
	return strcmp(jsonx_string(x, "port", ""), jsonx_string(y, "port", ""));
}

/* Takes the entries of `list` over. */
static json_t *sorted(json_t *list)
{
	size_t n = json_array_size(list);
	json_t **entries = calloc(n + 1, sizeof(*entries)), *result = json_array();

	for (size_t i = 0; entries && i < n; i++)
		entries[i] = json_array_get(list, i);
	if (entries)
		qsort(entries, n, sizeof(*entries), by_packets);
	for (size_t i = 0; entries && i < n; i++)
		json_array_append(result, entries[i]);
	free(entries);
	json_decref(list);
	return result;
}

json_t *top_rates(const json_t *before, const json_t *after, double seconds)
{
	json_t *ports = json_array(), *workers = json_array(), *entry;
	const json_t *old;
	size_t i;

	json_array_foreach (json_object_get(after, "ports"), i, entry) {
		old = entry_lookup(json_object_get(before, "ports"), "name",
				   json_object_get(entry, "name"));
		json_array_append_new(ports, port_rates(old, entry, seconds));
	}
	json_array_foreach (json_object_get(after, "workers"), i, entry) {
		old = entry_lookup(json_object_get(before, "workers"), "worker",
				   json_object_get(entry, "worker"));
		json_array_append_new(workers, worker_rates(old, entry, seconds));
	}
	return json_pack("{s:o, s:o}", "ports", sorted(ports), "workers", workers);
}

/* --- the table ---------------------------------------------------------------------------------
 */

/* "950", "12.3k", "4.56M": three digits. Returns `text`. */
static const char *short_number(double n, char text[16])
{
	static const char *const units[] = {"", "k", "M", "G", "T"};
	size_t unit = 0;

	for (; n >= 999.5 && unit + 1 < ARRAY_SIZE(units); unit++)
		n /= 1000;
	snprintf(text, 16, "%.*f%s",
		 unit == 0 || n >= 99.95 ? 0
		 : n >= 9.995		 ? 1
					 : 2,
		 n, units[unit]);
	return text;
}

static void print_number(const json_t *entry, const char *key, int width, FILE *out)
{
	const json_t *value = json_object_get(entry, key);
	char text[16];

	fprintf(out, " %*s", width,
		json_is_number(value) ? short_number(json_number_value(value), text) : "-");
}

void top_print(const json_t *rates, FILE *out)
{
	static const struct {
		const char *key, *heading;
		int width;
	} columns[] = {
		{"rx_pps", "RX-PPS", 8},	  {"rx_bps", "RX-BIT/S", 8},
		{"tx_pps", "TX-PPS", 8},	  {"tx_bps", "TX-BIT/S", 8},
		{"drops_ps", "DROPS/S", 8},	  {"from_guest_percent", "RX-Q%", 6},
		{"to_guest_percent", "TX-Q%", 6},
	};
	json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(rates, "workers"), i, entry) {
		char pps[16];

		fprintf(out,
			"worker %d: busy %.1f %%, idle %.1f %%, %s packets/s, %.0f cycles each\n",
			(int)jsonx_int(entry, "worker", 0), jsonx_number(entry, "busy_percent", 0),
			jsonx_number(entry, "idle_percent", 0),
			short_number(jsonx_number(entry, "rx_pps", 0), pps),
			jsonx_number(entry, "cycles_per_packet", 0));
	}
	fprintf(out, "%-15s", "PORT");
	for (size_t k = 0; k < ARRAY_SIZE(columns); k++)
		fprintf(out, " %*s", columns[k].width, columns[k].heading);
	fputc('\n', out);
	json_array_foreach (json_object_get(rates, "ports"), i, entry) {
		fprintf(out, "%-15s", jsonx_string(entry, "port", "?"));
		for (size_t k = 0; k < ARRAY_SIZE(columns); k++)
			print_number(entry, columns[k].key, columns[k].width, out);
		fputs(strcmp(jsonx_string(entry, "state", ""), "up") == 0 ? "\n" : " down\n", out);
	}
}

/* --- the loop ----------------------------------------------------------------------------------
 */

/* Returns the sample, or NULL with the reason in `e`. */
static json_t *sample(struct rpc *rpc, struct err *e)
{
	json_t *ports = NULL, *workers = NULL;

	if (rpc_call(rpc, "port/show", NULL, COMMAND_TIMEOUT_S * 1000, NULL, NULL, &ports, e) ||
	    rpc_call(rpc, "pmd-perf-show", NULL, COMMAND_TIMEOUT_S * 1000, NULL, NULL, &workers,
		     e)) {
		json_decref(ports);
		return NULL;
	}
	return json_pack("{s:o, s:o}", "ports", ports, "workers", workers);
}

static void show(const struct args *a, const json_t *rates)
{
	bool redraw = !a->options[OPTION_ONCE] && isatty(STDOUT_FILENO);

	if (a->options[OPTION_JSON] && a->options[OPTION_ONCE]) {
		render_json(stdout, rates);
	} else if (a->options[OPTION_JSON]) {
		json_dumpf(rates, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		fputs(redraw ? ANSI_CLEAR : "", stdout);
		top_print(rates, stdout);
	}
	fflush(stdout);
}

/* Returns 0 or -EIO with the reason in `e`. */
static int watch(struct rpc *rpc, const struct args *a, struct err *e)
{
	uint64_t now_ns = clock_now_ns(), then_ns;
	uint64_t end_ns = a->timeout_s > 0 ? now_ns + (uint64_t)(a->timeout_s * 1e9) : UINT64_MAX;
	json_t *before = sample(rpc, e), *after, *rates;

	if (!before)
		return -EIO;
	while (now_ns < end_ns && !ferror(stdout)) {
		then_ns = now_ns;
		usleep(REFRESH_MS * 1000);
		after = sample(rpc, e);
		now_ns = clock_now_ns();
		if (!after) {
			json_decref(before);
			return -EIO;
		}
		rates = top_rates(before, after, (double)(now_ns - then_ns) / 1e9);
		show(a, rates);
		json_decref(rates);
		json_decref(before);
		before = after;
		if (a->options[OPTION_ONCE])
			break;
	}
	json_decref(before);
	return 0;
}

int top_run(const struct args *a, struct err *e)
{
	struct rpc *rpc = rpc_connect(a->socket, e);
	int ret;

	if (!rpc)
		return -ENOTCONN;
	ret = watch(rpc, a, e);
	rpc_close(rpc);
	return ret;
}
