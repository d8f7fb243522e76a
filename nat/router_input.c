/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/router_input.h"

#include <string.h>

#include "dataplane/capture.h"
#include "dataplane/dataplane.h"
#include "nat/gateway.h"
#include "nat/router_slow.h"

enum { ND_FIRST = 133, ND_LAST = 137 };

/* What a frame for the gateway's MAC address is to the router. */
enum what { WHAT_PACKET, WHAT_LINK, WHAT_NEITHER };

/* ARP and neighbour discovery are the gateway port's. */
static inline enum what what_is(const struct frame *f)
{
	const struct eth_hdr *eth = frame_eth(f);
	const struct ipv6_hdr *ip = (const struct ipv6_hdr *)(eth + 1);

	if (likely(eth->type == RTE_BE16(WIRE_ETHERTYPE_IPV4)))
		return WHAT_PACKET;
	if (eth->type == RTE_BE16(WIRE_ETHERTYPE_ARP))
		return WHAT_LINK;
	if (eth->type != RTE_BE16(WIRE_ETHERTYPE_IPV6))
		return WHAT_NEITHER;
	if (f->head_len > sizeof(*eth) + sizeof(*ip) && ip->next_header == WIRE_PROTO_ICMP6) {
		uint8_t type = f->head[sizeof(*eth) + sizeof(*ip)];

		if (type >= ND_FIRST && type <= ND_LAST)
			return WHAT_LINK;
	}
	return WHAT_PACKET;
}

/* Takes the tag out of a frame's headers: what the router sends is tagged as its receiver wants. */
static void untag(struct burst *b, unsigned i)
{
	struct frame *f = &b->frames[i];

	b->arrived[i] = *f;
	b->kept |= 1ull << i;
	memmove(f->head + 12, f->head + 12 + VLAN_TAG_LEN, f->head_len - 12 - VLAN_TAG_LEN);
	f->len -= VLAN_TAG_LEN;
	f->head_len -= VLAN_TAG_LEN;
	if (f->vnet.flags & VNET_NEEDS_CSUM)
		f->vnet.csum_start -= VLAN_TAG_LEN;
	if (f->vnet.gso_type)
		f->vnet.hdr_len -= VLAN_TAG_LEN;
}

static void begin(struct routing *x, struct worker *w, struct port *in,
		  const struct router_iface *from, struct verdicts *v, uint64_t now_ns)
{
	const struct router_iface_params *p = &from->params;

	x->w = w;
	x->in = in;
	x->router = from->router;
	x->from = from;
	x->v = v;
	x->now_ns = now_ns;
	x->now_s = (uint32_t)(now_ns / NS_PER_S);
	x->uplink = from->port_id != 0;
	x->realm = p->outside  ? nat_outside_realm(p->outside)
		   : p->inside ? nat_inside_realm(p->inside)
			       : 0;
	x->adjacency = 0;
	x->ipv6 = x->expected = 0;
	x->generation = atomic_load_explicit(&x->router->generation, memory_order_acquire);
	x->has_sessions = x->uplink || p->forward != ROUTER_NONE;
	w->burst.from = from->number;
}

/* Parses the packets of `mask`; what is none is dropped. Returns those that are left. */
static uint64_t parse(struct routing *x, uint64_t mask)
{
	struct gateway_local *local = &x->from->gateway->local[x->w->id];
	uint64_t packets = 0;

	if (likely(!x->w->dry_run))
		local->counters.routed += (unsigned)__builtin_popcountll(mask);
	for (; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);
		enum drop_reason reason = packet_parse(&x->packets[i], &x->w->burst.frames[i]);

		if (unlikely(reason))
			verdict_drop(x->v, i, reason);
		else
			packets |= 1ull << i;
		x->ipv6 |= (uint64_t)x->packets[i].ipv6 << i;
	}
	return packets;
}

/* A session that comes from this side, knows where to, and whose packet needs nothing else. */
static inline bool is_fast(struct routing *x, unsigned i)
{
	const struct nat_found *found = &x->found[i];
	const struct packet *p = &x->packets[i];
	uint32_t adjacency;
	uint16_t realm;

	if (unlikely(!found->session))
		return false;
	realm = nat_realm(found->session, found->direction);
	if (unlikely(realm && realm != x->realm))
		return false;
	adjacency = nat_adjacency(found->session, found->direction);
	if (unlikely(adjacency != x->adjacency || !adjacency))
		if (!router_follow(x, adjacency))
			return false;
	return likely(router_ttl(p) > 1 && router_fits(p, x->out->params.mtu));
}

static inline void pass(struct routing *x, unsigned i)
{
	const struct nat_found *found = &x->found[i];
	enum drop_reason reason = nat_translate(x->router->nat, x->w->id, found->session,
						found->direction, &x->packets[i], x->now_ns);

	if (unlikely(reason))
		verdict_drop(x->v, i, reason);
	else
		router_send(x, i);
}

/* Whoever looks at what came in wants it as it came: frames are kept before they are changed. */
static void keep(struct burst *b, uint64_t mask)
{
	for (mask &= ~b->kept; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);

		b->arrived[i] = b->frames[i];
		b->kept |= 1ull << i;
	}
}

/* Sessions will be opened for packets of `mask`, if their source is one that is translated. */
static void expect(struct routing *x, uint64_t mask)
{
	const struct router_iface_params *p = &x->from->params;
	const struct router_iface *uplink;

	if (p->forward != ROUTER_NAT || !p->inside || x->w->dry_run)
		return;
	uplink = atomic_load_explicit(&x->router->ifaces[p->uplink], memory_order_acquire);
	if (uplink && uplink->params.outside)
		nat_expect(x->router->nat, x->packets, mask, p->inside, uplink->params.outside,
			   x->now_ns);
}

static void route(struct routing *x, uint64_t mask)
{
	uint64_t missing;

	if (unlikely(capture_is_on(x->in) || (x->v->filter && x->v->mirrors)))
		keep(&x->w->burst, mask);
	mask = parse(x, mask);
	if (x->ipv6)
		router_expect6(x, x->ipv6 & mask);
	if (x->has_sessions) {
		missing = nat_lookup(x->router->nat, x->w->id, x->packets, mask, x->found);
		if (unlikely(missing))
			expect(x, missing);
	}
	for (; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);

		if (!x->has_sessions)
			x->found[i].session = NULL;
		if (likely(is_fast(x, i) && !x->w->dry_run))
			pass(x, i);
		else
			router_slow(x, i);
	}
}

void router_input(struct worker *w, struct port *in, struct router_iface *gateway,
		  struct verdicts *v, uint64_t now_ns)
{
	struct burst *b = &w->burst;
	uint64_t mask = w->egress.mask[gateway->gateway_id], packets = 0;
	struct routing x;

	if (likely(!mask))
		return;
	for (mask &= ~v->dropped; mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);

		if (!mac_eq(&frame_eth(&b->frames[i])->dst, &gateway->params.mac))
			continue;
		if (unlikely(v->filter && b->vlans_known && b->vlans[i].form != VLAN_UNTAGGED))
			untag(b, i);
		switch (what_is(&b->frames[i])) {
		case WHAT_PACKET:
			packets |= 1ull << i;
			break;
		case WHAT_NEITHER:
			egress_take(&w->egress, gateway->gateway_id, 1ull << i);
			verdict_drop(v, i, DROP_NOT_IP);
			break;
		default:
			if (b->kept >> i & 1)
				b->frames[i] = b->arrived[i];
			b->kept &= ~(1ull << i);
			break;
		}
	}
	if (!packets)
		return;
	egress_take(&w->egress, gateway->gateway_id, packets);
	begin(&x, w, in, gateway, v, now_ns);
	route(&x, packets);
}

/* --- uplinks ---------------------------------------------------------------------------------- */

/* Frames of the uplink's gateway port go out by the uplink. */
static void send_all(struct worker *w, const struct router_iface *uplink, struct verdicts *v)
{
	for (unsigned i = 0; i < w->burst.n; i++)
		if (verdict_is_open(v, i))
			egress_add(&w->egress, uplink->port_id, i);
}

static enum drop_reason check_link(const struct router_iface *uplink, const struct frame *f,
				   enum what what)
{
	const struct eth_hdr *eth = frame_eth(f);

	if (unlikely(mac_is_multicast(&eth->src) || mac_is_zero(&eth->src)))
		return DROP_SRC_MULTICAST;
	if (what == WHAT_NEITHER)
		return DROP_NOT_IP;
	if (mac_is_multicast(&eth->dst))
		return what == WHAT_LINK ? DROP_NONE : DROP_NOT_ROUTED;
	return mac_eq(&eth->dst, &uplink->params.mac) ? DROP_NONE : DROP_OTHER_STATION;
}

void router_uplink_input(struct worker *w, struct port *in, struct router_iface *uplink,
			 struct verdicts *v, uint64_t now_ns)
{
	struct burst *b = &w->burst;
	uint64_t packets = 0;
	struct routing x;

	if (in->id == uplink->gateway_id) {
		send_all(w, uplink, v);
		return;
	}
	for (unsigned i = 0; i < b->n; i++) {
		enum what what = what_is(&b->frames[i]);
		enum drop_reason reason;

		if (unlikely(!verdict_is_open(v, i)))
			continue;
		reason = check_link(uplink, &b->frames[i], what);
		if (unlikely(reason))
			verdict_drop(v, i, reason);
		else if (likely(what == WHAT_PACKET))
			packets |= 1ull << i;
		else
			egress_add(&w->egress, uplink->gateway_id, i);
	}
	if (!packets)
		return;
	begin(&x, w, in, uplink, v, now_ns);
	route(&x, packets);
}

/* --- between the bursts ----------------------------------------------------------------------- */

void router_round(struct router *r, struct worker *w, uint64_t now_ns)
{
	uint64_t due_ns = nat_tick(r->nat, w->id, now_ns);

	if (unlikely(due_ns != UINT64_MAX))
		worker_wake_at(w, due_ns);
}

struct port *router_release(struct router *r, struct worker *w, struct verdicts *v, uint64_t now_ns)
{
	struct burst *b = &w->burst;
	uint32_t cookies[BURST_MAX];
	struct router_iface *from;
	struct routing x;

	/* One at a time: they may have come from several interfaces. */
	b->n = nat_fragments_release(r->nat, w->id, b->frames, cookies, 1);
	if (likely(b->n == 0))
		return NULL;
	b->routed = b->kept = b->n_segs = 0;
	b->now_ns = now_ns;
	verdicts_init(v, 0, 0);
	v->may_wait = false;
	from = atomic_load_explicit(&r->ifaces[cookies[0] % ROUTER_IFACES_MAX],
				    memory_order_acquire);
	if (!from) {
		b->n = 0;
		return NULL;
	}
	begin(&x, w, &from->gateway->port, from, v, now_ns);
	route(&x, 1);
	return &from->gateway->port;
}
