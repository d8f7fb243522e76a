/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * trace: what the switch would do with a packet that came in at a port.
 *
 * The stages are the ones that workers run, over a worker of our own that has no thread, a burst
 * of one frame, and `dry_run` set, so that nothing is learned; nobody sends what its egress masks
 * say. This runs in the control thread, which alone removes what the stages read: bridges, members
 * and ports cannot go meanwhile, as for a worker between two quiescent states.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "bridge/bridge_output.h"
#include "common/clock.h"
#include "daemon/cmd.h"
#include "daemon/trace_route.h"
#include "daemon/packet_text.h"
#include "dataplane/gso.h"
#include "dataplane/pipeline.h"
#include "dataplane/verdict.h"

struct trace {
	struct weftd *d;
	struct vswitch_port *in;
	struct worker *worker;
	struct verdicts verdicts;
	struct router_story story;
	json_t *steps, *receivers;
};

static void say(struct trace *t, const char *stage, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void say(struct trace *t, const char *stage, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(t->steps, json_pack("{s:s, s:s}", "stage", stage, "text", text));
}

static const struct frame *frame_of(const struct trace *t)
{
	return &t->worker->burst.frames[0];
}

static const char *port_name(const struct trace *t, uint16_t id)
{
	struct vswitch_port *p = vswitch_port_by_id(t->d->vswitch, id);

	return p ? vswitch_port_name(p) : "?";
}

/* --- the bridge, explained ---------------------------------------------------------------------
 */

/* 0: the bridge does not filter VLANs, or the frame is in none. */
static uint16_t vlan_of(const struct trace *t)
{
	const struct burst *b = &t->worker->burst;

	return b->vlans_known ? b->vlans[0].tci & VLAN_ID_MASK : 0;
}

struct stations {
	struct trace *t;
	const struct mac *mac;
	const char *role;
	bool found;
};

static bool tell_station(const struct fdb_entry *entry, void *arg)
{
	struct stations *s = arg;
	char mac[MAC_TEXT_MAX], age[32];

	if (!mac_eq(&entry->mac, s->mac) || entry->vlan != vlan_of(s->t))
		return true;
	snprintf(age, sizeof(age), "%s%u s ago", "seen ", entry->age_s);
	say(s->t, "bridge", "%s %s is known on port %s, %s", s->role, mac_format(s->mac, mac),
	    port_name(s->t, entry->port), entry->is_static ? "static" : age);
	s->found = true;
	return true;
}

static void tell_address(struct trace *t, const struct mac *mac, const char *role,
			 const char *unknown)
{
	struct stations s = {.t = t, .mac = mac, .role = role};
	char text[MAC_TEXT_MAX];

	if (mac_is_multicast(mac)) {
		say(t, "bridge", "%s %s is a group address", role, mac_format(mac, text));
		return;
	}
	fdb_visit(&t->in->on->bridge->fdb, bridge_seconds(clock_now_ns()), tell_station, &s);
	if (!s.found)
		say(t, "bridge", "%s %s is unknown: %s", role, mac_format(mac, text), unknown);
}

static void tell_bridge(struct trace *t)
{
	const struct eth_hdr *eth = frame_eth(frame_of(t));
	unsigned n = t->worker->egress.n;

	if (vlan_of(t))
		say(t, "bridge", "bridge %s, VLAN %u", vswitch_bridge_name(t->in->on), vlan_of(t));
	else
		say(t, "bridge", "bridge %s", vswitch_bridge_name(t->in->on));
	tell_address(t, &eth->src, "source", "it would be learned");
	tell_address(t, &eth->dst, "destination", "flooded");
	if (n > 1)
		say(t, "bridge", "goes to %u ports", n);
	else if (n == 1)
		say(t, "bridge", "goes to port %s", port_name(t, t->worker->egress.touched[0]));
}

static void tell_line(void *arg, const char *text)
{
	say(arg, "router", "%s", text);
}

static void after_stage(const char *stage, void *arg)
{
	struct trace *t = arg;
	enum drop_reason reason = (enum drop_reason)t->verdicts.reason[0];
	bool was_open = json_object_get(json_array_get(t->steps, json_array_size(t->steps) - 1),
					"drop") == NULL;

	if (!was_open)
		return;
	if (strcmp(stage, "bridge") == 0 && t->in->on &&
	    frame_of(t)->head_len >= sizeof(struct eth_hdr))
		tell_bridge(t);
	if (strcmp(stage, "router") == 0)
		trace_route_tell(&t->story, tell_line, t);
	if (t->verdicts.dropped & 1)
		json_array_append_new(t->steps, json_pack("{s:s, s:s, s:s}", "stage", stage, "drop",
							  drop_reason_name(reason), "text",
							  drop_reason_text(reason)));
	else if (strcmp(stage, "bridge") != 0 && strcmp(stage, "router") != 0)
		say(t, stage, "passes");
}

/* --- emission, explained -----------------------------------------------------------------------
 */

/* What the receiver would be given; returns a drop's reason. */
static enum drop_reason describe_plan(const struct frame *f, const struct port_info *info,
				      char *text, size_t size)
{
	struct gso_plan plan;
	enum drop_reason reason = gso_plan(&plan, f, info->takes);

	if (reason)
		snprintf(text, size, "%s", drop_reason_text(reason));
	else if (plan.segment)
		snprintf(text, size, "cut into %u segments of %u bytes%s", plan.n_slices,
			 f->vnet.gso_size, plan.complete_csum ? ", checksums completed" : "");
	else if (plan.complete_csum)
		snprintf(text, size, "checksum completed");
	else if (f->vnet.gso_type)
		snprintf(text, size, "whole: the receiver takes large frames");
	else if (f->vnet.flags)
		snprintf(text, size, "as it is: the receiver takes partial checksums");
	else
		snprintf(text, size, "as it is");
	return reason;
}

/* ", tagged with VLAN 10": what becomes of the tag at the port. */
static void describe_tag(struct trace *t, struct vswitch_port *p, char *text, size_t size)
{
	struct burst *b = &t->worker->burst;

	text[0] = '\0';
	if (t->verdicts.filter || b->routed & 1)
		bridge_output(t->verdicts.filter, b, p->port, 1);
	if (b->retag & 1 && b->edits[0].op == VLAN_POP)
		snprintf(text, size, ", without its tag");
	else if (b->retag & 1)
		snprintf(text, size, ", tagged with VLAN %u", b->edits[0].tci & VLAN_ID_MASK);
	b->retag = 0;
}

static void tell_receiver(struct trace *t, uint16_t id)
{
	struct vswitch_port *p = vswitch_port_by_id(t->d->vswitch, id);
	enum drop_reason reason = DROP_NONE;
	struct port_info info;
	char text[200], tag[40];
	size_t len;

	if (!p)
		return;
	info = vswitch_port_info(p);
	if (!info.up) {
		reason = DROP_PORT_DOWN;
		snprintf(text, sizeof(text), "%s", info.waiting_for);
	} else if (info.has_rings && info.rings[PORT_RING_OUT].posted == 0) {
		reason = DROP_RING_FULL;
		snprintf(text, sizeof(text), "no buffers are posted now: %s",
			 t->verdicts.flooded & 1 ? "lost at once" : "waits up to 10 ms for some");
	} else {
		reason = describe_plan(frame_of(t), &info, text, sizeof(text));
		describe_tag(t, p, tag, sizeof(tag));
		len = strlen(text);
		if (!reason)
			snprintf(text + len, sizeof(text) - len, "%s", tag);
	}
	json_array_append_new(t->receivers,
			      json_pack("{s:s, s:s*, s:s}", "port", vswitch_port_name(p), "drop",
					reason ? drop_reason_name(reason) : NULL, "text", text));
}

/* --- the call ----------------------------------------------------------------------------------
 */

static struct worker *worker_of_packet(struct weftd *d, const struct text_packet *p)
{
	size_t size = (sizeof(struct worker) + 63) & ~(size_t)63;
	struct worker *w = aligned_alloc(64, size);
	struct frame *f;

	if (!w)
		return NULL;
	memset(w, 0, size);
	w->dp = d->vswitch->dp;
	w->dry_run = true;
	w->burst.n = 1;
	f = &w->burst.frames[0];
	f->len = p->len;
	f->head_len = (uint16_t)MIN_OF(p->len, (uint32_t)FRAME_HEAD_MAX);
	f->vnet = p->vnet;
	memcpy(f->head, p->bytes, f->head_len);
	f->segs = w->burst.segs;
	if (f->len > f->head_len) {
		w->burst.segs[0] = (struct seg){p->bytes + f->head_len, f->len - f->head_len};
		w->burst.n_segs = f->n_segs = 1;
	}
	return w;
}

/* What a port's own checks would say of the frame. */
static void receive(struct trace *t)
{
	struct frame *f = &t->worker->burst.frames[0];
	const struct port_kind *kind = t->in->kind;

	if (f->len < sizeof(struct eth_hdr))
		f->bad = DROP_RUNT;
	else if (kind->check_offload && (f->vnet.flags | f->vnet.gso_type))
		f->bad = kind->check_offload(t->in->port, &f->vnet);
	say(t, "receive", "%u bytes at port %s%s%s", f->len, vswitch_port_name(t->in),
	    f->vnet.gso_type ? ", a large frame to be cut" : "",
	    f->vnet.flags && !f->vnet.gso_type ? ", checksum left to the receiver" : "");
}

static const char *verdict_of(const struct trace *t)
{
	const struct router_story *s = &t->story;

	if (t->verdicts.dropped & 1)
		return "dropped";
	if (s->error || s->replied)
		return "answered";
	if (s->asked)
		return s->waits ? "waits" : s->route == ROUTE_EXTERNAL ? "translated" : "routed";
	return t->worker->egress.n > 1 ? "flooded" : "forwarded";
}

static void run(struct trace *t)
{
	uint64_t now_ns = clock_now_ns();

	receive(t);
	verdicts_init(&t->verdicts, 0, 0);
	t->worker->story = &t->story;
	pipeline_decide(t->worker, t->in->port, &t->verdicts, now_ns, after_stage, t);
	for (unsigned i = 0; i < t->worker->egress.n; i++)
		tell_receiver(t, t->worker->egress.touched[i]);
}

void cmd_trace(struct call *call, void *ctx)
{
	struct trace t = {.d = ctx};
	const char *const *words = NULL;
	struct text_packet *packet;
	struct err e = {0};
	unsigned n = 0;
	bool absent;

	t.in = cmd_port(call, t.d, CALL_REQUIRED, &absent);
	if (!t.in || call_param_strings(call, "packet", CALL_REQUIRED, &words, &n) < 0)
		return;
	packet = calloc(1, sizeof(*packet));
	if (!packet) {
		call_fail(call, RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	if (packet_text_parse(packet, words, n, &e) < 0) {
		call_fail(call, RPC_INVALID_PARAMS, "packet: %s", e.text);
		goto out;
	}
	t.worker = worker_of_packet(t.d, packet);
	if (!t.worker) {
		call_fail(call, RPC_INTERNAL_ERROR, "out of memory");
		goto out;
	}
	t.steps = json_array();
	t.receivers = json_array();
	run(&t);
	call_reply(call, json_pack("{s:s, s:o, s:o}", "verdict", verdict_of(&t), "steps", t.steps,
				   "receivers", t.receivers));
out:
	free(t.worker);
	free(packet);
}
