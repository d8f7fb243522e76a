/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_branch_prediction.h>

#include "common/clock.h"
#include "common/cksum.h"
#include "nat/arp.h"
#include "nat/icmp_make.h"
#include "nat/ip_fragment.h"
#include "nat/nd.h"

/* --- what it says; the tx_lock is held -------------------------------------------------------- */

/* A free place of the ring, NULL when its worker is far behind. */
static struct gateway_frame *ring_place(struct gateway *gw)
{
	uint32_t head = atomic_load_explicit(&gw->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&gw->tail, memory_order_acquire) == GATEWAY_RING) {
		gw->counters.lost++;
		return NULL;
	}
	return &gw->ring[head % GATEWAY_RING];
}

static void ring_publish(struct gateway *gw)
{
	atomic_store_explicit(&gw->head, gw->head + 1, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange_explicit(&gw->armed, false, memory_order_relaxed))
		eventfd_write(gw->wake_fd, 1);
}

static void say(struct gateway *gw, const uint8_t *frame, unsigned len)
{
	struct gateway_frame *f = ring_place(gw);

	if (!f)
		return;
	memcpy(f->bytes, frame, len);
	f->len = len;
	ring_publish(gw);
}

static void ask4(struct gateway *gw, const struct router_iface *r, rte_be32_t target,
		 const struct mac *to)
{
	const struct arp a = {
		.op = ARP_REQUEST,
		.sender_mac = r->params.mac,
		.sender_ip = r->address,
		.target_ip = target,
	};
	const struct mac all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	uint8_t frame[ARP_FRAME_LEN];

	if (r->address)
		say(gw, frame, arp_build(frame, to ?: &all, &a));
}

static void ask6(struct gateway *gw, const struct router_iface *r, const struct ipaddr *target,
		 const struct mac *to)
{
	struct nd n = {
		.type = ND_SOLICIT,
		.src = r->link_local,
		.dst = to ? *target : nd_solicited_node(target),
		.target = *target,
		.has_mac = true,
		.mac = r->params.mac,
	};
	struct mac group = nd_group_mac(&n.dst);
	uint8_t frame[ND_FRAME_MAX];

	say(gw, frame, nd_build(frame, to ?: &group, &r->params.mac, &n));
}

/* Directly, or everybody with `to` NULL. */
static void ask(struct gateway *gw, const struct router_iface *r, const struct ipaddr *target,
		const struct mac *to)
{
	rte_be32_t ip4;

	gw->counters.asked++;
	if (ipaddr_is_ip4(target)) {
		memcpy(&ip4, target->b + 12, sizeof(ip4));
		ask4(gw, r, ip4, to);
	} else {
		ask6(gw, r, target, to);
	}
}

/* --- who waits ---------------------------------------------------------------------------------
 */

static struct gateway_waiting *next_waiting(struct gateway *gw, const struct ipaddr *addr)
{
	struct gateway_waiting *first = NULL;

	for (unsigned i = 0; gw->n_waiting && i < GATEWAY_WAITING; i++) {
		struct gateway_waiting *w = &gw->waiting[i];

		if (w->used && !w->failed && memcmp(&w->next, addr, sizeof(*addr)) == 0 &&
		    (!first || w->order < first->order))
			first = w;
	}
	return first;
}

static void drop_waiting(struct gateway *gw, struct gateway_waiting *w)
{
	w->used = false;
	gw->n_waiting--;
}

/* A place for one more packet to `next`; a neighbour that has its number loses its oldest. */
static struct gateway_waiting *waiting_place(struct gateway *gw, const struct ipaddr *next)
{
	struct gateway_waiting *place = NULL;
	unsigned same = 0;

	for (unsigned i = 0; i < GATEWAY_WAITING; i++) {
		struct gateway_waiting *w = &gw->waiting[i];

		if (!w->used)
			place = w;
		else if (!w->failed && memcmp(&w->next, next, sizeof(*next)) == 0)
			same++;
	}
	if (same >= GATEWAY_WAITING_EACH) {
		place = next_waiting(gw, next);
		drop_waiting(gw, place);
	}
	return place;
}

static uint32_t flatten(const struct frame *f, uint8_t *to)
{
	uint32_t len = f->head_len;

	memcpy(to, f->head, len);
	for (unsigned i = 0; i < f->n_segs; i++) {
		memcpy(to + len, f->segs[i].p, f->segs[i].len);
		len += f->segs[i].len;
	}
	return len;
}

/* A checksum that was left to somebody else is completed, for the copy has no offload fields. */
static void complete_csum(const struct frame *f, uint8_t *bytes, uint32_t len)
{
	unsigned start = f->vnet.csum_start, at = start + f->vnet.csum_offset;
	uint16_t csum;

	if (!(f->vnet.flags & VNET_NEEDS_CSUM) || at + 2 > len)
		return;
	csum = cksum_finish(cksum_add(0, bytes + start, len - start));
	memcpy(bytes + at, &csum, sizeof(csum));
}

/* Sends a packet that lies in one piece to its neighbour, in fragments when it is too long. */
static void send_on(struct gateway *gw, const struct router_iface *r, uint8_t *bytes, uint32_t len,
		    const struct mac *mac)
{
	unsigned mtu = MIN_OF(r->params.mtu, GATEWAY_FRAME_MAX - (unsigned)sizeof(struct eth_hdr));
	struct gateway_frame *f;
	struct ip_fragments it;

	memcpy(bytes, mac, sizeof(*mac));
	gw->counters.sent_on++;
	if (len <= mtu + sizeof(struct eth_hdr)) {
		say(gw, bytes, len);
		return;
	}
	if (!ip_fragments_begin(&it, bytes, len, mtu))
		return;
	while (it.done < it.end && (f = ring_place(gw))) {
		f->len = ip_fragments_next(&it, f->bytes);
		ring_publish(gw);
	}
}

/* A packet that the stage did not send itself: too long for its way out, or to nobody known. */
static enum drop_reason wait_for(struct gateway *gw, const struct router_iface *r,
				 const struct burst *b, unsigned i, uint32_t now_s)
{
	const struct frame *f = &b->frames[i];
	uint32_t ref = neigh_lookup(gw->neighs, &b->next[i]);
	struct gateway_waiting *w;
	struct mac mac;
	bool full;

	if (ref && neigh_mac(gw->neighs, ref, &mac)) {
		uint32_t len = flatten(f, gw->scratch);

		complete_csum(f, gw->scratch, len);
		send_on(gw, r, gw->scratch, len, &mac);
		return DROP_NONE;
	}
	if (neigh_want(gw->neighs, &b->next[i], now_s, &full))
		ask(gw, r, &b->next[i], NULL);
	if (full || f->len > GATEWAY_FRAME_MAX || f->vnet.gso_type)
		return DROP_NO_NEIGHBOUR;
	w = waiting_place(gw, &b->next[i]);
	if (!w)
		return DROP_NO_NEIGHBOUR;
	w->used = true;
	w->failed = false;
	w->next = b->next[i];
	w->order = gw->waiting_order++;
	w->from = b->from;
	w->kept = b->kept >> i & 1;
	if (w->kept)
		memcpy(w->head, b->arrived[i].head, sizeof(w->head));
	w->frame.len = flatten(f, w->frame.bytes);
	complete_csum(f, w->frame.bytes, w->frame.len);
	gw->n_waiting++;
	gw->counters.waited++;
	return DROP_NONE;
}

/* The neighbour is known: what waits for it goes, in its order. */
static void send_waiting(struct gateway *gw, const struct router_iface *r,
			 const struct ipaddr *addr, const struct mac *mac)
{
	struct gateway_waiting *w;

	while ((w = next_waiting(gw, addr))) {
		send_on(gw, r, w->frame.bytes, w->frame.len, mac);
		drop_waiting(gw, w);
	}
}

/* --- what it is told ---------------------------------------------------------------------------
 */

static bool is_on_link(const struct router_iface *r, const struct ipaddr *a)
{
	const struct router_iface_params *p = &r->params;
	rte_be32_t ip4;

	if (ipaddr_is_ip4(a)) {
		memcpy(&ip4, a->b + 12, sizeof(ip4));
		return r->address && ip4_prefix_contains(&p->address, rte_be_to_cpu_32(ip4));
	}
	return (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80) ||
	       (p->has_address6 && ipaddr_prefix_contains(&p->address6, a));
}

static void hear(struct gateway *gw, const struct router_iface *r, const struct ipaddr *addr,
		 const struct mac *mac, uint32_t now_s, bool create)
{
	if (!is_on_link(r, addr))
		return;
	if (neigh_heard(gw->neighs, addr, mac, now_s, create))
		send_waiting(gw, r, addr, mac);
}

/* RFC 5227, 2.3 and RFC 4861, 7.2.6: whose the addresses are, to everybody. */
static void announce(struct gateway *gw, const struct router_iface *r)
{
	static const struct ipaddr all_nodes = {{0xff, 2, [15] = 1}};
	const struct mac group = nd_group_mac(&all_nodes);
	struct nd n = {
		.type = ND_ADVERTISE,
		.flags = ND_ROUTER | ND_OVERRIDE,
		.src = r->params.address6.addr,
		.dst = all_nodes,
		.target = r->params.address6.addr,
		.has_mac = true,
		.mac = r->params.mac,
	};
	uint8_t frame[ND_FRAME_MAX];

	ask4(gw, r, r->address, NULL);
	if (r->params.has_address6)
		say(gw, frame, nd_build(frame, &group, &r->params.mac, &n));
}

/* Somebody says that he has an address of ours: we do, too, but not more than once a second. */
static void defend(struct gateway *gw, const struct router_iface *r, uint32_t now_s)
{
	gw->counters.conflicts++;
	if (gw->announced_s == now_s)
		return;
	gw->announced_s = now_s;
	announce(gw, r);
}

static bool is_ours4(const struct router_iface *r, rte_be32_t ip)
{
	return ip == r->address || (r->params.outside && nat_outside_has(r->params.outside, ip));
}

static void hear_arp(struct gateway *gw, const struct router_iface *r, const struct arp *in,
		     uint32_t now_s)
{
	struct ipaddr sender = ipaddr_from_ip4(&in->sender_ip);
	bool for_us = r->address && is_ours4(r, in->target_ip);
	uint8_t frame[ARP_FRAME_LEN];
	struct arp out = {
		.op = ARP_REPLY,
		.sender_mac = r->params.mac,
		.sender_ip = in->target_ip,
		.target_mac = in->sender_mac,
		.target_ip = in->sender_ip,
	};

	gw->counters.arp_in++;
	if (mac_eq(&in->sender_mac, &r->params.mac))
		return;
	if (in->sender_ip && is_ours4(r, in->sender_ip)) {
		defend(gw, r, now_s);
		return;
	}
	if (in->sender_ip)
		hear(gw, r, &sender, &in->sender_mac, now_s, for_us && in->op == ARP_REQUEST);
	if (!for_us || in->op != ARP_REQUEST)
		return;
	gw->counters.answers++;
	say(gw, frame, arp_build(frame, &in->sender_mac, &out));
}

static bool is_ours6(const struct router_iface *r, const struct ipaddr *a)
{
	return memcmp(a, &r->link_local, sizeof(*a)) == 0 ||
	       (r->params.has_address6 && memcmp(a, &r->params.address6.addr, sizeof(*a)) == 0);
}

static void advertise(struct gateway *gw, const struct router_iface *r, const struct nd *in,
		      const struct mac *to)
{
	static const struct ipaddr all_nodes = {{0xff, 2, [15] = 1}};
	const struct mac all = nd_group_mac(&all_nodes);
	bool is_probe = !in->has_mac && memcmp(&in->src, &(struct ipaddr){0}, 16) == 0;
	struct nd out = {
		.type = ND_ADVERTISE,
		.flags = ND_ROUTER | ND_OVERRIDE | (is_probe ? 0 : ND_SOLICITED),
		.src = in->target,
		.dst = is_probe ? all_nodes : in->src,
		.target = in->target,
		.has_mac = true,
		.mac = r->params.mac,
	};
	uint8_t frame[ND_FRAME_MAX];

	gw->counters.answers++;
	say(gw, frame, nd_build(frame, is_probe ? &all : to, &r->params.mac, &out));
}

static void hear_nd(struct gateway *gw, const struct router_iface *r, const struct nd *in,
		    const struct mac *from, uint32_t now_s)
{
	bool for_us = is_ours6(r, &in->target);

	gw->counters.nd_in++;
	if (in->type == ND_ADVERTISE) {
		if (for_us)
			defend(gw, r, now_s);
		else if (in->has_mac)
			hear(gw, r, &in->target, &in->mac, now_s, false);
		return;
	}
	if (in->has_mac)
		hear(gw, r, &in->src, &in->mac, now_s, for_us);
	if (for_us)
		advertise(gw, r, in, from);
}

static void listen(struct gateway *gw, const struct router_iface *r, const struct slice *s,
		   uint32_t now_s)
{
	const struct eth_hdr *eth = (const struct eth_hdr *)s->hdr;
	struct arp arp;
	struct nd nd;

	if (arp_parse(s->hdr, s->hdr_len, &arp))
		hear_arp(gw, r, &arp, now_s);
	else if (nd_parse(s->hdr, s->hdr_len, &nd))
		hear_nd(gw, r, &nd, &eth->src, now_s);
}

/* --- the port --------------------------------------------------------------------------------- */

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
			reason = wait_for(gw, r, b, i, now_s);
		} else {
			if (unlikely(b->retag >> i & 1))
				vlan_tag_apply(b->edits[i], &s, tagged);
			listen(gw, r, &s, now_s);
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

static void lock(struct gateway *gw)
{
	rte_spinlock_lock(&gw->port.queues[0].tx_lock);
}

static void unlock(struct gateway *gw)
{
	rte_spinlock_unlock(&gw->port.queues[0].tx_lock);
}

int gateway_set_static(struct gateway *gw, const struct ipaddr *addr, const struct mac *mac)
{
	int ret;

	lock(gw);
	ret = neigh_set_static(gw->neighs, addr, mac);
	if (ret == 0)
		send_waiting(gw, atomic_load(&gw->iface), addr, mac);
	unlock(gw);
	return ret;
}

void gateway_clear_statics(struct gateway *gw)
{
	lock(gw);
	neigh_clear_statics(gw->neighs);
	unlock(gw);
}

void gateway_renew(struct gateway *gw)
{
	lock(gw);
	neigh_renew(gw->neighs);
	unlock(gw);
}

void gateway_announce(struct gateway *gw)
{
	const struct router_iface *r = atomic_load(&gw->iface);

	lock(gw);
	announce(gw, r);
	unlock(gw);
}

static void on_neigh_event(void *arg, enum neigh_event event, const struct ipaddr *addr,
			   const struct mac *mac)
{
	struct gateway *gw = arg;
	struct gateway_waiting *w;

	if (event == NEIGH_FAILED)
		while ((w = next_waiting(gw, addr)))
			w->failed = true;
	else
		ask(gw, atomic_load(&gw->iface), addr, event == NEIGH_ASK_DIRECTLY ? mac : NULL);
}

/* Takes a packet whose neighbour did not answer; false when there is none. */
static bool take_failed(struct gateway *gw, struct gateway_waiting *copy)
{
	bool found = false;

	lock(gw);
	for (unsigned i = 0; gw->n_waiting && !found && i < GATEWAY_WAITING; i++) {
		struct gateway_waiting *w = &gw->waiting[i];

		found = w->used && w->failed;
		if (!found)
			continue;
		*copy = *w;
		gw->counters.failed++;
		drop_waiting(gw, w);
	}
	unlock(gw);
	return found;
}

/* Tells the sender of a packet, as it sent it, that there is nobody. */
static void tell_sender(const struct router *router, struct gateway_waiting *w)
{
	struct router_iface *to = atomic_load(&router->ifaces[w->from]);
	struct frame f = {.len = w->frame.len};
	struct icmp_source source;
	struct frame_room room;
	struct packet p;
	struct seg seg;
	uint8_t out[GATEWAY_FRAME_MAX];

	if (!to || !w->kept)
		return;
	f.head_len = (uint16_t)MIN_OF(f.len, (uint32_t)FRAME_HEAD_MAX);
	memcpy(f.head, w->head, f.head_len);
	seg = (struct seg){w->frame.bytes + f.head_len, f.len - f.head_len};
	f.segs = &seg;
	f.n_segs = seg.len > 0;
	if (packet_parse(&p, &f) || !icmp_may_answer(&p))
		return;
	source = router_icmp_source(to);
	icmp_make_error(&p, &source, ICMP_NO_HOST, 0, &room);
	lock(to->gateway);
	say(to->gateway, out, flatten(&f, out));
	unlock(to->gateway);
}

void gateway_tick(struct gateway *gw, uint64_t now_ns)
{
	struct router_iface *r = atomic_load(&gw->iface);
	struct gateway_waiting w;

	lock(gw);
	neigh_tick(gw->neighs, (uint32_t)(now_ns / NS_PER_S), on_neigh_event, gw);
	unlock(gw);
	while (take_failed(gw, &w))
		tell_sender(r->router, &w);
}

void gateway_visit_neighs(struct gateway *gw, uint64_t now_ns,
			  void (*visit)(const struct neigh_info *, void *), void *arg)
{
	lock(gw);
	neigh_visit(gw->neighs, (uint32_t)(now_ns / NS_PER_S), visit, arg);
	unlock(gw);
}
