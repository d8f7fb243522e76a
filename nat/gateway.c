/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "nat/gateway_private.h"

static struct tx_result tx(struct port_queue *q, const struct burst *b, uint64_t mask,
			   struct port_stats *st)
{
	struct gateway *gw = gateway_of(q->port);
	const struct router_iface *r = atomic_load_explicit(&gw->iface, memory_order_acquire);
	struct tx_result res = {.sent = mask};
	uint32_t now_s = (uint32_t)(b->now_ns / NS_PER_S);

	for (; r && mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);
		struct slice s = slice_of_plain(&b->frames[i]);
		uint8_t tagged[SLICE_HDR_MAX];
		enum drop_reason reason = DROP_NONE;

		if (b->routed >> i & 1) {
			reason = gateway_wait(gw, r, b, i, now_s);
		} else {
			if (unlikely(b->retag >> i & 1))
				vlan_tag_apply(b->edits[i], &s, tagged);
			gateway_listen(gw, r, &s, now_s);
		}
		if (reason) {
			st->drops[reason]++;
			res.sent &= ~(1ull << i);
		}
	}
	return res;
}

static unsigned rx_peek(struct port_queue *q, struct burst *b)
{
	struct gateway *gw = gateway_of(q->port);
	uint32_t tail = atomic_load_explicit(&gw->tail, memory_order_relaxed);
	uint32_t n = atomic_load_explicit(&gw->head, memory_order_acquire) - tail;

	b->n = MIN_OF(n, (uint32_t)BURST_MAX);
	for (unsigned i = 0; i < b->n; i++) {
		const struct gateway_frame *from = &gw->ring[(tail + i) % GATEWAY_RING];
		struct frame *f = &b->frames[i];

		f->len = from->len;
		f->head_len = (uint16_t)MIN_OF(from->len, (uint32_t)FRAME_HEAD_MAX);
		memcpy(f->head, from->bytes, f->head_len);
		f->vnet = (struct vnet){0};
		f->bad = DROP_NONE;
		f->segs = &b->segs[b->n_segs];
		f->n_segs = f->len > f->head_len;
		if (f->n_segs)
			b->segs[b->n_segs++] =
				(struct seg){from->bytes + f->head_len, f->len - f->head_len};
	}
	return b->n;
}

static void rx_release(struct port_queue *q, unsigned n)
{
	struct gateway *gw = gateway_of(q->port);

	atomic_store_explicit(&gw->tail, gw->tail + n, memory_order_release);
}

static bool arm(struct port_queue *q, bool want_room)
{
	struct gateway *gw = gateway_of(q->port);

	atomic_store_explicit(&gw->armed, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	return gw->head != gw->tail;
}

static void disarm(struct port_queue *q)
{
	atomic_store_explicit(&gateway_of(q->port)->armed, false, memory_order_relaxed);
}

static const struct port_ops gateway_ops = {
	.kind = "gateway",
	.rx_peek = rx_peek,
	.rx_release = rx_release,
	.tx = tx,
	.arm = arm,
	.disarm = disarm,
};

struct gateway *gateway_create(struct dataplane *dp, const char *name, struct err *e)
{
	struct gateway *gw = aligned_alloc(64, (sizeof(*gw) + 63) & ~(size_t)63);

	if (!gw)
		goto err_nomem;
	memset(gw, 0, sizeof(*gw));
	port_init(&gw->port, &gateway_ops, name, 1);
	gw->neighs = neigh_create();
	gw->ring = calloc(GATEWAY_RING, sizeof(*gw->ring));
	gw->waiting = calloc(GATEWAY_WAITING, sizeof(*gw->waiting));
	gw->scratch = malloc(FRAME_LEN_MAX);
	gw->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!gw->neighs || !gw->ring || !gw->waiting || !gw->scratch || gw->wake_fd < 0)
		goto err_free;
	gw->port.queues[0].wake_fds[0] = gw->wake_fd;
	if (dataplane_port_add(dp, &gw->port, e) < 0)
		goto err_parts;
	return gw;

err_free:
	err_set(e, ENOMEM, "port %s: out of memory or descriptors", name);
err_parts:
	if (gw->wake_fd >= 0)
		close(gw->wake_fd);
	free(gw->neighs);
	free(gw->ring);
	free(gw->waiting);
	free(gw->scratch);
	free(gw);
	return NULL;
err_nomem:
	err_set(e, ENOMEM, "port %s: out of memory", name);
	return NULL;
}

void gateway_destroy(struct dataplane *dp, struct gateway *gw)
{
	dataplane_port_retire(dp, &gw->port);
	close(gw->wake_fd);
	free(gw->neighs);
	free(gw->ring);
	free(gw->waiting);
	free(gw->scratch);
	free(gw);
}
/* --- the control thread -------------------------------------------------------------------------
 */

int gateway_set_static(struct gateway *gw, const struct ipaddr *addr, const struct mac *mac)
{
	int ret;

	gateway_lock(gw);
	ret = neigh_set_static(gw->neighs, addr, mac);
	if (ret == 0)
		gateway_send_waiting(gw, atomic_load(&gw->iface), addr, mac);
	gateway_unlock(gw);
	return ret;
}

void gateway_clear_statics(struct gateway *gw)
{
	gateway_lock(gw);
	neigh_clear_statics(gw->neighs);
	gateway_unlock(gw);
}

void gateway_renew(struct gateway *gw)
{
	gateway_lock(gw);
	neigh_renew(gw->neighs);
	gateway_unlock(gw);
}

void gateway_announce(struct gateway *gw)
{
	const struct router_iface *r = atomic_load(&gw->iface);

	gateway_lock(gw);
	gateway_claim(gw, r);
	gateway_unlock(gw);
}

static void on_neigh_event(void *arg, enum neigh_event event, const struct ipaddr *addr,
			   const struct mac *mac)
{
	struct gateway *gw = arg;

	if (event == NEIGH_FAILED)
		gateway_fail_waiting(gw, addr);
	else
		gateway_ask(gw, atomic_load(&gw->iface), addr,
			    event == NEIGH_ASK_DIRECTLY ? mac : NULL);
}

void gateway_tick(struct gateway *gw, uint64_t now_ns)
{
	struct router_iface *r = atomic_load(&gw->iface);

	gateway_lock(gw);
	neigh_tick(gw->neighs, (uint32_t)(now_ns / NS_PER_S), on_neigh_event, gw);
	gateway_advert_tick(gw, r, (uint32_t)(now_ns / NS_PER_S));
	gateway_unlock(gw);
	gateway_tell_failed(gw, r->router);
}

void gateway_visit_neighs(struct gateway *gw, uint64_t now_ns,
			  void (*visit)(const struct neigh_info *, void *), void *arg)
{
	gateway_lock(gw);
	neigh_visit(gw->neighs, (uint32_t)(now_ns / NS_PER_S), visit, arg);
	gateway_unlock(gw);
}
