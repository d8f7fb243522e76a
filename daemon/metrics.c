/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_version.h>

#include "common/clock.h"
#include "common/jsonx.h"
#include "common/log.h"
#include "common/version.h"
#include "daemon/dhcp.h"
#include "daemon/http.h"
#include "daemon/metrics_nat.h"

/*
 * The format wants all samples of a metric together, so a table gives each metric and where its
 * value lies, and the objects are walked once for each. Names in labels are those of the
 * configuration, which hold no character that would have to be escaped.
 */

void metrics_heading(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* --- ports -------------------------------------------------------------------------------------
 */

#define PORT_COUNTER(field) offsetof(struct port_stats, field)

static const struct {
	const char *name, *help;
	size_t offset;
} port_counters[] = {
	{"weft_port_receive_packets_total", "Frames taken from the port.",
	 PORT_COUNTER(rx_packets)},
	{"weft_port_receive_bytes_total", "Bytes of frames taken from the port.",
	 PORT_COUNTER(rx_bytes)},
	{"weft_port_transmit_packets_total",
	 "Frames given to the port; a large frame that is cut counts once.",
	 PORT_COUNTER(tx_packets)},
	{"weft_port_transmit_bytes_total", "Bytes of frames given to the port.",
	 PORT_COUNTER(tx_bytes)},
	{"weft_port_transmit_segments_total", "Frames that the port saw, after segmentation.",
	 PORT_COUNTER(tx_segments)},
	{"weft_port_punt_packets_total", "Frames of the port handed to the control thread.",
	 PORT_COUNTER(punted)},
	{"weft_port_flood_copies_total", "Copies beyond the first made by flooding its frames.",
	 PORT_COUNTER(copies)},
};

/* What is asked for more than one metric, once for all of them. */
struct port_snapshot {
	const char *name, *bridge;
	struct port_stats stats;
	struct port_info info;
};

struct snapshot {
	unsigned n;
	struct port_snapshot ports[];
};

static struct snapshot *snapshot_take(struct weftd *d)
{
	struct vswitch_port *p;
	struct snapshot *s;
	unsigned n = 0;

	TAILQ_FOREACH (p, &d->vswitch->ports, link)
		n++;
	s = aligned_alloc(64, (sizeof(*s) + 63 + n * sizeof(s->ports[0])) & ~(size_t)63);
	if (!s)
		return NULL;
	s->n = 0;
	TAILQ_FOREACH (p, &d->vswitch->ports, link) {
		struct port_snapshot *to = &s->ports[s->n++];

		to->name = vswitch_port_name(p);
		to->bridge = vswitch_port_bridge(p);
		port_stats_sum(p->port, &to->stats);
		to->info = vswitch_port_info(p);
	}
	return s;
}

static void put_drops(FILE *f, const struct snapshot *s)
{
	metrics_heading(f, "weft_port_drop_packets_total", "counter", "Frames dropped, by reason.");
	for (unsigned i = 0; i < s->n; i++)
		for (int r = DROP_NONE + 1; r < DROP_N; r++)
			fprintf(f,
				"weft_port_drop_packets_total{port=\"%s\",reason=\"%s\"} "
				"%" PRIu64 "\n",
				s->ports[i].name, drop_reason_name((enum drop_reason)r),
				s->ports[i].stats.drops[r]);
}

static const char *const ring_names[PORT_RINGS] = {"to_guest", "from_guest"};

static uint64_t ring_size(const struct port_snapshot *p, unsigned q)
{
	return p->info.rings[q].size;
}

static uint64_t ring_posted(const struct port_snapshot *p, unsigned q)
{
	return p->info.rings[q].posted;
}

static uint64_t ring_interrupts(const struct port_snapshot *p, unsigned q)
{
	return p->info.rings[q].interrupts;
}

static void put_rings(FILE *f, const struct snapshot *s, const char *name, const char *type,
		      const char *help,
		      uint64_t (*value)(const struct port_snapshot *p, unsigned q))
{
	metrics_heading(f, name, type, help);
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned q = 0; q < PORT_RINGS && s->ports[i].info.has_rings; q++)
			fprintf(f, "%s{port=\"%s\",ring=\"%s\"} %" PRIu64 "\n", name,
				s->ports[i].name, ring_names[q], value(&s->ports[i], q));
}

static void put_ports(FILE *f, const struct snapshot *s)
{
	metrics_heading(f, "weft_port_up", "gauge", "Whether the port carries traffic.");
	for (unsigned i = 0; i < s->n; i++)
		fprintf(f, "weft_port_up{port=\"%s\",bridge=\"%s\"} %d\n", s->ports[i].name,
			s->ports[i].bridge, s->ports[i].info.up);
	metrics_heading(f, "weft_port_sessions_total", "counter",
			"Frontends that came to the port.");
	for (unsigned i = 0; i < s->n; i++)
		fprintf(f, "weft_port_sessions_total{port=\"%s\"} %u\n", s->ports[i].name,
			s->ports[i].info.sessions);
	for (size_t k = 0; k < ARRAY_SIZE(port_counters); k++) {
		metrics_heading(f, port_counters[k].name, "counter", port_counters[k].help);
		for (unsigned i = 0; i < s->n; i++)
			fprintf(f, "%s{port=\"%s\"} %" PRIu64 "\n", port_counters[k].name,
				s->ports[i].name,
				*(const uint64_t *)((const char *)&s->ports[i].stats +
						    port_counters[k].offset));
	}
	put_drops(f, s);
	put_rings(f, s, "weft_port_ring_size", "gauge", "Entries of the virtqueue.", ring_size);
	put_rings(f, s, "weft_port_ring_posted", "gauge",
		  "Buffers that the guest posted and weft has not taken.", ring_posted);
	put_rings(f, s, "weft_port_ring_interrupts_total", "counter", "Interrupts to the guest.",
		  ring_interrupts);
}

/* --- bridges and workers -----------------------------------------------------------------------
 */

static const struct {
	const char *name, *type, *help;
	size_t offset, size;
} fdb_values[] = {
	{"weft_bridge_fdb_entries", "gauge", "Stations in the forwarding database.",
	 offsetof(struct fdb, entries), 4},
	{"weft_bridge_fdb_limit", "gauge", "Stations that are learned at most.",
	 offsetof(struct fdb, limit), 4},
	{"weft_bridge_fdb_learned_total", "counter", "Stations learned.",
	 offsetof(struct fdb, learned), 8},
	{"weft_bridge_fdb_moved_total", "counter", "Stations that came to another port.",
	 offsetof(struct fdb, moved), 8},
	{"weft_bridge_fdb_aged_total", "counter", "Stations forgotten by age.",
	 offsetof(struct fdb, aged), 8},
	{"weft_bridge_fdb_full_total", "counter",
	 "Addresses not learned because the table was at its limit.", offsetof(struct fdb, full),
	 8},
};

static void put_bridges(FILE *f, struct weftd *d)
{
	struct vswitch_bridge *b;

	for (size_t i = 0; i < ARRAY_SIZE(fdb_values); i++) {
		metrics_heading(f, fdb_values[i].name, fdb_values[i].type, fdb_values[i].help);
		TAILQ_FOREACH (b, &d->vswitch->bridges, link) {
			const char *at = (const char *)&b->bridge->fdb + fdb_values[i].offset;
			uint64_t value = fdb_values[i].size == 8
						 ? *(const _Atomic uint64_t *)(const void *)at
						 : *(const _Atomic uint32_t *)(const void *)at;

			fprintf(f, "%s{bridge=\"%s\"} %" PRIu64 "\n", fdb_values[i].name,
				vswitch_bridge_name(b), value);
		}
	}
}

enum unit { PLAIN, CYCLES, NANOSECONDS };

static const struct {
	const char *name, *help;
	size_t offset;
	enum unit unit;
} worker_counters[] = {
	{"weft_worker_busy_seconds_total", "Time in rounds that found frames.",
	 offsetof(struct worker_perf, busy_cycles), CYCLES},
	{"weft_worker_idle_seconds_total", "Time in rounds that found none.",
	 offsetof(struct worker_perf, idle_cycles), CYCLES},
	{"weft_worker_sleep_seconds_total", "Time asleep.", offsetof(struct worker_perf, sleep_ns),
	 NANOSECONDS},
	{"weft_worker_sleeps_total", "Times that the worker went to sleep.",
	 offsetof(struct worker_perf, sleeps), PLAIN},
	{"weft_worker_iterations_total", "Rounds over the worker's ports.",
	 offsetof(struct worker_perf, iterations), PLAIN},
	{"weft_worker_receive_packets_total", "Frames that ended at this worker.",
	 offsetof(struct worker_perf, rx_packets), PLAIN},
	{"weft_worker_receive_bursts_total", "Bursts that they came in.",
	 offsetof(struct worker_perf, rx_bursts), PLAIN},
	{"weft_worker_transmit_packets_total", "Frames given to receivers.",
	 offsetof(struct worker_perf, tx_packets), PLAIN},
};

static void put_workers(FILE *f, struct weftd *d)
{
	double hz = (double)rte_get_tsc_hz();

	for (size_t i = 0; i < ARRAY_SIZE(worker_counters); i++) {
		metrics_heading(f, worker_counters[i].name, "counter", worker_counters[i].help);
		for (unsigned w = 0; w < d->vswitch->dp->n_workers; w++) {
			const char *perf = (const char *)&d->vswitch->dp->workers[w]->perf;
			uint64_t n = *(const uint64_t *)(perf + worker_counters[i].offset);

			fprintf(f, "%s{worker=\"%u\"} ", worker_counters[i].name, w);
			if (worker_counters[i].unit == PLAIN)
				fprintf(f, "%" PRIu64 "\n", n);
			else
				fprintf(f, "%.6f\n",
					(double)n / (worker_counters[i].unit == CYCLES ? hz : 1e9));
		}
	}
}

/* --- the rest ----------------------------------------------------------------------------------
 */

static void put_guests(FILE *f, struct weftd *d)
{
	metrics_heading(f, "weft_guest_state", "gauge", "1 for the state that the guest is in.");
	for (struct guest *g = guest_next(d->guests, NULL); g; g = guest_next(d->guests, g)) {
		json_t *o = guest_json(g);

		fprintf(f, "weft_guest_state{guest=\"%s\",state=\"%s\"} 1\n",
			jsonx_string(o, "name", "?"), jsonx_string(o, "state", "?"));
		json_decref(o);
	}
}

static void put_daemon(FILE *f, struct weftd *d)
{
	metrics_heading(f, "weft_build_info", "gauge", "The version that runs; always 1.");
	fprintf(f, "weft_build_info{version=\"%s\",dpdk=\"%s\"} 1\n", version_text,
		rte_version() + strcspn(rte_version(), "0123456789"));
	metrics_heading(f, "weft_uptime_seconds", "gauge", "Time since weftd was started.");
	fprintf(f, "weft_uptime_seconds %.3f\n", (double)(clock_now_ms() - d->started_ms) / 1e3);
	metrics_heading(f, "weft_control_clients", "gauge", "Clients of the control socket.");
	fprintf(f, "weft_control_clients %u\n", control_n_clients(d->control));
}

char *metrics_text(struct weftd *d, size_t *len)
{
	struct snapshot *s = snapshot_take(d);
	char *text = NULL;
	FILE *f = s ? open_memstream(&text, len) : NULL;

	if (!f)
		goto out;
	put_daemon(f, d);
	put_ports(f, s);
	put_bridges(f, d);
	dhcp_metrics(d, f);
	metrics_nat(d, f);
	put_workers(f, d);
	put_guests(f, d);
	if (fclose(f) != 0) {
		free(text);
		text = NULL;
	}
out:
	free(s);
	return text;
}

static char *content(void *arg, size_t *len)
{
	return metrics_text(arg, len);
}

int metrics_listen(struct weftd *d, const char *listen, struct err *e)
{
	if (d->metrics && strcmp(http_server_address(d->metrics), listen) == 0)
		return 0;
	http_server_destroy(d->metrics);
	d->metrics = NULL;
	if (!*listen)
		return 0;
	d->metrics = http_server_create(d->loop, listen, "/metrics",
					"text/plain; version=0.0.4; charset=utf-8", content, d, e);
	if (!d->metrics)
		return -EADDRNOTAVAIL;
	log_info(LOG_CONTROL, "metrics are served at=%s", listen);
	return 0;
}
