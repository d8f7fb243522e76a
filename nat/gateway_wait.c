/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/gateway_private.h"

#include <string.h>

#include "common/cksum.h"
#include "nat/icmp_make.h"
#include "nat/ip_fragment.h"

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
		gateway_say(gw, bytes, len);
		return;
	}
	if (!ip_fragments_begin(&it, bytes, len, mtu))
		return;
	while (it.done < it.end && (f = gateway_place(gw))) {
		f->len = ip_fragments_next(&it, f->bytes);
		gateway_publish(gw);
	}
}

enum drop_reason gateway_wait(struct gateway *gw, const struct router_iface *r,
			      const struct burst *b, unsigned i, uint32_t now_s)
{
	const struct frame *f = &b->frames[i];
	uint32_t ref = neigh_lookup(gw->neighs, &b->next[i]);
	struct gateway_waiting *w;
	struct mac mac;
	bool full;

	if (ref && !f->vnet.gso_type && neigh_mac(gw->neighs, ref, &mac)) {
		uint32_t len = flatten(f, gw->scratch);

		complete_csum(f, gw->scratch, len);
		send_on(gw, r, gw->scratch, len, &mac);
		return DROP_NONE;
	}
	if (neigh_want(gw->neighs, &b->next[i], now_s, &full))
		gateway_ask(gw, r, &b->next[i], NULL);
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

void gateway_send_waiting(struct gateway *gw, const struct router_iface *r,
			  const struct ipaddr *addr, const struct mac *mac)
{
	struct gateway_waiting *w;

	while ((w = next_waiting(gw, addr))) {
		send_on(gw, r, w->frame.bytes, w->frame.len, mac);
		drop_waiting(gw, w);
	}
}

void gateway_fail_waiting(struct gateway *gw, const struct ipaddr *addr)
{
	struct gateway_waiting *w;

	while ((w = next_waiting(gw, addr)))
		w->failed = true;
}

/* Takes a packet whose neighbour did not answer; false when there is none. */
static bool take_failed(struct gateway *gw, struct gateway_waiting *copy)
{
	bool found = false;

	gateway_lock(gw);
	for (unsigned i = 0; gw->n_waiting && !found && i < GATEWAY_WAITING; i++) {
		struct gateway_waiting *w = &gw->waiting[i];

		found = w->used && w->failed;
		if (!found)
			continue;
		*copy = *w;
		gw->counters.failed++;
		drop_waiting(gw, w);
	}
	gateway_unlock(gw);
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
	gateway_lock(to->gateway);
	gateway_say(to->gateway, out, flatten(&f, out));
	gateway_unlock(to->gateway);
}

void gateway_tell_failed(struct gateway *gw, const struct router *router)
{
	struct gateway_waiting w;

	while (take_failed(gw, &w))
		tell_sender(router, &w);
}
