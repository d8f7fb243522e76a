/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include <rte_cycles.h>

#include "daemon/cmd.h"

static json_t *drops_json(const struct port_stats *s)
{
	json_t *drops = json_object();

	for (int i = DROP_NONE + 1; i < DROP_N; i++)
		if (s->drops[i])
			json_object_set_new(drops, drop_reason_name((enum drop_reason)i),
					    json_integer((json_int_t)s->drops[i]));
	return drops;
}

static json_t *stats_json(struct weftd *d, struct vswitch_port *p)
{
	struct port_stats s;

	port_stats_sum(p->port, &s);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "port",
			 vswitch_port_name(p), "rx_packets", (json_int_t)s.rx_packets, "rx_bytes",
			 (json_int_t)s.rx_bytes, "tx_packets", (json_int_t)s.tx_packets, "tx_bytes",
			 (json_int_t)s.tx_bytes, "tx_segments", (json_int_t)s.tx_segments, "punted",
			 (json_int_t)s.punted, "copies", (json_int_t)s.copies, "drops",
			 drops_json(&s));
}

/* The queue's worker and what came in by it. */
static json_t *queue_json(struct dataplane *dp, const struct port_queue *q)
{
	int worker = dataplane_queue_worker(dp, q);
	json_t *o = json_pack("{s:i, s:s, s:I, s:I}", "index", q->index, "state",
			      q->up ? "up" : "down", "rx_packets", (json_int_t)q->rx_packets,
			      "rx_bytes", (json_int_t)q->rx_bytes);

	if (worker >= 0)
		json_object_set_new(o, "worker", json_integer(worker));
	return o;
}

static json_t *queues_json(struct dataplane *dp, const struct port *p)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < p->n_queues; i++)
		json_array_append_new(list, queue_json(dp, &p->queues[i]));
	return list;
}

/* {"0": n, "1": n, "2-3": n, ...}: sampled bursts, by the buffers that were posted then. */
static json_t *fill_json(const struct ring_fill *fill)
{
	json_t *o = json_object();
	char range[24];

	for (unsigned i = 0; i < RING_FILL_BUCKETS; i++) {
		unsigned low = i ? 1u << (i - 1) : 0, high = i ? (1u << i) - 1 : 0;

		if (!fill->sampled[i])
			continue;
		snprintf(range, sizeof(range), low == high ? "%u" : "%u-%u", low, high);
		json_object_set_new(o, range, json_integer((json_int_t)fill->sampled[i]));
	}
	return o;
}

static json_t *ring_fill_json(const char *name, const struct port_ring_info *ring,
			      const struct ring_fill *fill)
{
	return json_pack("{s:s, s:i, s:i, s:I, s:o}", "ring", name, "size", ring->size, "posted",
			 ring->posted, "bursts", (json_int_t)fill->bursts, "fill", fill_json(fill));
}

static json_t *fills_json(struct weftd *d, struct vswitch_port *p)
{
	struct port_info info = vswitch_port_info(p);
	struct port_stats s;

	port_stats_sum(p->port, &s);
	return json_pack("{s:s, s:[o, o]}", "port", vswitch_port_name(p), "rings",
			 ring_fill_json("from_guest", &info.rings[PORT_RING_IN], &s.rx_fill),
			 ring_fill_json("to_guest", &info.rings[PORT_RING_OUT], &s.tx_fill));
}

static json_t *port_json(struct weftd *d, struct vswitch_port *p)
{
	json_t *o = cmd_port_brief(p), *policy = policy_json(&p->policy, p->port);

	json_object_set_new(o, "bridge", json_string(vswitch_port_bridge(p)));
	json_object_set_new(o, "queues", queues_json(d->vswitch->dp, p->port));
	if (p->kind->show)
		p->kind->show(p->port, o);
	if (policy)
		json_object_set_new(o, "policy", policy);
	json_object_set_new(o, "stats", stats_json(d, p));
	return o;
}

static void reply_ports(struct call *call, struct weftd *d,
			json_t *(*describe)(struct weftd *d, struct vswitch_port *p))
{
	bool absent;
	struct vswitch_port *p = cmd_port(call, d, CALL_OPTIONAL, &absent);
	json_t *list;

	if (!p && !absent)
		return;
	list = json_array();
	if (p)
		json_array_append_new(list, describe(d, p));
	if (absent)
		TAILQ_FOREACH (p, &d->vswitch->ports, link)
			json_array_append_new(list, describe(d, p));
	call_reply(call, list);
}

void cmd_port_show(struct call *call, void *ctx)
{
	reply_ports(call, ctx, port_json);
}

void cmd_ring_show(struct call *call, void *ctx)
{
	reply_ports(call, ctx, fills_json);
}

void cmd_stats_show(struct call *call, void *ctx)
{
	reply_ports(call, ctx, stats_json);
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static json_t *perf_json(const struct worker *w)
{
	double hz = (double)rte_get_tsc_hz(), sleep_cycles, total;
	struct worker_perf p;

	worker_perf_get(w, &p);
	sleep_cycles = (double)p.sleep_ns / 1e9 * hz;
	total = (double)p.busy_cycles + (double)p.idle_cycles + sleep_cycles;

	return json_pack(
		"{s:i, s:n, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, "
		"s:f, s:I}",
		"worker", w->id, "cpu", "iterations", (json_int_t)p.iterations, "busy_iterations",
		(json_int_t)p.busy_iterations, "busy_cycles", (json_int_t)p.busy_cycles,
		"idle_cycles", (json_int_t)p.idle_cycles, "sleep_ns", (json_int_t)p.sleep_ns,
		"sleeps", (json_int_t)p.sleeps, "wakeups", (json_int_t)p.wakeups, "rx_packets",
		(json_int_t)p.rx_packets, "rx_bursts", (json_int_t)p.rx_bursts, "tx_packets",
		(json_int_t)p.tx_packets, "cycles_per_packet",
		ratio((double)p.busy_cycles, (double)p.rx_packets), "packets_per_burst",
		ratio((double)p.rx_packets, (double)p.rx_bursts), "duty_percent",
		100 * ratio((double)p.busy_cycles, total), "tsc_hz", (json_int_t)rte_get_tsc_hz());
}

void cmd_pmd_perf_show(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	json_t *list = json_array();

	for (unsigned i = 0; i < d->vswitch->dp->n_workers; i++)
		json_array_append_new(list, perf_json(d->vswitch->dp->workers[i]));
	call_reply(call, list);
}

void cmd_port_rebalance(struct call *call, void *ctx)
{
	struct weftd *d = ctx;
	bool dry_run = false;

	if (call_param_bool(call, "dry_run", CALL_OPTIONAL, &dry_run) < 0)
		return;
	call_reply(call, json_pack("{s:i}", "moved", dataplane_rebalance(d->vswitch->dp, dry_run)));
}

void cmd_pmd_stats_clear(struct call *call, void *ctx)
{
	struct weftd *d = ctx;

	for (unsigned i = 0; i < d->vswitch->dp->n_workers; i++)
		worker_perf_clear(d->vswitch->dp->workers[i]);
	call_reply(call, json_object());
}
