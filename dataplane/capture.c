/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "dataplane/capture_ring.h"
#include "dataplane/dataplane.h"

/* Jumps of classic BPF go forward; bpf_validate lets a 32-bit offset wrap around backwards. */
static bool filter_is_valid(const struct bpf_insn *filter, unsigned n)
{
	if (n > CAPTURE_FILTER_MAX)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (filter[i].code == (BPF_JMP | BPF_JA) && filter[i].k >= n)
			return false;
	return n == 0 || bpf_validate(filter, (int)n);
}

static int rings_create(struct capture *c)
{
	for (unsigned i = 0; i < c->n_rings; i++) {
		c->rings[i].bytes = aligned_alloc(64, CAPTURE_RING_BYTES);
		if (!c->rings[i].bytes)
			return -ENOMEM;
	}
	return 0;
}

static void capture_free(struct capture *c)
{
	for (unsigned i = 0; i < c->n_rings; i++)
		free(c->rings[i].bytes);
	free((void *)c->params.filter);
	free(c);
}

static int copy_filter(struct capture *c, const struct capture_params *params)
{
	size_t size = params->n_filter * sizeof(*params->filter);

	c->params = *params;
	c->params.filter = NULL;
	if (!params->n_filter)
		return 0;
	c->params.filter = malloc(size);
	if (!c->params.filter)
		return -ENOMEM;
	memcpy((void *)c->params.filter, params->filter, size);
	return 0;
}

struct capture *capture_create(struct dataplane *dp, const struct capture_params *params,
			       struct err *e)
{
	struct capture *c;
	unsigned slot = 0;

	if (!filter_is_valid(params->filter, params->n_filter)) {
		err_set(e, EINVAL,
			"the filter is no valid BPF program: let `weft capture` compile it");
		return NULL;
	}
	while (slot < CAPTURES_MAX && dp->captures[slot])
		slot++;
	if (slot == CAPTURES_MAX) {
		err_set(e, EBUSY, "%d captures are running already: end one of them", CAPTURES_MAX);
		return NULL;
	}
	c = aligned_alloc(64, sizeof(*c));
	if (!c)
		goto err_nomem;
	memset(c, 0, sizeof(*c));
	c->dp = dp;
	c->slot = slot;
	c->n_rings = dp->n_workers;
	if (copy_filter(c, params) < 0 || rings_create(c) < 0)
		goto err_free;
	atomic_store_explicit(&dp->captures[slot], c, memory_order_release);
	return c;

err_free:
	capture_free(c);
err_nomem:
	err_set(e, ENOMEM, "out of memory for a capture's rings");
	return NULL;
}

void capture_stop(struct capture *c)
{
	for (unsigned id = 1; id < PORTS_MAX; id++) {
		struct port *p = c->dp->ports[id];

		if (p)
			atomic_fetch_and(&p->captures, (uint8_t) ~(1u << c->slot));
	}
	dataplane_synchronize(c->dp);
}

void capture_destroy(struct capture *c)
{
	if (!c)
		return;
	capture_stop(c);
	atomic_store(&c->dp->captures[c->slot], NULL);
	dataplane_synchronize(c->dp);
	capture_free(c);
}

void capture_add_port(struct capture *c, struct port *p)
{
	atomic_fetch_or(&p->captures, (uint8_t)(1u << c->slot));
}

bool capture_has_port(const struct capture *c, const struct port *p)
{
	return atomic_load(&p->captures) >> c->slot & 1;
}

static const struct capture_record *ring_peek(struct capture_ring *r)
{
	uint64_t tail = r->tail, head = atomic_load_explicit(&r->head, memory_order_acquire);

	if (tail == head)
		return NULL;
	if (capture_ring_to_end(tail) < sizeof(struct capture_record) ||
	    capture_ring_at(r, tail)->cap_len == CAPTURE_WRAP) {
		tail += capture_ring_to_end(tail);
		atomic_store_explicit(&r->tail, tail, memory_order_release);
		if (tail == head)
			return NULL;
	}
	return capture_ring_at(r, tail);
}

const struct capture_record *capture_peek(struct capture *c)
{
	const struct capture_record *oldest = NULL;

	for (unsigned i = 0; i < c->n_rings; i++) {
		const struct capture_record *r = ring_peek(&c->rings[i]);

		if (!r || (oldest && (int64_t)(r->tsc - oldest->tsc) >= 0))
			continue;
		oldest = r;
		c->peeked = &c->rings[i];
	}
	return oldest;
}

void capture_release(struct capture *c, const struct capture_record *r)
{
	atomic_store_explicit(&c->peeked->tail, c->peeked->tail + r->size, memory_order_release);
}

uint64_t capture_missed(const struct capture *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < c->n_rings; i++)
		n += atomic_load_explicit(&c->rings[i].missed, memory_order_relaxed);
	return n;
}
