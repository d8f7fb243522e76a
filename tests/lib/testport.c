/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/testport.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/copy.h"

static struct testport *testport(const struct port_queue *q)
{
	return container_of(q->port, struct testport, port);
}

static unsigned rx_peek(struct port_queue *q, struct burst *b)
{
	struct testport *t = testport(q);

	b->n = MIN_OF(t->n_in, (unsigned)BURST_MAX);
	for (unsigned i = 0; i < b->n; i++) {
		const struct testframe *in = t->in[i];
		struct frame *f = &b->frames[i];

		f->len = in->len;
		f->head_len = (uint16_t)MIN_OF(in->len, (uint32_t)FRAME_HEAD_MAX);
		memcpy(f->head, in->bytes, f->head_len);
		f->vnet = in->vnet;
		f->bad = in->len < sizeof(struct eth_hdr) ? DROP_RUNT : DROP_NONE;
		f->segs = &b->segs[b->n_segs];
		f->n_segs = f->len > f->head_len;
		if (f->n_segs)
			b->segs[b->n_segs++] =
				(struct seg){in->bytes + f->head_len, f->len - f->head_len};
	}
	return t->n_peeked = b->n;
}

static void rx_release(struct port_queue *q, unsigned n)
{
	struct testport *t = testport(q);

	for (unsigned i = 0; i < n; i++)
		free(t->in[i]);
	t->n_in -= n;
	memmove(t->in, t->in + n, t->n_in * sizeof(t->in[0]));
}

static void collect(struct testport *t, const struct slice *s)
{
	struct testframe *out = calloc(1, sizeof(*out));
	struct iovec iov = {out->bytes, sizeof(out->bytes)};

	out->len = slice_len(s);
	slice_copy(s, &iov, 1, 0);
	out->vnet = s->complete_csum ? (struct vnet){0} : s->vnet;
	t->out[t->n_out++] = out;
}

static struct tx_result tx(struct port_queue *q, const struct burst *b, uint64_t mask,
			   struct port_stats *st)
{
	struct testport *t = testport(q);
	struct tx_result res = {0};

	for (; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);
		uint8_t hdr[FRAME_HEAD_MAX], tagged[SLICE_HDR_MAX];
		struct gso_plan plan;
		struct slice s;
		enum drop_reason reason;

		if (t->room == 0) {
			res.no_room = mask;
			break;
		}
		reason = gso_plan(&plan, &b->frames[i], t->takes);
		if (reason) {
			st->drops[reason]++;
			continue;
		}
		for (unsigned k = 0; k < plan.n_slices; k++) {
			gso_slice(&plan, k, hdr, &s);
			if (b->retag >> i & 1)
				vlan_tag_apply(b->edits[i], &s, tagged);
			collect(t, &s);
		}
		t->room--;
		res.sent |= 1ull << i;
	}
	return res;
}

static bool arm(struct port_queue *q, bool want_room)
{
	return testport(q)->n_in > 0;
}

static void disarm(struct port_queue *q)
{
}

static const struct port_ops testport_ops = {
	.kind = "test",
	.rx_peek = rx_peek,
	.rx_release = rx_release,
	.tx = tx,
	.arm = arm,
	.disarm = disarm,
};

struct testport *testport_create(struct dataplane *dp, const char *name)
{
	struct testport *t = aligned_alloc(64, (sizeof(*t) + 63) & ~(size_t)63);
	struct err e;

	memset(t, 0, sizeof(*t));
	port_init(&t->port, &testport_ops, name, 1);
	t->room = TESTPORT_FRAMES;
	t->takes = (struct offloads){
		.csum = true, .tso4 = true, .tso6 = true, .ecn = true, .uso4 = true, .uso6 = true};
	if (dataplane_port_add(dp, &t->port, &e) < 0)
		abort();
	dataplane_port_set_up(dp, &t->port, true);
	return t;
}

void testport_destroy(struct dataplane *dp, struct testport *t)
{
	dataplane_port_retire(dp, &t->port);
	testport_clear(t);
	rx_release(&t->port.queues[0], t->n_in);
	free(t);
}

struct testframe *testport_put(struct testport *t, const void *bytes, uint32_t len)
{
	struct testframe *f = calloc(1, sizeof(*f));

	memcpy(f->bytes, bytes, len);
	f->len = len;
	t->in[t->n_in++] = f;
	return f;
}

void testport_clear(struct testport *t)
{
	for (unsigned i = 0; i < t->n_out; i++)
		free(t->out[i]);
	t->n_out = 0;
}

struct bridge *testports_create(struct dataplane **dp, const struct bridge_params *params,
				struct testport **ports, unsigned n)
{
	struct bridge *bridge;
	struct err e;

	*dp = dataplane_create(&(struct dataplane_params){.n_workers = 1}, &e);
	bridge = bridge_create(*dp, params, &e);
	for (unsigned i = 0; i < n; i++) {
		ports[i] = testport_create(*dp, (char[]){(char)('a' + i), '\0'});
		bridge_add_port(bridge, &ports[i]->port);
	}
	return bridge;
}

void testports_destroy(struct dataplane *dp, struct bridge *bridge, struct testport **ports,
		       unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		bridge_del_port(bridge, &ports[i]->port);
		testport_destroy(dp, ports[i]);
	}
	bridge_destroy(bridge);
	dataplane_destroy(dp);
}
