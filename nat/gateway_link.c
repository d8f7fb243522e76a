/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/gateway_private.h"

#include <string.h>
#include <sys/eventfd.h>

#include "nat/arp.h"
#include "nat/nd.h"

/* --- what it says; the tx_lock is held -------------------------------------------------------- */

struct gateway_frame *gateway_place(struct gateway *gw)
{
	uint32_t head = atomic_load_explicit(&gw->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&gw->tail, memory_order_acquire) == GATEWAY_RING) {
		gw->counters.lost++;
		return NULL;
	}
	return &gw->ring[head % GATEWAY_RING];
}

void gateway_publish(struct gateway *gw)
{
	atomic_store_explicit(&gw->head, gw->head + 1, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange_explicit(&gw->armed, false, memory_order_relaxed))
		eventfd_write(gw->wake_fd, 1);
}

void gateway_say(struct gateway *gw, const uint8_t *frame, unsigned len)
{
	struct gateway_frame *f = gateway_place(gw);

	if (!f)
		return;
	memcpy(f->bytes, frame, len);
	f->len = len;
	gateway_publish(gw);
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
		gateway_say(gw, frame, arp_build(frame, to ?: &all, &a));
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

	gateway_say(gw, frame, nd_build(frame, to ?: &group, &r->params.mac, &n));
}

void gateway_ask(struct gateway *gw, const struct router_iface *r, const struct ipaddr *target,
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
		gateway_send_waiting(gw, r, addr, mac);
}

/* RFC 5227, 2.3 and RFC 4861, 7.2.6: whose the addresses are, to everybody. */
void gateway_claim(struct gateway *gw, const struct router_iface *r)
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
		gateway_say(gw, frame, nd_build(frame, &group, &r->params.mac, &n));
}

/* Somebody says that he has an address of ours: we do, too, but not more than once a second. */
static void defend(struct gateway *gw, const struct router_iface *r, uint32_t now_s)
{
	gw->counters.conflicts++;
	if (gw->announced_s == now_s)
		return;
	gw->announced_s = now_s;
	gateway_claim(gw, r);
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
	gateway_say(gw, frame, arp_build(frame, &in->sender_mac, &out));
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
	gateway_say(gw, frame, nd_build(frame, is_probe ? &all : to, &r->params.mac, &out));
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

void gateway_listen(struct gateway *gw, const struct router_iface *r, const struct slice *s,
		    uint32_t now_s)
{
	const struct eth_hdr *eth = (const struct eth_hdr *)s->hdr;
	struct ra_solicit solicit;
	struct arp arp;
	struct nd nd;

	if (arp_parse(s->hdr, s->hdr_len, &arp))
		hear_arp(gw, r, &arp, now_s);
	else if (nd_parse(s->hdr, s->hdr_len, &nd))
		hear_nd(gw, r, &nd, &eth->src, now_s);
	else if (ra_solicit_parse(s->hdr, s->hdr_len, &solicit))
		gateway_hear_solicit(gw, r, &solicit, now_s);
}
